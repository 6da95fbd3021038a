"""HTTP for backends: every request passes the gate first, and each event loop has its own client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from avstudio_core.egress import host_of, proxy_of
from avstudio_core.errors import Unsupported

if TYPE_CHECKING:
    import ssl

    import httpx2

    from avstudio_core import Backend

CONNECT_SECONDS = 10.0
"""The time limit for a connection, however long the answer takes."""
CONNECTIONS, IDLE_CONNECTIONS = 1000, 100

C = TypeVar("C")


class PerLoop(Generic[C]):
    """One client for each event loop, closed when its loop ends (as in `asyncio.run`) or by `close`."""

    def __init__(self, make: Callable[[], C], close: Callable[[C], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._keepers: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[C, AsyncGenerator[None]]] = (
            WeakKeyDictionary()
        )

    async def here(self) -> C:
        """The client of the running loop."""
        loop = asyncio.get_running_loop()
        kept = self._keepers.get(loop)
        if kept is None:
            client = self._make()
            keeper = self._keep(client)
            await anext(keeper)
            kept = self._keepers[loop] = client, keeper
        return kept[0]

    async def close(self) -> None:
        """Close the running loop's client, and let other loops that still run close theirs."""
        here = asyncio.get_running_loop()
        while self._keepers:
            loop, (_, keeper) = self._keepers.popitem()
            if loop is here:
                await keeper.aclose()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(keeper.aclose(), loop)

    async def _keep(self, client: C) -> AsyncGenerator[None]:
        """A generator that closes the client: a loop closes its generators at its end, while connections still work."""
        try:
            yield
        finally:
            self._keepers.pop(asyncio.get_running_loop(), None)
            await self._close(client)


def client_of(backend: Backend) -> httpx2.AsyncClient:
    """A client whose requests, also redirected ones, call `host.leave` before a connection is opened.

    It uses the proxy of the environment for the backend's address. Raises `Unsupported` for an unusable proxy.
    """
    import httpx2

    async def ask(request: httpx2.Request) -> None:
        backend.host.leave(str(request.url))
        headers, query = backend.additions
        if query:
            request.url = request.url.copy_merge_params(query)
        request.headers.update(headers)

    transport = _connected(proxy_of(backend.host.settings, backend.url or ""))
    return httpx2.AsyncClient(
        transport=transport, trust_env=False, follow_redirects=False, event_hooks={"request": [ask]}
    )


def _connected(proxy: str | None) -> httpx2.AsyncHTTPTransport:
    import httpx2

    limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=IDLE_CONNECTIONS)
    try:
        return _transport()(verify=_trusted(), trust_env=False, limits=limits, proxy=proxy)
    except (ImportError, ValueError, httpx2.InvalidURL):  # an incomplete address, or another protocol than HTTP
        message = f"The proxy '{host_of(proxy or '')}' in the environment cannot be used."
        raise Unsupported(message, hint="Give the address of a proxy for HTTP, such as 'http://proxy:3128'.") from None


def clients_of(backend: Backend) -> PerLoop[httpx2.AsyncClient]:
    """The clients of a backend that uses HTTP without a library."""
    return PerLoop(lambda: client_of(backend), lambda client: client.aclose())


@asynccontextmanager
async def streamed(client: httpx2.AsyncClient, request: httpx2.Request) -> AsyncIterator[httpx2.Response]:
    """The server's response, to be read as it comes. Raises an error unless its status is success."""
    response = await client.send(request, stream=True)
    try:
        await raise_for_status(response)
        yield response
    finally:
        await response.aclose()


async def raise_for_status(response: httpx2.Response) -> None:
    """Raise an error unless the status is success, after reading the server's whole message."""
    if not response.is_success:
        await response.aread()
        response.raise_for_status()


def timeout(seconds: float) -> httpx2.Timeout:
    """Limits for one request: `seconds` for each pause of the server, and less for the connection."""
    import httpx2

    return httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))


def address_obstacle(url: str | None) -> str | None:
    """Why requests cannot be sent to that address, or `None`."""
    try:
        parts = urlsplit(url or "")
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return None
    except ValueError:
        pass
    return f"'{url or ''}' is not an address: give a base_url such as 'http://localhost:1234/v1'"


@cache
def _transport() -> type[httpx2.AsyncHTTPTransport]:
    import httpx2

    from avstudio_core.egress import LOOPBACK, names_loopback

    class Transport(httpx2.AsyncHTTPTransport):
        """Connects names of this machine to its own addresses without DNS, which could return a wrong address."""

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            name = request.url.host
            if not names_loopback(name.rstrip(".").lower()):
                return await super().handle_async_request(request)
            request.extensions = {**request.extensions, "sni_hostname": name}
            *others, last = LOOPBACK
            for address in others:
                try:
                    return await self._at(request, address)
                except httpx2.ConnectError:  # nothing was sent; the server may listen at the other address
                    pass
            return await self._at(request, last)

        async def _at(self, request: httpx2.Request, address: str) -> httpx2.Response:
            request.url = request.url.copy_with(host=address)
            return await super().handle_async_request(request)

    return Transport


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates of the system, or those in SSL_CERT_FILE; cached, because reading them is slow."""
    import httpx2

    return httpx2.create_ssl_context()
