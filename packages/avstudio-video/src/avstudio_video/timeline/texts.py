"""The subtitles of videos, as far as they are text, at the times of a timeline."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_video.encoding.containers import CONTAINERS, ContainerName
from avstudio_video.media.container import open_media
from avstudio_video.media.indexed import IndexedStream
from avstudio_video.media.limits import Limits
from avstudio_video.media.streams import codec_of, read_only, uses_of
from avstudio_video.media.tags import stream_tags
from avstudio_video.muxer.cues import CueTrack
from avstudio_video.muxer.labels import for_format, tell_marks
from avstudio_video.packets.styled_cues import StyledCue, decoded_cues
from avstudio_video.packets.subtitle_file import TEXTS
from avstudio_video.sound.tracks import language_code
from avstudio_video.timeline.parts import Part, Timeline

if TYPE_CHECKING:
    from av.container import OutputContainer

BRIEF = Fraction(1, 10)
"""Seconds for which nobody can read the rest of a cue that is cut off."""
STYLED = ("ass", "mov_text")
"""Codecs whose files state styles."""
LONG = 30
"""Seconds of a cue that is longer than most."""


@dataclass(frozen=True)
class TextTrack:
    """One track of subtitles."""

    codec: str
    header: bytes | None
    """The styles, as FFmpeg's decoder states them."""
    tags: dict[str, str]
    disposition: int
    """Its uses, in FFmpeg's bits."""
    cues: list[StyledCue]
    """In the order of their start."""
    mixed: bool = False
    """Whether some of its cues had other styles in their file."""

    @property
    def styled(self) -> bool:
        """Whether its file states styles or places."""
        return self.codec == "ass" or any(one.rich for one in self.cues)

    def rank(self, tracks: Sequence[TextTrack | None]) -> int:
        """How well it can follow the tracks of other files, by language and uses; 0 if it cannot."""
        from av.stream import Disposition

        first = next(filter(None, tracks))
        language = next((known for one in tracks if one and (known := one.language)), None)
        other_uses = (first.disposition ^ self.disposition) & ~Disposition.default
        if other_uses & Disposition.forced or (language and self.language and language != self.language):
            return 0
        return 1 if language != self.language else 2 if other_uses else 3

    @property
    def language(self) -> str | None:
        """Its code; `None` if it is not known."""
        stated = self.tags.get("language")
        return None if stated in (None, "und") else language_code(stated)

    def faster(self, factor: Fraction) -> TextTrack:
        """The same at another speed."""
        return replace(self, cues=[replace(one, start=one.start / factor, end=one.end / factor) for one in self.cues])

    def keeps_styles(self, name: ContainerName) -> bool:
        """Whether a container stores its styles, if it has some."""
        if self.codec in CONTAINERS[name].copied:
            return True
        return self.codec != "ass" and all(one.fits(CONTAINERS[name].texts) for one in self.cues)

    def added(self, container: OutputContainer, name: ContainerName) -> TextFeed:
        """The track of a new file."""
        taken = self.codec in CONTAINERS[name].copied
        codec = self.codec if taken else CONTAINERS[name].texts
        track = CueTrack(container, codec, self.header, divided=CONTAINERS[name].edited)
        track.stream.metadata.update(for_format(self.tags, name))
        track.stream.disposition = self.disposition
        return TextFeed(track, iter(self.cues if taken else [replace(one, packet=None) for one in self.cues]))


class TextFeed:
    """A track that is written as far as the picture is."""

    def __init__(self, track: CueTrack, cues: Iterator[StyledCue]) -> None:
        self._track, self._cues = track, cues
        self._next = next(cues, None)

    def write(self, until: Fraction) -> None:
        """Write the cues that begin before a time."""
        while self._next and self._next.start < until:
            self._track.write(self._next)
            self._next = next(self._cues, None)

    def finish(self, end: Fraction) -> None:
        """Write the rest, up to the end of the file."""
        self.write(end)
        self._track.finish()


def texts_of(path: Path, picture: IndexedStream, limits: Limits, check: Callable[[], None]) -> list[TextTrack]:
    """The tracks of text of a file with a picture; times count from its start.

    There are none if times are guessed. Raises `UnreadableMedia`.
    """
    import av

    with open_media(path, limits) as container:
        streams: list[Any] = [one for one in container.streams.subtitles if codec_of(one) in TEXTS]
        if not streams or picture.index.guessed:
            return []
        found: dict[int, list[StyledCue]] = {one.index: [] for one in streams}
        for stream in streams:
            stream.codec_context.open(strict=False)  # which makes the header
        read_only(container, *streams)
        with suppress(av.FFmpegError, OSError, IndexError):
            for packet in container.demux(streams):
                check()
                if packet.size:
                    found[packet.stream_index] += decoded_cues(packet)
        return [_track(one, _later(found[one.index], -picture.origin)) for one in streams]


