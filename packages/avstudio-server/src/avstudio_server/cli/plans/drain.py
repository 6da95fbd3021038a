"""The run of all pending tasks."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from avstudio_core import PlanHandle, State, Studio
from avstudio_server.cli import debug
from avstudio_server.cli.exits import DONE, FAILED
from avstudio_server.cli.plans.follow import current, display_of, watch
from avstudio_server.cli.plans.work import failures_of, note_failures
from avstudio_server.cli.terminal import output
from avstudio_server.views.tasks import UNENDED

if TYPE_CHECKING:
    from avstudio_server.cli.flags import DisplayFlags


def work_off(display: DisplayFlags) -> int:
    """Run pending tasks of any origin until none can run; return the exit code."""
    done: dict[str, State] = {}
    with debug.library_log(), Studio() as studio:
        studio.start()
        try:
            since = time.time()
            while ids := _open(studio):
                plan = PlanHandle(studio.tasks, "", {one: studio.handle(one) for one in ids})
                with display_of(studio, [plan], quiet=display.quiet) as shown:
                    for _ in watch(studio, [plan], shown, since=since):
                        note_failures(failures_of(current(plan)), shown)
                done |= {one: studio.tasks.get(one).state for one in ids}
        except KeyboardInterrupt:
            output.note("Stopped. Tasks in progress are back in the queue.")
            raise
    if display.as_json:
        output.write_json({"tasks": done})
    else:
        counted = Counter(done.values())
        output.write(", ".join(f"{count} {state}" for state, count in counted.items()) or "No tasks are pending.")
    return FAILED if {State.FAILED, State.BLOCKED} & set(done.values()) else DONE


def _open(studio: Studio) -> list[str]:
    """The tasks that can continue without a person."""
    known = [task.id for task in studio.tasks.find(states=UNENDED)]
    rest = studio.tasks.at_rest(known)
    return [name for name in known if name not in rest]
