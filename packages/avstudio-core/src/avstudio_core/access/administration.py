"""The data folder as a whole, for administrators."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from avstudio_core.access.guest import Home
from avstudio_core.access.outbox import Outbox
from avstudio_core.entry_points import installed_after
from avstudio_core.errors import AVStudioError
from avstudio_core.gateway.ledger.model_figures import FIRST_TOKEN_BOUNDS, ModelFigures
from avstudio_core.handle import number
from avstudio_core.names import checked
from avstudio_core.page import a_moment
from avstudio_core.storage import sweep
from avstudio_core.storage.sweep import Flaw
from avstudio_core.storage.usage import Usage, usage
from avstudio_core.tasks.queue import figures
from avstudio_core.tasks.queue.figures import EndedRuns
from avstudio_core.tasks.queue.removal import Removed
from avstudio_core.tasks.states import State
from avstudio_core.twin import twin


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a studio can work, and what it has to do."""

    outage: AVStudioError | None
    """Why it has been unable to store anything for some time, such as a full disk."""
    free_bytes: int
    """The free space on the disk of the data folder."""
    working: bool
    """Whether it runs tasks."""
    tasks: Mapping[State, int]
    budget_mb: int
    """The memory that all models may use."""
    loaded: Mapping[str, int]
    """The lanes whose model is in memory, and its size in MB."""
    outdated: Mapping[int, tuple[str, ...]]
    """The processes with earlier code of packages that were installed since, until they are started again."""


class Administration:
    """What concerns the work of all owners: health, storage, removal."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def health(self) -> Health:
        """The state of the studio. Reads the content of no files, so that it can be called often."""
        home = self._home
        return Health(
            outage=home.outage,
            working=home.working,
            free_bytes=shutil.disk_usage(home.settings.home).free,
            tasks=home._queue.counted(),
            budget_mb=home.pool.budget_mb(),
            loaded={model.lane: model.memory_mb for model in home.pool.loaded()},
            outdated={pid: later for pid, began in home._presence.live() if (later := installed_after(began))},
        )

    run_bounds = figures.BOUNDS
    """The durations in seconds by which `ended_runs` counts."""

    def ended_runs(self, after: int | None) -> tuple[int, list[EndedRuns]]:
        """The runs that ended after the event of a number, and that of the newest event; `None` gives only that."""
        return figures.ended(self._home._database, None if after is None else number(after))

    def unfinished_tasks(self) -> list[tuple[str, str, int]]:
        """The number of tasks that have not completed, by processor and state."""
        return figures.unfinished(self._home._database)

    first_token_bounds = FIRST_TOKEN_BOUNDS
    """The times in seconds by which `model_figures` counts."""

    def model_figures(self) -> dict[str, ModelFigures]:
        """All calls of language models that are stored, by model, the most expensive first."""
        return self._home.ledger.figures()

    def usage(self) -> Usage:
        """What takes how much room in the data folder."""
        return usage(self._home._database, self._home.settings.home)

    def stored(self) -> tuple[int, int]:
        """The number of files in the store, and their bytes."""
        return self._home._store.totals()

    def check(self) -> list[Flaw]:
        """What is wrong in the data folder; every stored file is read."""
        return [*sweep.check(self._home._database, self._home._store)]

    def prune(self, before: float, *, dry_run: bool = False) -> tuple[int, Removed]:
        """Delete the plans that ended before a time, or only count; return their number, and what was deleted.

        The time is in seconds since the epoch. Raises `InvalidInput`.
        """
        return self._home._queue.removal.trial(dry_run).prune(a_moment(before))

    @cached_property
    def outbox(self) -> Outbox:
        """What has to be sent to the webhooks of all owners: for the one who sends it."""
        return Outbox(self._home._database, self._home.settings.home)

    def delete_owner(self, owner: str, *, dry_run: bool = False) -> Removed:
        """Delete all tasks, files and uploads of an owner, and revoke its API keys, or only tell what would go.

        Raises `NotFound`, `InUse`.
        """
        return self._home._queue.removal.trial(dry_run).owner(checked(owner, "owner"))

    ahealth = twin(health)
    """`health` without blocking an event loop."""
    ausage = twin(usage)
    """`usage` without blocking an event loop."""
    astored = twin(stored)
    """`stored` without blocking an event loop."""
    acheck = twin(check)
    """`check` without blocking an event loop."""
    aended_runs = twin(ended_runs)
    """`ended_runs` without blocking an event loop."""
    aunfinished_tasks = twin(unfinished_tasks)
    """`unfinished_tasks` without blocking an event loop."""
    amodel_figures = twin(model_figures)
    """`model_figures` without blocking an event loop."""
    aprune = twin(prune)
    """`prune` without blocking an event loop."""
    adelete_owner = twin(delete_owner)
    """`delete_owner` without blocking an event loop."""
