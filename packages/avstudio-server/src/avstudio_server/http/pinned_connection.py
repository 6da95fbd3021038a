"""Connections that go to an address that was checked, and end in time."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from functools import cache
from urllib.parse import SplitResult


class PinnedConnection(http.client.HTTPConnection):
    """A connection to an address that was checked, for the host of a URL."""

    def __init__(self, parts: SplitResult, address: str, seconds: float) -> None:
        self._tls = _trusted() if parts.scheme == "https" else None
        self._address = address
        self.default_port = 443 if self._tls else 80
        super().__init__(parts.hostname or "", parts.port or self.default_port, timeout=seconds)

    def connect(self) -> None:
        made = socket.create_connection((self._address, self.port), self.timeout)
        try:
            self.sock = self._tls.wrap_socket(made, server_hostname=self.host.rstrip(".")) if self._tls else made
        except BaseException:
            made.close()
            raise


class Deadline:
    """Breaks connections off after some time, however slowly their servers send."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self.break_off)
        self._timer.daemon = True

    def ends(self, connection: socket.socket) -> None:
        """Break this connection off when the time is over."""
        self._socket = connection
        if self.passed:
            self.break_off()

    def break_off(self) -> None:
        """Break the connection off now."""
        self.passed = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates of the system; cached, because reading them is slow, and a server may never need them."""
    return ssl.create_default_context()
