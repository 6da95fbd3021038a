"""What is written of a timeline: its pictures, tracks, chapters and tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath
from typing import Any

from avstudio_video.encoding.containers import CONTAINERS, ContainerName
from avstudio_video.encoding.sound_codecs import sound_encoder
from avstudio_video.encoding.video_codecs import Effort
from avstudio_video.encoding.video_track import VideoEncoding
from avstudio_video.media.limits import Limits
from avstudio_video.media.stream_facts import SoundFacts
from avstudio_video.timeline.film import Film, FilmTrack
from avstudio_video.timeline.film_format import FilmCodec, FilmFormat, codec_of, container_of, sound_codec_of
from avstudio_video.timeline.footage import Footage
from avstudio_video.timeline.parts import Timeline
from avstudio_video.timeline.sound import TimelineSound
from avstudio_video.timeline.sound_reader import SoundSource
from avstudio_video.timeline.texts import TextTrack, moved_texts, texts_of


@dataclass(frozen=True, slots=True)
class FilmWish:
    """How a request wants a new video."""

    format: FilmFormat
    codec: FilmCodec
    quality: int
    effort: Effort
    fade: Fraction
    """Seconds of the fades of sound at each cut."""


def film_of(
    timeline: Timeline,
    footage: Sequence[Footage],
    wish: FilmWish,
    chapters: list[dict[str, Any]],
    limits: Limits,
    progress: Callable[[float], None],
) -> tuple[Film, ContainerName]:
    """The film to write, and its container. Raises `InvalidParams` for a codec that it does not take."""
    first = footage[0]
    name = container_of(first, wish.format, wish.codec)
    codec = codec_of(first, name, wish.codec)
    faithful = codec == first.picture.codec
    if first.is_clear:  # VP9 of VP8 stays transparent, too, but not in MP4
        faithful = CONTAINERS[name].clear
    encoding = VideoEncoding(codec, wish.quality, wish.effort, faithful=faithful)
    count = _count(footage) if CONTAINERS[name].sound else 0
    tracks = [_track(number, timeline, footage, name, wish.fade, limits) for number in range(count)]
    texts: list[TextTrack] = []
    if CONTAINERS[name].texts:
        texts = moved_texts([texts_of(one.path, one.stream, limits, lambda: progress(0)) for one in footage], timeline)
    return Film(timeline, footage, tracks, texts, encoding, chapters, limits, progress), name


def moved_chapters(footage: Footage, timeline: Timeline) -> list[dict[str, Any]]:
    """The chapters of a file at their new times, for PyAV; those that are removed are left out."""
    moved = [
        chapter(one.title, timeline.moved(one.start), timeline.moved(one.end)) for one in footage.contents.chapters
    ]
    return [one for one in moved if one["start"] < one["end"]]


def named_chapters(files: Sequence[Footage], timeline: Timeline) -> list[dict[str, Any]]:
    """A chapter with the name of the file for each part, up to the start of the next one."""
    starts = [*(part.at for part in timeline.parts), timeline.length]
    names = [PurePath(files[part.source].name).stem for part in timeline.parts]
    return [chapter(name, start, end) for name, start, end in zip(names, starts, starts[1:], strict=False)]


def chapter(title: str, start: Fraction, end: Fraction) -> dict[str, Any]:
    """A chapter for PyAV."""
    low, high = (round(time * 1000) for time in (start, end))
    return {"id": low, "start": low, "end": high, "time_base": Fraction(1, 1000), "metadata": {"title": title}}


def _count(footage: Sequence[Footage]) -> int:
    """Tracks of sound: those of the first file, or one if only others have sound."""
    return len(footage[0].sounds) or int(any(one.sounds for one in footage))


def _track(
    number: int, timeline: Timeline, footage: Sequence[Footage], name: ContainerName, fade: Fraction, limits: Limits
) -> FilmTrack:
    sounds = [one.sounds[number] if number < len(one.sounds) else None for one in footage]
    sources = [_source(one, sound) if sound else None for one, sound in zip(footage, sounds, strict=True)]
    usual, facts = next((source, sound) for source, sound in zip(sources, sounds, strict=True) if source and sound)
    last = timeline.parts[-1]
    whole = last.end == footage[last.source].grid.end
    sound = TimelineSound(timeline, sources, usual.rate, usual.layout, usual.channels, fade, whole, limits)
    codec = sound_codec_of(facts.codec, usual.channels, usual.rate, name)
    return FilmTrack(sound, sound_encoder(codec, facts.bits), facts.labels, facts.dispositions)


def _source(footage: Footage, sound: SoundFacts) -> SoundSource:
    layout, rate, channels = sound.layout or "", sound.rate or 0, sound.channels or 0
    return SoundSource(footage.path, footage.name, sound.index, rate, layout, channels)
