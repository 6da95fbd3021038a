from __future__ import annotations

import pytest

from avstudio_core.errors import InvalidTransition
from avstudio_core.tasks.states import FOLLOWS, State, require

DESIGNED = """
PENDING → ASSIGNED | BLOCKED          IN_PROGRESS → AWAITING_REVIEW | FAILED | BLOCKED
ASSIGNED → IN_PROGRESS | BLOCKED      AWAITING_REVIEW → COMPLETED | IN_PROGRESS
FAILED → PENDING                      BLOCKED → PENDING
"""


def test_exactly_the_designed_transitions_are_allowed() -> None:
    words = DESIGNED.replace("|", " ").split()
    at = [number for number, word in enumerate(words) if word == "→"]
    ends = [*(number - 1 for number in at[1:]), len(words)]
    designed = {words[start - 1]: set(words[start + 1 : end]) for start, end in zip(at, ends, strict=True)}
    assert {str(state): set(map(str, follows)) for state, follows in FOLLOWS.items()} == designed | {"COMPLETED": set()}


def test_a_path_with_a_forbidden_step_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(InvalidTransition, match=r"from COMPLETED to PENDING: COMPLETED goes to no other"):
        require(State.COMPLETED, State.PENDING)
    with pytest.raises(InvalidTransition, match=r"ASSIGNED goes to BLOCKED, IN_PROGRESS"):
        require(State.PENDING, State.ASSIGNED, State.COMPLETED)
