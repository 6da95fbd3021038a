"""`avstudio budgets`: limits that no call to a language model can exceed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from avstudio_core.quotes import quoted
from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json, spread
from avstudio_server.cli.terminal import output

Amount = Annotated[
    str, typer.Argument(metavar="AMOUNT", help="US dollars, such as 5 or 0.25; 0 allows only free calls.")
]

app = groups.app("Budgets: list, set, remove, rebuild.")


@dataclass(frozen=True)
class ScopeFlags:
    """What a budget limits, and for which period; without any of them, it limits everything."""

    per: Annotated[
        str | None,
        typer.Option(
            "--per", metavar="day|month|total", help="Days and months in UTC. [default: day; with --task: total]"
        ),
    ] = None
    project: Annotated[
        str | None, typer.Option("--project", metavar="NAME", help="One project; '*' means each project.")
    ] = None
    key: Annotated[str | None, typer.Option("--key", metavar="ID", help="One API key; '*' means each key.")] = None
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME", help="One agent; '*' means each agent.")] = (
        None
    )
    task: Annotated[bool, typer.Option("--task", help="Each task.")] = False

    def chosen(self) -> tuple[str, str]:
        """The scope and the period. Raises `InvalidInput`."""
        from avstudio_core.errors import InvalidInput

        named = {"project": self.project, "key": self.key, "agent": self.agent, "task": "*" if self.task else None}
        given = [f"{kind}:{name}" for kind, name in named.items() if name is not None]
        if len(given) > 1:
            message = f"A budget has one scope, not {' and '.join(map(quoted, given))}."
            raise InvalidInput(message, hint="Set one budget for each.")
        return next(iter(given), "global"), self.per or ("total" if self.task else "day")


def command() -> Any:
    return groups.built(app)


@app.command("list", cls=groups.Command)
def list_(as_json: Json = False) -> int:
    """List the budgets with what is spent, reserved and left in the current period."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.costs import budget_table
    from avstudio_server.views.costs import budget_data

    with Studio(own=True) as studio:
        found = studio.ledger.budgets()
    if as_json:
        output.write_json([budget_data(one) for one in found])
    else:
        output.write(budget_table(found) if found else "No budgets. Set one: avstudio budgets set 5 --per month")
    return 0


@app.command("set", cls=groups.Command)
@spread
def set_(amount: Amount, scope: ScopeFlags, as_json: Json = False) -> int:
    """Limit what may be spent. Earlier costs in the current period count."""
    from avstudio_core import Studio
    from avstudio_core.money import dollars, micro

    limit, (name, period) = micro(amount), scope.chosen()
    with Studio(own=True) as studio:
        studio.ledger.set_budget(name, period, limit)
    if as_json:
        output.write_json({"scope": name, "period": period, "limit_micro": limit})
    else:
        output.write(f"{name}: {dollars(limit)} {_per(period)}.")
    return 0


@app.command("remove", cls=groups.Command)
@spread
def remove(scope: ScopeFlags, as_json: Json = False) -> int:
    """Remove a budget."""
    from avstudio_core import Studio

    name, period = scope.chosen()
    with Studio(own=True) as studio:
        studio.ledger.remove_budget(name, period)
    if as_json:
        output.write_json({"scope": name, "period": period})
    else:
        output.write(f"{name}: the budget {_per(period)} is removed.")
    return 0


@app.command("rebuild", cls=groups.Command)
def rebuild(as_json: Json = False) -> int:
    """Recalculate the totals of the budgets from the recorded calls, and show those that were wrong."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.costs import budget_table
    from avstudio_server.views.costs import budget_data

    with Studio(own=True) as studio:
        corrected = [now for _, now in studio.ledger.rebuild()]
    if as_json:
        output.write_json([budget_data(one) for one in corrected])
    else:
        output.write(budget_table(corrected) if corrected else "Every total agrees with the recorded calls.")
    return 0


def _per(period: str) -> str:
    return "in total" if period == "total" else f"per {period}"
