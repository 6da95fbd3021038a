"""What a session of an owner costs over the studio itself: submitting, finding, following; in turns."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial

import noop
import paired

from avstudio_core import Handle, Principal, Studio
from avstudio_core.access.session import Session


def submitted(session: Session, count: int) -> float:
    """Seconds to submit tasks that do nothing, and to wait for them."""
    handles: list[Handle] = []

    def work() -> None:
        handles.extend(session.submit("bench.nothing") for _ in range(count))
        for handle in handles:
            handle.result()

    return paired.timed(work)


def found(session: Session, count: int) -> float:
    def work() -> None:
        for _ in range(count):
            session.tasks.find(limit=20)

    return paired.timed(work)


def replayed(session: Session, count: int, after: int) -> float:
    """Seconds to read 100 stored events."""

    def work() -> None:
        for _ in range(count):
            with session.events(after=after) as events:
                for _ in range(100):
                    next(events)

    return paired.timed(work)


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "sqlalchemy")
    pairs = 10 if arguments.quick else 30
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(add=[noop], home=home, plugins="core", executor="inline")
        with studio:
            session = studio.session(Principal("ann"))
            for _ in range(100):
                submitted(session, 1)
            mixed = last_event(session)
            for _ in range(100):
                submitted(session, 1)
                submitted(studio, 1)
            works: dict[str, tuple[Callable[[Session, int], float], int]] = {
                "submit": (submitted, 50),
                "find": (found, 50),
                "events": (partial(replayed, after=0), 100),
                "events, every second one is skipped": (partial(replayed, after=mixed), 100),
            }
            for name, (work, count) in works.items():
                work(session, count)
                work(studio, count)
                both = paired.interleaved(lambda: work(session, count), lambda: work(studio, count), pairs)  # noqa: B023
                print(f"{name}: session / studio {paired.ratio(*both)}  (aim 1.03)", flush=True)


def last_event(session: Session) -> int:
    """The number of the event with which a further task ends."""
    handle = session.submit("bench.nothing")
    handle.result()
    with session.events(after=0) as events:
        return next(one.seq for one in events if one.subject == handle.task_id and one.type == "task.completed")


if __name__ == "__main__":
    main()
