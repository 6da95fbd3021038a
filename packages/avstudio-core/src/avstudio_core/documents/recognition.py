"""Recognises documents by their content."""

from __future__ import annotations

import re
from collections.abc import Callable

from avstudio_core.documents import scenes, transcript
from avstudio_core.documents.scenes import Scenes
from avstudio_core.documents.subtitles import MEDIA_TYPES, TIMES
from avstudio_core.documents.transcript import Transcript
from avstudio_core.errors import UnreadableMedia

_SUBRIP = re.compile(rf"\s*(?:\d{{1,9}}\s*\n)?{TIMES}")


def recognised(text: str) -> str | None:
    """The media type of a transcript, of scenes or of subtitles; `None` for any other text."""
    text = text.removeprefix("\ufeff")
    if text.startswith("WEBVTT"):
        return MEDIA_TYPES["vtt"]
    if _SUBRIP.match(text):
        return MEDIA_TYPES["srt"]
    if not text[:100].lstrip().startswith("{"):
        return None
    return next((kind for kind, parse in _DOCUMENTS.items() if _fits(parse, text)), None)


_DOCUMENTS = {transcript.MEDIA_TYPE: Transcript.parse, scenes.MEDIA_TYPE: Scenes.parse}


def _fits(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except UnreadableMedia:
        return False
    return True
