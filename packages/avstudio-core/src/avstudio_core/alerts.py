"""The alert about a budget that is nearly or fully spent."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from avstudio_core.money import dollars
from avstudio_core.periods import Period, named


class Alert(BaseModel):
    """A budget is spent to 60, 80 or 100 %."""

    model_config = ConfigDict(frozen=True)

    scope: str
    period: Period
    period_start: str
    percent: int
    limit_micro: int
    spent_micro: int

    def __str__(self) -> str:
        return (
            f"Budget '{self.scope}' ({named(self.period, self.period_start)}) is spent to {self.percent} %: "
            f"{dollars(self.spent_micro)} of {dollars(self.limit_micro)}."
        )
