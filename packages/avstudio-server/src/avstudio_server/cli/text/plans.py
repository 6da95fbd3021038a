"""The steps of a plan, as text."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from avstudio_core import State
from avstudio_core.quotes import harmless
from avstudio_server.cli.terminal.display import duration_text
from avstudio_server.cli.terminal.tables import table

if TYPE_CHECKING:
    from avstudio_core import KeptPlan


def plan_table(plans: Sequence[KeptPlan]) -> str:
    """One line for each plan, the newest last."""
    rows = [(one.id, one.state, _done(one), duration_text(time.time() - one.created_at), one.text) for one in plans]
    return table(("PLAN", "STATE", "DONE", "AGE", "TEXT"), rows)


def kept_text(plan: KeptPlan) -> str:
    """A plan as it was written."""
    submitted = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(plan.created_at))
    return f"{harmless(plan.text)}\nproject: {harmless(plan.project)}\nsubmitted: {submitted}\n"


def _done(plan: KeptPlan) -> str:
    return f"{plan.states.get(State.COMPLETED, 0)} of {sum(plan.states.values())}"


def steps_text(steps: Iterable[Mapping[str, Any]]) -> str:
    """A line for each step: what it reads, makes and needs, and for which step it comes first."""
    return table(
        ("STEP", "PROCESSOR", "READS", "MAKES", "NEEDS", "FIRST FOR"),
        (
            (
                step["step"],
                step["processor"],
                ", ".join([step["source"] or "", *_references(step["params"])]).strip(", "),
                ", ".join(step["outputs"]),
                _needs(step["needs"]),
                step["comes_first_for"],
            )
            for step in steps
        ),
    )


def _references(params: Mapping[str, Any]) -> list[str]:
    values = [one for value in params.values() for one in (value if isinstance(value, list) else [value])]
    return [one[1:] for one in values if isinstance(one, str) and one.startswith("@") and not one.startswith("@@")]


def _needs(needs: Mapping[str, Any]) -> str:
    found = [needs["model"] or "", f"{needs['memory_mb']} MB" if needs["memory_mb"] else ""]
    found += [f"about {needs['seconds']:.0f} s" if needs["seconds"] else "", "network" if needs["network"] else ""]
    found += [f"${needs['cost']:.2f}" if needs["cost"] else ""]
    return ", ".join(filter(None, found))
