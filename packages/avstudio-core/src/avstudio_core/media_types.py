"""The media type of a file, from its first bytes and its name."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from pathlib import Path, PurePath

NAMES = {
    ".3g2": "video/3gpp2",
    ".3gp": "video/3gpp",
    ".3gpp": "video/3gpp",
    ".aac": "audio/aac",
    ".ac3": "audio/ac3",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".amr": "audio/amr",
    ".ass": "text/x-ssa",
    ".caf": "audio/x-caf",
    ".flac": "audio/flac",
    ".gsm": "audio/x-gsm",
    ".lrc": "text/x-lrc",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".mka": "audio/x-matroska",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".oma": "audio/x-oma",
    ".srt": "application/x-subrip",
    ".ts": "video/mp2t",
    ".tta": "audio/x-tta",
    ".ttml": "application/ttml+xml",
    ".vtt": "text/vtt",
    ".w64": "audio/x-w64",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".wma": "audio/x-ms-wma",
    ".wv": "audio/x-wavpack",
}
SIGNATURES = (
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"caff", "audio/x-caf"),
    (0, b".snd", "audio/basic"),
    (0, b"wvpk", "audio/x-wavpack"),
    (0, b"TTA1", "audio/x-tta"),
    (0, b"MAC ", "audio/x-ape"),
    (0, b"riff\x2e\x91\xcf\x11", "audio/x-w64"),
    (0, bytes.fromhex("3026b2758e66cf11"), "video/x-ms-asf"),
    (0, bytes.fromhex("060e2b34020501010d0102"), "video/mxf"),
    (0, bytes.fromhex("000001ba"), "video/mpeg"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, bytes.fromhex("1a45dfa3"), "video/x-matroska"),
    (4, b"ftyp", "video/mp4"),
    (4, b"moov", "video/quicktime"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (8, b"AIFF", "audio/aiff"),
    (8, b"AIFC", "audio/aiff"),
)
"""The bytes that identify a type, and their position."""
SEVERAL = (b"ID3", b"OggS")
"""Files of several types begin so: tags precede any sound, and Ogg may contain video."""
TYPES = mimetypes.MimeTypes(filenames=())
"""Python's table, without the tables of this machine."""
TRANSPORT_STREAM = ((0, 188), (4, 192))
"""Start and length of MPEG's packets; camcorders put four bytes before each."""


GENERAL = ("application/json", "text/plain", None)
"""Types by name that the content can refine, such as a transcript or subtitles."""
LONGEST_DOCUMENT = 64 << 20
"""The most bytes of a file that are read to recognise a transcript."""


WORDS = {
    "audio/*": "sound",
    "video/*": "video",
    "image/*": "pictures",
    "image/gif": "GIF",
    "text/*": "text",
    "text/plain": "text",
    "text/vtt": "subtitles",
    "text/x-ssa": "subtitles",
    "application/x-subrip": "subtitles",
    "application/ttml+xml": "subtitles",
    "application/vnd.avstudio.transcript+json": "transcripts",
    "application/vnd.avstudio.scenes+json": "scenes",
    "application/json": "JSON",
}
"""What people call the files that processors accept."""
UNKNOWN = "application/octet-stream"


ENDINGS = frozenset({
    ".apng", ".avif", ".cube", ".cue", ".edl", ".exr", ".fcpxml", ".heic", ".jsonl", ".jxl", ".m2ts", ".md", ".mts",
    ".mxf", ".ndjson", ".npy", ".npz", ".otio", ".rf64", ".ssa", ".webp",
})  # fmt: skip
"""Of files whose type Python does not know by their name everywhere."""


def in_words(patterns: Sequence[str]) -> str:
    """Media types as people name them: `audio/*` and `video/*` give `sound or video`."""
    words = [*dict.fromkeys(WORDS.get(one, one) for one in patterns if one != UNKNOWN)] or ["any file"]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def is_known(suffix: str) -> bool:
    """Whether files whose names end so, such as `.mp4`, have a known type."""
    small = suffix.lower()
    return small in NAMES or small in ENDINGS or TYPES.guess_type(f"file{small}")[0] is not None


def guess(path: Path, name: str | None = None) -> str:
    """The media type of a file, or `application/octet-stream` if it is unknown; `name` is its name if not the path's.

    The name is used if the type of the content is unknown, or if the same first bytes begin files of several types.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    name = path.name if name is None else name
    named = NAMES.get(PurePath(name).suffix.lower()) or TYPES.guess_type(name)[0]
    if named in GENERAL and (document := _document(path, head)):
        return document
    found = next((kind for at, mark, kind in SIGNATURES if head[at:].startswith(mark)), None) or _stream(head)
    if found is None:
        return named or UNKNOWN
    several = head.startswith(SEVERAL) or found.startswith("video/")  # which may contain only sound
    return named if several and named and named.startswith(("audio/", "video/")) else found


def _document(path: Path, head: bytes) -> str | None:
    """The media type of a document that the core defines."""
    from avstudio_core.documents.recognition import recognised

    is_json = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    if is_json and path.stat().st_size > LONGEST_DOCUMENT:
        return None
    return recognised((path.read_bytes() if is_json else head).decode("utf-8", errors="ignore"))


def _stream(head: bytes) -> str | None:
    """The type of a sequence of packets or frames without a file header."""
    for first, length in TRANSPORT_STREAM:
        packets = head[first::length]
        if len(packets) > 2 and not packets.strip(b"G"):
            return "video/mp2t"
    if head[:2] in (b"\xff\xf1", b"\xff\xf9"):
        return "audio/aac"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] & 0xF0 not in (0x00, 0xF0):
        return "audio/mpeg"
    return "audio/ac3" if head[:2] == b"\x0bw" else None
