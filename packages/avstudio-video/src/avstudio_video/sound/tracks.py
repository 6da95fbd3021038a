"""The audio tracks of a video, the choice of some, and the warning about others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from avstudio_core.errors import NotFound
from avstudio_core.languages import language_tag
from avstudio_core.quotes import quoted
from avstudio_video.errors import NoAudioStream

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.stream import Stream

DEFAULT, ALL = "default", "all"


def chosen_tracks(container: InputContainer, path: Path, wanted: str) -> list[AudioStream]:
    """The tracks that `wanted` names: `default`, `all`, the number of a stream as in `video.probe`, or a language.

    Raises `NoAudioStream` and `NotFound`.
    """
    tracks = [one for one in container.streams.audio if one.codec_context and one.codec_context.sample_rate > 0]
    if not tracks:
        raise NoAudioStream(f"'{path}' has no audio stream.", hint="Check the file with video.probe.")
    if wanted == ALL:
        return tracks
    if wanted == DEFAULT:
        return [cast("AudioStream", container.streams.best("audio") or tracks[0])]
    named = [one for one in tracks if wanted == str(one.index)]
    best = container.streams.best("audio")
    found = named or sorted((one for one in tracks if speaks(one, wanted)), key=lambda one: one is not best)
    if not found:
        listed = ", ".join(f"{one.index} ({one.language})" if one.language else str(one.index) for one in tracks)
        raise NotFound(f"'{path}' has no audio track {quoted(wanted)}.", hint=f"Choose one of these: {listed}.")
    return found[:1]


def tell_others(name: str, container: InputContainer, taken: Stream, warn: Callable[[str, str], None]) -> None:
    """Warn with `other_tracks` if a file has more tracks of the kind of the one that was taken."""
    kind = taken.type
    if others := sum(one.type == kind for one in container.streams) - 1:
        more = f"{others} more {kind} track{'s' if others > 1 else ''}"
        warn("other_tracks", f"'{name}' has {more}; track {taken.index} was taken.")


def speaks(track: Stream, wanted: str) -> bool:
    """Whether a track is in a language, which is given by any of its codes or by a name."""
    return track.language is not None and language_code(track.language) == language_code(wanted)


def language_code(language: str) -> str:
    """The same code for `de`, `deu`, `ger`, `de-AT` and `German`."""
    try:
        return language_tag(language).partition("-")[0]
    except NotFound:
        return language.casefold()
