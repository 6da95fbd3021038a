"""The order for a claimed task, or the earlier result that answers it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from pydantic import JsonValue

from avstudio_core.artifact import Artifact, Trust, artifacts_in, least
from avstudio_core.egress import Gate
from avstudio_core.errors import NotFound
from avstudio_core.gateway.ledger.ledger import Ledger
from avstudio_core.inputs import file_parameters, input_files
from avstudio_core.kinds.executor import ExecutorHost
from avstudio_core.kinds.processor import Processor
from avstudio_core.orders import Order
from avstudio_core.parameters import StoredParams, in_list, parameters, written
from avstudio_core.plans.continuations import Continuation, plan_in
from avstudio_core.plans.declared import needed
from avstudio_core.plugins import Plugins
from avstudio_core.requirements import refuse_unmet
from avstudio_core.results import Params, Result
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.tasks.engine.result_cache import Earlier, answered, cache_key
from avstudio_core.tasks.queue.queue import Queue
from avstudio_core.tasks.queue.queue_types import Claim, Claimed, Finished, NewTask
from avstudio_core.tasks.task import Task


class Workplace(ExecutorHost, Protocol):
    """The part of a studio that the engine needs."""

    @property
    def plugins(self) -> Plugins: ...

    @property
    def params(self) -> StoredParams: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def gate(self) -> Gate: ...

    def artifact(self, artifact_id: str) -> Artifact: ...

    def continued(self, given: Continuation) -> Sequence[NewTask]: ...


class JobOrders:
    """Makes orders from claims."""

    def __init__(self, workplace: Workplace, queue: Queue, store: ArtifactStore) -> None:
        self._workplace = workplace
        self._queue = queue
        self._store = store

    def order(self, claim: Claim) -> tuple[Order, str | None]:
        """The order of a claimed task, and its cache key if its result may answer later ones."""
        task = claim.task
        processor = self._workplace.processor(task.processor)
        source = self._source(task.source)
        params = self._params(processor, task)
        files = input_files(params)
        needs = needed(processor, params, source, self._workplace.plugins.guard(processor))
        refuse_unmet(processor.name, needs, self._workplace.pool, self._workplace.gate)
        if needs.model and not needs.model_digest:
            needs = needs.model_copy(update={"model_digest": self._workplace.shelf.digest(needs.model)})
        now = time.time()
        terms = self._queue.terms(task.run_id, task.id, now)
        if terms.deadline is not None:
            left = max(0.001, terms.deadline - now)
            needs = needs.model_copy(update={"limit_seconds": min(left, needs.limit_seconds or left)})
        order = Order(
            job_id=claim.job_id,
            task_id=claim.task_id,
            processor=processor.name,
            version=processor.version,
            params=written(processor, params) if task.inputs else json.loads(task.params),
            source=source,
            source_path=source.path if source else self._store.staging,
            files=tuple(files),
            paths={file.sha256: file.path for file in files},
            needs=needs,
            folder=self._store.staging / claim.job_id,
            project=task.project,
            trust=self._trust(source, files, task.inputs, network=needs.network),
            run=task.run_id,
            deadline=terms.deadline,
            private=terms.private,
            owner=task.owner,
            key=task.key,
            attempt=claim.attempt,
            feedback=task.feedback,
            strict=task.strict,
        )
        return order, cache_key(order) if processor.cacheable else None

    def _trust(self, source: Artifact | None, files: list[Artifact], inputs: str | None, *, network: bool) -> Trust:
        """How far the results are trusted: as the least trusted file, or value of an earlier result, that they use."""
        read: list[Trust] = (
            [file.trust for file in files] + ([source.trust] if source else []) + (["web"] if network else [])
        )
        for stored in json.loads(inputs or "{}").values():
            if isinstance(stored, dict) and "value" in stored:
                result = Result.model_validate(self._queue.get(stored["task"]).result)
                read.append(result.provenance.trust if result.provenance else "media")
        return least(read)

    def _params(self, processor: Processor[Any, Any], task: Claimed) -> Params:
        """The parameters of a task, with the files and values that earlier tasks made. Raises `InvalidParams`."""
        if task.inputs is None:
            return self._workplace.params.read(processor, task.params, self._store.path)
        values = json.loads(task.params)
        files = file_parameters(processor.params_type)
        for name, stored in json.loads(task.inputs).items():
            found = self._input(stored)
            if name in files:
                listed = found if isinstance(found, list) else [found]
                found = listed if files[name].many else _only(listed)
            values[name] = in_list(processor.params_type, name, found)
        return parameters(processor, values, self._store.path)

    def _input(self, stored: Any) -> Any:
        """What a parameter refers to: a file, a value, or a list of files."""
        if isinstance(stored, list):
            found = [self._input(one) for one in stored]
            return [file for one in found for file in (one if isinstance(one, list) else [one])]
        if "value" in stored:
            return _value(self._queue.get(stored["task"]), stored["value"])
        return self._file(stored)

    def _source(self, stored: str | None) -> Artifact | None:
        """The artifact that a task reads: a given one, or the output of an earlier task."""
        if stored is None:
            return None
        found = self._file(json.loads(stored))
        return _only(found) if isinstance(found, list) else found

    def _file(self, reference: Mapping[str, Any]) -> Artifact | list[Artifact]:
        """A stored file, an output of an earlier task, or all files in a list of its result."""
        if "artifact" in reference:
            return self._workplace.artifact(reference["artifact"])
        task = self._queue.get(reference["task"])
        kind = self._workplace.processor(task.processor).result_type
        made = artifacts_in(kind.model_validate(task.result, context=self._store.path))
        output = reference["output"] or next(iter(made), None)
        if output in made:
            return made[output]
        if several := [artifact for name, artifact in made.items() if name.startswith(f"{output}.")]:
            return several
        raise NotFound(f"Step '{task.step}' did not make '{output}', only {', '.join(made) or 'no files'}.")

    def continued(self, claim: Claim, order: Order, done: Finished, result: Result) -> Finished:
        """The result with the tasks of the plan that it holds, if it does. Raises `InvalidPlan`."""
        if (plan := plan_in(result)) is None:
            return done
        task = claim.task
        given = Continuation(plan, task.id, task.step, task.project, task.owner, task.processor, order.source, result)
        return replace(done, continuation=self._workplace.continued(given))

    def earlier(self, claim: Claim, order: Order, key: str | None) -> Earlier | None:
        """The result of an earlier identical run, if one may answer a claimed task; its files are to be verified.

        It may not if the cache is switched off for the task, or if the task runs again after a review.
        """
        if key is None or order.feedback is not None or not claim.task.cache:
            return None
        if (stored := self._queue.cached(key, claim.task.owner, claim.task.project)) is None:
            return None
        kind = self._workplace.processor(order.processor).result_type
        return answered(stored, kind, order, key, self._store, self._workplace.artifact)


def _only(files: list[Artifact]) -> Artifact:
    """The file of a list of one. Raises `NotFound`."""
    if len(files) != 1:
        raise NotFound(f"One file is read here, but an earlier step made {len(files)}.")
    return files[0]


def _value(task: Task, path: str) -> JsonValue:
    """A value of a result, by its path. Raises `NotFound`."""
    found: JsonValue = task.result
    for part in path.split("."):
        try:
            found = found[int(part)] if isinstance(found, list) else found[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError, ValueError):
            raise NotFound(f"The result of step '{task.step}' does not have '{path}'.") from None
    return found
