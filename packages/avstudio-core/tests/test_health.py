"""The circuit breaker."""

from __future__ import annotations

from avstudio_core.gateway.health import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Health


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_few_failures_open_it_and_an_answer_closes_it() -> None:
    clock = Clock()
    health = Health(clock)
    for _ in range(FAILURES - 1):
        health.failed("far")
    assert health.obstacle("far") is None
    health.failed("far")
    assert "failed 3 times in a row" in (health.obstacle("far") or "")
    assert health.obstacle("near") is None
    clock.now += FIRST_PAUSE
    assert health.obstacle("far") is None
    health.answered("far")
    health.failed("far")
    assert health.obstacle("far") is None


def test_after_the_pause_one_call_tries_and_the_others_wait() -> None:
    clock = Clock()
    health = Health(clock)
    for _ in range(FAILURES):
        health.failed("far")
    clock.now += FIRST_PAUSE
    health.begin("far")
    assert health.obstacle("far") == "it is being tried again now"
    health.given_up("far")
    assert health.obstacle("far") is None


def test_each_failed_trial_doubles_the_pause_up_to_a_limit() -> None:
    clock = Clock()
    health = Health(clock)
    pauses: list[float] = []
    for _ in range(10):
        for _ in range(FAILURES if not pauses else 1):
            health.failed("far")
        began = clock.now
        while health.obstacle("far"):
            clock.now += FIRST_PAUSE
        pauses.append(clock.now - began)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert max(pauses) == LONGEST_PAUSE
