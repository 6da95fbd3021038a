"""P16: a large upload beside a bare raw PUT that writes and hashes: the rate, and the memory of the server.

Each server is a process of its own with the same uvicorn. The bare one hashes and writes each piece as it comes, and
syncs the file at the end, as ours does; ours also checks the key, recognises the type, and records an artifact.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import paired

HERE = Path(__file__)


def serve(kind: str, home: str) -> None:
    """Serve until stdin ends; print the port and a key."""
    if kind == "ours":
        from avstudio_core import Studio
        from avstudio_server.testing.http_server import HttpServer

        with Studio(home=home, plugins="", executor="inline") as studio, HttpServer(studio) as server:
            print(server.address.rpartition(":")[2], server.key(), flush=True)
            sys.stdin.read()
        return
    serve_bare(home)


def serve_bare(home: str) -> None:
    import threading

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from avstudio_server.serve.server import listening

    async def put(request: Request) -> Response:
        found = hashlib.sha256()
        with Path(home, "upload").open("wb", buffering=0) as file:
            async for piece in request.stream():
                found.update(piece)
                file.write(piece)
            os.fsync(file.fileno())
        return Response(found.hexdigest(), 201)

    app = Starlette(routes=[Route("/api/v1/uploads", put, methods=["PUT"])])
    at = listening("127.0.0.1", 0)
    print(at.getsockname()[1], "none", flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))

    def wait() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=wait, daemon=True).start()
    server.run(sockets=[at])


class Server:
    """One of both servers, in a process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        port, self._key = process.stdout.readline().split()
        self._port = int(port)
        self._id = process.pid

    def put(self, file: Path, sha256: str) -> None:
        """Send a file, and check the answer."""
        size = file.stat().st_size
        head = f"PUT /api/v1/uploads?name=song.wav HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nConnection: close\r\n"
        head += f"Authorization: Bearer {self._key}\r\nContent-Length: {size}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self._port)) as connection, file.open("rb") as content:
            connection.sendall(head.encode())
            connection.sendfile(content)
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        assert b" 201 " in answer[:20], answer
        assert sha256.encode() in answer, answer

    @property
    def memory(self) -> float:
        """The most memory that the process had, in MB."""
        text = Path(f"/proc/{self._id}/status").read_text(encoding="utf-8")
        found = re.search(r"VmHWM:\s+(\d+) kB", text)
        assert found is not None
        return int(found[1]) / 1024


@contextlib.contextmanager
def serving(kind: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, str(HERE), "--serve", kind, home]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield Server(process)
            assert process.stdin is not None
            process.stdin.close()


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], sys.argv[3])
        return
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "avstudio-server", "uvicorn", "starlette")
    size, pairs = (200 << 20, 3) if arguments.quick else (1 << 30, 10)
    with tempfile.TemporaryDirectory() as folder, serving("ours") as ours, serving("bare") as bare:
        file, block = Path(folder, "song.wav"), os.urandom(1 << 20)
        with file.open("wb") as made:
            made.writelines(block for _ in range(size >> 20))
        with file.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        before = ours.memory, bare.memory
        first, second = paired.interleaved(
            lambda: size / 2**20 / paired.timed(lambda: ours.put(file, sha256)),
            lambda: size / 2**20 / paired.timed(lambda: bare.put(file, sha256)),
            pairs,
        )
        rates = [sorted(side)[len(side) // 2] for side in (first, second)]
        print(f"{size >> 20} MB: {paired.ratio(first, second)} of the bare PUT's rate  (aim 0.9)")
        print(f"    {rates[0]:.0f} and {rates[1]:.0f} MB/s")
        print(f"    memory: {ours.memory:.0f} MB, of it {ours.memory - before[0]:.0f} MB for uploads  (aim 100 in all)")
        print(
            f"    the bare server: {bare.memory:.0f} MB, of it {bare.memory - before[1]:.0f} MB for uploads", flush=True
        )


if __name__ == "__main__":
    main()
