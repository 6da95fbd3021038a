"""The facts about a call for the ledger, before and after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from avstudio_core.chat import Account, Usage

Verb = Literal["chat", "stream", "embed", "media"]
Outcome = Literal["ok", "partial", "failed", "cancelled", "lost", "cached"]
"""`cached`: no model was called, because the answer to an identical request was stored.
`lost`: the process died during the call; the reserved amount counts as spent, since the provider may charge it."""


class Payer(NamedTuple):
    """The owner of work, and the API key that pays for its calls."""

    owner: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call before it is made, with its highest possible cost in millionths of a dollar."""

    request_id: str
    verb: Verb
    backend: str
    model: str
    account: Account
    most_micro: int
    rule: str = ""
    """The rule of the router that chose the model."""
    most_tokens: int = 0
    """The most tokens that it is expected to read and write."""
    seconds: float = 600.0
    """Its time limit in seconds: an older reservation counts as leaked."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The outcome of a call."""

    outcome: Outcome
    usage: Usage = field(default_factory=Usage)
    cost_micro: int = 0
    error: str | None = None
    """The code of the error."""
    seconds: float = 0.0
    first_token_seconds: float | None = None
