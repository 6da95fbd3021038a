"""What calls of each model used, cost and took until their first token, for metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, case, func, select

from avstudio_core.storage.tables import api_calls, cost_records, token_usage

FIRST_TOKEN_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The upper bounds of the buckets of the times until the first token, in seconds."""
TOKENS = ("input", "output", "cached", "cache_written", "reasoning")
_model = (api_calls.c.backend + "/" + api_calls.c.model).label("model")
_first = api_calls.c.first_token_seconds
_buckets = [func.sum(case((_first <= bound, 1), else_=0)) for bound in FIRST_TOKEN_BOUNDS]
CALLS = select(
    _model, api_calls.c.outcome, func.count(), func.coalesce(func.sum(_first), 0.0), *_buckets, func.count(_first)
).group_by(_model, api_calls.c.outcome)
USED = select(_model, *(func.sum(token_usage.c[kind]) for kind in TOKENS)).join(token_usage).group_by(_model)
COST = select(_model, func.sum(cost_records.c.cost_micro)).join(cost_records).group_by(_model)


@dataclass(slots=True)
class ModelFigures:
    """The calls of a model, or of several together."""

    calls: Counter[str] = field(default_factory=Counter)
    """By outcome."""
    tokens: Counter[str] = field(default_factory=Counter)
    """By kind: `cached` and `cache_written` are part of `input`, and `reasoning` of `output`."""
    cost_micro: int = 0
    first_token_seconds: float = 0.0
    """The sum of the times until the first token, of the answers that were streamed."""
    within: list[int] = field(default_factory=lambda: [0] * (len(FIRST_TOKEN_BOUNDS) + 1))
    """In how many the first token took no longer than each of `FIRST_TOKEN_BOUNDS`; and the number of all."""

    def add(self, other: ModelFigures) -> None:
        """Count the calls of another model, too."""
        self.calls += other.calls
        self.tokens += other.tokens
        self.cost_micro += other.cost_micro
        self.first_token_seconds += other.first_token_seconds
        self._count(other.within)

    def add_calls(self, outcome: str, number: int, seconds: float, *within: int) -> None:
        self.calls[outcome] += number
        self.first_token_seconds += seconds
        self._count(within)

    def _count(self, within: Any) -> None:
        self.within = [one + more for one, more in zip(self.within, within, strict=True)]


def model_figures(connection: Connection) -> dict[str, ModelFigures]:
    """All calls that are stored, by model, the most expensive first."""
    found: dict[str, ModelFigures] = {}
    for model, *calls in connection.execute(CALLS):
        found.setdefault(model, ModelFigures()).add_calls(*calls)
    for model, *used in connection.execute(USED):
        found[model].tokens.update(dict(zip(TOKENS, used, strict=True)))
    for model, cost in connection.execute(COST):
        found[model].cost_micro = cost
    return dict(sorted(found.items(), key=lambda one: (-one[1].cost_micro, one[0])))
