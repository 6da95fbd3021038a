"""Files that are sent by HTTP: whole, as forms, or in parts; and what is left of those that break off: nothing."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import socket
from http.client import HTTPConnection
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import update

import avstudio_server.plugin
from avstudio_core import Studio
from avstudio_core.storage.tables import uploads
from avstudio_core.testing import exercises, until
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")

CONTENT = os.urandom(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [avstudio_server.plugin, exercises]


def files(studio: Studio) -> list[str]:
    """The files that the studio has of what was sent; some folders disappear meanwhile."""
    folders = [studio.settings.home / name for name in ("staging", "artifacts", "uploads")]
    return sorted(name for folder in folders for _, _, names in os.walk(folder) for name in names)


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_file_is_sent_as_it_is(server: HttpServer, method: str) -> None:
    client = server.client(server.key())
    answer = client.request(method, "/api/v1/uploads", params={"name": "song.wav", "sha256": SHA256}, content=CONTENT)
    assert (answer.status_code, answer.json()["sha256"], answer.json()["trust"]) == (201, SHA256, "media")
    assert client.get(answer.headers["location"]).content == CONTENT


@pytest.mark.parametrize(
    ("coding", "status"),
    [
        ({"Content-Encoding": "gzip"}, 415),
        ({"Transfer-Encoding": "gzip, chunked"}, 415),
        ({"Content-Encoding": "identity"}, 201),
    ],
)
def test_a_compressed_body_is_refused_and_not_stored_as_the_file(
    server: HttpServer, coding: dict[str, str], status: int
) -> None:
    key = server.key()
    headers = {"Authorization": f"Bearer {key}", "Transfer-Encoding": "chunked", **coding}
    client = HTTPConnection(server.address.partition("//")[2])
    client.request("PUT", "/api/v1/uploads?name=a.wav", b"1\r\nx\r\n0\r\n\r\n", headers)
    assert client.getresponse().status == status
    client.close()
    assert len(server.client(key).get("/api/v1/media").json()["media"]) == (status == 201)


def test_several_files_are_sent_as_a_form(server: HttpServer) -> None:
    client = server.client(server.key())
    answer = client.post("/api/v1/uploads", files={"one": ("a.txt", CONTENT), "two": ("b.vtt", b"WEBVTT\n")})
    made = answer.json()["artifacts"]
    assert [(one["name"], one["size"], one["media_type"]) for one in made] == [
        ("a.txt", len(CONTENT), "text/plain"),
        ("b.vtt", 7, "text/vtt"),
    ]


def test_an_upload_goes_on_after_a_break_and_a_restart(studio: Studio) -> None:
    with HttpServer(studio) as first:
        key = first.key()
        given = {"name": "song.bin", "size": len(CONTENT), "sha256": SHA256}
        begun = first.client(key).post("/api/v1/uploads", json=given)
        assert (begun.status_code, begun.headers["upload-offset"]) == (201, "0")
        place = begun.headers["location"]
        break_off(first, key, place, CONTENT[:2_000_000])
        arrived(first, key, place)
    with HttpServer(studio) as second:
        client = second.client(key)
        offset = int(client.head(place).headers["upload-offset"])
        answer = client.patch(place, content=CONTENT[offset:], headers={"Upload-Offset": str(offset)})
        assert (answer.status_code, answer.json()["offset"]) == (200, len(CONTENT))
        assert client.get(answer.headers["content-location"]).content == CONTENT
    assert files(studio) == [SHA256]


def break_off(server: HttpServer, key: str, place: str, part: bytes, method: str = "PATCH") -> None:
    """Send a part, but not all that was announced; leave when the server writes a file of it."""
    host, port = server.address.removeprefix("http://").split(":")
    before = files(server.studio)
    head = f"{method} {place} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"
    head += "Upload-Offset: 0\r\nContent-Length: 2900000\r\n\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + part)
        until(lambda: files(server.studio) != before or method == "PATCH")


def arrived(server: HttpServer, key: str, place: str) -> int:
    """How much of an upload has been received, once something has."""
    client = server.client(key)
    return until(lambda: int(client.head(place).headers["upload-offset"]))


def test_nothing_remains_of_a_file_that_breaks_off(server: HttpServer) -> None:
    break_off(server, server.key(), "/api/v1/uploads?name=song", CONTENT[:2_000_000], "PUT")
    until(lambda: files(server.studio) == [])


def test_a_part_is_refused_at_a_wrong_offset(server: HttpServer) -> None:
    client = server.client(server.key())
    place = client.post("/api/v1/uploads", json={"name": "x", "size": 10}).headers["location"]
    assert client.patch(place, content=b"12345").json()["offset"] == 5
    refused = client.put(place, content=b"12345", headers={"Content-Range": "bytes 0-4/10"})
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert client.put(place, content=b"123456", headers={"Content-Range": "bytes 5-10/10"}).status_code == 413
    assert client.put(place, content=b"6789a", headers={"Content-Range": "bytes 5-9/10"}).json()["artifact"]


def test_the_core_of_tus_is_spoken(server: HttpServer) -> None:
    client = server.client(server.key())
    name = base64.b64encode("süß.txt".encode()).decode()
    headers = {"Upload-Length": "4", "Upload-Metadata": f"filename {name},type eA==", "Tus-Resumable": "1.0.0"}
    place = client.post("/api/v1/uploads", headers=headers).headers["location"]
    sent = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    answer = client.patch(place, content=b"text", headers=sent)
    assert answer.headers["upload-offset"] == "4"
    assert client.get(f"{answer.headers['content-location']}.json").json()["name"] == "süß.txt"


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"params": {"name": "x", "sha256": SHA256}, "content": b"text"}, 422),
        ({"params": {"name": "x"}, "content": b""}, 422),
        ({"params": {"name": "x", "sha256": "abc"}, "content": b"text"}, 422),
        ({"params": {"name": ""}, "content": b"text"}, 422),
        ({"json": {"name": "x", "size": 0}}, 422),
        ({"json": {"name": "x", "size": 10**15}}, 413),
        ({"json": {"name": "x", "size": 5, "owner": "me"}}, 422),
        ({"content": b"text"}, 422),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 422),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 422),
        ({"content": b"--b\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 422),
        ({"content": b"--b\r\n\r\n\r\n--b--", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 422),
        ({"files": {f"f{number}": ("a", b"x") for number in range(250)}}, 413),
        ({"files": {"f": ("a", b"x", "text/plain", {"X-Long": "x" * 100_000})}}, 422),
        ({"data": {"f": "text"}, "files": {"g": ("a", b"x")}}, 422),
        ({"headers": {"Upload-Length": "5", "Upload-Metadata": "filename %%"}}, 422),
        ({"headers": {"Upload-Length": "5"}, "content": b"hello"}, 422),
    ],
)
def test_what_is_not_a_valid_upload_is_a_problem(server: HttpServer, how: dict[str, Any], status: int) -> None:
    answer = server.client(server.key()).post("/api/v1/uploads", **how)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text


def test_a_large_body_is_refused_before_it_is_read(server: HttpServer) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    for path, size in (("/api/v1/uploads?name=x", 10**12), ("/api/v1/exercise/wait", 5 * 2**20)):
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.putrequest("POST", path)
        connection.putheader("Authorization", f"Bearer {server.key()}")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()


def test_an_upload_of_another_owner_is_unknown(server: HttpServer) -> None:
    place = server.client(server.key()).post("/api/v1/uploads", json={"name": "x", "size": 4}).headers["location"]
    other = server.client(server.key())
    answers = [other.request(method, place, content=b"text") for method in ("GET", "HEAD", "PATCH", "PUT", "DELETE")]
    assert {answer.status_code for answer in answers} == {404}
    reader = server.client(server.key("read"))
    assert reader.put("/api/v1/uploads", params={"name": "x"}, content=b"text").status_code == 403


def test_an_upload_is_given_up(server: HttpServer) -> None:
    client = server.client(server.key())
    place = client.post("/api/v1/uploads", json={"name": "x", "size": 4}).headers["location"]
    client.patch(place, content=b"te")
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404
    assert files(server.studio) == []


def test_the_folder_has_only_names_of_the_studio(server: HttpServer, tmp_path: Path) -> None:
    client = server.client(server.key())
    client.put("/api/v1/uploads", params={"name": "../../../evil.txt"}, content=b"text")
    assert list(tmp_path.rglob("*evil*")) == []


def test_a_server_that_starts_removes_old_uploads(studio: Studio) -> None:
    with HttpServer(studio) as server:
        client = server.client(server.key())
        place = client.post("/api/v1/uploads", json={"name": "x", "size": 4}).headers["location"]
        client.patch(place, content=b"te")
    old = update(uploads).values(touched_at=uploads.c.touched_at - 100 * 3600)
    studio._database.write(lambda transaction: transaction.execute(old))
    os.utime(studio.settings.home / "uploads" / place.rpartition("/")[2], (0, 0))
    with HttpServer(studio):
        assert files(studio) == []
