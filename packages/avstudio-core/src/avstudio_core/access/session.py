"""What a principal may do with a studio, seeing only the work within its reach."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Unpack

from avstudio_core.access.administration import Administration
from avstudio_core.access.awaited_work import AwaitedWork
from avstudio_core.access.files import Files, Source
from avstudio_core.access.language_models import LanguageModels
from avstudio_core.access.library import Library
from avstudio_core.access.made_once import MadeOnce
from avstudio_core.access.media import OwnedMedia
from avstudio_core.access.projects import OwnedProjects
from avstudio_core.access.webhooks import OwnedWebhooks
from avstudio_core.artifact import new_id
from avstudio_core.errors import InvalidInput, InvalidPlan, NotAllowed
from avstudio_core.gateway.ledger.call_facts import Payer
from avstudio_core.handle import Handle, PlanHandle, number, result_or_cancel
from avstudio_core.names import checked
from avstudio_core.parameters import plain
from avstudio_core.plans.check import CheckedStep, alone
from avstudio_core.plans.plan import Plan, Step
from avstudio_core.quotes import quoted
from avstudio_core.run_handle import RunHandle, RunRequest, checked_request, earlier_run, new_run
from avstudio_core.storage.data_folder import open_search
from avstudio_core.submission import Submission
from avstudio_core.tasks.events.event_filter import Conditions, EventFilter
from avstudio_core.tasks.events.event_stream import EventStream
from avstudio_core.tasks.events.event_types import json_of
from avstudio_core.tasks.queue.known_names import KnownNames
from avstudio_core.tasks.queue.owned_tasks import OwnedTasks
from avstudio_core.tasks.run import RunLimits
from avstudio_core.tasks.task import Task, TaskOptions
from avstudio_core.twin import twin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from avstudio_core.events import Event


class Session(Files, LanguageModels):
    """What a principal may do with a studio. Work beyond its reach is as unknown as what does not exist: `NotFound`.

    Methods that lack a scope raise `NotAllowed`. Those whose names begin with `a` do not block an event loop.
    """

    @cached_property
    def tasks(self) -> OwnedTasks:
        """The tasks within reach: find, cancel, retry, review, delete."""
        self.principal.require("read")
        return self._tasks

    @cached_property
    def media(self) -> OwnedMedia:
        """The files that were given, within reach: find, delete."""
        self.principal.require("read")
        return OwnedMedia(self._home._database, self._home._store, self._removal, self._known, self._may_change)

    @cached_property
    def library(self) -> Library:
        """Every text within reach: find by words."""
        self.principal.require("read")
        return Library(open_search(self._home._database), self.principal.reach, self._known)

    @cached_property
    def webhooks(self) -> OwnedWebhooks:
        """The addresses that are notified of the principal's events: create, find, delete, replay."""
        self.principal.require("read")
        return OwnedWebhooks(self._home._database, self.principal.own, self._known, self._may_change)

    @cached_property
    def made_once(self) -> MadeOnce:
        """What the principal's requests with a key made: find, keep."""
        self.principal.require("run")
        return MadeOnce(self._home._database, self.principal.owner)

    @cached_property
    def projects(self) -> OwnedProjects:
        """The projects with tasks or files within reach: find, delete."""
        self.principal.require("read")
        return OwnedProjects(self._home._database, self._removal, self._may_change)

    @cached_property
    def administration(self) -> Administration:
        """The data folder as a whole. Raises `NotAllowed` without the scope `admin`."""
        self.principal.require("admin")
        return Administration(self._home)

    @cached_property
    def _tasks(self) -> OwnedTasks:
        return self._home._queue.of(self.principal.reach, self._may_change, self._known)

    @cached_property
    def _known(self) -> KnownNames:
        return KnownNames(self._home._database, self.principal.reach, self._home.plugins.kind)

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
        step = Step.of(self._home.processor(processor), plain(params))
        try:
            submitted = self._submit(Plan(steps=(step,)), source, options, cache)
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
        return self._submit(plan, source, options, cache, text=plan.text)

    def _submit(
        self, plan: Plan, source: Source | None, options: TaskOptions | None, cache: bool | None, text: str = ""
    ) -> PlanHandle:
        self.principal.require("run")
        submission = self._submission(plan, source, self._options(options, cache))
        plan_id, home = new_id("plan"), self._home
        home.start()
        submission.store(home._queue, plan_id, Payer(self.principal.owner, self.principal.key), text)
        home.wake()
        handles = {step: Handle(self._tasks, task, self.result_of) for step, task in submission.ids.items()}
        return PlanHandle(self._tasks, plan_id, handles)

    def _submission(self, plan: Plan, source: Source | None, options: TaskOptions) -> Submission:
        return Submission(self._home, self, plan, source, options)

    def _options(self, options: TaskOptions | None, cache: bool | None) -> TaskOptions:
        """The options of a task, in the principal's project. Raises `NotAllowed`, and `NotFound` for its reviewer."""
        options = TaskOptions() if options is None else TaskOptions.model_validate(options)
        options = options if cache is None else TaskOptions.model_validate({**dict(options), "cache": cache})
        kind, _, name = options.reviewer.partition(":")
        if kind == "agent":
            self._home.plugins.find("agents", name)
        if self.principal.project is None:
            return options
        project = self._project(options.project if "project" in options.model_fields_set else None)
        return options.model_copy(update={"project": project})

    def start_run(
        self,
        plan: Plan | str,
        source: Source | None = None,
        *,
        key: str | None = None,
        limits: RunLimits | None = None,
        options: TaskOptions | None = None,
        request: RunRequest | None = None,
    ) -> RunHandle:
        """Submit a plan as a run, which has common limits; a `key` that was used before in the project returns its run.

        Raises `InvalidPlan`, `InvalidParams` for a key that was used for another `request`, `NotFound` for its webhook,
        and `RunLimitReached` for a plan of too many steps.
        """
        request = checked_request(request)
        options = self._options(options, None)
        known = self.earlier_run(key, request.digest, project=options.project)
        if known is not None:
            return known
        if request.webhook is not None:
            self.webhooks.get(request.webhook)
        home, owner = self._home, self.principal.owner
        plan = plan if isinstance(plan, Plan) else Plan.parse(plan)
        submission = self._submission(plan, source, options)
        run = new_run(owner, options, key, limits, request)
        home.start()
        run_id = submission.store(home._queue, new_id("plan"), Payer(owner, self.principal.key), plan.text, run)
        home.wake()
        if run_id != run.id:
            return earlier_run(self._tasks, run_id, key, request.digest)
        return RunHandle(self._tasks, run_id)

    def earlier_run(
        self, key: str | None, digest: str | None = None, *, project: str | None = None
    ) -> RunHandle | None:
        """The run that began with that key in a project. Raises `InvalidParams` if it has another digest."""
        self.principal.require("run")
        if key is None:
            return None
        known = self._home._queue.run_with_key(self.principal.owner, self._project(project), checked(key, "key"))
        return None if known is None else earlier_run(self._tasks, known, key, digest)

    def check_plan(
        self, plan: Plan | str, source: Source | None = None, *, options: TaskOptions | None = None
    ) -> list[CheckedStep]:
        """The steps that a plan would run, with those that come first, in order. Raises what `submit_plan` raises."""
        plan = plan if isinstance(plan, Plan) else Plan.parse(plan)
        with self._submission(plan, source, self._options(options, None)) as submission:
            return submission.steps

    def plan(self, plan_id: str) -> PlanHandle:
        """A handle of a plan that was submitted earlier or elsewhere. Raises `NotFound`."""
        ids = self.tasks.step_ids(plan_id)
        return PlanHandle(self.tasks, plan_id, {step: self.handle(task_id) for step, task_id in ids.items()})

    def handle(self, task_id: str) -> Handle:
        """A handle of a task that was submitted earlier or elsewhere."""
        return Handle(self.tasks, checked(task_id, "task id"), self.result_of)

    def result_of(self, task: Task) -> Any:
        """The result of a completed task, with the paths of its artifacts. Raises `InvalidInput`."""
        if not isinstance(task, Task):
            raise InvalidInput(f"{quoted(task)} is not a task.", hint="Find it by its id first.")
        kind = self._home.processor(task.processor).result_type
        return kind.model_validate(task.result, context=self._home._store.path)

    def retry(self, task_id: str) -> list[str]:
        """Run a failed or blocked task again, with the tasks that it needs or that it blocked; return their ids."""
        self._home.start()
        freed = self._tasks.retry(task_id)
        self._home.wake()
        return freed

    def retry_plan(self, plan_id: str) -> list[str]:
        """Run all tasks of a plan that failed or are blocked again; return their ids. Raises `NotFound`."""
        self._home.start()
        freed = self._tasks.retry_plan(plan_id)
        self._home.wake()
        return freed

    # Events

    def events(self, *, after: int | None = None, **conditions: Unpack[Conditions]) -> EventStream:
        """The stored events with a number above `after`, then new ones, of every studio on the folder.

        The conditions are `subjects`, `plan`, `owner` and `types`. With `after=None`, there are only new events. Raises
        `InvalidInput`, and `NotFound` for a plan, a task, an owner or a type that is not known.
        """
        self.principal.require("read")
        named = conditions.get("owner")
        conditions["owner"] = self._owner(named)
        wanted = EventFilter.of(**conditions)
        self._known.check(event_type=wanted.types, plan=wanted.plan, subject=wanted.subjects)
        self._known.check(owner=None if named == self.principal.owner else named)
        return self._tasks.stream(wanted, None if after is None else number(after))

    def publish(self, kind: str, subject: str, data: Mapping[str, Any], *, owner: str | None = None) -> Event:
        """Store an event of a registered type, such as `agent.message`, for all listeners. Raises `InvalidInput`."""
        self.principal.require("run")
        written = json_of(self._home.plugins, kind, data)
        whose = checked(self._owner(owner) or self.principal.owner, "owner"), self.principal.project
        return self._home._queue.publish(kind, checked(subject, "subject of events"), written, *whose)

    def _owner(self, named: str | None) -> str | None:
        """The owner that is named; only an administrator may name another. `None` stands for all, if it sees all."""
        own = self.principal.reach.owner
        if own is not None and named not in (None, own):
            raise NotAllowed(f"The events of {quoted(named)} are not yours.", hint=f"Your name is '{own}'.")
        return named if own is None else own

    # On an event loop

    async def arun(self, processor: str, source: Source | None = None, /, **params: Any) -> Any:
        """`run` without blocking an event loop; if it is cancelled, so is the task."""
        return await AwaitedWork(partial(self.submit, processor, source, **params)).result()

    async def arun_plan(self, plan: Plan | str, source: Source | None = None, **options: Any) -> dict[str, Any]:
        """`run_plan` without blocking an event loop; if it is cancelled, so are its tasks."""
        results: dict[str, Any] = await AwaitedWork(partial(self.submit_plan, plan, source, **options)).result()
        return results

    asubmit = twin(submit)
    """`submit` without blocking an event loop."""
    asubmit_plan = twin(submit_plan)
    """`submit_plan` without blocking an event loop."""
    astart_run = twin(start_run)
    """`start_run` without blocking an event loop."""
    aearlier_run = twin(earlier_run)
    """`earlier_run` without blocking an event loop."""
    acheck_plan = twin(check_plan)
    """`check_plan` without blocking an event loop."""
    aplan = twin(plan)
    """`plan` without blocking an event loop."""
    aresult_of = twin(result_of)
    """`result_of` without blocking an event loop."""
    aretry = twin(retry)
    """`retry` without blocking an event loop."""
    aretry_plan = twin(retry_plan)
    """`retry_plan` without blocking an event loop."""
    apublish = twin(publish)
    """`publish` without blocking an event loop."""
