"""A transcript as subtitle files and as plain text."""

from __future__ import annotations

from html import escape

from avstudio_audio.speech.cues import cues
from avstudio_audio.speech.transcript import Transcript


def to_srt(transcript: Transcript) -> str:
    """SubRip."""
    blocks = (
        f"{number}\n{_stamp(cue.start, ',')} --> {_stamp(cue.end, ',')}\n{_text(cue.lines)}\n"
        for number, cue in enumerate(cues(transcript), 1)
    )
    return "\n".join(blocks)


def to_vtt(transcript: Transcript) -> str:
    """WebVTT (W3C): what would be markup is escaped."""
    blocks = (
        f"{_stamp(cue.start, '.')} --> {_stamp(cue.end, '.')}\n{escape(_text(cue.lines), quote=False)}\n"
        for cue in cues(transcript)
    )
    return "\n".join(["WEBVTT\n", *blocks])


def to_txt(transcript: Transcript) -> str:
    """The words alone, a line for each segment."""
    lines = (" ".join(segment.text.split()) for segment in transcript.segments)
    return "".join(f"{line}\n" for line in lines if line)


def _text(lines: tuple[str, ...]) -> str:
    return "\n".join(lines)


def _stamp(seconds: float, point: str) -> str:
    """`01:02:03.456`, from 0 on; rounded as a whole, so that no part of it is ever 60."""
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}{point}{milliseconds:03}"
