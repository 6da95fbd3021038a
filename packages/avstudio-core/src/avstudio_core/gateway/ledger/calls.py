"""What the ledger is told of a call, before and after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from avstudio_core.chat import Account, Usage

Verb = Literal["chat", "stream", "embed", "media"]
Outcome = Literal["ok", "partial", "failed", "cancelled", "lost"]
"""`lost`: the process died during the call; what it had reserved counts as spent, for the provider may charge it."""


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call about to be made, with the most that it can cost in millionths of a dollar."""

    request_id: str
    verb: Verb
    backend: str
    model: str
    account: Account
    most_micro: int
    rule: str = ""
    """The rule of the router that chose the model."""
    seconds: float = 600.0
    """How long it may take: a reservation that is older is taken for leaked."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a call."""

    outcome: Outcome
    usage: Usage = field(default_factory=Usage)
    cost_micro: int = 0
    error: str | None = None
    """The code of what went wrong."""
    seconds: float = 0.0
    first_token_seconds: float | None = None
