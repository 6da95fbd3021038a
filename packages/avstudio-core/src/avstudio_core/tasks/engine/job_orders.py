"""The order for a claimed task, or the earlier result that answers it."""

from __future__ import annotations

import json
from typing import Protocol

from avstudio_core.artifact import Artifact, artifacts_in
from avstudio_core.egress import Gate
from avstudio_core.errors import NotFound
from avstudio_core.gateway.ledger.ledger import Ledger
from avstudio_core.kinds.executor import ExecutorHost
from avstudio_core.orders import Order
from avstudio_core.parameters import StoredParams
from avstudio_core.plan import needed
from avstudio_core.plugins import Plugins
from avstudio_core.requirements import refuse_unmet
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.tasks.engine.result_cache import Earlier, answered, cache_key
from avstudio_core.tasks.queue.queue import Queue
from avstudio_core.tasks.queue.queue_types import Claim


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
        params = self._workplace.params.read(processor, task.params)
        needs = needed(processor, params, source, self._workplace.plugins.guard(processor))
        refuse_unmet(processor.name, needs, self._workplace.pool, self._workplace.gate)
        if needs.model and not needs.model_digest:
            needs = needs.model_copy(update={"model_digest": self._workplace.shelf.digest(needs.model)})
        order = Order(
            job_id=claim.job_id,
            task_id=claim.task_id,
            processor=processor.name,
            version=processor.version,
            params=json.loads(task.params),
            source=source,
            source_path=source.path if source else self._store.root,
            needs=needs,
            folder=self._store.staging / claim.job_id,
            project=task.project,
            attempt=claim.attempt,
            feedback=task.feedback,
            strict=task.strict,
        )
        return order, cache_key(order) if processor.cacheable else None

    def _source(self, stored: str | None) -> Artifact | None:
        """The artifact that a task reads: a given one, or the output of an earlier task."""
        if stored is None:
            return None
        reference = json.loads(stored)
        if "artifact" in reference:
            return self._workplace.artifact(reference["artifact"])
        task = self._queue.get(reference["task"])
        kind = self._workplace.processor(task.processor).result_type
        made = artifacts_in(kind.model_validate(task.result, context=self._store.path))
        output = reference["output"] or next(iter(made), None)
        if output not in made:
            raise NotFound(f"Step '{task.step}' did not make '{output}', only {', '.join(made) or 'no files'}.")
        return made[output]

    def earlier(self, claim: Claim, order: Order, key: str | None) -> Earlier | None:
        """The result of an earlier identical run, if one may answer a claimed task; its files are to be verified.

        It may not if the cache is switched off for the task, or if the task runs again after a review.
        """
        if key is None or order.feedback is not None or not claim.task.cache:
            return None
        if (stored := self._queue.cached(key)) is None:
            return None
        kind = self._workplace.processor(order.processor).result_type
        return answered(stored, kind, order, key, self._store, self._workplace.artifact)
