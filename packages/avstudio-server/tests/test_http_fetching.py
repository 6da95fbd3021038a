"""Files from URLs: only if allowed, and never from this machine or its networks, however that is written."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import avstudio_server.plugin
from avstudio_core import Studio
from avstudio_core.testing import exercises
from avstudio_server.testing.http_server import HttpServer

if TYPE_CHECKING:
    from httpx2 import Client

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs several loopback addresses")

CANARY, PUBLIC = "127.0.0.1", "127.0.0.2"
"""The address that must not be reached, and one that stands for the public internet."""
SECRET = b"the canary's secret"


class Answers(BaseHTTPRequestHandler):
    """A server that answers by the path: a file, a redirect to what follows, nothing, or one byte at a time."""

    def do_GET(self) -> None:
        self.server.hits.append(self.path)  # type: ignore[attr-defined]
        kind, _, rest = self.path[1:].partition("/")
        if kind == "to":
            self.send_response(int(rest[:3]))
            self.send_header("Location", rest[4:])
            self.end_headers()
            return
        self.send_response(404 if kind == "none" else 200)
        self.send_header("Content-Length", "1000" if kind in ("short", "slow") else "4")
        self.end_headers()
        if kind == "slow":
            for _ in range(1000):
                self.wfile.write(b"x")
                time.sleep(0.05)
        self.wfile.write(b"file")

    def log_message(self, *_: object) -> None:
        pass


class Listening(ThreadingHTTPServer):
    daemon_threads = True
    hits: list[str]

    def handle_error(self, *_: object) -> None:
        pass


@pytest.fixture
def listening() -> Iterator[Callable[[str], Listening]]:
    """Make a server at an address."""
    made: list[Listening] = []

    def listen(address: str) -> Listening:
        server = Listening((address, 0), Answers)
        server.hits = []
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        made.append(server)
        return server

    yield listen
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.fixture
def canary(listening: Callable[[str], Listening]) -> Listening:
    return listening(CANARY)


@pytest.fixture
def public(listening: Callable[[str], Listening]) -> Listening:
    return listening(PUBLIC)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """What host names mean: the answers to one look-up after another; the last one stays."""
    known: dict[str, list[list[str]]] = {}
    look_up = socket.getaddrinfo

    def answered(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in known:
            return look_up(host, port, *args, **options)
        found = known[name].pop(0) if len(known[name]) > 1 else known[name][0]
        family = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in found]
        return [(kind, socket.SOCK_STREAM, 6, "", (one, port)) for kind, one in zip(family, found, strict=True)]

    monkeypatch.setattr(socket, "getaddrinfo", answered)
    return known


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., HttpServer]]:
    """Make a server with some settings."""
    opened: list[Any] = []

    def serve(**settings: Any) -> HttpServer:
        plugins: list[ModuleType] = [avstudio_server.plugin, exercises]
        studio = Studio(home=tmp_path / "home", executor="inline", plugins="", add=plugins, **settings)
        server = HttpServer(studio, rate=100_000)
        opened.extend([studio, server])
        return server.__enter__()

    yield serve
    for one in reversed(opened):
        one.__exit__(None, None, None)


@cache
def client_of(server: HttpServer) -> Client:
    """The client of a user."""
    return server.client(server.key())


def fetched(server: HttpServer, url: str) -> tuple[int, str]:
    """The status and code of a task whose source is a URL."""
    answer = client_of(server).post("/api/v1/exercise/copy", json={"source": url})
    assert SECRET not in answer.content
    return answer.status_code, answer.json().get("code", "")


def test_a_file_is_fetched_from_an_allowed_host(serving: Callable[..., HttpServer], public: Listening) -> None:
    server = serving(fetch_hosts=PUBLIC)
    client = server.client(server.key())
    url = f"http://{PUBLIC}:{public.server_port}/to/302//songs/song.txt?x=1"
    answer = client.post("/api/v1/exercise/copy", json={"source": url}, headers={"Prefer": "wait=30"})
    made = answer.json()["result"]["copied"]
    assert (made["trust"], made["name"]) == ("web", "song.txt")
    assert client.get(f"/api/v1/artifacts/{made['id']}").content == b"file"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("exercise/copy", {"suffix": [1]}),
        ("exercise/copy?dry_run=true", {}),
        ("plans", {"plan": "exercise.wait"}),
        ("plans?dry_run=true", {"plan": "exercise.copy"}),
    ],
)
def test_a_file_that_was_fetched_for_nothing_is_deleted(
    serving: Callable[..., HttpServer], public: Listening, path: str, body: dict[str, object]
) -> None:
    server = serving(fetch_hosts=PUBLIC)
    client = client_of(server)
    client.post(f"/api/v1/{path}", json={"source": f"http://{PUBLIC}:{public.server_port}/song.txt", **body})
    assert public.hits == ["/song.txt"]
    assert client.get("/api/v1/media").json()["media"] == []


def test_nothing_is_fetched_by_default(serving: Callable[..., HttpServer], canary: Listening) -> None:
    assert fetched(serving(), f"http://{CANARY}:{canary.server_port}/x") == (403, "not_allowed")
    assert canary.hits == []


HOSTS = [
    *("127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433"),
    *("017700000001", "127.0.0.1.", "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    *("[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::1]"),
    *("[0:0:0:0:0:0:0:1]", "[::1%25lo]", "[fe80::1]", "[fc00::1]", "[ff02::1]", "[fec0::1]", "localhost", "LOCALHOST"),
    *("localhost.", "a.localhost", "loop.test", "map.test", "x@127.0.0.1", "127.0.0.1@x", "127.0.0.1#@x", "10.0.0.1"),
    *(
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
    ),
    *(
        "255.255.255.255",
        "127.0.0.1%00",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "１２７.0.0.1",
        "127.0.0.1\t",
        "mixed.test",
        "",
        "-",
    ),
]
FORMS = ("http://{}:{}/x", "https://{}:{}/x", "HTTP://{}:{}/x", "http:\\\\{}:{}/x", "http://{}:{}\\@x/")
SCHEMES = [
    *("file", "ftp", "gopher", "dict", "jar", "ldap", "ssh", "tftp", "rtmp", "rtsp", "udp", "tcp", "concat", "subfile"),
    *("crypto+file", "data", "ws", "unix", "netdoc", "php", "view-source", "blob", "javascript", "smb", "nfs", "s3"),
]


def test_no_spelling_of_this_machine_is_reached(
    serving: Callable[..., HttpServer], canary: Listening, names: dict[str, list[list[str]]], tmp_path: Path
) -> None:
    names |= {"loop.test": [[CANARY]], "map.test": [["::ffff:127.0.0.1"]], "mixed.test": [["8.8.8.8", CANARY]]}
    names |= {"a.localhost": [[CANARY]], "x": [[CANARY]]}
    secret = tmp_path / "secret.txt"
    secret.write_bytes(SECRET)
    server, port = serving(fetch_hosts="*"), canary.server_port
    payloads = [form.format(host, port) for host in HOSTS for form in FORMS]
    payloads += [f"{scheme}://{place}" for scheme in SCHEMES for place in (f"{CANARY}:{port}/x", str(secret))]
    payloads += [f"file://localhost{secret}", f"http://{CANARY}:{port}/\r\nHost: x", f"http://{CANARY}:99999/"]
    assert len(payloads) >= 300
    answers = {url: fetched(server, url) for url in payloads}
    assert {url: found for url, found in answers.items() if found[0] not in (403, 404, 422)} == {}
    assert canary.hits == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_redirect_is_checked(
    serving: Callable[..., HttpServer], canary: Listening, public: Listening, status: int, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_bytes(SECRET)
    server = serving(fetch_hosts=f"*,{PUBLIC}")
    start = f"http://{PUBLIC}:{public.server_port}/to/{status}"
    inside = f"{CANARY}:{canary.server_port}/x"
    places = [f"http://{inside}", f"//{inside}", f"file://{tmp_path}/secret.txt", f"ftp://{inside}", "", "http://[::1"]
    for place in (*places, f"{start}/http://{inside}"):
        assert fetched(server, f"{start}/{place}")[0] in (403, 422), place
    assert fetched(server, start + "/" + "/".join([f"to/{status}"] * 9)) == (422, "unreadable_media")
    assert canary.hits == []


def test_the_address_that_was_checked_is_the_one_that_is_used(
    serving: Callable[..., HttpServer], canary: Listening, public: Listening, names: dict[str, list[list[str]]]
) -> None:
    names["rebind.test"] = [[PUBLIC], [CANARY]]
    server = serving(fetch_hosts=f"rebind.test,{PUBLIC}")
    assert fetched(server, f"http://rebind.test:{public.server_port}/x")[0] == 202
    assert fetched(server, f"http://rebind.test:{canary.server_port}/x") == (403, "egress_refused")
    assert (len(public.hits), canary.hits) == (1, [])


def test_the_policy_of_the_studio_wins(serving: Callable[..., HttpServer]) -> None:
    server = serving(fetch_hosts="*", local_only=True)
    assert fetched(server, "http://93.184.216.34/x") == (403, "egress_refused")


@pytest.mark.parametrize("start", ["http://{}/none", "http://{}/short", "https://{}/without-tls"])
def test_what_is_not_whole_is_refused(serving: Callable[..., HttpServer], public: Listening, start: str) -> None:
    server = serving(fetch_hosts=PUBLIC)
    url = start.format(f"{PUBLIC}:{public.server_port}")
    assert fetched(server, url) == (422, "unreadable_media")
    assert [path for path in (server.studio.settings.home / "artifacts").rglob("*") if path.is_file()] == []


def test_a_slow_server_is_cut_off(serving: Callable[..., HttpServer], public: Listening) -> None:
    server = serving(fetch_hosts=PUBLIC, fetch_seconds=1)
    started = time.monotonic()
    assert fetched(server, f"http://{PUBLIC}:{public.server_port}/slow") == (422, "unreadable_media")
    assert time.monotonic() - started < 20
