"""P12: what keys, limits and the guard cost: requests per second beside the same handlers on bare FastAPI.

One process serves both, in alternating rounds; 16 connections send prepared requests. The bare application calls the
same methods of the same studio, without keys, limits, headers and checks of addresses.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import http_client
import paired
from http_client import Load

CONNECTIONS = 16
HERE = Path(__file__)


def serve(home: str) -> None:
    """Serve both applications until stdin ends; print their ports, a key and the id of a task."""
    import uvicorn
    from fastapi import FastAPI
    from starlette.responses import Response

    from avstudio_core import Studio, TaskOptions
    from avstudio_core.testing import exercises
    from avstudio_server.serve.server import listening
    from avstudio_server.testing.http_server import HttpServer

    with Studio(home=home, plugins="", add=[exercises], executor="inline") as studio:
        key = studio.keys.create("bench")[1]
        session = studio.session(studio.keys.principal_of(key))
        done = session.submit("exercise.wait", seconds=0)
        done.result(30)
        bare = FastAPI()

        @bare.get("/api/v1/tasks/{task_id}")
        def show(task_id: str) -> Response:
            return Response(session.tasks.get(task_id).model_dump_json(), media_type="application/json")

        @bare.post("/api/v1/exercise/wait", status_code=202)
        async def submit(given: dict[str, Any]) -> Response:
            handle = await session.asubmit("exercise.wait", options=TaskOptions(), **given)
            task = await asyncio.to_thread(handle.task)
            return Response(task.model_dump_json(), 202, media_type="application/json")

        at = listening("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(bare, log_config=None, access_log=False))
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[at])), daemon=True)
        thread.start()
        with HttpServer(studio, rate=10_000_000) as ours:
            port = ours.address.rpartition(":")[2]
            print(port, at.getsockname()[1], key, done.task_id, flush=True)
            sys.stdin.read()
        server.should_exit = True
        thread.join()


def compare(name: str, ours: bytes, theirs: bytes, ports: tuple[int, int], size: tuple[int, int], status: int) -> None:
    """Both in alternating rounds."""
    requests, pairs = size

    def round_of(port: int, sent: bytes) -> Load:
        return asyncio.run(http_client.load(port, sent, requests, CONNECTIONS, status))

    loads: tuple[list[Load], list[Load]] = ([], [])
    for port, sent in zip(ports, (ours, theirs), strict=True):
        round_of(port, sent)

    def measured(side: int) -> float:
        made = round_of(ports[side], (ours, theirs)[side])
        loads[side].append(made)
        return made.per_second

    first, second = paired.interleaved(lambda: measured(0), lambda: measured(1), pairs)
    slow = paired.ratio(*([paired.quantile(one.seconds, 0.99) for one in side] for side in loads))
    print(f"{name}: {paired.ratio(first, second)} of bare FastAPI's {sorted(second)[len(second) // 2]:.0f} requests/s")
    print(f"    p99: {slow} of its own  (aim 0.9 and 1.25)", flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
        return
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "avstudio-server", "fastapi", "uvicorn")
    size = (400, 6) if arguments.quick else (2000, 20)
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, str(HERE), "--serve", home]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            port, bare, key, task = server.stdout.readline().split()
            ports = int(port), int(bare)
            shown = {"Authorization": f"Bearer {key}"}
            body = '{"seconds": 0}'
            for name, method, path, sent, status in (
                ("show a task", "GET", f"/api/v1/tasks/{task}", "", 200),
                ("submit a task", "POST", "/api/v1/exercise/wait", body, 202),
            ):
                both = [
                    http_client.request(method, path, one, sent, **headers)
                    for one, headers in zip(ports, (shown, {}), strict=True)
                ]
                compare(name, both[0], both[1], ports, size, status)
            assert server.stdin is not None
            server.stdin.close()


if __name__ == "__main__":
    main()
