"""What must be true after the kills, read with plain SQL and plain files."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from math import inf
from pathlib import Path

from tests.torture.child import Desk
from tests.torture.plugin import content

MAY_FOLLOW = {
    "task.submitted": {"task.started"},
    "task.started": {"task.progress", "task.completed", "task.failed", "task.retried"},
    "task.progress": {"task.progress", "task.completed", "task.failed", "task.retried"},
    "task.failed": {"task.retried"},
    "task.retried": {"task.started"},
    "task.completed": set(),
}
"""The events of a task that ends well, each with those that may come next."""


def faults(desk: Desk) -> Iterator[str]:
    """Everything that is not as promised, a line each."""
    database = sqlite3.connect(desk.home / "avstudio.db")
    for (said,) in database.execute("PRAGMA integrity_check"):
        if said != "ok":
            yield f"integrity: {said}"
    numbers = dict(line.split() for line in desk.acks.read_text().splitlines())
    states = dict(database.execute("SELECT id, state FROM tasks"))
    for task_id in numbers:
        if states.get(task_id) != "COMPLETED":
            yield f"lost: {task_id} was acknowledged and is {states.get(task_id)}"
    yield from _tasks(database)
    yield from _artifacts(database, desk.home)
    yield from _leftovers(database, desk.home)


def _tasks(database: sqlite3.Connection) -> Iterator[str]:
    for task_id, state, waiting in database.execute("SELECT id, state, waiting FROM tasks"):
        if (state, waiting) != ("COMPLETED", 0):
            yield f"not done: {task_id} is {state} and waits for {waiting}"
    told: dict[str, list[str]] = {}
    for task_id, kind in database.execute("SELECT subject, type FROM events ORDER BY seq"):
        told.setdefault(task_id, []).append(kind)
    for task_id, kinds in told.items():
        if kinds.count("task.completed") != 1:
            yield f"completed {kinds.count('task.completed')} times: {task_id}"
        odd = [f"{one} → {other}" for one, other in pairwise(kinds) if other not in MAY_FOLLOW[one]]
        if odd:
            yield f"events of {task_id}: {', '.join(odd)}"


def _artifacts(database: sqlite3.Connection, home: Path) -> Iterator[str]:
    """Each task published one artifact, the one in its result, with the content it was to have."""
    rows = database.execute("SELECT task_id, id, sha256 FROM artifacts WHERE task_id IS NOT NULL").fetchall()
    published = Counter(task_id for task_id, _, _ in rows)
    made = {task_id: (artifact_id, sha256) for task_id, artifact_id, sha256 in rows}
    for task_id, params, result in database.execute("SELECT id, params, result FROM tasks"):
        if published[task_id] != 1:
            yield f"published {published[task_id]} artifacts: {task_id}"
            continue
        file = json.loads(result)["file"]
        expected = hashlib.sha256(content(json.loads(params)["number"])).hexdigest()
        if made[task_id] != (file["id"], file["sha256"]) or file["sha256"] != expected:
            yield f"the wrong artifact: {task_id}"
    for (sha256,) in database.execute("SELECT DISTINCT sha256 FROM artifacts"):
        path = home / "artifacts" / sha256[:2] / sha256
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            yield f"corrupt or missing: {path}"


def _leftovers(database: sqlite3.Connection, home: Path) -> Iterator[str]:
    known = {sha256 for (sha256,) in database.execute("SELECT sha256 FROM artifacts")}
    stored = [path for path in (home / "artifacts").rglob("*") if path.is_file()]
    yield from (f"orphan: {path}" for path in stored if path.name not in known)
    yield from (f"left in staging: {path}" for path in (home / "staging").iterdir())
    yield from (f"left in studios: {path}" for path in (home / "studios").iterdir())
    for table, condition in (("jobs", "ended_at IS NULL"), ("studios", "1"), ("loaded_models", "1")):
        (count,) = database.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()
        if count:
            yield f"{count} rows left in {table}"


def recoveries(desk: Desk, deaths: dict[str, float], pauses: list[tuple[str, float, float]]) -> list[float]:
    """For each studio that died with jobs at hand, the seconds until the last of them was taken back.

    Only seconds during which another studio was there to do so count: on a busy machine, a new one takes a while.
    """
    database = sqlite3.connect(desk.home / "avstudio.db")
    taken: dict[str, float] = {}
    query = "SELECT studio, ended_at FROM jobs WHERE outcome IN ('worker_lost', 'returned')"
    for studio, ended_at in database.execute(query):
        if studio in deaths and ended_at >= deaths[studio]:
            taken[studio] = max(taken.get(studio, 0.0), ended_at)
    lives = {studio: (float(opened), deaths.get(studio, inf)) for _, studio, opened in desk.opened()}
    return sorted(
        _attended(deaths[studio], until, [*_awake({one: lives[one] for one in lives if one != studio}, pauses)])
        for studio, until in taken.items()
    )


def _awake(
    lives: dict[str, tuple[float, float]], pauses: list[tuple[str, float, float]]
) -> Iterator[tuple[float, float]]:
    """The times during which one of some studios was open and not suspended."""
    for studio, (opened, died) in lives.items():
        for paused, went_on in sorted((start, end) for one, start, end in pauses if one == studio):
            yield opened, paused
            opened = went_on
        yield opened, died


def _attended(start: float, end: float, times: list[tuple[float, float]]) -> float:
    """The seconds from `start` to `end` that lie in any of some times."""
    total, reached = 0.0, start
    for opened, closed in sorted(times):
        reached = max(reached, opened)
        if (until := min(closed, end)) > reached:
            total, reached = total + until - reached, until
    return total
