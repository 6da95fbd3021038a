"""Clients that are slow, many or send too much, while others are answered."""

from __future__ import annotations

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


def test_a_body_that_comes_slowly_is_waited_for(server: HttpServer) -> None:
    lines = [
        "POST /api/v1/auth/session HTTP/1.1",
        f"Host: {server.address.partition('//')[2]}",
        f"Authorization: Bearer {server.key()}",
        "Content-Type: application/json",
        "Content-Length: 8",
    ]
    with connected(server) as one:
        one.sendall("\r\n".join([*lines, "", ""]).encode())
        for byte in b"        ":
            time.sleep(0.3)
            one.sendall(bytes([byte]))
        assert one.recv(4096).startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    "headers", [b"X-Long: " + b"x" * 2**20, b"X-Many: 1\r\n" * 1000 + b"\r\n"], ids=["long", "many"]
)
def test_headers_have_a_limit(server: HttpServer, headers: bytes) -> None:
    with connected(server) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        try:
            one.sendall(headers)
            assert one.recv(4096).split()[1] in (b"431", b"400")
        except ConnectionError:  # it was closed before all was sent
            pass
        assert closed(one)


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
