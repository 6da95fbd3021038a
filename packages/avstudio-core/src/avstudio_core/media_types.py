"""The media type of a file, by its first bytes and then by its name."""

from __future__ import annotations

import mimetypes
from pathlib import Path

NAMES = {
    ".aac": "audio/aac",
    ".ac3": "audio/ac3",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".amr": "audio/amr",
    ".caf": "audio/x-caf",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".mka": "audio/x-matroska",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".srt": "application/x-subrip",
    ".ts": "video/mp2t",
    ".vtt": "text/vtt",
    ".w64": "audio/x-w64",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".wma": "audio/x-ms-wma",
    ".wv": "audio/x-wavpack",
}
SIGNATURES = ((b"fLaC", "audio/flac"), (b"ID3", "audio/mpeg"), (b"OggS", "audio/ogg"))


GENERAL = ("application/json", "text/plain", None)
"""What a name tells where the content may tell more: a transcript, subtitles."""
LONGEST_DOCUMENT = 64 << 20
"""Bytes up to which a file is read to find out whether it is a transcript."""


def guess(path: Path) -> str:
    """The media type, `application/octet-stream` where nothing tells; what is inside is for decoders to find out."""
    with path.open("rb") as file:
        head = file.read(4096)
    named = NAMES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
    if named in GENERAL and (document := _document(path, head)):
        return document
    if named is not None:
        return named
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[4:8] == b"ftyp":
        return "video/mp4"
    return next((kind for start, kind in SIGNATURES if head.startswith(start)), "application/octet-stream")


def _document(path: Path, head: bytes) -> str | None:
    """The media type of a document that the core defines."""
    from avstudio_core.documents.recognition import recognised

    is_json = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    if is_json and path.stat().st_size > LONGEST_DOCUMENT:
        return None
    return recognised((path.read_bytes() if is_json else head).decode("utf-8", errors="ignore"))
