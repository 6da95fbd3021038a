"""The formats in which subtitles are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from avstudio_core.documents.formats import ass, lrc, subrip, table, transcript_json, ttml, webvtt
from avstudio_core.documents.formats.captions import Captions
from avstudio_core.documents.subtitles import to_txt

Name = Literal["srt", "vtt", "ass", "ttml", "lrc", "tsv", "txt", "json"]


@dataclass(frozen=True, slots=True)
class SubtitleFormat:
    """A format."""

    media_type: str
    written: Callable[[Captions], str]
    """Makes the text of a file."""


FORMATS: dict[Name, SubtitleFormat] = {
    "srt": SubtitleFormat(subrip.MEDIA_TYPE, subrip.written),
    "vtt": SubtitleFormat(webvtt.MEDIA_TYPE, webvtt.written),
    "ass": SubtitleFormat(ass.MEDIA_TYPE, ass.written),
    "ttml": SubtitleFormat(ttml.MEDIA_TYPE, ttml.written),
    "lrc": SubtitleFormat(lrc.MEDIA_TYPE, lrc.written),
    "tsv": SubtitleFormat(table.MEDIA_TYPE, table.written),
    "txt": SubtitleFormat("text/plain", lambda captions: to_txt(captions.transcript, labels=captions.labels)),
    "json": SubtitleFormat(transcript_json.MEDIA_TYPE, transcript_json.written),
}
"""By the name of the format, which is the suffix of its files."""
