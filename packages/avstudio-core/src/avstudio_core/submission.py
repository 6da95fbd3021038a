"""Checks a plan against a studio, takes in its files, and stores its steps as tasks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, Self

from pydantic import JsonValue

from avstudio_core.artifact import Artifact, artifacts_in, new_id, with_artifacts
from avstudio_core.egress import Gate
from avstudio_core.errors import AVStudioError, StorageError
from avstudio_core.gateway.ledger.call_facts import Payer
from avstudio_core.inputs import file_parameters, input_files
from avstudio_core.kinds.host import ModelPool
from avstudio_core.kinds.processor import Processor
from avstudio_core.media_types import guess
from avstudio_core.models.shelf import InstalledShelf
from avstudio_core.names import PRESET
from avstudio_core.parameters import StoredParams, written
from avstudio_core.plans.check import CheckedStep, DoneStep, check
from avstudio_core.plans.continuations import RESULT, Continuation
from avstudio_core.plans.plan import Plan, Step
from avstudio_core.plans.references import SOURCE, Ref, reference, references
from avstudio_core.plugins import Plugins
from avstudio_core.requirements import refuse_unmet
from avstudio_core.results import Params
from avstudio_core.tasks.queue.queue import Queue
from avstudio_core.tasks.queue.queue_types import NewTask
from avstudio_core.tasks.queue.run_rows import NewRun
from avstudio_core.tasks.task import TaskOptions


class House(Protocol):
    """The parts of a studio that check and store plans."""

    @property
    def plugins(self) -> Plugins: ...

    @property
    def pool(self) -> ModelPool: ...

    @property
    def gate(self) -> Gate: ...

    @property
    def shelf(self) -> InstalledShelf: ...

    @property
    def params(self) -> StoredParams: ...

    def processor(self, name: str) -> Processor[Any, Any]: ...


class Desk(Protocol):
    """The part of a session that finds and takes in the files of its owner."""

    def given(self, source: str | Path | Artifact, project: str | None = None) -> Path | Artifact: ...

    def artifact(self, artifact_id: str) -> Artifact: ...

    def take_in(self, source: str | Path, project: str | None = None) -> Artifact: ...

    def delete_artifact(self, artifact_id: str) -> object: ...


class Submission:
    """One plan, from the check to its tasks. Nothing is stored if a step is not valid.

    At the end of a `with` block, the files that were taken in are removed.
    """

    def __init__(
        self, house: House, desk: Desk, plan: Plan, source: str | Path | Artifact | None, options: TaskOptions
    ) -> None:
        self._house = house
        self._desk = desk
        self._options = options
        self._taken: dict[Path, Artifact] = {}
        self._new: list[str] = []
        """The files that were taken in for this plan alone."""
        self._known: dict[str, Artifact] = {}
        self._source = None if source is None else self._given_file(source)
        self._finished = self._done(plan)
        try:
            self.steps = self._checked(plan)
        except BaseException:
            self._give_back()
            raise
        self.ids = {one.step.id: new_id("task") for one in self.steps}
        """The task of each step."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def _checked(self, plan: Plan) -> list[CheckedStep]:
        """The steps of a plan, with those that come first, in order. Raises `InvalidPlan`."""
        source, house = self._source, self._house
        media_type = source.media_type if isinstance(source, Artifact) else guess(source) if source else None
        return check(plan, house.processor, media_type, house.plugins.guard, self._opened, self._finished)

    def _given_file(self, named: str | Path | Artifact) -> Path | Artifact:
        """A file that is named: one that is copied at once is removed again if no task is stored."""
        found = self._desk.given(named, self._options.project)
        stored = isinstance(named, Artifact) or str(named).startswith(PRESET)
        if isinstance(found, Artifact) and not stored and found.id != str(named):
            self._new.append(found.id)
        return found

    def _done(self, plan: Plan) -> Mapping[str, DoneStep]:
        """The steps that have completed, to which the plan may refer."""
        return {}

    def store(self, queue: Queue, plan_id: str, payer: Payer, text: str = "", run: NewRun | None = None) -> str:
        """Take in the files, and store the tasks, and the plan if it has a `text`.

        Raises `Unavailable`, `UnreadableMedia`, `StorageError`.
        """
        stored = None
        try:
            new = self.tasks() if run is None else [replace(one, run_id=run.id) for one in self.tasks()]
            stored = self._submit(queue, plan_id, new, payer, text, run)
        finally:
            if stored is None or (run is not None and stored != run.id):
                self._give_back()
        return stored

    def _submit(
        self, queue: Queue, plan_id: str, new: list[NewTask], payer: Payer, text: str, run: NewRun | None
    ) -> str:
        try:
            return queue.submit(plan_id, new, self._options, payer, text, run)
        except StorageError:
            for file in dict.fromkeys(file for task in new for file in task.files):
                self._desk.artifact(file)  # raises `NotFound` for a file that was deleted in the meantime
            raise

    def _take_in(self, path: Path) -> Artifact:
        taken = self._desk.take_in(path, self._options.project)
        self._new.append(taken.id)
        return taken

    def _give_back(self) -> None:
        """Remove the files that were taken in, because no task was stored that reads them."""
        for file in self._new:
            with suppress(AVStudioError):
                self._desk.delete_artifact(file)

    def tasks(self) -> list[NewTask]:
        """Take in the files, and return the tasks."""
        for one in self.steps:
            refuse_unmet(one.step.processor, one.needs, self._house.pool, self._house.gate)
            if one.needs.model and os.sep in one.needs.model:  # the user's files: read once here, not in the engine
                self._house.shelf.digest(one.needs.model)
        if isinstance(self._source, Path):
            self._source = self._take_in(self._source)
        return [self._task(one) for one in self.steps]

    def _opened(self, given: str) -> Artifact:
        """The file of a parameter; the content of a path is taken in later, when the whole plan is valid."""
        found = self._given_file(given)
        if isinstance(found, Artifact):
            return self._known.setdefault(found.id, found)
        return Artifact(id="", name=found.name, sha256="0" * 64, size=0, media_type=guess(found), path=found)

    def _stored(self, artifact: Artifact) -> Artifact:
        """A file of a parameter, taken in if it is not in the store yet. Raises `NotFound` for another owner's."""
        if artifact.id:
            return self._known.get(artifact.id) or self._desk.artifact(artifact.id)
        if artifact.path == Path():
            return artifact
        if artifact.path not in self._taken:
            self._taken[artifact.path] = self._take_in(artifact.path)
        return self._taken[artifact.path]

    def _task(self, checked: CheckedStep) -> NewTask:
        step, params, wanted, *_ = checked
        processor = self._house.processor(step.processor)
        params = with_artifacts(params, self._stored)
        inputs = {
            name: self._input(value, getattr(params, name, None), file=name in file_parameters(type(params)))
            for name, value in step.params.items()
            if references(value)
        }
        needs = dict.fromkeys(self.ids[ref.step] for ref in step.reads() if ref.step not in self._finished)
        return NewTask(
            id=self.ids[step.id],
            step=step.id,
            processor=processor.name,
            params=self._text(processor, params, inputs),
            source=self._read(step.source) if processor.accepts else None,
            inputs=inputs,
            files=tuple(dict.fromkeys(self._given_files(step, params, reads=bool(processor.accepts)))),
            needs=tuple(needs),
            after=tuple(
                dict.fromkeys(
                    self.ids[one] for one in step.after if one not in self._finished and self.ids[one] not in needs
                )
            ),
            lane=wanted.lane,
        )

    def _given_files(self, step: Step, params: Params, *, reads: bool) -> Iterator[str]:
        """The ids of the stored files that a task is given: its source, if it `reads` one, and its parameters."""
        yield from (file.id for file in input_files(params) if file.id)
        reads = reads and step.source is None
        if isinstance(self._source, Artifact) and (reads or any(ref.step == SOURCE for ref in step.named())):
            yield self._source.id

    def _text(self, processor: Processor[Any, Any], params: Params, inputs: Mapping[str, Any]) -> str:
        """The parameters that are known now, as text."""
        if not inputs:
            return self._house.params.text(processor, params)
        return json.dumps({name: value for name, value in written(processor, params).items() if name not in inputs})

    def _read(self, source: Ref | None) -> dict[str, Any] | None:
        """The reference from which a task finds its source when it starts."""
        if source is not None:
            return {"task": self.ids[source.step], "output": source.output}
        return {"artifact": self._source.id} if isinstance(self._source, Artifact) else None

    def _input(self, value: JsonValue, made: Any, *, file: bool) -> Any:
        """The reference from which a task finds a parameter when it starts; `made` has the files that are stored."""
        if isinstance(value, list):
            return [self._input(one, known, file=file) for one, known in zip(value, made, strict=True)]
        if (ref := reference(value)) is None:
            return {"artifact": made.id}
        if ref.step == SOURCE:
            return self._read(None)
        return {"task": self.ids[ref.step], ("output" if file else "value"): ref.output}


