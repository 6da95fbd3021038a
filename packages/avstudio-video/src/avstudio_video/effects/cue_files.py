"""The cues of subtitle files and transcripts."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from avstudio_core.documents.cues import Cue, cues
from avstudio_core.documents.pieces import plain
from avstudio_core.documents.subtitle_rules import rules
from avstudio_core.documents.subtitles import Subtitles
from avstudio_core.documents.timed_text import content
from avstudio_core.documents.transcript import Transcript
from avstudio_core.errors import UnreadableMedia
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    from avstudio_core import Artifact

EVENT = re.compile(r"Dialogue:[^,]*,\s*(\d+):(\d+):(\d+(?:\.\d+)?),\s*(\d+):(\d+):(\d+(?:\.\d+)?),(?:[^,]*,){6}(.*)")
"""A line of SubStation Alpha that shows a text."""
OVERRIDE = re.compile(r"\{[^}]*\}")


def cues_of(file: Artifact) -> list[Cue]:
    """The cues of SubRip, WebVTT, SubStation Alpha or a transcript, without markup. Raises `UnreadableMedia`."""
    text = content(file)
    try:
        if text.lstrip().startswith("{"):
            said = Transcript.parse(text)
            return cues(said, rules("netflix", said.language))
        if "[Events]" in text:
            return _of_alpha(text)
        return [
            Cue(one.start, one.end, words)
            for one in Subtitles.parse(text).cues
            if (words := unescape("\n".join(plain(line) for line in one.text.split("\n"))).strip())
        ]
    except UnreadableMedia as error:
        hint = error.hint or "Give SubRip, WebVTT, SubStation Alpha, or a transcript."
        raise UnreadableMedia(f"{quoted(file.name)} cannot be read: {error.message}", hint=hint) from None


def _of_alpha(text: str) -> list[Cue]:
    found = []
    for match in map(EVENT.fullmatch, text.splitlines()):
        if match and (words := re.sub(r"\\[Nn]", "\n", OVERRIDE.sub("", match[7])).replace("\\h", " ").strip()):
            start, end = (int(match[at]) * 3600 + int(match[at + 1]) * 60 + float(match[at + 2]) for at in (1, 4))
            found.append(Cue(start, end, words))
    if not found:
        raise UnreadableMedia("It contains no text with times.")
    return sorted(found, key=lambda cue: cue.start)
