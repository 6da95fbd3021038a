"""A month of heavy use: the size of the database with 100,000 tasks, and how long its lists take.

One real task, with a source, a result file and events of progress, is copied with other ids and times. Then the studio
removes old events of progress, as it does every day.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paired
from sqlalchemy import insert, select

from avstudio_core import Studio
from avstudio_core.artifact import new_id
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.tables import artifacts, dependencies, events, jobs, media_files, plans, task_inputs, tasks
from avstudio_core.tasks.queue.retention import DAY, Retention
from avstudio_core.tasks.states import State
from avstudio_core.testing import exercises

TABLES = (tasks, artifacts, media_files, task_inputs, dependencies, jobs, events, plans)
PORTION = 2000
PROGRESS = 10
"""Events of progress of a task: it reports for two seconds."""
LONGEST_MS, LARGEST_MB = 100.0, 300.0

Rows = dict[str, list[dict[str, Any]]]


def template(studio: Studio, folder: Path) -> Rows:
    """The rows of one task that ran, and its ids."""
    (folder / "source.txt").write_text("a source")
    studio.run_plan("exercise.copy | exercise.copy", folder / "source.txt")
    with studio._database.read() as connection:
        found = {table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in TABLES}
    for rows in found.values():
        for row in rows:
            row.pop("seq", None)
    progress = [row for row in found["events"] if row["type"] == "task.progress"]
    found["events"] += progress[:1] * (PROGRESS * len(found["tasks"]))
    for row in found["media_files"]:
        del row["id"]
    return found


def copied(rows: Rows, age: float) -> Rows:
    """The same rows with new ids, and times that are earlier by an age."""
    old = [row["id"] for name in ("tasks", "artifacts", "jobs", "plans") for row in rows[name]]
    ids = {one: new_id(one.partition("_")[0]) for one in old}
    ids |= {row["plan_id"]: new_id("plan") for row in rows["tasks"] if row["plan_id"] not in ids}

    def changed(value: Any) -> Any:
        if isinstance(value, float) and value > 1e9:
            return value - age
        if isinstance(value, str):
            for one, new in ids.items():
                value = value.replace(one, new)
        return value

    return {name: [{key: changed(value) for key, value in row.items()} for row in some] for name, some in rows.items()}


def portions(rows: Rows, plans_wanted: int) -> Iterator[Rows]:
    """Copies for a month, the oldest first, some at a time."""
    for start in range(0, plans_wanted, PORTION):
        some: Rows = {table.name: [] for table in TABLES}
        for number in range(start, min(start + PORTION, plans_wanted)):
            for name, found in copied(rows, 30 * DAY * (1 - number / plans_wanted)).items():
                some[name] += found
        yield some


def store(studio: Studio, some: Rows) -> None:
    def operation(transaction: Transaction) -> None:
        for table in TABLES:
            if some[table.name]:
                transaction.connection.execute(insert(table), some[table.name])

    studio._database.write(operation)


def megabytes(home: Path) -> float:
    """The pages of the database that are in use: removed rows leave room for new ones."""
    with sqlite3.connect(home / "avstudio.db") as database:
        pages, free, size = (
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return float((pages - free) * size / 1e6)


def shown(name: str, work: Callable[[], object], aim: str = f"  (aim: {LONGEST_MS:g})") -> None:
    values = [1000 * paired.timed(work) for _ in range(20)]
    worst = paired.quantile(values, 0.99)
    print(f"{name}: p50 {paired.quantile(values, 0.5):.1f} ms, p99 {worst:.1f} ms{aim}", flush=True)


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "sqlalchemy")
    wanted = 10_000 if arguments.quick else 100_000
    with (
        tempfile.TemporaryDirectory() as home,
        Studio(add=[exercises], home=home, plugins="core", executor="inline") as studio,
    ):
        rows = template(studio, Path(home))
        for some in portions(rows, wanted // len(rows["tasks"])):
            store(studio, some)
        count = sum(studio.tasks.counted().values())
        print(f"{count} tasks: {megabytes(Path(home)):.0f} MB with all events", flush=True)
        retention = Retention(studio._database, studio._queue.removal, studio.settings)
        begin = time.perf_counter()
        while retention.events(time.time() - DAY):
            pass
        took, limit = time.perf_counter() - begin, LARGEST_MB * wanted / 100_000
        print(f"after the removal of old progress ({took:.1f} s): {megabytes(Path(home)):.0f} MB  (aim: {limit:g})")
        shown("the newest 20 tasks", lambda: studio.tasks.find(limit=20))
        shown("the newest 20 failed tasks", lambda: studio.tasks.find(states=[State.FAILED], limit=20))
        shown("the newest 20 plans", lambda: studio.tasks.plans.find(limit=20))
        shown("the number of tasks in each state", studio.tasks.counted)
        shown("work that is old", lambda: studio._queue.removal.ended(time.time() - 25 * DAY, 100))
        shown("what takes how much room", studio.administration.usage, "")


if __name__ == "__main__":
    main()