class _Continued(Submission):
    """The plan in a task's result. Its steps may read what the task made; files are the ids of artifacts."""

    def __init__(self, house: House, desk: Desk, given: Continuation) -> None:
        self._given = given
        self._made = artifacts_in(given.result)
        super().__init__(house, desk, given.plan, given.source, TaskOptions(project=given.project))
        self.ids.setdefault(RESULT, given.task_id)

    def _given_file(self, named: str | Path | Artifact) -> Path | Artifact:
        assert isinstance(named, Artifact)  # the source of its task
        return named

    def _done(self, plan: Plan) -> Mapping[str, DoneStep]:
        if any(step.id == RESULT for step in plan.steps):
            return {}
        outputs = {name: made.media_type for name, made in self._made.items()}
        return {RESULT: DoneStep(self._house.processor(self._given.processor), outputs)}

    def _opened(self, given: str) -> Artifact:
        found = next((one for one in self._made.values() if one.id == given), None) or self._desk.artifact(given)
        return self._known.setdefault(found.id, found)

    def _task(self, checked: CheckedStep) -> NewTask:
        new = super()._task(checked)
        return replace(new, step=f"{self._given.step}/{new.step}")


def continued(house: House, desk: Desk, given: Continuation) -> list[NewTask]:
    """The tasks of the plan in a task's result, to be stored when it completes.

    Raises `InvalidPlan`, `Unavailable`, `NotFound`.
    """
    return _Continued(house, desk, given).tasks()
