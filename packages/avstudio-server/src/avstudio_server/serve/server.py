"""A studio served by HTTP on the calling thread, until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted
from avstudio_server.http.addresses import addresses, is_loopback
from avstudio_server.http.browsers import KEPT, Browsers
from avstudio_server.http.guard import Entrance, Sizes
from avstudio_server.http.rate_limits import RateLimits
from avstudio_server.http.request_log import access_log
from avstudio_server.rest.routes.access import LOGIN
from avstudio_server.serve.application import application
from avstudio_server.serve.certificate import check_certificate
from avstudio_server.serve.clients import Client, Clients, more_files, most_waiting
from avstudio_server.serve.updates import watched
from avstudio_server.webhooks.calls import Calls
from avstudio_server.webhooks.sender import Sender
from avstudio_server.websocket.connection import Connection

if TYPE_CHECKING:
    from avstudio_core import Stop, Studio
    from avstudio_server.http.streams import Streams
    from avstudio_server.serve.options import ServeOptions

Ready = Callable[[str, str], object]
"""Gets the server's address when it answers, and the path of the link for a browser if nobody has a key."""
MOST_RECEIVED = 64 * 1024
"""The largest message of a client, in bytes; none is needed."""
LOOK_SECONDS = 1.0
"""How often a waiting thread looks whether the server has ended by itself."""


def serve(studio: Studio, options: ServeOptions, stop: Stop, ready: Ready) -> None:
    """Serve a studio until `stop` is set. Raises `InvalidInput`."""
    check_certificate(options.certificate, options.private_key)
    keys = studio.keys.any_valid()
    if not keys and not is_loopback(options.host):
        message = f"Without an API key, the server does not listen on {quoted(options.host)}."
        raise InvalidInput(message, hint="Create a key first.")
    with more_files(), access_log(options.access_log), listening(options.host, options.port) as at:
        scheme, port = "https" if options.certificate else "http", at.getsockname()[1]
        known = addresses(options.host, port, scheme, options.name, options.origin)
        sizes = Sizes(files=(studio.settings.upload_mb + 1) << 20)
        browsers = Browsers(kept=os.environ.pop(KEPT, ""))
        entrance = Entrance(known, RateLimits(options.rate, options.rate_storage), browsers, sizes)
        app = application(studio, entrance)
        studio.start()
        studio.uploads.expire()
        tls = {"ssl_certfile": options.certificate, "ssl_keyfile": options.private_key}
        host = f"[{options.host}]" if ":" in options.host else options.host
        link = "" if keys else f"{LOGIN}?token={entrance.browsers.link(studio.principal)}"
        say = partial(ready, f"{scheme}://{host}:{port}", link)
        with Sender(studio, Calls(studio.settings, studio.gate)), watched(studio):
            run(app, at, stop, say, entrance.streams, timeout_graceful_shutdown=round(options.grace), **tls)


class Server(uvicorn.Server):
    """A server whose signals belong to the command that runs it, and that ends its streams first."""

    def __init__(self, config: uvicorn.Config, streams: Streams, clients: Clients) -> None:
        super().__init__(config)
        self._streams = streams
        self._clients = clients

    async def on_tick(self, counter: int) -> bool:
        self._clients.close_late(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._streams.end()
        await asyncio.sleep(0.05)  # they send their last message
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def listening(host: str, port: int) -> socket.socket:
    """A socket that accepts connections. Raises `InvalidInput` if the address cannot be used."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(2048)
    except OSError as error:
        message = f"The server cannot listen on {quoted(host)}, port {port}: {error.strerror or error}."
        raise InvalidInput(message, hint="Choose another port or host.") from None
    made.setblocking(False)
    return made


def run(
    app: Callable[..., Any],
    at: socket.socket,
    stop: Stop,
    ready: Callable[[], object],
    streams: Streams,
    **options: Any,
) -> None:
    """Serve an application on a socket until `stop` is set; `ready` is called when it answers."""
    clients = Clients(most_waiting())
    config = uvicorn.Config(
        app,
        http=partial(Client, clients),  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws=Connection,
        ws_max_size=MOST_RECEIVED,
        ws_per_message_deflate=False,
        **options,
    )
    server, ended = Server(config, streams, clients), threading.Event()
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        loop = runner.get_loop()

        def watch() -> None:
            while not ended.is_set():
                if stop.wait(LOOK_SECONDS):
                    loop.call_soon_threadsafe(setattr, server, "should_exit", True)
                    return

        watching = threading.Thread(target=watch, name="stop of the server", daemon=True)
        watching.start()
        try:
            runner.run(_serve(server, at, ready))
        finally:
            ended.set()


async def _serve(server: Server, at: socket.socket, ready: Callable[[], object]) -> None:
    serving = asyncio.ensure_future(server.serve(sockets=[at]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        ready()
    await serving
