"""The composition root, and the entry point for interfaces and for programs that embed AV-Studio."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import insert

from avstudio_core.artifact import Artifact, MediaFacts, new_id
from avstudio_core.catalogue import Catalogue, collected
from avstudio_core.egress import Gate
from avstudio_core.errors import AVStudioError, InvalidInput, InvalidPlan, StorageError
from avstudio_core.gateway.ledger.ledger import Ledger
from avstudio_core.handle import Handle, PlanHandle, result_or_cancel
from avstudio_core.kinds.processor import Processor
from avstudio_core.media_types import guess
from avstudio_core.models.memory import usable
from avstudio_core.models.pool import Pool
from avstudio_core.models.shelf import InstalledShelf
from avstudio_core.names import checked
from avstudio_core.parameters import StoredParams, plain
from avstudio_core.paths import existing_file
from avstudio_core.plan import Plan, Ref, Step, alone
from avstudio_core.plugins import Plugins
from avstudio_core.quotes import quoted
from avstudio_core.requirements import refuse_unmet
from avstudio_core.settings import Settings
from avstudio_core.settings_sources import load
from avstudio_core.storage import artifact_rows, exports, refusals
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.sqlite.database import Transaction
from avstudio_core.storage.sqlite.dialect import insert_new
from avstudio_core.storage.sqlite.schema import open_database
from avstudio_core.storage.sweep import abandon
from avstudio_core.storage.tables import media_files, projects
from avstudio_core.tasks.engine.engine import Engine
from avstudio_core.tasks.engine.live_studios import Presence
from avstudio_core.tasks.events.announcer import Announcer
from avstudio_core.tasks.executors.guarded import GuardedExecutor
from avstudio_core.tasks.queue.queue import Queue
from avstudio_core.tasks.queue.queue_types import NewTask, Rules
from avstudio_core.tasks.task import Task, TaskOptions

if TYPE_CHECKING:
    from avstudio_core.alerts import Alert
    from avstudio_core.answers import ChatAnswer
    from avstudio_core.gateway.door import Door, Prompt
    from avstudio_core.gateway.streams import Stream
    from avstudio_core.model_requests import Ask, Tell

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
MAIN = "__main__"
Source = str | Path | Artifact
"""A path, an artifact, or the id of an artifact."""


class Studio:
    """A user's studio on a data folder; several studios, also in other processes, can share a folder and its tasks.

    ```python
    with Studio() as studio:
        stems = studio.run("audio.separate", "song.mp3", stems=["vocals"])
        words = studio.run("audio.transcribe", stems.stems["vocals"])
    ```

    Settings are keyword arguments: `Studio(home="/data", offline=True)`. `add` takes plugin modules that are not
    installed. With `own`, it does not run tasks that other studios submitted.
    """

    def __init__(self, *, add: Sequence[ModuleType] = (), own: bool = False, **settings: Any) -> None:
        self.settings: Settings = load(settings)
        self.plugins = Plugins(self.settings.home)
        self.plugins.discover(self.settings.plugin_names())
        self.plugins.add_modules(add)
        self.extra_modules = [module.__name__ for module in add]
        declared = self.plugins.kind("settings").values()
        with self.plugins.naming_broken():
            self.settings = self.settings.with_declared(declared)
        if MAIN in self.extra_modules and self.plugins.find("executors", self.settings.executor).apart:
            message = f"'{MAIN}' cannot be added: worker processes cannot import code of a notebook or a script."
            hint = "Put it into a module of its own, and add that, or make the setting 'executor' 'inline'."
            raise InvalidInput(message, hint=hint)
        home = self.settings.home
        self._database = open_database(home)
        self.store = ArtifactStore(home)
        self._presence = Presence(self._database, home)
        rules = Rules(self._presence.id, self.settings.lease_seconds, self.settings.max_deliveries)
        self.tasks = Queue(self._database, self.store, rules)
        self.gate = Gate(self.settings, partial(refusals.record, self._database))
        self.shelf = InstalledShelf(self.plugins, self.settings, self.gate)
        managers = usable(self.plugins)
        self.pool = Pool(self._database, self._presence.id, self.settings, managers, self._presence.dead)
        self.ledger = Ledger(self._database, self._presence.id, alert=self._alert)
        self.ledger.reap(self._presence.dead())
        self._own = own
        self.params = StoredParams()
        self._processors: dict[str, Processor[Any, Any]] = {}
        self._starting = threading.Lock()
        self._engine: Engine | None = None
        self._closed = False
        self._announcer = self._announce()
        self.plugins.started(self)

    # Work

    def run(self, processor: str, source: Source | None = None, /, **params: Any) -> Any:
        """Run one processor and wait for its result; `params` may also be those of `submit`. Ctrl-C cancels the task.

        Raises the errors of `submit` and `Handle.result`.
        """
        return result_or_cancel(self.submit(processor, source, **params))

    def submit(
        self,
        processor: str,
        source: Source | None = None,
        /,
        *,
        options: TaskOptions | None = None,
        cache: bool | None = None,
        **params: Any,
    ) -> Handle:
        """Check and store one task; when this returns, it is on the disk and will run.

        `cache` takes precedence over that of the options. Raises `InvalidInput` for an unknown processor, invalid
        parameters, or an unsuitable source.
        """
        step = Step.of(self.processor(processor), plain(params))
        try:
            submitted = self.submit_plan(Plan(steps=(step,)), source, options=options, cache=cache)
        except InvalidPlan as error:
            raise alone(error) from None
        return submitted.steps[step.id]

    def run_plan(
        self,
        plan: Plan | str,
        source: Source | None = None,
        *,
        options: TaskOptions | None = None,
        cache: bool | None = None,
    ) -> dict[str, Any]:
        """Run a plan, or an expression such as `audio.separate:vocals | audio.transcribe`, and return its results.

        Ctrl-C cancels its tasks.
        """
        results: dict[str, Any] = result_or_cancel(self.submit_plan(plan, source, options=options, cache=cache))
        return results

    def submit_plan(
        self,
        plan: Plan | str,
        source: Source | None = None,
        *,
        options: TaskOptions | None = None,
        cache: bool | None = None,
    ) -> PlanHandle:
        """Check a whole plan, then store its steps as tasks. Raises `InvalidPlan`, and then stores nothing."""
        plan = plan if isinstance(plan, Plan) else Plan.parse(plan)
        options = TaskOptions() if options is None else TaskOptions.model_validate(options)
        options = options if cache is None else TaskOptions.model_validate({**dict(options), "cache": cache})
        given = self._given(source)
        media_type = given.media_type if isinstance(given, Artifact) else guess(given) if given else None
        checked = plan.check(self.processor, media_type, self.plugins.guard)
        for step, _, needs in checked:
            refuse_unmet(step.processor, needs, self.pool, self.gate)
            if needs.model and os.sep in needs.model:  # the user's files: read once here, and not in the engine
                self.shelf.digest(needs.model)
        artifact = self.take_in(given, options.project) if isinstance(given, Path) else given
        ids = {step.id: new_id("task") for step, _, _ in checked}
        new = [
            NewTask(
                id=ids[step.id],
                step=step.id,
                processor=self.processor(step.processor).name,
                params=self.params.text(self.processor(step.processor), params),
                source=_reference(step.source, ids, artifact if self.processor(step.processor).accepts else None),
                needs=(ids[step.source.step],) if step.source else (),
                lane=needs.lane,
            )
            for step, params, needs in checked
        ]
        plan_id = new_id("plan")
        self.start()
        self.tasks.submit(plan_id, new, options)
        self.wake()
        return PlanHandle(self.tasks, plan_id, {step: self.handle(task_id) for step, task_id in ids.items()})

    def handle(self, task_id: str) -> Handle:
        """A handle of a task that was submitted earlier or elsewhere."""
        return Handle(self.tasks, checked(task_id, "task id"), self.result_of)

    def result_of(self, task: Task) -> Any:
        """The result of a completed task, with the paths of its artifacts."""
        return self.processor(task.processor).result_type.model_validate(task.result, context=self.store.path)

    def retry(self, task_id: str) -> list[str]:
        """Run a failed or blocked task again, with the tasks that it needs or that it blocked; return their ids."""
        self.start()
        freed = self.tasks.retry(task_id)
        self.wake()
        return freed

    # Files

    def take_in(self, source: str | Path, project: str = "default") -> Artifact:
        """Copy a file into the store. Raises `UnreadableMedia` if it is missing, empty or not readable."""
        checked(project, "name of a project")
        path = existing_file(source)
        name = f"{self._presence.id}_{new_id('in')}"
        folder = self.store.folder(name)
        try:
            sha256, size = self.store.copy_in(path, folder)
            artifact = Artifact(
                id=new_id("art"),
                name=path.name,
                sha256=sha256,
                size=size,
                media_type=guess(path),
                facts=MediaFacts(),
                path=self.store.path(sha256),
            )
            self._database.write(lambda transaction: self._record(transaction, artifact, path, project, folder))
        except BaseException:
            abandon(self._database, self.store, folder)
            raise
        self.store.discard(folder)
        return artifact

    def artifact(self, artifact_id: str) -> Artifact:
        """A stored artifact by its id. Raises `NotFound`."""
        return artifact_rows.find(self._database, self.store, checked(artifact_id, "artifact id"))

    def export(self, artifact: Artifact, target: str | Path, *, overwrite: bool = False) -> Path:
        """Copy an artifact's content to a path, or into a folder under its own name, whole or not at all.

        A path that ends in `/` is a folder. Raises `OutputExists`, `CorruptFile`, `InvalidInput`.
        """
        return exports.export(self.store, artifact, target, overwrite=overwrite)

    # Language models

    @cached_property
    def llm(self) -> Door:
        """Access to language models: chat, stream, embed, route, models."""
        from avstudio_core.gateway.door import Door
        from avstudio_core.gateway.gateway import Gateway

        return Door(Gateway(self.plugins, self.gate, self.shelf, self.pool, self.ledger))

    def chat(self, prompt: Prompt, /, **options: Any) -> ChatAnswer:
        """Call a language model, without a task: `studio.chat("Hello", require_local=True).text`.

        `options` are those of `ChatRequest.of`. Raises `ModelError`s, `OverBudget`, `EgressRefused`, `InvalidInput`.
        """
        return self.llm.chat(prompt, **options)

    async def achat(self, prompt: Prompt, /, **options: Any) -> ChatAnswer:
        """`chat` on the caller's event loop."""
        return await self.llm.achat(prompt, **options)

    def stream(self, prompt: Prompt, /, **options: Any) -> Stream:
        """`chat` with a streamed answer: iterate over it with `for` or `async for`."""
        return self.llm.stream(prompt, **options)

    def ask(self, ask: Ask, tell: Tell) -> Callable[[], None]:
        """Call a language model for a run: see `ExecutorHost.ask`."""
        return self.llm.ask(ask, tell)

    # Parts

    def processor(self, name: str) -> Processor[Any, Any]:
        """The processor of that name. Raises `NotFound` with the nearest name."""
        if isinstance(name, str) and (known := self._processors.get(name)) is not None:
            return known
        kind = self.plugins.find("processors", checked(name, "name of a processor"))
        return self._processors.setdefault(name, self.plugins.make(kind, self.shelf))

    def distribution(self, name: str) -> str:
        """The installed package of a processor."""
        plugin = self.plugins.distribution_of(type(self.processor(name)))
        return plugin.distribution if plugin else ""

    @cached_property
    def catalogue(self) -> Catalogue:
        """What this studio can do, as plain data: interfaces are made from it."""
        return collected(self.plugins, self.shelf)

    @cached_property
    def id(self) -> str:
        return self._presence.id

    def start(self) -> None:
        """Start running tasks, if this studio does not yet. Submitting a task also does this."""
        with self._starting:
            if self._closed:
                raise StorageError("The studio is closed.")
            if self._engine is None:
                executor = partial(GuardedExecutor, self.plugins, self.settings.executor)
                self._engine = Engine(self, self.tasks, self.store, self._presence, executor, own=self._own)
                self._engine.start()

    @property
    def outage(self) -> AVStudioError | None:
        """Why this studio has been unable to store anything for some time, such as a full disk; it keeps trying."""
        return self._engine.outage if self._engine is not None else None

    def wake(self) -> None:
        """Make the engine look for tasks at once."""
        if self._engine is not None:
            self._engine.wake()

    def close(self) -> None:
        """Stop. Running tasks go back to the queue; acknowledged tasks are never lost."""
        if self._closed or not self._presence.held:  # in a fork, everything is its parent's
            return
        self._closed = True
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        if door := self.__dict__.get("llm"):
            door.close()
        self.pool.close()
        if self._announcer is not None:
            self._announcer.close()
        self.plugins.close()
        self.tasks.close()
        self._presence.leave()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _given(self, source: Source | None) -> Path | Artifact | None:
        """A source as a path or an artifact. Raises `UnreadableMedia`, `NotFound`, `InvalidInput` for anything else."""
        if source is None or isinstance(source, Artifact):
            return source
        if not isinstance(source, str | Path):
            hint = "Give a path, an artifact or an artifact's id."
            raise InvalidInput(f"{quoted(source)} cannot be a source.", hint=hint)
        if str(source).startswith("art_") and not os.path.exists(source):
            return self.artifact(str(source))
        if str(source) == "-" and not os.path.exists(source):
            raise InvalidInput("'-' is not a source: stdin is not read.", hint="Give a file.")
        if ADDRESS.match(str(source)):
            raise InvalidInput(f"{quoted(source)} is an address.", hint="Download it, and give the file.")
        return existing_file(source)

    def _alert(self, alert: Alert) -> None:
        self.plugins.tell("budget_spent", alert=alert)

    def _announce(self) -> Announcer | None:
        """Start announcing events to plugins, if any of them has the hook."""
        if not self.plugins.listens("event_published"):
            return None
        tell = partial(self.plugins.tell, "event_published")
        return Announcer(self._database, self.tasks.bell, self.id, lambda event: tell(event=event))

    def _record(self, transaction: Transaction, artifact: Artifact, path: Path, project: str, folder: Path) -> None:
        now = time.time()
        self.store.link(artifact.sha256, folder)
        transaction.execute(artifact_rows.ADD_ARTIFACT, artifact_rows.row_of(artifact, "local", now))
        transaction.execute(insert_new(projects), {"name": project, "created_at": now})
        values = {
            "project": project,
            "artifact_id": artifact.id,
            "path": _readable(str(path.absolute())),
            "created_at": now,
        }
        transaction.execute(insert(media_files), values)


def _readable(name: str) -> str:
    """A file's name as valid UTF-8, which the database requires; other bytes are replaced."""
    return os.fsencode(name).decode("utf-8", errors="replace")


def _reference(source: Ref | None, ids: Mapping[str, str], given: Artifact | None) -> dict[str, Any] | None:
    """The reference from which a task finds its source when it starts."""
    if source is not None:
        return {"task": ids[source.step], "output": source.output}
    return {"artifact": given.id} if given else None
