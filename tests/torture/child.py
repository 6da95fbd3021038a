"""A studio with two clients in a process, until it is killed or asked to end."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.torture import crashes, plugin

from avstudio_core import Plan, Step, Studio
from avstudio_core.plans.references import Ref

LEASE_SECONDS = 2.0
LINE = 40
"""Bytes of a line of the acknowledged tasks, so that their number is the file's size over it."""


class Desk:
    """The files through which supervisor and children work together; each survives the death of whoever uses it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.acks = folder / "acks"
        self.allowed = folder / "allowed"
        self.numbers = folder / "numbers"
        self.studios = folder / "studios"
        self.crashes = folder / "crashes"

    def opened(self) -> list[list[str]]:
        """The process, the id and the time of each studio that has opened."""
        return [line.split() for line in self.studios.read_text().splitlines()] if self.studios.exists() else []

    def acknowledged(self) -> int:
        return self.acks.stat().st_size // LINE if self.acks.exists() else 0

    def may_submit(self) -> bool:
        return self.acknowledged() < int(self.allowed.read_text() or "0")

    def acknowledge(self, task_id: str, number: int) -> None:
        crashes.note(self.acks, f"{task_id} {number}".ljust(LINE - 1))

    def next_number(self) -> int:
        """A number that nobody had: counted in a locked file."""
        descriptor = os.open(self.numbers, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        number = os.fstat(descriptor).st_size
        os.ftruncate(descriptor, number + 1)
        os.close(descriptor)
        return number


def client(studio: Studio, desk: Desk, closing: threading.Event) -> None:
    """Submit plans of one or two steps as the supervisor allows, and note what was acknowledged."""
    while not closing.is_set():
        if not desk.may_submit():
            time.sleep(0.01)
            continue
        number = desk.next_number()
        params: dict[str, Any] = {"number": number}
        if number % 4 == 0:  # from a user's file
            path = desk.home.parent / f"source{number}.txt"
            path.write_bytes(plugin.content(number))
            tasks = [studio.submit("torture.copy", path, **params).task_id]
        elif number % 4 == 1:
            write = Step(id="write", processor="torture.write", params=params)
            copy = Step(id="copy", processor="torture.copy", params=params, source=Ref(step="write"))
            tasks = [handle.task_id for handle in studio.submit_plan(Plan(steps=(write, copy))).steps.values()]
        else:
            tasks = [studio.submit("torture.write", **params).task_id]
        for task_id in tasks:
            desk.acknowledge(task_id, number)


def main(folder: str, executor: str, workers: str, own_crash: str, worker_crash: str) -> None:
    """Serve until standard input ends."""
    desk = Desk(Path(folder))
    os.environ["TORTURE_STUDIO"] = str(os.getpid())
    if own_crash:
        crashes.install(own_crash)
    if worker_crash:
        os.environ["TORTURE_CRASH"] = worker_crash
    settings: dict[str, Any] = {"executor": executor, "workers": int(workers)}
    settings |= {"plugins": "core", "lease_seconds": LEASE_SECONDS, "max_deliveries": 1000}
    settings["worker_variables"] = "TORTURE_STUDIO,TORTURE_CRASH"
    folders = str(desk.crashes.parent)  # a worker notes its crash
    with Studio(add=[plugin], home=desk.home, worker_folders=folders, **settings) as studio:
        studio.start()
        crashes.note(desk.studios, f"{os.getpid()} {studio.id} {time.time()}")
        closing = threading.Event()
        clients = [threading.Thread(target=client, args=(studio, desk, closing)) for _ in range(2)]
        for thread in clients:
            thread.start()
        sys.stdin.read()
        closing.set()
        for thread in clients:
            thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
