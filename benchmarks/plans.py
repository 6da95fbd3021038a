"""Plans of many steps: how long the check and the storing take.

The plan fans out and in: one step, 998 that read its value, and one that reads all of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import paired

from avstudio_core import Artifact, Context, Params, Plan, Processor, Result, Step, Studio, TaskOptions, hookimpl
from avstudio_core.submission import Submission
from avstudio_core.tasks.queue.queue_types import LOCAL_PAYER

STEPS = 1000


class CountParams(Params):
    numbers: int = 0
    parts: list[Artifact] = []  # noqa: RUF012


class CountResult(Result):
    made: Artifact
    number: int = 1


class Count(Processor[CountParams, CountResult]):
    """Write the number of the files that it reads."""

    name = "bench.count"
    cacheable = False

    def outputs(self, params: CountParams) -> dict[str, str]:
        return {"made": "text/plain"}

    def run(self, source: None, params: CountParams, context: Context) -> CountResult:
        path = context.new_path("count.txt")
        path.write_text(f"{len(params.parts)}")
        return CountResult(made=context.publish(path, "count.txt", "text/plain"))


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    return [Count]


def fan(steps: int) -> Plan:
    first = Step(id="first", processor="bench.count")
    middle = [Step(id=f"s{n}", processor="bench.count", params={"numbers": "@first.number"}) for n in range(steps - 2)]
    last = Step(id="last", processor="bench.count", params={"parts": [f"@{step.id}.made" for step in middle]})
    return Plan(steps=(last, *middle, first))


def milliseconds(work: Callable[[], object], runs: int) -> list[float]:
    return [1000 * paired.timed(work) for _ in range(runs)]


def shown(name: str, values: list[float], aim: str) -> None:
    print(f"{name}: p50 {paired.quantile(values, 0.5):.0f} ms of {len(values)}  (aim: {aim})", flush=True)


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "pydantic", "sqlalchemy")
    import plans

    runs = 3 if arguments.quick else 20
    plan = fan(STEPS)
    with tempfile.TemporaryDirectory() as home, Studio(add=[plans], home=home, plugins="core") as studio:
        studio.check_plan(plan)
        shown(f"{STEPS} steps checked", milliseconds(lambda: studio.check_plan(plan), runs), "100 ms")
        checked = [Submission(studio, studio, plan, None, TaskOptions()) for _ in range(runs)]
        waiting = iter(checked)  # nothing runs: the studio has not started
        shown(
            f"{STEPS} steps stored",
            milliseconds(lambda: next(waiting).store(studio._queue, "plan_0", LOCAL_PAYER), runs),
            "150 ms",
        )


if __name__ == "__main__":
    main()
