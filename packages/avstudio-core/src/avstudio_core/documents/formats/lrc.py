"""Lyrics for music players."""

from __future__ import annotations

from collections.abc import Iterator

from avstudio_core.documents.cues import Cue
from avstudio_core.documents.formats.captions import Captions, spans, split

MEDIA_TYPE = "text/x-lrc"
_SILENT = 1.0
"""Seconds without a cue after which an empty line ends the one before."""


def written(captions: Captions) -> str:
    """Lyrics with a line for each cue; with `highlight`, also with a time before each word."""
    head = f"[length:{_stamp(captions.transcript.duration)}]\n"
    return head + "".join(_lines(captions))


def _lines(captions: Captions) -> Iterator[str]:
    shown = captions.cues
    for number, cue in enumerate(shown):
        yield f"[{_stamp(cue.start)}]{_text(cue, captions.highlight)}\n"
        following = shown[number + 1].start if number + 1 < len(shown) else captions.transcript.duration
        if following - cue.end >= _SILENT:
            yield f"[{_stamp(cue.end)}]\n"


def _text(cue: Cue, highlight: bool) -> str:
    if not highlight or not cue.words:
        return _line(cue.text)
    timed = [(begin, *split(word)) for begin, _, word in spans(cue)]
    return "".join(f"{_line(before)}<{_stamp(begin)}>{_line(bare)}" for begin, before, bare in timed)


def _line(text: str) -> str:
    """A text in one line, without brackets, which would be times."""
    return text.replace("\n", " ").replace("[", "(").replace("]", ")").replace("<", "‹").replace(">", "›")


def _stamp(seconds: float) -> str:
    """A time such as `62:03.45`: the format has no hours."""
    whole, hundredths = divmod(round(seconds * 100), 100)
    return f"{whole // 60:02}:{whole % 60:02}.{hundredths:02}"
