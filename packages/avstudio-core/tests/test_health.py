"""The circuit breaker: three failures open it, for 5 s at first, and for two minutes at most."""

from __future__ import annotations

from avstudio_core.gateway.health import Health


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_few_failures_open_it_and_an_answer_closes_it() -> None:
    clock = Clock()
    health = Health(clock)
    for _ in range(2):
        health.failed("far")
    assert health.obstacle("far") is None
    health.failed("far")
    assert "failed 3 times in a row" in (health.obstacle("far") or "")
    assert health.obstacle("near") is None
    clock.now += 5.0
    assert health.obstacle("far") is None
    health.answered("far")
    health.failed("far")
    assert health.obstacle("far") is None


def test_after_the_pause_one_call_tries_and_the_others_wait() -> None:
    clock = Clock()
    health = Health(clock)
    for _ in range(3):
        health.failed("far")
    clock.now += 5.0
    health.begin("far")
    assert health.obstacle("far") == "it is being tried again now"
    health.given_up("far")
    assert health.obstacle("far") is None


def test_each_failed_trial_doubles_the_pause_up_to_a_limit() -> None:
    clock = Clock()
    health = Health(clock)
    pauses: list[float] = []
    for _ in range(10):
        for _ in range(3 if not pauses else 1):
            health.failed("far")
        began = clock.now
        while health.obstacle("far"):
            clock.now += 1.0
        pauses.append(clock.now - began)
    assert pauses[:3] == [5.0, 10.0, 20.0]
    assert max(pauses) == 120.0
