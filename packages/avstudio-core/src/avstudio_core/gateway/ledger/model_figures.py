"""What calls of each model used, cost and took until their first token, for metrics."""

from __future__ import annotations

import threading
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select

from avstudio_core.storage.database import Database
from avstudio_core.storage.tables import api_calls, cost_records, token_usage

FIRST_TOKEN_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The upper bounds of the buckets of the times until the first token, in seconds."""
TOKENS = ("input", "output", "cached", "cache_written", "reasoning")
_model = (api_calls.c.backend + "/" + api_calls.c.model).label("model")
_first = api_calls.c.first_token_seconds
_buckets = [func.sum(case((_first <= bound, 1), else_=0)) for bound in FIRST_TOKEN_BOUNDS]
_earlier = token_usage.alias()
_corrects = select(_earlier.c.id).where(_earlier.c.call_id == token_usage.c.call_id, _earlier.c.id < token_usage.c.id)
_new_usage = token_usage.c.id > bindparam("after"), token_usage.c.id <= bindparam("upto")
_figures = func.count(), func.coalesce(func.sum(_first), 0.0), *_buckets, func.count(_first)
CALLS = (
    select(_model, api_calls.c.outcome, *_figures)
    .join(token_usage)
    .where(*_new_usage, ~_corrects.exists())
    .group_by(_model, api_calls.c.outcome)
)
"""A call counts with its first row of usage; a second one corrects the sums of a call that was lost."""
_tokens = [func.sum(token_usage.c[kind]) for kind in TOKENS]
USED = select(_model, *_tokens).join(token_usage).where(*_new_usage).group_by(_model)
COST = (
    select(_model, func.sum(cost_records.c.cost_micro))
    .join(cost_records)
    .where(cost_records.c.id > bindparam("after"), cost_records.c.id <= bindparam("upto"))
    .group_by(_model)
)
LAST_USAGE = select(func.coalesce(func.max(token_usage.c.id), 0))
LAST_COST = select(func.coalesce(func.max(cost_records.c.id), 0))


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


class ModelTotals:
    """The figures of all calls that are stored. Each reading adds those that are new since the last one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._usage = self._cost = 0
        self._models: dict[str, ModelFigures] = {}

    def read(self) -> dict[str, ModelFigures]:
        """All calls by model, the most expensive first."""
        with self._lock, self._database.read() as connection:
            self._add_new(connection)
            found = deepcopy(self._models)
        return dict(sorted(found.items(), key=lambda one: (-one[1].cost_micro, one[0])))

    def _add_new(self, connection: Connection) -> None:
        """Rows are only added, with growing numbers; the marks move when all rows up to them are counted."""
        usage = {"after": self._usage, "upto": connection.execute(LAST_USAGE).scalar_one()}
        cost = {"after": self._cost, "upto": connection.execute(LAST_COST).scalar_one()}
        calls, used = connection.execute(CALLS, usage).all(), connection.execute(USED, usage).all()
        costs = connection.execute(COST, cost).all()
        self._usage, self._cost = usage["upto"], cost["upto"]
        for model, *figures in calls:
            self._of(model).add_calls(*figures)
        for model, *tokens in used:
            self._of(model).tokens.update(dict(zip(TOKENS, tokens, strict=True)))
        for model, micro in costs:
            self._of(model).cost_micro += micro

    def _of(self, model: str) -> ModelFigures:
        return self._models.setdefault(model, ModelFigures())
