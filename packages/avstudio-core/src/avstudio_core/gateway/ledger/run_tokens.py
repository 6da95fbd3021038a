"""The tokens of a run: reserved before a call, and corrected after it, like money."""

from __future__ import annotations

from sqlalchemy import bindparam, or_, select, update

from avstudio_core.errors import OverBudget
from avstudio_core.gateway.ledger.last_steps import KEPT
from avstudio_core.storage.database import Transaction
from avstudio_core.storage.tables import runs

NOTHING = 2**62
"""No limit is so high that a part of it would be kept."""
_limit = runs.c.most_tokens - runs.c.most_tokens // bindparam("b_kept")
RESERVE = (
    update(runs)
    .where(
        runs.c.id == bindparam("b_id"),
        or_(
            runs.c.most_tokens.is_(None),
            runs.c.used_tokens + bindparam("b_tokens") <= _limit,
        ),
    )
    .values(used_tokens=runs.c.used_tokens + bindparam("b_tokens"))
)
CORRECT = (
    update(runs).where(runs.c.id == bindparam("b_id")).values(used_tokens=runs.c.used_tokens + bindparam("b_tokens"))
)
USED = select(runs.c.used_tokens, runs.c.most_tokens).where(runs.c.id == bindparam("id"))


def reserve(transaction: Transaction, run: str | None, tokens: int, *, keep: bool = False) -> OverBudget | None:
    """Reserve the most tokens that a call may use; return the error if the run may not use so many.

    `keep` leaves what is kept for the last steps.
    """
    if run is None:
        return None
    values = {"b_id": run, "b_tokens": tokens, "b_kept": KEPT if keep else NOTHING}
    if transaction.execute(RESERVE, values).rowcount:
        return None
    used = transaction.execute(USED, {"id": run}).first()
    if used is None:  # the account names a run that does not exist
        return None
    message = f"The run '{run}' may use {used[1]:,} tokens: {used[0]:,} are used, and this call may use {tokens:,}."
    if keep:
        message += " A tenth is kept for its last steps."
    return OverBudget(message, hint="Start a run with a higher limit.", scope=f"run:{run}")


def settle(transaction: Transaction, run: str | None, reserved: int, used: int) -> None:
    """Replace the reserved tokens of a call by those that it used."""
    if run is not None:
        transaction.execute(CORRECT, {"b_id": run, "b_tokens": used - reserved})
