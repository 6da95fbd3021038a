"""Clients that are slow, many or send too much, while others are answered."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator

import pytest

from avstudio_core import Studio
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
SOCKETS = int(os.environ.get("AVSTUDIO_IDLE_SOCKETS", "1000"))
"""10,000 in the full form."""


@pytest.fixture
def server(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    from avstudio_server.serve import clients

    monkeypatch.setattr(clients, "WAIT_SECONDS", 1.0)
    with HttpServer(studio) as made:
        yield made


def connected(server: HttpServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2])), 20)


def drip(one: socket.socket, seconds: float) -> None:
    """Send a byte now and then. Raises `ConnectionError` when the server has closed the connection."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        one.sendall(b"\n")
        time.sleep(0.05)


def closed(one: socket.socket) -> bool:
    """Whether the server closes a connection within the time that the socket waits."""
    try:
        while one.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


def test_a_client_that_sends_nothing_is_closed(server: HttpServer) -> None:
    with connected(server) as one:
        assert closed(one)


def test_headers_that_come_byte_by_byte_are_not_waited_for(server: HttpServer) -> None:
    with connected(server) as one, pytest.raises(ConnectionError):
        drip(one, seconds=20)


def test_a_body_that_does_not_come_is_not_waited_for(server: HttpServer) -> None:
    head = (
        f"POST /api/v1/plans HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key()}\r\nContent-Length: 9\r\n\r\n"
    )
    with connected(server) as one:
        one.sendall(head.replace("Host: x", f"Host: {server.address.partition('//')[2]}").encode() + b"{")
        assert closed(one)


def head(server: HttpServer, length: int) -> bytes:
    """The head of a request with a body."""
    lines = [
        "POST /api/v1/plans HTTP/1.1",
        f"Host: {server.address.partition('//')[2]}",
        f"Authorization: Bearer {server.key()}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_body_that_comes_slowly_is_waited_for(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from avstudio_server.serve import clients

    monkeypatch.setattr(clients, "LEAST_RATE", 1.0)
    with connected(server) as one:
        one.sendall(head(server, 8))
        for byte in b"        ":
            time.sleep(0.2)
            one.sendall(bytes([byte]))
        assert one.recv(4096).startswith(b"HTTP/1.1 4")


def test_a_body_that_comes_byte_by_byte_is_not_waited_for(server: HttpServer) -> None:
    with connected(server) as one:
        one.sendall(head(server, 1000))
        with pytest.raises(ConnectionError):
            drip(one, seconds=20)


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nX-Slow: ", b""], ids=["head", "body"])
def test_a_request_that_does_not_come_is_answered_before_its_connection_is_closed(
    server: HttpServer, sent: bytes
) -> None:
    with connected(server) as one:
        one.sendall(sent or head(server, 1000) + b"{")
        answer = one.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 408 ")
    assert json.loads(answer.partition("\r\n\r\n")[2])["code"] == "request_too_slow"


def test_hundreds_of_slow_clients_are_closed_while_others_are_answered(server: HttpServer) -> None:
    slow = [connected(server) for _ in range(240)]
    begun = head(server, 1000)
    for number, one in enumerate(slow):
        one.sendall([b"GET / HTTP/1.1\r\nX-Slow: ", begun, begun + b"{"][number % 3])
    with server.client(server.key()) as client:
        statuses = {client.get("/api/v1/system/health/ready").status_code for _ in range(20)}
    assert statuses == {200}
    assert all(map(closed, slow))
    for one in slow:
        one.close()


@pytest.mark.parametrize(
    "headers",
    [b"X-Long: " + b"x" * 70_000 + b"\r\n\r\n", b"X-Long: " + b"x" * 2**17, b"X-Many: 1\r\n" * 129 + b"\r\n"],
    ids=["whole", "long", "many"],
)
def test_headers_have_a_limit(server: HttpServer, headers: bytes) -> None:
    with connected(server) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        one.sendall(headers)
        assert problem_of(one) == (431, "headers_too_large")


def test_an_address_has_the_limit_of_headers(server: HttpServer) -> None:
    with connected(server) as one:
        one.sendall(b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert problem_of(one) == (431, "headers_too_large")


def problem_of(one: socket.socket) -> tuple[int, str]:
    """The status and the code of the problem document with which a connection ends."""
    head, _, body = b"".join(iter(lambda: one.recv(65536), b"")).partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    found = json.loads(body)
    assert f"x-request-id: {found['request_id']}".encode() in head
    assert int(head.split()[1]) == found["status"]
    return found["status"], found["code"]


def test_what_is_not_http_gets_a_problem(server: HttpServer) -> None:
    with connected(server) as one:
        one.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert problem_of(one) == (400, "bad_request")


A_FILE = b'Content-Disposition: form-data; name="a"; filename="a"\r\n\r\na'


@pytest.mark.parametrize(("part", "code"), [(A_FILE, "too_large"), (b"A: b\r\n" * 100, "invalid_input")])
def test_a_flood_of_parts_or_of_their_headers_ends_early(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch, part: bytes, code: str
) -> None:
    monkeypatch.setattr("avstudio_server.http.forms.MOST_PARTS", 5)
    flood = (b"--x\r\n" + part + b"\r\n") * 1000
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = server.client(server.key()).post("/api/v1/uploads", content=flood, headers=kind)
    assert answer.json()["code"] == code
    assert server.studio.media.page().items == []


def test_the_server_answers_while_many_sockets_are_idle(studio: Studio) -> None:
    with HttpServer(studio) as server:
        idle = [connected(server) for _ in range(SOCKETS)]
        for one in idle[::2]:
            one.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        with server.client(server.key()) as client:
            seconds = [client.get("/api/v1/tasks").elapsed.total_seconds() for _ in range(50)]
        for one in idle:
            one.close()
    assert sorted(seconds)[25] < 2.0
    print(f"{SOCKETS} idle sockets: p99 {1000 * sorted(seconds)[49]:.0f} ms")


def test_the_client_that_waits_longest_makes_room(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    from avstudio_server.serve import server as serving

    monkeypatch.setattr(serving, "most_waiting", lambda: 5)
    with HttpServer(studio) as server:
        first = connected(server)
        others = [connected(server) for _ in range(9)]
        assert closed(first)
        assert server.client(server.key()).get("/api/v1/tasks").status_code == 200
        for one in (first, *others):
            one.close()
