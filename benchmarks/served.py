"""A studio's HTTP server in a process of its own, for the benchmarks that are its clients."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Served:
    """A server that runs, and a key for it."""

    port: int
    key: str
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def publish(self, events: int) -> None:
        """Let the server publish so many events, each with the time in it."""
        self._say(str(events))

    def busy(self) -> float:
        """Seconds for which the server's process has used a core."""
        return float(self._say("cpu"))

    def memory(self) -> float:
        """Bytes of memory that the server's process has now."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return float(pages) * resource.getpagesize()

    def _say(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(line, file=self.process.stdin, flush=True)
        return self.process.stdout.readline()


@contextmanager
def served(home: str, *, plugins: str = "", executor: str = "inline") -> Iterator[Served]:
    """The server of a studio with the folder `home`, until it is left."""
    command = [sys.executable, __file__, home, plugins, executor]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port, key = process.stdout.readline().split()
        yield Served(int(port), key, process)
        process.stdin.close()


def main(home: str, plugins: str, executor: str) -> None:
    """Serve until stdin ends; a line with a number publishes so many events, `cpu` prints the processor's time."""
    import time

    import noop

    from avstudio_core import Studio
    from avstudio_server.testing.http_server import HttpServer

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with Studio(home=home, plugins=plugins, add=[noop], executor=executor) as studio:
        studio.ledger.set_budget("global", "day", 10**9)
        key = studio.keys.create("bench")[1]
        session = studio.session(studio.keys.principal_of(key))
        with HttpServer(studio, rate=10_000_000) as server:
            print(server.address.rpartition(":")[2], key, flush=True)
            for line in sys.stdin:
                for number in range(int(line) if line.strip().isdigit() else 0):
                    metadata = {"number": number, "sent": time.time()}
                    session.publish("agent.message", "fanout", {"agent": "b", "message": "", "metadata": metadata})
                print(time.process_time(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
