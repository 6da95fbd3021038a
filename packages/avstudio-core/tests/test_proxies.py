"""Proxies of the environment: used for other machines, and never for this one."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from avstudio_core import Weights, WeightsFile
from avstudio_core.egress import Gate, proxy_of
from avstudio_core.errors import EgressRefused, WeightsMissing
from avstudio_core.models.downloads import fetch
from avstudio_core.settings_sources import load

CONTENT = b"weights"
FILE = WeightsFile("far.bin", hashlib.sha256(CONTENT).hexdigest())


class Far(Weights):
    name = "far"
    family = "talking"
    licence = "MIT"
    repository = "owner/far"
    revision = "0123456789" * 4


class Proxy(ThreadingHTTPServer):
    """A proxy that sends the file itself, and the requests that it got. It opens no tunnels."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Passing(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.path)
        self.send_error(403, "No Tunnels")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies, to change."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return monkeypatch


def fetched(tmp_path: Path, **given: object) -> bytes:
    refused: list[str] = []
    settings = load({"home": tmp_path, **given}, {})
    fetch(Gate(settings, lambda host, reason: refused.append(reason)), Far, FILE, tmp_path / "far.bin", lambda _: None)
    return (tmp_path / "far.bin").read_bytes()


def test_a_download_goes_through_the_proxy(tmp_path: Path, proxy: Proxy, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("http_proxy", proxy.url)
    assert fetched(tmp_path, hub="http://hub.example") == CONTENT
    assert proxy.asked == [f"http://hub.example/owner/far/resolve/{Far.revision}/far.bin"]


def test_an_encrypted_download_asks_for_a_tunnel(tmp_path: Path, proxy: Proxy, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", proxy.url)
    with pytest.raises(WeightsMissing, match="cannot be fetched"):
        fetched(tmp_path, hub="https://hub.example")
    assert proxy.asked == ["hub.example:443"]


def test_a_download_from_this_machine_uses_no_proxy(
    tmp_path: Path, proxy: Proxy, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("http_proxy", "http://127.0.0.1:9")
    assert fetched(tmp_path, hub=proxy.url) == CONTENT
    assert len(proxy.asked) == 1


def test_a_proxy_must_be_allowed_as_well(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("https_proxy", "http://user:secret@proxy.example:3128")
    with pytest.raises(EgressRefused, match=r"its proxy 'proxy\.example' cannot be used: .* allowed hosts"):
        fetched(tmp_path, hub="https://hub.example", allowed_hosts="hub.example")


@pytest.mark.parametrize(
    ("url", "no_proxy", "given", "proxy"),
    [
        ("https://models.example/v1", "", {}, "http://one:1"),
        ("http://models.example/v1", "", {}, "http://two:2"),
        ("https://models.example/v1", "other.example", {}, "http://one:1"),
        ("https://models.example/v1", "models.example", {}, None),
        ("https://eu.models.example:8443/v1", ".models.example", {}, None),
        ("https://models.example/v1", "*", {}, None),
        ("http://127.0.0.1:11434", "", {}, None),
        ("http://models.localhost", "", {}, None),
        ("http://192.168.1.20:8000", "", {"trusted_hosts": "192.168.1.0/24"}, None),
        ("http://192.168.1.20:8000", "", {}, "http://two:2"),
    ],
)
def test_which_proxy(
    tmp_path: Path, environment: pytest.MonkeyPatch, url: str, no_proxy: str, given: dict[str, str], proxy: str | None
) -> None:
    environment.setenv("HTTPS_PROXY", "http://one:1")
    environment.setenv("ALL_PROXY", "two:2")
    environment.setenv("NO_PROXY", no_proxy)
    assert proxy_of(load({"home": tmp_path, **given}, {}), url) == proxy
