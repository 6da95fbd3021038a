"""Random publishers on one folder, and listeners that join at random: each gets exactly what the log has for it."""

from __future__ import annotations

import contextlib
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from avstudio_core import Event, EventsLost, StorageError, Studio
from avstudio_core.tasks.events import event_log, mailbox
from avstudio_core.tasks.events.event_filter import EventFilter
from avstudio_core.testing import exercises, until

MESSAGE = "agent.message"
OWNERS, SUBJECTS = ("ann", "bob"), ("chat_1", "chat_2", "chat_3")
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "subjects": st.sets(st.sampled_from(SUBJECTS), min_size=1),
        "owner": st.sampled_from(OWNERS),
        "types": st.sampled_from([(MESSAGE,), ("task.completed", "task.started")]),
    },
)
LISTENERS = st.lists(
    st.tuples(CONDITIONS, st.one_of(st.none(), st.integers(0, 60)), st.booleans(), st.booleans()),
    min_size=1,
    max_size=6,
)
"""Of each: the conditions, the number after which it listens, whether it is slow, whether it is called."""


class Listener:
    """Listens until the studio is closed, again after its last number whenever it was too slow."""

    def __init__(self, studio: Studio, conditions: dict[str, Any], after: int | None, slow: bool, called: bool) -> None:
        self.wanted = EventFilter.of(**conditions)
        self.got: list[Event] = []
        self.studio, self.conditions, self.slow = studio, conditions, slow
        self.stream = studio.events(after=after, **conditions)
        self.stream.wait(0)
        self.joined = self.stream.seq
        (self.call if called else self.iterate)()

    def hear(self, event: Event) -> None:
        if self.slow:
            time.sleep(0.001)
        self.got.append(event)

    def call(self) -> None:
        self.stream.call(self.hear, self.again)

    def again(self, lost: EventsLost) -> None:
        self.stream = self.studio.events(after=lost.seq, **self.conditions)
        self.call()

    def iterate(self) -> None:
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        with contextlib.suppress(StorageError):  # the studio is closed
            while True:
                try:
                    for event in self.stream:
                        self.hear(event)
                    return
                except EventsLost as lost:
                    self.stream = self.studio.events(after=lost.seq, **self.conditions)


def publish(studio: Studio, seed: int) -> None:
    dice = random.Random(seed)
    for number in range(25):
        if dice.random() < 0.1:
            studio.submit("exercise.wait", cache=False)
        studio.publish(MESSAGE, dice.choice(SUBJECTS), {"message": str(number)}, owner=dice.choice(OWNERS))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(listeners=LISTENERS, later=LISTENERS, seed=st.integers(0, 1000))
def test_every_listener_gets_exactly_the_events_of_its_filter(
    monkeypatch: pytest.MonkeyPatch, listeners: list[Any], later: list[Any], seed: int
) -> None:
    monkeypatch.setattr(mailbox, "MOST_WAITING", 4)
    monkeypatch.setattr(event_log, "FIRST_PAGE", 2)
    monkeypatch.setattr(event_log, "PAGE", 7)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        studios = [Studio(add=[exercises], home=home, executor="inline", plugins="") for _ in range(2)]
        for owner in OWNERS:
            studios[0].keys.create("of a listener", owner=owner)
        try:
            joined = [Listener(studios[number % 2], *one) for number, one in enumerate(listeners)]
            publishers = [
                threading.Thread(target=publish, args=(studios[number % 2], seed + number)) for number in range(4)
            ]
            for thread in publishers:
                thread.start()
            joined += [Listener(studios[number % 2], *one) for number, one in enumerate(later)]
            for thread in publishers:
                thread.join()
            _compare(studios[0], joined)
        finally:
            for studio in studios:
                studio.close()


def _compare(studio: Studio, listeners: list[Listener]) -> None:
    until(lambda: all(task.state == "COMPLETED" for task in studio.tasks.find()))
    everything = list(studio.events(after=0).stored())
    assert [event.seq for event in everything] == list(range(1, len(everything) + 1))
    for listener in listeners:
        expected = [event for event in everything if event.seq > listener.joined and listener.wanted.accepts(event)]
        until(lambda: len(listener.got) >= len(expected))  # noqa: B023
    time.sleep(0.05)
    for listener in listeners:
        expected = [event for event in everything if event.seq > listener.joined and listener.wanted.accepts(event)]
        assert listener.got == expected
