"""A file with subtitles, opened for FFmpeg."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from avstudio_core import Artifact
from avstudio_core.documents import transcript
from avstudio_core.documents.recognition import recognised
from avstudio_core.documents.subtitles import MEDIA_TYPES, Subtitles, to_srt
from avstudio_core.documents.timed_text import content
from avstudio_core.documents.transcript import Transcript
from avstudio_core.errors import UnreadableMedia
from avstudio_video.media.container import SEALED, open_media
from avstudio_video.media.limits import Limits

if TYPE_CHECKING:
    from av.container import InputContainer

ACCEPTED = (
    *MEDIA_TYPES.values(),
    "text/x-ssa",
    transcript.MEDIA_TYPE,
    "application/json",
    "text/*",
    "video/*",
    "application/octet-stream",
)
DEMUXERS = {MEDIA_TYPES["srt"]: "srt", MEDIA_TYPES["vtt"]: "webvtt", "text/x-ssa": "ass"}
KNOWN = "Give SubRip (.srt), WebVTT (.vtt), SubStation Alpha (.ass), a transcript, or a video with subtitles."
TEXTS = ("subrip", "ass", "webvtt", "mov_text", "text", "microdvd", "sami")
"""Codecs of subtitles that are texts, in FFmpeg's names."""
STYLE_BLOCK = re.compile(r"\n\n(?:STYLE|REGION)[ \t]*\n(?!.*-->)")
MOST_TEXT = 64 << 20
"""The most bytes of a file of text."""
LONGEST_CUE = 4000
"""In bytes: FFmpeg divides longer lines."""


@contextmanager
def open_subtitles(source: Artifact, limits: Limits) -> Iterator[InputContainer]:
    """The subtitles of a file as a container, which has a stream of subtitles.

    Texts are read as UTF-8, or as UTF-16 with its mark. Raises `UnreadableMedia` for other files, and for damaged ones.
    """
    import av

    if has_tracks(source):
        with open_media(source.path, limits) as container:
            if not container.streams.subtitles:
                raise UnreadableMedia(f"'{source.name}' does not have subtitles.", hint=KNOWN)
            yield container
        return
    if source.size > MOST_TEXT:
        raise UnreadableMedia(f"'{source.name}' is too long for a file of subtitles.", hint=KNOWN)
    demuxer, text = _text(source)
    with av.open(io.BytesIO(text.encode()), "r", format=demuxer, container_options=SEALED) as container:
        yield container


def has_tracks(source: Artifact) -> bool:
    """Whether it is a video or a similar file with tracks, and not text."""
    with source.path.open("rb") as file:
        return b"\0\0" in file.read(4096) and source.media_type not in DEMUXERS


def has_style_blocks(text: str) -> bool:
    """Whether a text is WebVTT with styles or regions for its cues, which FFmpeg leaves out."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.startswith("WEBVTT") and bool(STYLE_BLOCK.search(lines))


def tell_style_blocks(source: Artifact, warn: Callable[[str, str], None]) -> None:
    """Warn with `styles_lost` about style blocks that a new file does not have."""
    if not has_tracks(source) and has_style_blocks(content(source)):
        warn("styles_lost", f"The style blocks of '{source.name}' are not stored.")


def check_cues(cues: Iterable[tuple[float, str]]) -> None:
    """Raise `UnreadableMedia` if a text, with its start, is longer than any player shows."""
    for start, text in cues:
        if (size := len(text.encode())) > LONGEST_CUE:
            message = f"the cue at {start:.3f} s has a text of {size} bytes."
            raise UnreadableMedia(message, hint=f"Divide it: a cue has at most {LONGEST_CUE}.")


def _text(source: Artifact) -> tuple[str, str]:
    """FFmpeg's name of the format, and the text in it."""
    text = content(source)
    try:
        kind = recognised(text)
        if kind == transcript.MEDIA_TYPE:
            text = to_srt(Transcript.parse(text))
        elif kind is None and "[events]" in text.lower():
            return "ass", text
        check_cues((one.start, one.text) for one in Subtitles.parse(text).cues)
    except UnreadableMedia as error:
        raise UnreadableMedia(f"'{source.name}' cannot be read: {error.message}", hint=error.hint or KNOWN) from None
    if kind == transcript.MEDIA_TYPE:
        return "srt", text
    return DEMUXERS[kind or MEDIA_TYPES["srt"]], text


def best_stream(container: Any) -> Any:
    """The stream of subtitles that is the default, or the first."""
    from av.stream import Disposition

    streams = container.streams.subtitles
    return next((one for one in streams if one.disposition & Disposition.default), streams[0])
