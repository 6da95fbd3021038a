"""The seven states of a task, and the allowed transitions."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise

from avstudio_core.errors import InvalidTransition


class State(StrEnum):
    """The state of a task."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    IN_PROGRESS = "IN_PROGRESS"
    AWAITING_REVIEW = "AWAITING_REVIEW"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    BLOCKED = "BLOCKED"


FOLLOWS: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.ASSIGNED, State.BLOCKED}),
    State.ASSIGNED: frozenset({State.IN_PROGRESS, State.BLOCKED}),
    State.IN_PROGRESS: frozenset({State.AWAITING_REVIEW, State.FAILED, State.BLOCKED}),
    State.AWAITING_REVIEW: frozenset({State.COMPLETED, State.IN_PROGRESS}),
    State.FAILED: frozenset({State.PENDING}),
    State.BLOCKED: frozenset({State.PENDING}),
    State.COMPLETED: frozenset(),
}

ENDED = frozenset({State.COMPLETED, State.FAILED, State.BLOCKED})
"""States that a task leaves only by a request of a user."""


def require(*path: State) -> None:
    """Check that the table allows each step of a path. Raises `InvalidTransition`."""
    for old, new in pairwise(path):
        if new not in FOLLOWS[old]:
            allowed = ", ".join(sorted(FOLLOWS[old])) or "no other"
            raise InvalidTransition(f"A task cannot change from {old} to {new}: from {old} it can change to {allowed}.")
