"""The files of a separation: one for each stem, or a stem file with all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.stem_file import MEDIA_TYPE, STEMS, SUFFIX
from avstudio_audio.separation.stem_choice import RESIDUAL, StemChoice
from avstudio_core import Artifact, Context, MediaFacts
from avstudio_core.errors import InvalidParams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.media.formats import AudioFormat
    from avstudio_audio.media.labels import Labels
    from avstudio_audio.media.limits import Limits
    from avstudio_audio.stem_files import Piece, Sink

    Write = Callable[[Sequence[NDArray[np.float32]]], None]

STEM_FILE = "stem_file"
"""The name of the stem file in the result."""
MIX = "mix"
"""The recording, as a part of a stem file."""


@dataclass(frozen=True, slots=True)
class StemOutputs:
    """The files to write: their parts by the name of each file in the result."""

    parts: Mapping[str, tuple[str, ...]]
    format: AudioFormat | None
    """`None` for a stem file."""

    @classmethod
    def of(cls, choice: StemChoice, format: AudioFormat | None) -> StemOutputs:
        """Raises `InvalidParams` for a stem file of other than four stems."""
        if format is not None:
            names = [*choice.names, *([RESIDUAL] if choice.residual else [])]
            return cls({name: (name,) for name in names}, format)
        if len(choice.names) != STEMS:
            made = f"{len(choice.names)}: {', '.join(choice.names)}"
            message = f"A stem file has {STEMS} stems, but this separation makes {made}."
            raise InvalidParams(message, hint="Choose a model that makes four stems, or another format.")
        return cls({STEM_FILE: (MIX, *choice.names)}, None)

    @property
    def media_type(self) -> str:
        return self.format.media_type if self.format else MEDIA_TYPE

    def file_names(self, source: Artifact) -> dict[str, str]:
        if self.format is None:
            return {STEM_FILE: source.name_for(SUFFIX)}
        return {name: source.name_for(f".{name}{self.format.suffix}") for name in self.parts}

    def with_mix(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """The pieces; those of a stem file contain the mix, too."""
        return pieces if self.format else ((whole, {MIX: whole, **piece}) for whole, piece in pieces)

    def sinks(
        self, paths: Mapping[str, Path], labels: Labels, rate: int, length: int, context: Context
    ) -> dict[tuple[str, ...], Sink]:
        """A writer of each file."""
        if self.format is None:
            from avstudio_audio.media.stem_file import stem_file_writer

            parts = self.parts[STEM_FILE]
            return {parts: stem_file_writer(paths[STEM_FILE], rate, parts[1:], labels)}
        return {
            (stem,): _sink(path, self.format, titled(labels, stem), rate, length, context)
            for stem, path in paths.items()
        }

    def publish(
        self, paths: Mapping[str, Path], names: Mapping[str, str], facts: MediaFacts, context: Context
    ) -> dict[str, Artifact]:
        """The finished files as artifacts, synced to the disk together."""
        from concurrent.futures import ThreadPoolExecutor

        def publish(stem: str) -> Artifact:
            return context.publish(paths[stem], names[stem], self.media_type, facts)

        with ThreadPoolExecutor() as beside:
            return dict(zip(names, beside.map(publish, names), strict=True))


def titled(labels: Labels, stem: str) -> Labels:
    """Labels whose title names the stem, too."""
    if "title" not in labels.tags:
        return labels
    return replace(labels, tags={**labels.tags, "title": f"{labels.tags['title']} ({stem})"})


def source_labels(source: Artifact, limits: Limits, *, wanted: bool) -> Labels:
    """The labels of a recording that are also true of its stems."""
    from avstudio_audio.file_labels import kept_labels

    return kept_labels(source, limits, changed=True, wanted=wanted)


def tell_lost(outputs: StemOutputs, paths: Mapping[str, Path], labels: Labels, context: Context) -> None:
    """Warn once about labels that the format of all files did not store."""
    from avstudio_audio.file_labels import tell_lost_labels

    first = next(iter(paths))
    tell_lost_labels(paths[first], titled(labels, first) if outputs.format else labels, context)


@contextmanager
def _sink(path: Path, format: AudioFormat, labels: Labels, rate: int, length: int, context: Context) -> Iterator[Write]:
    from avstudio_audio.file_labels import labelled_encoder
    from avstudio_audio.media.formats import Encoding

    with labelled_encoder(path, Encoding(format), rate, 2, length, labels=labels, warn=context.warn) as write:
        yield lambda parts: write(parts[0])