def _track(stream: Any, cues: Iterable[StyledCue]) -> TextTrack:
    header = stream.codec_context.subtitle_header
    tags, uses = stream_tags(stream.metadata), int(stream.disposition)
    return TextTrack(codec_of(stream), header, tags, uses, sorted(cues, key=lambda cue: cue.start))


def _later(cues: Iterable[StyledCue], seconds: Fraction) -> Iterator[StyledCue]:
    return (replace(one, start=one.start + seconds, end=one.end + seconds) for one in cues)


def moved_texts(files: Sequence[Sequence[TextTrack]], timeline: Timeline) -> list[TextTrack]:
    """The tracks of a new video, each made of those of the files in one language; what is removed is left out."""
    rows: list[list[TextTrack | None]] = []
    for number, tracks in enumerate(files):
        for row in rows:
            row.append(None)
        left = [*tracks]
        for rank in (3, 2, 1):
            for row in rows:
                found = next((one for one in left if row[number] is None and one.rank(row) == rank), None)
                if found:
                    row[number] = found
                    left.remove(found)
        rows += [[*([None] * number), one] for one in left]
    return _with_one_default([_moved(row, timeline) for row in rows], sum(row[0] is not None for row in rows))


def _with_one_default(tracks: list[TextTrack], first: int) -> list[TextTrack]:
    """The tracks: if one of the `first` ones is the default, those after them are not."""
    from av.stream import Disposition

    if not any(one.disposition & Disposition.default for one in tracks[:first]):
        return tracks
    others = [replace(one, disposition=one.disposition & ~int(Disposition.default)) for one in tracks[first:]]
    return [*tracks[:first], *others]


def _moved(tracks: Sequence[TextTrack | None], timeline: Timeline) -> TextTrack:
    usual = next(filter(None, tracks))
    shown: list[tuple[StyledCue, Fraction]] = []
    """The cues, and the length that each has in its file."""
    latest: dict[tuple[int, bytes], int] = {}
    """Where each cue is in them, for those that go on after what was removed or in a cross-fade."""
    spans = [CueSpans(track.cues) if track else None for track in tracks]
    for part in timeline.parts:
        track, found = tracks[part.source], spans[part.source]
        for cue, whole in found.within(part) if found else ():
            place = latest.setdefault((part.source, cue.line), len(shown))
            if place < len(shown) and shown[place][0].end >= cue.start:
                shown[place] = replace(shown[place][0], end=max(cue.end, shown[place][0].end)), whole
                continue
            latest[part.source, cue.line] = len(shown)
            shown.append((cue if track and track.codec == usual.codec else replace(cue, packet=None), whole))
    others = [one for one in tracks if one and (one.codec, one.header) != (usual.codec, usual.header)]
    mixed = any(one.codec in STYLED or one.styled for one in others)
    kept = [cue for cue, whole in shown if cue.end - cue.start >= min(BRIEF, whole / 2)]
    return replace(usual, cues=sorted(kept, key=lambda cue: cue.start), mixed=mixed)


class CueSpans:
    """Finds the cues of a part; there are few long ones."""

    def __init__(self, cues: Sequence[StyledCue]) -> None:
        self._long = [one for one in cues if one.end - one.start > LONG]
        self._others = [one for one in cues if one.end - one.start <= LONG]

    def within(self, part: Part) -> Iterator[tuple[StyledCue, Fraction]]:
        """What is shown within a part of a timeline, at its new time, and the length of the whole cue."""
        times = part.start - LONG, part.end
        first, last = (bisect_left(self._others, time, key=lambda one: one.start) for time in times)
        for cue in (*self._long, *self._others[first:last]):
            start, end = max(cue.start, part.start), min(cue.end, part.end)
            if start < end:
                moved = replace(cue, start=part.at + start - part.start, end=part.at + end - part.start)
                yield moved, cue.end - cue.start


def tell_texts(texts: Sequence[TextTrack], name: ContainerName, warn: Callable[[str, str], None]) -> None:
    """Warn about marks and styles of subtitles that a container does not store, or that those of others replace."""
    tell_marks((use for one in texts for use in uses_of(one.disposition)), name, warn)
    if not all(one.keeps_styles(name) for one in texts):
        warn("styles_lost", f"'{name}' does not store the styles and places of the subtitles.")
    elif any(one.mixed for one in texts):
        warn("styles_lost", "Joined subtitles have the styles of the first file; those of others are lost.")
