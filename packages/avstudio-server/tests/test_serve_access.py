"""Who may come in: keys, tokens, a browser's link, pages of other servers, limits."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from types import ModuleType

import httpx2
import pytest

from avstudio_core import Studio
from avstudio_core.errors import InvalidInput
from avstudio_core.testing import exercises
from avstudio_server.http.addresses import addresses
from avstudio_server.http.browsers import KEPT
from avstudio_server.http.tokens import tokens
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
TASK = "/api/v1/tasks/task_0"
WAIT = "/api/v1/exercise/wait?dry_run=true"
PAGE = "https://app.example"
PATIENCE = 30.0
"""It takes less than a second, but not on a busy machine."""
SOON = 5.0
"""When a key expires, in seconds; until then, several connections must be open."""


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [exercises]


@pytest.fixture
def server(studio: Studio) -> Iterator[HttpServer]:
    with HttpServer(studio, origin=[PAGE]) as made:
        yield made


def test_a_key_is_exchanged_for_a_token(server: HttpServer) -> None:
    client = server.client(server.key("read", "run"))
    made = client.post("/api/v1/system/token", json={"scopes": ["read"]})
    assert (made.status_code, made.json()["expires_in"]) == (201, 900)
    visitor = server.client(made.json()["access_token"])
    assert visitor.get(TASK).status_code == 404
    assert visitor.post("/api/v1/exercise/wait", json={}).json()["code"] == "not_allowed"
    assert client.post("/api/v1/system/token", json={"scopes": ["admin"]}).status_code == 422
    renewed = visitor.post("/api/v1/system/token")  # it would be valid for ever
    assert (renewed.status_code, renewed.json()["code"]) == (403, "not_allowed")


def test_a_revoked_key_ends_its_tokens_within_a_second(server: HttpServer, studio: Studio) -> None:
    key = server.key("read")
    visitors = [
        server.client(key),
        server.client(server.client(key).post("/api/v1/system/token").json()["access_token"]),
    ]
    assert [one.get(TASK).status_code for one in visitors] == [404, 404]
    studio.keys.revoke(studio.keys.all()[0].id)
    time.sleep(1)
    assert [one.get(TASK).status_code for one in visitors] == [401, 401]


def ended(server: HttpServer, key: str) -> Callable[[], float]:
    """A stream of events with a key; what is returned waits for its end, and returns how long that took."""
    with contextlib.ExitStack() as opened:
        answer = opened.enter_context(server.client(key).stream("GET", "/api/v1/events"))
        kept = opened.pop_all()

    def wait() -> float:
        began = time.monotonic()
        with kept:
            assert "event: stream.refused" in answer.read().decode()
        return time.monotonic() - began

    return wait


@pytest.mark.parametrize("how", ["revoked", "expired", "token expired", "owner deleted"])
def test_a_stream_ends_with_its_key(server: HttpServer, studio: Studio, how: str) -> None:
    key = server.key("read", owner="ann", **({"seconds": SOON} if how == "expired" else {}))
    if how == "token expired":
        key = tokens(studio).issue(studio.keys.principal_of(key), seconds=int(SOON))
    other = server.client(server.key("read")).stream("GET", "/api/v1/events")
    client = pytest.importorskip("websockets.sync.client")
    address = f"{server.address.replace('http:', 'ws:')}/api/v1/stream"
    with client.connect(address, additional_headers={"X-API-Key": key}, proxy=None) as events, other as going_on:
        wait = ended(server, key)
        if how == "revoked":
            studio.keys.revoke(studio.keys.all()[0].id)
        elif how == "owner deleted":
            studio.administration.delete_owner("ann")
        assert wait() < PATIENCE
        assert json.loads(events.recv(PATIENCE))["type"] == "stream.refused"
        with pytest.raises(Exception, match="1008"):
            events.recv(PATIENCE)
        assert not going_on.is_closed


def test_an_upload_ends_with_its_key(server: HttpServer, studio: Studio) -> None:
    key = server.key("read", "run")
    upload = server.client(key).post("/api/v1/uploads", json={"name": "a.bin", "size": 10**6}).json()["id"]
    with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2])), 20) as one:
        head = f"PATCH /api/v1/uploads/{upload} HTTP/1.1\r\nHost: {server.address.partition('//')[2]}"
        one.sendall(f"{head}\r\nX-API-Key: {key}\r\nContent-Length: 1000000\r\n\r\nabc".encode())
        time.sleep(0.2)
        studio.keys.revoke(studio.keys.all()[0].id)
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            one.recv(4096)
        assert time.monotonic() - began < PATIENCE


def _changed(part: int, change: Callable[[dict[str, object]], object]) -> Callable[[str], str]:
    def forged(token: str) -> str:
        parts = token.split(".")
        content = json.loads(base64.urlsafe_b64decode(parts[part] + "=="))
        change(content)
        parts[part] = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
        return ".".join(parts)

    return forged


@pytest.mark.parametrize(
    "forged",
    [
        _changed(0, lambda header: header.update(alg="none")),
        _changed(0, lambda header: header.update(alg="HS512")),
        _changed(0, lambda header: header.update(alg="RS256")),
        _changed(0, lambda header: header.pop("kid")),
        _changed(1, lambda claims: claims.update(scopes=["admin"])),
        _changed(1, lambda claims: claims.update(exp=2**40)),
        _changed(1, lambda claims: claims.update(aud="other")),
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token[:-2],
        lambda token: token + "A",
        lambda token: token.replace(".", "..", 1),
        lambda token: "eyJ",
        lambda token: "eyJ" + "A" * 5000,
    ],
)
def test_a_forged_token_is_refused(server: HttpServer, forged: Callable[[str], str]) -> None:
    token = server.client(server.key("read")).post("/api/v1/system/token").json()["access_token"]
    answer = server.client(forged(token)).get(TASK)
    assert (answer.status_code, answer.json()["code"]) == (401, "key_refused")


def test_a_weak_secret_stops_the_start(studio: Studio) -> None:
    studio.secrets.set("AVSTUDIO_TOKEN_SECRET", "a" * 40)
    with pytest.raises(InvalidInput, match="is weak"), HttpServer(studio):
        pass


def test_a_link_lets_one_browser_in(server: HttpServer) -> None:
    with httpx2.Client(base_url=server.address) as browser, httpx2.Client(base_url=server.address) as other:
        cookie = browser.get(server.link).headers["set-cookie"].lower()
        assert all(word in cookie for word in ("httponly", "samesite=strict", "path=/"))
        assert browser.get(TASK).status_code == 404
        assert (other.get(server.link).status_code, other.get(TASK).status_code) == (401, 401)
        assert browser.post(WAIT, json={}).status_code == 401
        assert browser.post(WAIT, json={}, headers={"Origin": server.address}).status_code == 200
        assert browser.post(WAIT, json={}, headers={"Origin": "http://localhost:1"}).status_code == 403


def test_a_server_that_is_started_again_keeps_its_link_and_its_browsers(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    links, cookies = [], httpx2.Cookies()
    for _ in range(2):
        monkeypatch.setenv(KEPT, "x" * 43)
        with HttpServer(studio) as server, httpx2.Client(base_url=server.address, cookies=cookies) as browser:
            links.append(server.link)
            if not cookies:
                browser.get(server.link)
            assert browser.get(TASK).status_code == 404
            cookies = browser.cookies
    assert links == ["/login?token=" + "x" * 43] * 2


def test_there_is_no_link_once_somebody_has_a_key(studio: Studio) -> None:
    studio.keys.create("mine")
    with HttpServer(studio) as server:
        assert server.link == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "studio.example"])
def test_other_addresses_need_a_key(studio: Studio, host: str) -> None:
    with pytest.raises(InvalidInput, match="Without an API key"), HttpServer(studio, host=host):
        pass


@pytest.mark.parametrize(
    ("host", "header", "allowed"),
    [
        ("127.0.0.1", "localhost:80", True),
        ("127.0.0.1", "[::1]", True),
        ("127.0.0.1", "192.0.2.1", False),
        ("127.0.0.1", "localhost:81", False),
        ("127.0.0.1", "a/?x=localhost", False),
        ("127.0.0.1", "localhost.", False),
        ("127.0.0.1", "proxy.example:8443", True),
        ("0.0.0.0", "192.0.2.1", True),
        ("0.0.0.0", "[2001:db8::1]:80", True),
        ("0.0.0.0", "192.0.2.1:81", False),
        ("0.0.0.0", "evil.example", False),
        ("studio.example", "studio.example", True),
        ("studio.example", "localhost", False),
    ],
)
def test_a_server_answers_to_its_own_names(host: str, header: str, allowed: bool) -> None:
    known = addresses(host, 80, "http", ["Proxy.example"], [])
    assert known.is_host(header) is allowed
    assert known.is_origin(f"http://{header}") is allowed
    assert not known.is_origin(f"https://{header}") or header.startswith("proxy")


def test_an_allowed_page_asks_first_and_reads_the_answer(server: HttpServer) -> None:
    asks = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    first = server.client(**asks).options(WAIT)
    assert (first.status_code, first.headers["access-control-allow-origin"]) == (204, PAGE)
    assert "authorization" in first.headers["access-control-allow-headers"]
    answer = server.client(server.key(), Origin=PAGE).post(WAIT, json={})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    assert server.client(**asks | {"Origin": "https://evil.example"}).options(WAIT).status_code == 403


def test_too_many_requests_are_told_when_to_come_again(studio: Studio) -> None:
    with HttpServer(studio, rate=5) as server:
        client = server.client(server.key())
        answers = [client.get(TASK)]
        while answers[-1].status_code == 404 and len(answers) < 9:
            answers.append(client.get(TASK))
        assert answers[-1].status_code == 429
        assert len(answers) >= 6  # more if another minute begins meanwhile
        assert answers[0].headers["ratelimit"].startswith('"requests";r=4;t=')
        assert int(answers[-1].headers["retry-after"]) > 0
        assert answers[-1].headers["ratelimit"].startswith('"requests";r=0;t=')
        assert server.client(server.key()).get(TASK).status_code == 404


def test_an_address_that_guesses_keys_is_stopped(server: HttpServer) -> None:
    client = server.client("avs_wrong")
    statuses = [client.get(TASK).status_code]
    while statuses[-1] == 401 and len(statuses) < 300:  # 121 are enough, unless another minute begins meanwhile
        statuses.append(client.get(TASK).status_code)
    assert statuses[-1] == 429
    assert len(statuses) > 120
    assert server.client(server.key()).get(TASK).status_code == 404
