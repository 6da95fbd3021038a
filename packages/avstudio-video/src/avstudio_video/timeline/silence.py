"""Silence of a video's sound that is removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from avstudio_core.spans import Span
from avstudio_video.media.container import open_media
from avstudio_video.media.limits import Limits
from avstudio_video.media.streams import origin_of
from avstudio_video.sound.decoded_track import DecodedTrack
from avstudio_video.sound.loud_spans import LoudSpans
from avstudio_video.sound.tracks import DEFAULT, chosen_tracks
from avstudio_video.timeline.choice import Choice, gaps


def silences(spans: list[Span], end: float, least: float, padding: float) -> Iterator[Choice]:
    """What is removed of the time up to `end` outside spans with sound: all but the padding beside sound.

    A silence is at least `least` seconds long.
    """
    for low, high in gaps(spans, end):
        start, stop = low + padding if low > 0 else low, high - padding if high < end else high
        if high - low >= least and start < stop:
            yield Choice((start, stop), "silence")


def loud_spans(path: Path, level: float, least: float, limits: Limits, progress: Callable[[float], None]) -> list[Span]:
    """The spans with sound of the main track: between two, all channels are below `level` dBFS for `least` s or more.

    Raises `NoAudioStream` and `UnreadableMedia`; `progress` is called with the time that is read, in seconds.
    """
    import av

    with open_media(path, limits) as container:
        [track] = chosen_tracks(container, path, DEFAULT)
        decoder = DecodedTrack(track, origin_of(container))
        spans = LoudSpans(10 ** (level / 20), round(least * decoder.rate))
        with suppress(av.FFmpegError, OSError, IndexError):
            for packet in container.demux(track):
                for begin, block in decoder.feed(packet if packet.size else None):
                    limits.check_seconds(path, begin / decoder.rate)
                    spans.feed(begin, block)
                    progress(begin / decoder.rate)
        return [(start / decoder.rate, end / decoder.rate) for start, end in spans.found]
