"""Clients for each event loop, and the gate before every request."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from hypothesis import given, strategies as st

from avstudio_core.errors import EgressRefused, Unsupported
from avstudio_core.kinds.backend import BackendConfig
from avstudio_core.studio import Studio
from avstudio_core.testing import ModelServer, Sent
from avstudio_core.testing.backend_contract import Witness
from avstudio_llm.backends.google import Google
from avstudio_llm.http import PerLoop, address_obstacle, client_of


@dataclass
class Clients:
    """Counts what is made and closed."""

    made: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)

    def make(self) -> int:
        self.made.append(len(self.made))
        return self.made[-1]

    async def close(self, client: int) -> None:
        self.closed.append(client)


@pytest.fixture
def clients() -> Clients:
    return Clients()


@pytest.fixture
def per_loop(clients: Clients) -> PerLoop[int]:
    return PerLoop(clients.make, clients.close)


def test_a_loop_keeps_its_client(clients: Clients, per_loop: PerLoop[int]) -> None:
    async def twice() -> tuple[int, int]:
        return await per_loop.here(), await per_loop.here()

    assert asyncio.run(twice()) == (0, 0)
    assert asyncio.run(twice()) == (1, 1)


def test_a_loop_that_ends_closes_its_client(clients: Clients, per_loop: PerLoop[int]) -> None:
    asyncio.run(per_loop.here())
    assert clients.closed == [0]


def test_closing_closes_once(clients: Clients, per_loop: PerLoop[int]) -> None:
    async def close() -> None:
        await per_loop.here()
        await per_loop.close()
        await per_loop.close()

    asyncio.run(close())
    assert clients.closed == [0]


def test_after_closing_there_is_a_new_client(per_loop: PerLoop[int]) -> None:
    async def again() -> int:
        await per_loop.here()
        await per_loop.close()
        return await per_loop.here()

    assert asyncio.run(again()) == 1


def test_a_loop_that_ended_its_generators_gets_a_new_client(per_loop: PerLoop[int]) -> None:
    async def again() -> int:
        await per_loop.here()
        await asyncio.get_running_loop().shutdown_asyncgens()
        return await per_loop.here()

    with pytest.warns(ResourceWarning, match="after loop.shutdown_asyncgens"):
        assert asyncio.run(again()) == 1


def test_closing_reaches_the_client_of_another_thread(clients: Clients, per_loop: PerLoop[int]) -> None:
    ready, leave = threading.Event(), threading.Event()

    async def stay() -> None:
        await per_loop.here()
        ready.set()
        while 0 not in clients.closed:
            await asyncio.sleep(0.005)
        leave.set()

    thread = threading.Thread(target=asyncio.run, args=(stay(),))
    thread.start()
    assert ready.wait(30)
    asyncio.run(per_loop.close())
    assert leave.wait(30)
    thread.join()


def test_threads_have_clients_of_their_own(clients: Clients, per_loop: PerLoop[int]) -> None:
    threads = [threading.Thread(target=lambda: asyncio.run(per_loop.here())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(clients.closed) == list(range(20))


@pytest.fixture
def witness(studio: Studio) -> Witness:
    return Witness(studio)


async def fetch(witness: Witness, url: str, *, follow: bool) -> int:
    made = Google(BackendConfig(name="g", kind="google", base_url=url), witness)
    async with client_of(made) as client:
        return (await client.get(url, follow_redirects=follow)).status_code


def test_the_gate_sees_where_a_redirect_goes(witness: Witness) -> None:
    with ModelServer() as second, ModelServer() as first:
        second.say(Sent.data({}))
        first.say(Sent.data({}, 307, {"location": second.url + "/there"}))
        assert asyncio.run(fetch(witness, first.url + "/here", follow=True)) == 200
        assert witness.asked == [first.url + "/here", second.url + "/there"]


@pytest.mark.parametrize("name", ["localhost", "LocalHost.", "models.localhost"])
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_names_of_this_machine_are_not_looked_up(
    witness: Witness, monkeypatch: pytest.MonkeyPatch, name: str, family: socket.AddressFamily
) -> None:
    """A hosts file or a name server could send the words anywhere."""
    looked_up: list[Any] = []
    look_up = socket.getaddrinfo

    def noted(host: Any, *rest: Any, **more: Any) -> Any:
        looked_up.append(host.decode() if isinstance(host, bytes) else host)
        return look_up(host, *rest, **more)

    with _greeter(family) as (port, heard):
        monkeypatch.setattr(socket, "getaddrinfo", noted)
        assert asyncio.run(fetch(witness, f"http://{name}:{port}/", follow=False)) == 200
    assert set(looked_up) <= {"127.0.0.1", "::1", None}
    assert f"host: {name}:{port}".lower().encode() in heard[0].lower()


@contextmanager
def _greeter(family: socket.AddressFamily) -> Iterator[tuple[int, list[bytes]]]:
    """A server at one of the two loopback addresses only."""
    heard: list[bytes] = []
    try:
        listener = socket.create_server(("127.0.0.1" if family == socket.AF_INET else "::1", 0), family=family)
    except OSError:
        pytest.skip("this machine has no such address")

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            heard.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi")

    with listener:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        thread.join(10)


def test_a_redirect_is_not_followed_unasked(witness: Witness) -> None:
    with ModelServer() as first:
        first.say(Sent.data({}, 307, {"location": "http://192.0.2.1/"}))
        assert asyncio.run(fetch(witness, first.url, follow=False)) == 307
        assert len(witness.asked) == 1


def test_a_shut_gate_opens_no_connection(witness: Witness) -> None:
    witness.refuses = True
    with ModelServer() as server, pytest.raises(EgressRefused):
        asyncio.run(fetch(witness, server.url, follow=False))
    assert server.heard == []


def test_a_proxy_of_the_environment_is_used_for_other_machines(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "")
    with ModelServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        proxy.say(Sent.data({}))
        assert asyncio.run(fetch(witness, "http://models.example/v1/models", follow=False)) == 200
        assert [one.headers["host"] for one in proxy.heard] == ["models.example"]
    assert witness.asked == ["http://models.example/v1/models"]


@pytest.mark.parametrize("proxy", ["http://proxy:no-port", "ftp://proxy:21"])
def test_a_proxy_that_cannot_be_used_is_named(witness: Witness, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(Unsupported, match="The proxy 'proxy' in the environment cannot be used"):
        asyncio.run(fetch(witness, "http://models.example/v1/models", follow=False))


def test_a_client_of_the_library_itself_would_use_a_proxy(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with ModelServer() as server:
        server.say(Sent.data({}))
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(server.url)
        assert asyncio.run(fetch(witness, server.url, follow=False)) == 200


@given(st.text())
def test_any_text_is_an_address_or_has_an_obstacle(text: str) -> None:
    obstacle = address_obstacle(text)
    assert obstacle is None or repr(text)[1:-1] in repr(obstacle)


@pytest.mark.parametrize("url", ["http://a", "https://a.b:1/v1", "http://[::1]:80/", "HTTP://localhost"])
def test_addresses(url: str) -> None:
    assert address_obstacle(url) is None


def test_importing_the_package_imports_no_client() -> None:
    heavy = ("anthropic", "genai_prices", "httpx2", "mlx", "numpy", "openai", "pydantic")
    code = f"import sys, avstudio_llm; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
