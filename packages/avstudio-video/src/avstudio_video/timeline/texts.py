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
from avstudio_video.media.streams import codec_of
from avstudio_video.media.tags import stream_tags
from avstudio_video.muxer.cues import CueTrack
from avstudio_video.muxer.labels import for_format
from avstudio_video.packets.styled_cues import StyledCue, cues_of
from avstudio_video.packets.subtitle_file import TEXTS
from avstudio_video.timeline.parts import Part, Timeline

if TYPE_CHECKING:
    from av.container import OutputContainer


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

    def faster(self, factor: Fraction) -> TextTrack:
        """The same at another speed."""
        return replace(self, cues=[replace(one, start=one.start / factor, end=one.end / factor) for one in self.cues])

    def keeps_styles(self, name: ContainerName) -> bool:
        """Whether a container stores its styles, if it has some."""
        return self.codec != "ass" or self.codec in CONTAINERS[name].others.split()

    def added(self, container: OutputContainer, name: ContainerName) -> TextFeed:
        """The track of a new file."""
        styled = self.codec == "ass" and self.keeps_styles(name)
        codec = self.codec if styled else CONTAINERS[name].texts
        track = CueTrack(container, codec, self.header, divided=CONTAINERS[name].edited)
        track.stream.metadata.update(for_format(self.tags, name))
        track.stream.disposition = self.disposition
        return TextFeed(track, iter(self.cues))


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
    """The tracks of text of a file with a picture; times count from its start."""
    import av

    with open_media(path, limits) as container:
        streams: list[Any] = [one for one in container.streams.subtitles if codec_of(one) in TEXTS]
        if not streams or picture.index.guessed:
            return []
        found: dict[int, list[StyledCue]] = {one.index: [] for one in streams}
        for stream in streams:
            stream.codec_context.open(strict=False)  # which makes the header
        with suppress(av.FFmpegError, OSError, IndexError):
            for packet in container.demux(streams):
                check()
                if packet.size:
                    found[packet.stream_index] += cues_of(packet)
        return [_track(one, _later(found[one.index], -picture.origin)) for one in streams]


def _track(stream: Any, cues: Iterable[StyledCue]) -> TextTrack:
    header = stream.codec_context.subtitle_header
    tags, uses = stream_tags(stream.metadata), int(stream.disposition)
    return TextTrack(codec_of(stream), header, tags, uses, sorted(cues, key=lambda cue: cue.start))


def _later(cues: Iterable[StyledCue], seconds: Fraction) -> Iterator[StyledCue]:
    return (replace(one, start=one.start + seconds, end=one.end + seconds) for one in cues)


def moved_texts(files: Sequence[Sequence[TextTrack]], timeline: Timeline) -> list[TextTrack]:
    """The tracks of a new video, each made of those with its number in the files; what is removed is left out."""
    count = max(map(len, files), default=0)
    return [
        _moved([tracks[number] if number < len(tracks) else None for tracks in files], timeline)
        for number in range(count)
    ]


def _moved(tracks: Sequence[TextTrack | None], timeline: Timeline) -> TextTrack:
    usual = next(filter(None, tracks))
    longest = max((one.end - one.start for track in tracks if track for one in track.cues), default=Fraction(0))
    cues: list[StyledCue] = []
    for part in timeline.parts:
        track = tracks[part.source]
        for cue in _within(track.cues, part, longest) if track else ():
            whole = next((one for one in cues[-4:] if (one.end, one.line) == (cue.start, cue.line)), None)
            if whole:  # it goes on after what was removed
                cues.remove(whole)
            cues.append(replace(cue, start=whole.start) if whole else cue)
    return replace(usual, cues=sorted(cues, key=lambda cue: cue.start))


def _within(cues: Sequence[StyledCue], part: Part, longest: Fraction) -> Iterator[StyledCue]:
    """What is shown within a part of cues that last at most `longest`, at its new time."""
    first, last = (bisect_left(cues, time, key=lambda one: one.start) for time in (part.start - longest, part.end))
    for cue in cues[first:last]:
        start, end = max(cue.start, part.start), min(cue.end, part.end)
        if start < end:
            yield replace(cue, start=part.at + start - part.start, end=part.at + end - part.start)


def tell_styles(texts: Sequence[TextTrack], name: ContainerName, source: str, warn: Callable[[str, str], None]) -> None:
    """Warn about styles of subtitles that a container does not store."""
    if not all(one.keeps_styles(name) for one in texts):
        warn("styles_lost", f"'{name}' does not store the styles and places of the subtitles in '{source}'.")
