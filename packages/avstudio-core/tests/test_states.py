from __future__ import annotations

import re
from itertools import product

import pytest

from avstudio_core.errors import InvalidTransition
from avstudio_core.tasks.states import ENDED, State, require

TABLE = """
PENDING → ASSIGNED | BLOCKED          IN_PROGRESS → AWAITING_REVIEW | FAILED | BLOCKED
ASSIGNED → IN_PROGRESS | BLOCKED      AWAITING_REVIEW → COMPLETED | IN_PROGRESS
FAILED → PENDING                      BLOCKED → PENDING
"""
ALLOWED = {
    (State(old), State(new))
    for old, targets in re.findall(r"(\w+) → (\w+(?: \| \w+)*)", TABLE)
    for new in targets.split(" | ")
}


def test_there_are_seven_states() -> None:
    assert {state.value for state in State} == {
        *("PENDING", "ASSIGNED", "IN_PROGRESS", "AWAITING_REVIEW", "COMPLETED", "FAILED", "BLOCKED"),
    }


@pytest.mark.parametrize(("old", "new"), sorted(product(State, State)))
def test_exactly_the_designed_transitions_are_allowed(old: State, new: State) -> None:
    if (old, new) in ALLOWED:
        require(old, new)
        return
    with pytest.raises(InvalidTransition, match=f"cannot change from {old} to {new}"):
        require(old, new)


def test_each_step_of_a_path_is_looked_at() -> None:
    require(State.IN_PROGRESS, State.FAILED, State.PENDING)
    with pytest.raises(
        InvalidTransition, match="from ASSIGNED to FAILED: from ASSIGNED it can change to BLOCKED, IN_PROGRESS"
    ):
        require(State.PENDING, State.ASSIGNED, State.FAILED)


def test_a_task_ends_as_completed_failed_or_blocked() -> None:
    assert {State.COMPLETED, State.FAILED, State.BLOCKED} == ENDED
