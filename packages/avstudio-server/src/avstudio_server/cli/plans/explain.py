"""What a command would run, without running it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from avstudio_server.cli.terminal import output
from avstudio_server.cli.text.plans import steps_text
from avstudio_server.views.plans import plan_data

if TYPE_CHECKING:
    from avstudio_core import CheckedStep, Studio


def explain(check: Callable[[Studio, str | None], list[CheckedStep]], sources: Sequence[str], *, as_json: bool) -> int:
    """Print the steps for each source. Raises what a run would raise before it starts."""
    from avstudio_core import Studio

    with Studio(own=True) as studio:
        found = [(source, plan_data(check(studio, source))) for source in sources or [None]]  # type: ignore[list-item]
    if as_json:
        output.write_json({"plans": [{"source": source, "steps": steps} for source, steps in found]})
        return 0
    for source, steps in found:
        output.write(f"{source}:\n{steps_text(steps)}" if len(found) > 1 else steps_text(steps))
    return 0
