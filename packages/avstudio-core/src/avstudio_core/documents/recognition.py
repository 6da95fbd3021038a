"""Recognises documents by their content."""

from __future__ import annotations

import re

from avstudio_core.documents import transcript
from avstudio_core.documents.subtitles import MEDIA_TYPES, TIMES
from avstudio_core.documents.transcript import Transcript
from avstudio_core.errors import UnreadableMedia

_SUBRIP = re.compile(rf"\s*(?:\d{{1,9}}\s*\n)?{TIMES}")


def recognised(text: str) -> str | None:
    """The media type of a transcript or of subtitles; `None` for any other text."""
    text = text.removeprefix("\ufeff")
    if text.startswith("WEBVTT"):
        return MEDIA_TYPES["vtt"]
    if _SUBRIP.match(text):
        return MEDIA_TYPES["srt"]
    return transcript.MEDIA_TYPE if text[:100].lstrip().startswith("{") and _is_transcript(text) else None


def _is_transcript(text: str) -> bool:
    try:
        Transcript.parse(text)
    except UnreadableMedia:
        return False
    return True
