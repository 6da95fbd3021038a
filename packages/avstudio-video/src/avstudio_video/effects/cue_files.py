"""The cues of subtitle files, transcripts and videos with subtitles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from html import unescape
from typing import TYPE_CHECKING, Any

from avstudio_core.documents.cues import Cue, cues
from avstudio_core.documents.pieces import plain
from avstudio_core.documents.subtitle_rules import rules
from avstudio_core.documents.subtitles import Subtitles
from avstudio_core.documents.timed_text import content
from avstudio_core.documents.transcript import Transcript
from avstudio_core.errors import NotFound, UnreadableMedia
from avstudio_core.quotes import quoted
from avstudio_video.media.streams import codec_of, origin_of, read_only
from avstudio_video.packets.styled_cues import StyledCue, decoded_cues
from avstudio_video.packets.subtitle_file import (
    KNOWN,
    TEXTS,
    best_stream,
    check_cues,
    has_style_blocks,
    has_tracks,
    open_subtitles,
)
from avstudio_video.sound.tracks import DEFAULT, speaks, tell_others

if TYPE_CHECKING:
    from avstudio_core import Artifact
    from avstudio_video.effects.materials import Materials

MARKUP = re.compile(r"<(?:[bcisu][.>]|v[ \t.]|(?:font|lang|ruby)[ \t.>]|\d+:\d)|\{\\", re.IGNORECASE)
"""Styles, places and voices in the text of SubRip and WebVTT."""


def cues_of(file: Artifact, track: str, materials: Materials) -> list[Cue]:
    """The cues of subtitles, a transcript, or a track of a video, without markup, by their start.

    Raises `UnreadableMedia`, also for subtitles that are pictures, and `NotFound`. Warns with `other_tracks`, and with
    `styles_lost` about all but plain text.
    """
    found = _found(file, track, materials)
    try:
        check_cues((one.start, one.text) for one in found)
    except UnreadableMedia as error:
        raise UnreadableMedia(f"{quoted(file.name)} cannot be read: {error.message}", hint=error.hint) from None
    return sorted(found, key=lambda cue: cue.start)


def _found(file: Artifact, track: str, materials: Materials) -> list[Cue]:
    if has_tracks(file):
        return _of_tracks(file, track, materials)
    text = content(file)
    try:
        if text.lstrip().startswith("{"):
            said = Transcript.parse(text)
            return cues(said, rules("netflix", said.language))
        if "[events]" in text.lower():
            return _of_tracks(file, track, materials)
        parsed = Subtitles.parse(text)
        if _is_styled(parsed):
            _tell_styles(file, materials)
        return [
            Cue(one.start, one.end, words)
            for one in parsed.cues
            if (words := unescape("\n".join(plain(line) for line in one.text.split("\n"))).strip())
        ]
    except UnreadableMedia as error:
        raise UnreadableMedia(
            f"{quoted(file.name)} cannot be read: {error.message}", hint=error.hint or KNOWN
        ) from None


def _of_tracks(file: Artifact, track: str, materials: Materials) -> list[Cue]:
    with open_subtitles(file, materials.limits) as container:
        stream = chosen_track(container, file.name, track)
        if track == DEFAULT:
            tell_others(file.name, container, stream, materials.warn)
        if codec_of(stream) not in TEXTS:
            message = f"The subtitles of '{file.name}' are pictures ({codec_of(stream)}), which cannot be drawn."
            raise UnreadableMedia(message, hint="Give them as text.")
        origin = origin_of(container)
        read = [*_read(container, stream, materials.check)]
        if codec_of(stream) == "ass" or any(one.rich or one.has_commands for one in read):
            _tell_styles(file, materials)
    found = [Cue(float(one.start - origin), float(one.end - origin), words) for one in read if (words := one.words)]
    if not found:
        raise UnreadableMedia(f"'{file.name}' contains no text with times.", hint=KNOWN)
    return found


def _is_styled(subtitles: Subtitles) -> bool:
    """Whether it has markup, style blocks, or places after the times of a cue."""
    times = (subtitles.lines[first - 1].split("-->")[1].split() for first, _ in subtitles.places)
    marked = any(MARKUP.search(one.text) for one in subtitles.cues)
    return marked or has_style_blocks("\n".join(subtitles.lines)) or any(len(one) > 1 for one in times)


def _tell_styles(file: Artifact, materials: Materials) -> None:
    materials.warn("styles_lost", f"The styles and places of the subtitles in '{file.name}' are not drawn.")


def _read(container: Any, stream: Any, check: Callable[[], None]) -> Iterator[StyledCue]:
    """The cues up to the end, or to where the file is too damaged to go on."""
    import av

    read_only(container, stream)
    with suppress(av.FFmpegError, OSError, IndexError):
        for packet in container.demux(stream):
            check()
            yield from decoded_cues(packet) if packet.size else ()


def chosen_track(container: Any, name: str, wanted: str) -> Any:
    """The stream of subtitles with a number or in a language, or for `default` the main one. Raises `NotFound`."""
    if wanted == DEFAULT:
        return best_stream(container)
    streams = container.streams.subtitles
    found = next((one for one in streams if wanted == str(one.index) or speaks(one, wanted)), None)
    if found is None:
        listed = ", ".join(f"{one.index} ({one.language})" if one.language else str(one.index) for one in streams)
        raise NotFound(f"'{name}' has no subtitles {quoted(wanted)}.", hint=f"Choose one of these: {listed}.")
    return found
