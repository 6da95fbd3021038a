"""The labels that processors keep from their sources: tags, cover and chapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from avstudio_audio.media.encode import Write
    from avstudio_audio.media.formats import Encoding
    from avstudio_audio.media.labels import Labels
    from avstudio_audio.media.limits import Limits
    from avstudio_audio.media.progress import Warn
    from avstudio_core import Artifact, Context


def kept_labels(source: Artifact, limits: Limits, *, changed: bool, wanted: bool = True) -> Labels:
    """The labels of a source for what is made of it; `changed` leaves out those that depend on its level."""
    from avstudio_audio.media.contents import read_labels
    from avstudio_audio.media.labels import NO_LABELS, Labels, all_tags

    if not wanted:
        return NO_LABELS
    found = read_labels(source.path, limits)
    return Labels(all_tags(found.tags, changed=changed), found.cover, found.chapters)


def labelled_encoder(  # noqa: PLR0913
    path: Path, encoding: Encoding, rate: int, channels: int, length: int, *, labels: Labels, warn: Warn
) -> AbstractContextManager[Write]:
    """`media.encode.encoder` with labels."""
    from avstudio_audio.media.encode import encoder

    tags, cover, chapters = labels.tags, labels.cover, labels.chapters
    return encoder(path, encoding, rate, channels, length, tags=tags, cover=cover, chapters=chapters, warn=warn)


def tell_lost_labels(path: Path, labels: Labels, context: Context) -> None:
    """Read the labels of a finished file, and warn about those that its format did not store (`labels_lost`)."""
    from avstudio_audio.media.contents import read_labels
    from avstudio_audio.media.labels import lost_labels

    if (labels.tags or labels.cover or labels.chapters) and (lost := lost_labels(labels, read_labels(path))):
        context.warn("labels_lost", f"'{path.name}' does not have {', '.join(lost)}: its format cannot store them.")
