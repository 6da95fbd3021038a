"""The audio tracks of a file, and the choice of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from avstudio_audio.errors import NoAudio
from avstudio_core.errors import NotFound
from avstudio_core.languages import language_tag

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer


def audio_tracks(container: InputContainer, path: Path, wanted: str | None = None) -> list[AudioStream]:
    """The track to read, and then the others; the first is the requested track or the default one.

    `wanted` is the number of a stream, as in `audio.probe`, or a language. Raises `NoAudio` and `NotFound`.
    """
    tracks = list(container.streams.audio)
    first = _wanted(tracks, path, wanted) if wanted is not None else container.streams.best("audio")
    if first is None:
        raise NoAudio(f"'{path}' has no audio stream.")
    return [cast("AudioStream", first), *(one for one in tracks if one.index != first.index and _known(one))]


def described(track: AudioStream) -> str:
    """A short description of a track: `2 (eng)`."""
    return f"{track.index} ({track.language})" if track.language else str(track.index)


def _known(track: AudioStream) -> bool:
    """Whether a track is known to have sound: a damaged file can list streams without data."""
    return track.codec_context is not None and track.codec_context.sample_rate > 0


def _wanted(tracks: list[AudioStream], path: Path, wanted: str) -> AudioStream:
    for track in tracks:
        if wanted == str(track.index) or _same_language(track.language, wanted):
            return track
    listed = ", ".join(map(described, tracks))
    raise NotFound(f"'{path}' has no audio track '{wanted}'.", hint=f"Choose one of these: {listed}." if tracks else "")


def _same_language(tag: str | None, wanted: str) -> bool:
    return tag is not None and _code(tag) == _code(wanted)


def _code(language: str) -> str:
    """The same code for `de`, `deu`, `ger`, `de-AT` and `German`."""
    try:
        return language_tag(language).partition("-")[0]
    except NotFound:
        return language.casefold()
