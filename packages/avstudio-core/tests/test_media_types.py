"""The media type follows from the content of a file; its name is a hint."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import pytest

from avstudio_core.media_types import guess, in_words

PACKETS = (b"G" + bytes(187)) * 6
CONTENT = {
    "audio/wav": b"RIFF\x24\0\0\0WAVEfmt ",
    "audio/flac": b"fLaC\0\0\0\x22",
    "audio/mpeg": b"\xff\xfb\x90\x64" + bytes(400),
    "audio/ogg": b"OggS\0\2",
    "audio/aiff": b"FORM\0\0\0\0AIFF",
    "video/mp2t": PACKETS,
    "video/mpeg": bytes.fromhex("000001ba44000400"),
    "video/mxf": bytes.fromhex("060e2b34020501010d010201"),
    "video/x-ms-asf": bytes.fromhex("3026b2758e66cf11a6d9"),
    "video/x-matroska": bytes.fromhex("1a45dfa3"),
    "video/mp4": b"\0\0\0\x18ftypisom",
}


@pytest.mark.parametrize(("name", "kind"), [("a.wav", "audio/flac"), ("a.flac", "audio/mpeg"), ("a.mp4", "audio/aiff")])
def test_a_wrong_name_of_another_sound_is_ignored(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(CONTENT[kind])
    assert guess(tmp_path / name) == kind


def test_tags_may_precede_another_sound_than_mpeg(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"ID3\4\0\0\0\0\0\0fLaC")
    assert guess(tmp_path / "a.flac") == "audio/flac"


@pytest.mark.parametrize("name", ["take.bak", "take.old", "take", "clip.mod", "cam.mts", "notes.txt", "take.pdf"])
@pytest.mark.parametrize("kind", CONTENT)
def test_known_content_is_known_under_any_name(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / name).write_bytes(CONTENT[kind])
    assert guess(tmp_path / name) == kind


def test_packets_of_a_camcorder_have_four_bytes_before_them(tmp_path: Path) -> None:
    (tmp_path / "a.m2ts").write_bytes((bytes(4) + b"G" + bytes(187)) * 5)
    assert guess(tmp_path / "a.m2ts") == "video/mp2t"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.m4a", "audio/mp4"),
        ("a.mka", "audio/x-matroska"),
        ("a.3gp", "video/3gpp"),
        ("a.opus", "audio/ogg"),
        ("a.ogv", "video/ogg"),
        ("a.webm", "video/webm"),
    ],
)
def test_the_name_tells_what_content_cannot(tmp_path: Path, name: str, kind: str) -> None:
    content = {"a.m4a": "video/mp4", "a.opus": "audio/ogg", "a.ogv": "audio/ogg"}.get(name, "video/x-matroska")
    (tmp_path / name).write_bytes(CONTENT[content])
    assert guess(tmp_path / name) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.gsm", "audio/x-gsm"),
        ("a.srt", "application/x-subrip"),
        ("a.txt", "text/plain"),
        ("a.pdf", "application/pdf"),
    ],
)
def test_a_name_is_trusted_where_content_says_nothing(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"Words, or samples without a header.")
    assert guess(tmp_path / name) == kind
    (tmp_path / "no-name").write_bytes(b"Words.")
    assert guess(tmp_path / "no-name") == "application/octet-stream"


def test_tables_of_the_machine_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.xyzzy").write_bytes(b"?")
    monkeypatch.setitem(mimetypes.types_map, ".xyzzy", "model/vnd.xyzzy")
    assert guess(tmp_path / "a.xyzzy") == "application/octet-stream"


@pytest.mark.parametrize(
    ("accepted", "words"),
    [
        (["audio/*"], "sound"),
        (["audio/*", "video/*", "application/octet-stream"], "sound or video"),
        (["text/vtt", "application/x-subrip", "text/*", "x/y"], "subtitles, text or x/y"),
        (["application/octet-stream"], "any file"),
    ],
)
def test_media_types_in_words(accepted: list[str], words: str) -> None:
    assert in_words(accepted) == words
