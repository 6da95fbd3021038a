"""Artifacts by HTTP: whole or in parts, as files to keep, and nothing that a browser would show as a page."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

import avstudio_server.plugin
from avstudio_core import Studio
from avstudio_core.testing import exercises
from avstudio_server.http.downloads import download_name, served_type
from avstudio_server.http.ranges import ranges
from avstudio_server.testing.http_server import HttpServer

if TYPE_CHECKING:
    from httpx2 import Client

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")

pytestmark = pytest.mark.usefixtures("no_network")
CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [avstudio_server.plugin, exercises]


@pytest.fixture
def key(server: HttpServer) -> str:
    return server.key()


@pytest.fixture
def place(server: HttpServer, key: str) -> str:
    return put(server.client(key))


def put(client: Client) -> str:
    """Where a file is, once it is stored."""
    answer = client.put("/api/v1/uploads", params={"name": "sängs.bin"}, content=CONTENT)
    return str(answer.headers["location"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """A server for tests that only read."""
    home, plugins = tmp_path_factory.mktemp("shared") / "home", [avstudio_server.plugin, exercises]
    studio = Studio(home=home, executor="inline", offline=True, plugins="", add=plugins)
    with studio, HttpServer(studio) as server:
        yield server


@pytest.fixture(scope="module")
def client(shared: HttpServer) -> Client:
    return shared.client(shared.key())


@pytest.fixture(scope="module")
def stored(client: Client) -> str:
    return put(client)


def test_an_artifact_is_a_file_to_keep(client: Client, stored: str) -> None:
    answer = client.get(stored)
    assert (answer.content, answer.headers["content-type"]) == (CONTENT, "application/octet-stream")
    assert (
        answer.headers["content-disposition"] == "attachment; filename=\"s_ngs.bin\"; filename*=UTF-8''s%C3%A4ngs.bin"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    head = client.head(stored)
    assert (head.headers["content-length"], head.content) == (str(len(CONTENT)), b"")


def test_what_is_known_about_an_artifact(client: Client, stored: str) -> None:
    shown = client.get(f"{stored}.json")
    assert (shown.json()["name"], shown.json()["size"]) == ("sängs.bin", len(CONTENT))
    tag = shown.headers["etag"]
    for condition in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        assert client.get(f"{stored}.json", headers={"If-None-Match": condition}).status_code == 304
    lines = [("If-None-Match", '"x"'), ("If-None-Match", tag)]
    assert client.get(f"{stored}.json", headers=lines).status_code == 304


@pytest.mark.parametrize("make", [None, os.mkdir, os.mkfifo])
def test_a_stored_file_that_is_gone_or_is_no_longer_a_file_is_reported(
    server: HttpServer, studio: Studio, key: str, place: str, make: Callable[[Path], None] | None
) -> None:
    path = studio.artifact(place.rpartition("/")[2]).path
    path.unlink()
    if make:
        make(path)
    answer = server.client(key).get(place)
    assert (answer.status_code, answer.json()["code"]) == (500, "corrupt_file")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-", 100, len(CONTENT)),
        ("bytes=-10", len(CONTENT) - 10, len(CONTENT)),
        ("bytes=5-99999999999", 5, len(CONTENT)),
        ("Bytes = 10 - 20", 10, 21),
        ("bytes=0-9,10-19,5-14", 0, 20),
        ("bytes=0-9,99999999-", 0, 10),
    ],
)
def test_a_part_is_sent(client: Client, stored: str, asked: str, start: int, end: int) -> None:
    answer = client.get(stored, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"


def test_several_parts_are_sent(client: Client, stored: str) -> None:
    answer = client.get(stored, headers={"Range": "bytes=1000-1009,0-4,-3"})
    mark = answer.headers["content-type"].partition("boundary=")[2].encode()
    parts = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in answer.content.split(b"--" + mark)[1:-1]]
    assert parts == [CONTENT[:5], CONTENT[1000:1010], CONTENT[-3:]]
    assert answer.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    "asked", ["bytes", "bytes=", "bytes=a-b", "bytes=5-4", "lines=0-1", "bytes=--1", "bytes=" + "0-1," * 5000 + "0-1"]
)
def test_a_range_that_is_not_valid_is_left_out(client: Client, stored: str, asked: str) -> None:
    answer = client.get(stored, headers={"Range": asked})
    assert (answer.status_code, len(answer.content)) == (200, len(CONTENT))


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0", "bytes=99999999999999-99999999999999"])
def test_a_range_that_is_not_in_the_file_is_a_problem(client: Client, stored: str, asked: str) -> None:
    answer = client.get(stored, headers={"Range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_part_of_a_file_that_has_changed_is_the_whole_file(client: Client, stored: str) -> None:
    tag, time_ = (client.head(stored).headers[name] for name in ("etag", "last-modified"))
    for condition, status in ((tag, 206), (time_, 206), ('"other"', 200), (f"W/{tag}", 200)):
        assert client.get(stored, headers={"Range": "bytes=0-1", "If-Range": condition}).status_code == status
    assert client.get(stored, headers={"If-None-Match": f'"x", {tag}'}).status_code == 304
    assert client.get(stored, headers={"If-Modified-Since": time_}).status_code == 304
    assert client.get(stored, headers={"If-Modified-Since": "yesterday"}).status_code == 200


def test_a_file_of_another_owner_is_unknown(shared: HttpServer, stored: str) -> None:
    other = shared.client(shared.key())
    assert {other.get(stored).status_code, other.head(stored).status_code, other.get(f"{stored}.json").status_code} == {
        404
    }


def test_ranges_take_time_in_proportion() -> None:
    started = time.perf_counter()
    assert ranges("bytes=" + "0-," * 1_000_000, 10) is None
    assert ranges("bytes=" + "0" * 1_000_000 + "-", 10) is None
    assert time.perf_counter() - started < 5


MARKUP = b"<html><script>alert(1)</script><svg onload=alert(1)>"
POLYGLOTS = [
    ("x.html", MARKUP),
    ("x.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    ("x.wav.html", b"RIFF\x24\0\0\0WAVEfmt " + MARKUP),
    ("x.html", b"RIFF\x24\0\0\0WAVEfmt " + MARKUP),
    ("x.js", b"/*ID3*/ alert(1)"),
    ("x.pdf", b"%PDF-1.7\n" + MARKUP),
    ("x.xhtml", b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>'),
    ("x.xml", b'<?xml-stylesheet href="x"?><a/>'),
    ("x.swf", b"FWS\x09" + MARKUP),
    ("x.mht", b"MIME-Version: 1.0\nContent-Type: text/html\n\n" + MARKUP),
    ("x.htm", b"ID3" + MARKUP),
    ("x.shtml", b"OggS" + MARKUP),
    ("x.gif", b"GIF89a/*" + MARKUP),
    ("x", MARKUP),
]
PIECES = [
    *("..", "/", "\\", "\0", "\r\n", "%2e%2e%2f", "..%5c", "C:", "\\\\?\\", "~", "$HOME", "`id`", "|", ";", "'", '"'),
    *(
        "con",
        "NUL.wav",
        "aux",
        "\u202e",
        "\u200b",
        "\ufeff",
        "..;",
        "file://",
        "art_1",
        "-rf",
        " ",
        ".",
        "é",
        "名",
        "🎵",
    ),
    *("song", ".wav", ".html", ".php", "etc/passwd", "CON.txt", "a" * 300, "%00", "{{7*7}}", "<b>", "&", "#", "?x="),
]


def hostile_names(count: int) -> list[str]:
    """Names of random hostile pieces; the same ones in each run."""
    chosen = random.Random(11)
    return ["".join(chosen.choices(PIECES, k=chosen.randint(1, 6))) for _ in range(count)]


def test_500_hostile_names_stay_names(server: HttpServer, key: str) -> None:
    client, home = server.client(key), server.studio.settings.home
    around = {path for path in home.parent.rglob("*") if home not in path.parents}
    for number, name in enumerate(hostile_names(500)):
        suffix, content = POLYGLOTS[number % len(POLYGLOTS)]
        content += str(number).encode()
        made = client.put("/api/v1/uploads", params={"name": (name + suffix)[:1000]}, content=content)
        assert made.status_code == 201, (name, made.text)
        check_harmless(client.get(made.headers["location"]).headers)
    stored = [path for path in (home / "artifacts").rglob("*") if path.is_file()]
    assert len(stored) == 500
    assert all(len(path.name) == 64 and path.parent.name == path.name[:2] for path in stored)
    assert {path for path in home.parent.rglob("*") if home not in path.parents} == around
    assert [*(home / "staging").iterdir()] == []


def check_harmless(headers: object) -> None:
    """That a browser keeps a file and shows nothing of it."""
    given = Message()
    for name in ("content-type", "content-disposition"):
        given[name] = headers[name]  # type: ignore[index]
    assert given.get_content_disposition() == "attachment"
    assert headers["x-content-type-options"] == "nosniff"  # type: ignore[index]
    assert "sandbox" in headers["content-security-policy"]  # type: ignore[index]
    kind = given.get_content_type()
    assert not any(word in kind for word in ("html", "svg", "xml", "script", "pdf", "flash", "mht", "multipart")), kind
    own = given.get_filename()
    assert own
    assert not set(own) & set('/\\:<>"|?*\0\r\n\u202e')
    assert own not in (".", "..")


@pytest.mark.parametrize(
    ("name", "media_type", "expected"),
    [
        ("song.flac", "audio/flac", "song.flac"),
        ("pwn.html", "audio/wav", "pwn.html.wav"),
        ("clip.mp4", "audio/mp4", "clip.mp4"),
        ("words.json", "application/json", "words.json"),
        ("words", "application/json", "words"),
        ("nul.wav", "audio/wav", "_nul.wav"),
        ("a\u202evbs.exe", "audio/wav", "a_vbs.exe.wav"),
        ("x.html", "application/octet-stream", "x.html.bin"),
        ("...", "text/plain", "file"),
    ],
)
def test_the_ending_is_that_of_the_content(name: str, media_type: str, expected: str) -> None:
    assert download_name(name, media_type) == expected


@pytest.mark.parametrize(
    "media_type",
    ["text/html", "image/svg+xml", "application/xml", "application/pdf", "text/html;x=audio/wav", "a\r\nb/c"],
)
def test_what_a_browser_runs_has_no_type(media_type: str) -> None:
    assert served_type(media_type) == "application/octet-stream"
