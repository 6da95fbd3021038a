"""Starts studios on one data folder, kills them and their workers, and checks what remains."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.torture import crashes
from tests.torture.child import LEASE_SECONDS, Desk

STUDIOS = 3
OVERDUE_SECONDS = 20.0
"""After so many seconds, a process that has not reached its named point dies at random."""
MORE_TASKS = 0.2
"""How many tasks beyond their share clients may submit after each look, when there is nothing left to do."""
ROOT = Path(__file__).parents[2]


@dataclass
class Figures:
    """What happened."""

    deaths: dict[str, float] = field(default_factory=dict)
    """When each studio that was killed died, by its id."""
    kills: Counter[str] = field(default_factory=Counter)
    """How often somebody was killed, by where it was."""
    at_random: int = 0
    """How many of them were killed at no named point."""
    pauses: list[tuple[str, float, float]] = field(default_factory=list)
    """Each studio that was stopped for longer than its lease and went on, with the times of both."""


class Supervisor:
    """Keeps `STUDIOS` studios running and dying until there were enough kills."""

    def __init__(self, folder: Path, seed: int, kills: int, tasks: int) -> None:
        self.desk = Desk(folder)
        self.figures = Figures()
        self._folder = folder
        self._random = random.Random(seed)
        self._wanted, self._tasks = kills, tasks
        self._children: list[subprocess.Popen[bytes]] = []
        self._suspended: list[tuple[float, subprocess.Popen[bytes]]] = []
        self._doomed: dict[int, float] = {}
        """The processes of studios that are to die at named points, or whose workers are, and when they started."""
        self._noted = 0
        self._more = 0.0

    def torture(self) -> None:
        """Kill until enough were killed and every task was acknowledged."""
        self.desk.allowed.write_text("0")
        pause = 0.0
        while self._killed() < self._wanted or self.desk.acknowledged() < self._tasks:
            self._allow()
            self._wake_the_suspended(time.monotonic())
            self._replace_the_dead()
            if self._killed() < self._wanted and time.monotonic() >= pause:
                self._kill_somebody()
                pause = time.monotonic() + self._random.expovariate(1 / 1.2)
            time.sleep(0.02)

    def heal(self, seconds: float) -> None:
        """Let one studio that nobody kills finish what is left."""
        self.desk.allowed.write_text("0")
        self._wake_the_suspended(float("inf"))
        for child in self._children:
            _end(child)
        healer = self._start("", "")
        deadline = time.monotonic() + seconds
        while self._unfinished() and time.monotonic() < deadline:
            time.sleep(0.1)
        _end(healer)

    def _killed(self) -> int:
        return self.figures.kills.total()

    def _allow(self) -> None:
        """Spread the submissions over the kills, so that there is always work to lose.

        If all of it is done, a little more is allowed each time: those who are to die at a named point have to reach it.
        """
        allowed = self._tasks * min(1.0, (self._killed() + 3) / self._wanted) + self._more
        if self.desk.acknowledged() >= allowed:
            self._more += MORE_TASKS
        self.desk.allowed.write_text(str(int(allowed)))

    def _replace_the_dead(self) -> None:
        for child in self._children:
            status = child.poll()
            if status is None:
                continue
            if status != -signal.SIGKILL:
                raise RuntimeError(f"A studio ended by itself, with status {status}: see what it wrote.")
            self._died(child, time.time())
        self._children = [child for child in self._children if child.poll() is None]
        self._read_crashes()
        while len(self._children) < STUDIOS:
            self._children.append(self._start(*self._fate()))

    def _fate(self) -> tuple[str, str]:
        """The named points at which a studio and its workers are to die, if at any."""
        choice = self._random.random()
        number = self._random.choice([1, 2, 4, 8, 16])
        if choice < 0.5:
            return f"{self._random.choice(crashes.STUDIO_POINTS)}:{number}:{self.desk.crashes}", ""
        if choice < 0.75:
            return "", f"{self._random.choice(crashes.WORKER_POINTS)}:{number + 4}:{self.desk.crashes}"
        return "", ""

    def _start(self, own_crash: str, worker_crash: str) -> subprocess.Popen[bytes]:
        executor = "local" if worker_crash or self._random.random() < 0.7 else "inline"
        chosen = [executor, self._random.choice("12"), own_crash, worker_crash]
        command = [sys.executable, "-m", "tests.torture.child", str(self._folder), *chosen]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)
        if own_crash or worker_crash:
            self._doomed[child.pid] = time.monotonic()
        return child

    def _kill_somebody(self) -> None:
        """A studio, or one of its workers, wherever it is; those that die at a named point have time to reach it."""
        overdue = time.monotonic() - OVERDUE_SECONDS
        doomed = [child for child in self._children if self._doomed.get(child.pid, overdue) > overdue]
        victims = [child for child in self._children if child not in doomed]
        if not victims or (doomed and 2 * self.figures.at_random > self._killed()):
            return
        open_ones = self._studios()
        ready = [child for child in victims if str(child.pid) in open_ones]
        victim = self._random.choice(ready if ready and self._random.random() < 0.9 else victims)
        workers = _children_of(victim.pid)
        choice = self._random.random()
        if choice < 0.1:
            self._suspend(victim)
        elif workers and choice < 0.5:
            os.kill(self._random.choice(workers), signal.SIGKILL)
            self.figures.kills["worker, at random"] += 1
            self.figures.at_random += 1
        else:
            victim.kill()
            victim.wait()
            self.figures.kills["studio, at random"] += 1
            self.figures.at_random += 1
            self._died(victim, time.time())

    def _suspend(self, victim: subprocess.Popen[bytes]) -> None:
        """Stop a studio until its leases are over and others have its tasks; then it goes on with stale claims."""
        victim.send_signal(signal.SIGSTOP)
        seconds = LEASE_SECONDS + 1.0
        self._suspended.append((time.monotonic() + seconds, victim))
        studio = self._studios().get(str(victim.pid), "")
        self.figures.pauses.append((studio, time.time(), time.time() + seconds))

    def _wake_the_suspended(self, now: float) -> None:
        for until, victim in self._suspended:
            if now >= until:
                victim.send_signal(signal.SIGCONT)
        self._suspended = [(until, victim) for until, victim in self._suspended if now < until]

    def _died(self, child: subprocess.Popen[bytes], now: float) -> None:
        if child.stdin is not None:
            child.stdin.close()
        if studio := self._studios().get(str(child.pid)):
            self.figures.deaths.setdefault(studio, now)

    def _studios(self) -> dict[str, str]:
        """The studios that have opened, by their process."""
        return {process: studio for process, studio, _ in self.desk.opened()}

    def _read_crashes(self) -> None:
        lines = self.desk.crashes.read_text().splitlines() if self.desk.crashes.exists() else []
        for line in lines[self._noted :]:
            self.figures.kills[line.split()[2]] += 1
        self._noted = len(lines)

    def _unfinished(self) -> int:
        import sqlite3

        database = sqlite3.connect(self.desk.home / "avstudio.db")
        (count,) = database.execute("SELECT count(*) FROM tasks WHERE state != 'COMPLETED'").fetchone()
        database.close()
        return int(count)


def _end(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.close()
    child.wait(60)


def _children_of(pid: int) -> list[int]:
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread is gone
            found += [int(one) for one in path.read_text().split()]
    return found
