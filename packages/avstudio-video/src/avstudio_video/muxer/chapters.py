"""Chapters, from a document or from a request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from avstudio_core import Artifact
from avstudio_core.documents import scenes
from avstudio_core.documents.pieces import plain
from avstudio_core.documents.scenes import Scenes
from avstudio_core.documents.subtitles import Subtitles
from avstudio_core.documents.timed_text import content
from avstudio_core.errors import InvalidParams, UnreadableMedia
from avstudio_core.quotes import quoted
from avstudio_core.spans import TIME

MARK = re.compile(rf"\s*{TIME}\s+(?:[-–]\s+)?(\S.*?)\s*")
"""A time and a title, as in the description of a video: `1:30 The harbour`."""
MOST = 10_000
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LINE = re.compile(r"(?:[^\\\n]|\\.)+", re.DOTALL)
_FIELD = re.compile(r"((?:[^=\\]|\\.)*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter, half-open, in seconds; the end may be unknown."""

    start: float
    end: float | None
    title: str


def read_chapters(source: Artifact) -> list[Chapter]:
    """The chapters of a document: scenes, WebVTT or FFmpeg's metadata. Raises `UnreadableMedia`."""
    text = content(source)
    try:
        if source.media_type == scenes.MEDIA_TYPE:
            return [Chapter(one.start, one.end, f"Scene {one.id + 1}") for one in Scenes.parse(text).scenes]
        if text.startswith(";FFMETADATA"):
            return _of_metadata(text)
        return [Chapter(cue.start, cue.end, plain(cue.text)) for cue in Subtitles.parse(text).cues]
    except UnreadableMedia as error:
        hint = error.hint or "Give scenes, a WebVTT file, or a file of FFmpeg's metadata."
        raise UnreadableMedia(f"'{source.name}' does not have chapters: {error.message}", hint=hint) from None


def chapters_of(marks: Sequence[str]) -> list[Chapter]:
    """The chapters of texts such as `1:30 The harbour`. Raises `InvalidParams`."""
    found = []
    for mark in marks:
        if (match := MARK.fullmatch(mark)) is None:
            raise InvalidParams(
                f"{quoted(mark)} is not a chapter.", hint="Give a time and a title: '1:30 The harbour'."
            )
        hours, minutes, seconds, title = match.groups()
        found.append(Chapter(int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds), None, title))
    return found


def in_order(chapters: Sequence[Chapter], end: float) -> list[Chapter]:
    """The chapters before `end` in order, without overlap; an unknown end is where the next one starts."""
    found = sorted((one for one in chapters if one.start < end), key=lambda one: one.start)
    after = [one.start for one in found[1:]] + [end]
    return [
        replace(one, end=min(next_start if one.end is None else one.end, next_start, end))
        for one, next_start in zip(found, after, strict=False)
    ]


def for_file(chapters: Sequence[Chapter], delay: Fraction) -> list[Any]:
    """The chapters in PyAV's form, later by `delay`."""
    return [
        {
            "id": number,
            "start": round((one.start + delay) * 1000),
            "end": round(((one.end or one.start) + delay) * 1000),
            "time_base": Fraction(1, 1000),
            "metadata": {"title": one.title},
        }
        for number, one in enumerate(chapters[:MOST], 1)
    ]


def of_file(container: Any, origin: Fraction) -> list[Chapter]:
    """The chapters of an open file, in seconds from its start."""
    return [
        Chapter(
            max(0.0, float(one["start"] * one["time_base"] - origin)),
            float(one["end"] * one["time_base"] - origin),
            one["metadata"].get("title", ""),
        )
        for one in container.chapters()[:MOST]
    ]


def _of_metadata(text: str) -> list[Chapter]:
    """FFmpeg's metadata, of which only the chapters are read."""
    sections = re.split(r"^\[(\w+)\]\s*$", text, flags=re.MULTILINE)
    found = []
    for name, body in zip(sections[1::2], sections[2::2], strict=True):
        if name.upper() == "CHAPTER":
            found.append(_chapter(dict(_fields(body))))
    if not found:
        raise UnreadableMedia("It contains no chapter.")
    return found


def _fields(body: str) -> list[tuple[str, str]]:
    lines = _LINE.findall(body.replace("\r\n", "\n"))
    matches = (_FIELD.fullmatch(line) for line in lines if line[0] not in ";#")
    return [(_ESCAPED.sub(r"\1", one[1]).lower(), _ESCAPED.sub(r"\1", one[2])) for one in matches if one]


def _chapter(fields: dict[str, str]) -> Chapter:
    try:
        unit = Fraction(fields.get("timebase", "1/1000000000").strip())
        start, end = (float(int(fields[name]) * unit) for name in ("start", "end"))
    except (KeyError, ValueError, ZeroDivisionError):
        raise UnreadableMedia("A chapter does not have a valid TIMEBASE, START and END.") from None
    if not 0 <= start <= end:
        raise UnreadableMedia(f"A chapter goes from {start:g} s to {end:g} s.")
    return Chapter(start, end, fields.get("title", ""))
