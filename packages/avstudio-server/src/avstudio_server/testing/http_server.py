"""The real HTTP server of a studio, on a free port, for tests."""

from __future__ import annotations

import ssl
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import httpx2

    from avstudio_core import Studio

STARTING_SECONDS = 30.0


class HttpServer:
    """A server for a studio while entered; `options` are those of `avstudio serve`.

    ```python
    with HttpServer(studio) as server:
        task = server.client(server.key()).post("/api/v1/audio/probe", json={"source": artifact.id}).json()
    ```
    """

    def __init__(self, studio: Studio, **options: Any) -> None:
        self.studio = studio
        self.address = ""
        self.link = ""
        """The path of the link for a browser, if nobody had a key."""
        self._options = {"port": 0, "grace": 1} | options
        self._stop = threading.Event()
        self._clients: list[httpx2.Client] = []

    def __enter__(self) -> Self:
        ready = Future[tuple[str, str]]()
        self._thread = threading.Thread(target=self._serve, args=[ready], name="server", daemon=True)
        self._thread.start()
        self.address, self.link = ready.result(STARTING_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        self._stop.set()
        self._thread.join(STARTING_SECONDS)

    def stop(self) -> None:
        """Tell the server to stop, without waiting for it."""
        self._stop.set()

    def _serve(self, ready: Future[tuple[str, str]]) -> None:
        from avstudio_server.serve.options import ServeOptions
        from avstudio_server.serve.server import serve

        try:
            options = ServeOptions.model_validate(self._options)
            serve(self.studio, options, self._stop, lambda *given: ready.set_result(given))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    def key(self, *scopes: Any, owner: str | None = None, **options: Any) -> str:
        """The text of a new API key, with the usual scopes unless some are given."""
        given: dict[str, Any] = {"scopes": scopes} if scopes else {}
        return self.studio.keys.create("test", owner=owner, **given, **options)[1]

    def client(self, key: str | None = None, **headers: str) -> httpx2.Client:
        """An HTTP client of the server, with a key."""
        import httpx2

        given = {"Authorization": f"Bearer {key}"} if key else {}
        plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the system's certificates, which take time to read
        client = httpx2.Client(base_url=self.address, headers=given | headers, timeout=60, verify=plain)
        self._clients.append(client)
        return client
