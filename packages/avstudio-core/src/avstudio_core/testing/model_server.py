"""A real HTTP server on loopback with scripted answers and faults."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

Fault = Literal["hang", "cut"]
"""`hang`: send nothing more until the client disconnects. `cut`: close the connection before the end."""

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Sent:
    """An answer; with several pieces or a fault, it is streamed."""

    pieces: tuple[bytes | Fault, ...]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"

    @classmethod
    def data(cls, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """JSON in one piece."""
        return cls((json.dumps(data).encode(),), status, headers or {})

    @classmethod
    def events(cls, pieces: Iterable[bytes | Fault]) -> Self:
        """Server-sent events."""
        return cls(tuple(pieces), media_type="text/event-stream")


@dataclass(frozen=True)
class Heard:
    """A received request; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.content)


Said = Sent | Callable[[Heard], Sent]
"""An answer, or a function that makes one from the request."""


class ModelServer:
    """Answers each request with the script for its path; the latest script comes first."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.left = threading.Semaphore(0)
        """Released for each client that disconnected before the end of its answer."""
        self._declared: list[tuple[str, list[Said]]] = []
        self._connections: set[socket.socket] = set()
        self._closing = threading.Event()
        self._http = _Listener(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        for connection in list(self._connections):
            _shut(connection)
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def say(self, *sent: Said, at: str = "") -> None:
        """Answer requests whose path contains `at` with these, in order; the last one is repeated."""
        self._declared.insert(0, (at, list(sent)))

    def saw_a_client_leave(self) -> bool:
        """Whether a client disconnects before the end of its answer, within half a minute."""
        return self.left.acquire(timeout=PATIENCE_SECONDS)

    def answer_to(self, request: Heard) -> Sent:
        self.heard.append(request)
        for at, declared in self._declared:
            if at in request.path:
                sent = declared.pop(0) if len(declared) > 1 else declared[0]
                return sent(request) if callable(sent) else sent
        return Sent.data({"error": {"message": f"nothing was declared for '{request.path}'"}}, 404)


class _Listener(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, server: ModelServer) -> None:
        self.model_server = server
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect early, which is part of tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.server.model_server._connections.add(self.connection)

    def finish(self) -> None:
        self.server.model_server._connections.discard(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        """Do not log into the output of tests."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        server = self.server.model_server
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        sent = server.answer_to(Heard(self.command, self.path, headers, content))
        try:
            self._send(sent)
        except OSError:  # the client disconnected during the answer
            self.close_connection = True
            server.left.release()

    def _send(self, sent: Sent) -> None:
        whole = len(sent.pieces) == 1 and isinstance(sent.pieces[0], bytes)
        self._begin(sent, whole)
        for piece in sent.pieces:
            if isinstance(piece, str):
                self._fail(piece)
                return
            self.wfile.write(piece if whole else b"%x\r\n%b\r\n" % (len(piece), piece))
        if not whole:
            self.wfile.write(b"0\r\n\r\n")

    def _begin(self, sent: Sent, whole: bool) -> None:
        self.send_response(sent.status)
        self.send_header("content-type", sent.media_type)
        for name, value in sent.headers.items():
            self.send_header(name, value)
        if whole:
            self.send_header("content-length", str(len(sent.pieces[0])))
        else:
            self.send_header("transfer-encoding", "chunked")
        if sent.pieces != ("hang",):  # a server that hangs from the start does not send headers
            self.end_headers()

    def _fail(self, fault: Fault) -> None:
        server = self.server.model_server
        while fault == "hang" and not server._closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.02)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                server.left.release()
                break
        self.close_connection = True
        _shut(self.connection)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already closed
