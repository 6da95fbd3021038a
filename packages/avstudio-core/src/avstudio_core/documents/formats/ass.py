"""Advanced SubStation Alpha, with karaoke."""

from __future__ import annotations

from collections.abc import Iterator

from avstudio_core.documents.cues import Cue
from avstudio_core.documents.formats.captions import Captions, spans, split

MEDIA_TYPE = "text/x-ssa"
_HEAD = """[Script Info]
ScriptType: v4.00+
PlayResX: 1920
PlayResY: 1080
WrapStyle: 2
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,64,&H00FFFFFF,&H0000D7FF,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,1,2,60,60,60,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
_HARMLESS = str.maketrans({"{": "｛", "}": "｝", "\\": "⧵"})
"""The format has no escapes for these, so they become characters that look alike."""


def written(captions: Captions) -> str:
    """A script; with `highlight`, each word has its karaoke time (`\\k`), in hundredths of a second."""
    return _HEAD + "".join(_event(cue, captions.highlight) for cue in captions.cues)


def _event(cue: Cue, highlight: bool) -> str:
    name = (cue.speaker or "").replace(",", ";").replace("\n", " ")
    text = "".join(_karaoke(cue)) if highlight and cue.words else _text(cue.text)
    return f"Dialogue: 0,{_stamp(cue.start)},{_stamp(cue.end)},Default,{name},0,0,0,,{text}\n"


def _karaoke(cue: Cue) -> Iterator[str]:
    for begin, end, word in spans(cue):
        before, bare = split(word)
        yield rf"{_text(before)}{{\k{_hundredths(end) - _hundredths(begin)}}}{_text(bare)}"


def _text(text: str) -> str:
    return text.translate(_HARMLESS).replace("\n", r"\N")


def _hundredths(seconds: float) -> int:
    return round(seconds * 100)


def _stamp(seconds: float) -> str:
    """A time such as `1:02:03.45`."""
    whole, hundredths = divmod(_hundredths(seconds), 100)
    minutes, second = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}.{hundredths:02}"
