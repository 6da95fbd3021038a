"""What players show of a track."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from avstudio_core.errors import NotFound
from avstudio_core.languages import language_tag
from avstudio_video.encoding.containers import CONTAINERS, ContainerName

UNKNOWN = "und"
QUICKTIME = ("fra", "ron", "ces", "slk")
"""Terminological codes among those that QuickTime has numbers for, in FFmpeg; the others are bibliographic."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels that are given for a new track; `None` keeps its own."""

    language: str | None = None
    """In any form: `de`, `deu`, `German`."""
    title: str | None = None

    def tags(self) -> dict[str, str]:
        """The tags of the track, in FFmpeg's names. Raises `NotFound` for what is not a language."""
        given = {"language": language_tag(self.language)} if self.language else {}
        return given | ({"title": self.title} if self.title else {})


def for_format(tags: Mapping[str, str], format: ContainerName) -> dict[str, str]:
    """Tags as a container stores them: the language as a code of three letters."""
    stored = {**tags}
    if title := tags.get("title"):
        stored |= {"handler_name": title} if CONTAINERS[format].edited else {}  # what many players show as the title
    if language := stored.pop("language", None):
        stored["language"] = _code(language, format)
    return stored


def tell_marks(uses: Iterable[str], format: ContainerName, warn: Callable[[str, str], None]) -> None:
    """Warn with `labels_lost` about uses of tracks, by FFmpeg's names, that a container does not store."""
    if lost := sorted({*uses} - {"default"} - CONTAINERS[format].marks):
        warn("labels_lost", f"'{format}' does not store these marks of tracks: {', '.join(lost)}.")


def _code(language: str, format: ContainerName) -> str:
    """The code of ISO 639-2: the bibliographic one in Matroska, the terminological one in MP4."""
    import langcodes

    try:
        known = langcodes.get(language_tag(language))
        plain, short = known.to_alpha3(variant="T"), known.to_alpha3(variant="B")
    except (LookupError, NotFound):
        return language
    return plain if format == "mp4" or (format == "mov" and plain in QUICKTIME) else short
