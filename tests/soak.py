"""R5: under a steady load, a server's memory, open files and threads stay as they are."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from avstudio_core import Studio
from avstudio_server.testing.server_process import ServerProcess

CLIENTS = 3
PAUSE_SECONDS = 0.3
"""How long a client rests after each turn: a key may send 6,000 requests a minute."""
WARM, FIRST_REQUESTS = 0.4, 100
"""The part of the time, and the least requests, in which caches fill."""
FEWEST_SAMPLES = 20


@dataclass(frozen=True)
class Sample:
    """What the server has at a moment."""

    seconds: float
    mb: float
    files: int
    threads: int

    @classmethod
    def of(cls, pid: int, seconds: float) -> Sample:
        process = Path(f"/proc/{pid}")
        lines = dict(one.split(":", 1) for one in (process / "status").read_text().splitlines() if ":" in one)
        files = len([*(process / "fd").iterdir()])
        return cls(seconds, int(lines["VmRSS"].split()[0]) / 1024, files, int(lines["Threads"]))


@dataclass(frozen=True)
class Soaked:
    """What a soak has found, after the warm-up."""

    samples: list[Sample]
    requests: int
    refused: int

    @property
    def growth(self) -> float:
        """The growth of memory in an hour, by the slope of all samples, as a part of the first."""
        times, sizes = [one.seconds for one in self.samples], [one.mb for one in self.samples]
        return statistics.linear_regression(times, sizes).slope * 3600 / sizes[0]

    def gained(self, name: str) -> float:
        """How much more there is of something in the last third than in the first, in the middle of each."""
        third = max(1, len(self.samples) // 3)
        values = [getattr(one, name) for one in self.samples]
        return float(statistics.median(values[-third:]) - statistics.median(values[:third]))

    def __str__(self) -> str:
        last = self.samples[-1]
        return (
            f"{self.requests} requests, {self.refused} refused; memory {last.mb:.0f} MB, {100 * self.growth:+.1f} % an "
            f"hour; files {last.files} ({self.gained('files'):+.0f}), threads {last.threads} "
            f"({self.gained('threads'):+.0f})"
        )


class Load:
    """Clients that send files, run tasks, follow events, search and list, each again and again."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {key}"}
        self._over = threading.Event()
        self.statuses: list[int] = []

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._run, args=[number]) for number in range(CLIENTS)]
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join()

    def _run(self, number: int) -> None:
        import httpx2

        turn = 0
        while not self._over.is_set():
            turn += 1
            with httpx2.Client(base_url=self._address, headers=self._headers, timeout=60) as client:
                for answer in self._turn(client, f"{number}-{turn}"):
                    self.statuses.append(answer)
            self._over.wait(PAUSE_SECONDS)

    def _turn(self, client: object, name: str) -> Iterator[int]:
        import httpx2

        assert isinstance(client, httpx2.Client)
        sent = client.put("/api/v1/uploads", params={"name": f"{name}.txt"}, content=name.encode() * 100)
        yield sent.status_code
        body = {"source": sent.json()["id"], "suffix": name}
        task = client.post("/api/v1/exercise/copy", json=body, headers={"Prefer": "wait=20"})
        yield task.status_code
        with client.stream("GET", f"/api/v1/tasks/{task.json()['id']}/events") as events:
            yield events.status_code
            events.read()
        for path in ("/api/v1/tasks?limit=20", "/api/v1/library?q=txt", "/api/v1/system/capabilities"):
            yield client.get(path).status_code
        yield client.delete(f"/api/v1/tasks/{task.json()['id']}").status_code


def soak(home: Path, seconds: float) -> Soaked:
    """A server under load for some seconds, and what it had after the warm-up."""
    with Studio(home=home, plugins="", executor="inline") as studio:
        key = studio.keys.create("soak")[1]
    samples, began = list[Sample](), time.monotonic()
    with ServerProcess(home, workers=1) as server, Load(server.address, key) as load:
        while (passed := time.monotonic() - began) < seconds or len(samples) < FEWEST_SAMPLES:
            if passed > WARM * seconds and len(load.statuses) > FIRST_REQUESTS:
                samples.append(Sample.of(server.pid, passed))
            time.sleep(min(1.0, seconds / 40))
    statuses = load.statuses
    return Soaked(samples, len(statuses), sum(one >= 400 for one in statuses))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        found = soak(Path(home), 60 * given.minutes)
    print(found)
    flat = found.gained("files") <= 2 and found.gained("threads") <= 2
    return 0 if flat and not found.refused else 1


if __name__ == "__main__":
    sys.exit(main())
