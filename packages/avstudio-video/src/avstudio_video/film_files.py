"""Finished videos of parts as outputs of a run, and the warnings about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_core import Artifact, Context, MediaFacts
from avstudio_core.errors import InvalidInput
from avstudio_video.encoding.containers import CONTAINERS, ContainerName

if TYPE_CHECKING:
    from avstudio_video.media.limits import Limits
    from avstudio_video.packets.formats import VideoFormat
    from avstudio_video.packets.join import JoinedPiece
    from avstudio_video.timeline.film import Film
    from avstudio_video.timeline.film_format import FilmFormat
    from avstudio_video.timeline.footage import Footage


def published_film(film: Film, path: Path, name: ContainerName, context: Context) -> Artifact:
    """The file of an encoded timeline."""
    facts = MediaFacts(duration=float(film.timeline.length), width=film.canvas.width, height=film.canvas.height)
    return context.publish(path, path.name, CONTAINERS[name].media_type, facts)


def tell_film(film: Film, warn: Callable[[str, str], None]) -> None:
    """Warn about what was lost of the sources."""
    pictures = film.pictures
    for one in film.footage:
        tell_left_out(one, [track.index for track in one.sounds], warn)
        if one.picture.interlaced:
            warn("interlaced", f"'{one.name}' is interlaced: its fields are encoded as one picture.")
    if pictures.missing:
        warn("frames_missing", f"{pictures.missing} frames cannot be decoded; those before them are shown longer.")
    if pictures.corrupt:
        warn("damaged", f"{pictures.corrupt} frames are damaged.")
    _tell_sound(film, warn)


def _tell_sound(film: Film, warn: Callable[[str, str], None]) -> None:
    for track in film.tracks:
        for reader in track.sound.readers.values():
            if reader.lost or reader.silent:
                message = f"{reader.lost} packets are lost, and {reader.silent:.2f} s are replaced by silence."
                warn("damaged", f"Track {reader.source.index} of '{reader.source.path.name}' is damaged: {message}")


def tell_left_out(footage: Footage, sounds: Sequence[int], warn: Callable[[str, str], None]) -> None:
    """Warn about the streams that are not in the new file."""
    contents = footage.contents
    others = [one for one in contents.video if one.index != footage.stream.number]
    left = [("video", len(others)), ("subtitle", len(contents.subtitles))]
    left += [("audio", len(contents.audio) - len(sounds))]
    named = [f"{count} {kind}" for kind, count in left if count > 0]
    if named:
        warn("streams_left_out", f"These streams of '{footage.name}' are left out: {', '.join(named)}.")


def copied_format(
    footage: Footage, wanted: FilmFormat, limits: Limits, warn: Callable[[str, str], None]
) -> tuple[VideoFormat, list[int]]:
    """The container for copied parts, and the streams that are copied.

    Raises `InvalidInput` if it does not take the pictures.
    """
    from avstudio_video.timeline.copied import copyable
    from avstudio_video.timeline.film_format import container_of

    name = container_of(footage, wanted, "auto")
    assert name in ("mp4", "mov", "mkv", "webm")
    streams = copyable(footage, name, limits)
    if footage.stream.number not in streams and wanted == "auto":
        name, streams = "mkv", copyable(footage, "mkv", limits)
    if footage.stream.number not in streams:
        raise InvalidInput(
            f"'{name}' does not take the codec '{footage.picture.codec}' as it is.",
            hint="Give another format, or use the mode 'exact'.",
        )
    tell_left_out(footage, streams[1:], warn)
    return name, streams


def published_copy(
    footage: Footage, joined: Sequence[JoinedPiece], path: Path, name: VideoFormat, context: Context
) -> Artifact:
    """The file of copied parts."""
    end = joined[-1].at + joined[-1].end - joined[-1].begin
    facts = MediaFacts(duration=end, width=footage.stream.width, height=footage.stream.height)
    return context.publish(path, path.name, CONTAINERS[name].media_type, facts)
