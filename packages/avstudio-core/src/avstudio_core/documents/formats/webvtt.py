"""WebVTT (W3C)."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from avstudio_core.documents.cues import Cue
from avstudio_core.documents.formats.captions import Captions, spans, split
from avstudio_core.documents.subtitles import MEDIA_TYPES, Subtitles
from avstudio_core.documents.timestamps import stamp

MEDIA_TYPE = MEDIA_TYPES["vtt"]


def written(captions: Captions) -> str:
    """A file; with `highlight`, each word has its time, and pages can style the words before or after it."""
    texts = ["".join(_timed(cue)) if captions.highlight and cue.words else _text(cue.text) for cue in captions.cues]
    return Subtitles.of(captions.cues, "vtt").written(texts)


def _timed(cue: Cue) -> Iterator[str]:
    for begin, _, word in spans(cue):
        before, bare = split(word)
        time = f"<{stamp(begin)}>" if cue.start < round(begin, 3) < cue.end else ""
        yield f"{before}{time}<c>{_text(bare)}</c>"


def _text(text: str) -> str:
    return escape(text, quote=False)
