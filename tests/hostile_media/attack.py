"""Sends files to a server in a process of its own, and notes how each is answered."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOOK_SECONDS = 0.2
PROCESSORS = ("/api/v1/audio/probe", "/api/v1/hostile/decode")
VIDEO_PROCESSORS = ("/api/v1/video/probe", "/api/v1/video/analyze")
UNCLASSIFIED = ("error", "internal", "http_error", "worker_died", "crashed", "stuck", "")
"""Codes that do not say what is wrong with a file."""


class Attack:
    """One server, the answers that it gave, and the faults that were found."""

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        import httpx2

        assert process.stdout is not None
        port, key = process.stdout.readline().split()
        self.home = home
        self.answers: Counter[str] = Counter()
        self.faults: list[str] = []
        self.memory = 0.0
        """The most memory that a worker had, in MB."""
        self.slowest = 0.0, ""
        self._process = process
        headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=60"}
        self._client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120)
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def send(self, files: Iterable[tuple[str, bytes]], processors: Iterable[str] = PROCESSORS) -> None:
        """Send files to processors, two at a time."""
        with ThreadPoolExecutor(2) as pool:
            tasks = [pool.submit(self._send, name, content, to) for name, content in files for to in processors]
            for task in tasks:
                task.result()

    def _send(self, name: str, content: bytes, processor: str) -> None:
        began = time.monotonic()
        try:
            answer = self._client.post(processor, files={"source": (name, content)})
            code = str(answer.json().get("code", "") or answer.json()["state"])
        except Exception as error:
            self.faults.append(f"{name} to {processor}: {error!r}")
            return
        self.slowest = max(self.slowest, (time.monotonic() - began, name))
        self.answers[f"{answer.status_code} {code}"] += 1
        if answer.status_code in (202, 500, 502, 503) or code in UNCLASSIFIED:
            self.faults.append(f"{name} to {processor}: {answer.status_code} {answer.text[:300]}")

    def health(self) -> bool:
        """Whether the same server still answers."""
        answer = self._client.get("/api/v1/system/health/live")
        return self._process.poll() is None and answer.status_code == 200

    def bytes_of(self, secret: bytes) -> int:
        """How many files and answers of the studio have a text; the files that were sent are left out."""
        found = [path for path in self.home.rglob("*") if path.is_file() and "artifacts" not in path.parts]
        return sum(secret in path.read_bytes() for path in found)

    def close(self) -> None:
        self._ended.set()
        self._client.close()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            for child in descendants(self._process.pid):
                with contextlib.suppress(OSError):
                    text = Path(f"/proc/{child}/status").read_text(encoding="utf-8")
                    found = re.search(r"VmHWM:\s+(\d+) kB", text)
                    self.memory = max(self.memory, int(found[1]) / 1024 if found else 0.0)


def descendants(process: int) -> Iterator[int]:
    """The processes below a process."""
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text(encoding="utf-8").split():
                yield int(child)
                yield from descendants(int(child))


@contextlib.contextmanager
def attack(home: Path) -> Iterator[Attack]:
    """A server to attack."""
    command = [sys.executable, "-m", "tests.hostile_media.child", str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        made = Attack(process, home)
        try:
            yield made
        finally:
            made.close()
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
