"""Remove old work: plans that ended long ago, with their tasks, their events and the files that nothing else uses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from sqlalchemy import bindparam, delete, exists, or_, select, update

from avstudio_core.storage.artifact_rows import unreferenced
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.sqlite.database import Database, Transaction
from avstudio_core.storage.sqlite.dialect import listed
from avstudio_core.storage.tables import artifacts, events, media_files, metadata, tasks
from avstudio_core.tasks.states import ENDED

MOST_PLANS = 100
"""The largest number of plans that one transaction removes, because other writes wait for it."""
_other, _later = tasks.alias(), tasks.alias()
_old, _given = listed("old"), listed("given")
_goes_on = exists().where(
    _other.c.plan_id == tasks.c.plan_id,
    or_(
        _other.c.state.not_in([str(state) for state in sorted(ENDED)]),
        _other.c.finished_at.is_(None),
        _other.c.finished_at >= bindparam("before"),
    ),
)
OLD_PLANS = (
    select(tasks.c.plan_id).where(tasks.c.finished_at < bindparam("before"), ~_goes_on).distinct().limit(MOST_PLANS)
)
OLD_TASKS = select(tasks.c.id, tasks.c.source).where(tasks.c.plan_id.in_(listed("plans")))
MADE = select(artifacts.c.id).where(artifacts.c.task_id.in_(_old))
LATER_TASKS = (
    select(tasks.c.id, _later.c.id)
    .join(_later, _later.c.cache_key == tasks.c.cache_key)
    .where(tasks.c.id.in_(_old), _later.c.id.not_in(_old), _later.c.state == "COMPLETED")
)
REASSIGN = update(artifacts).where(artifacts.c.task_id == bindparam("old")).values(task_id=bindparam("later"))
MADE_BY_OTHERS = select(artifacts.c.id).where(artifacts.c.id.in_(_given), artifacts.c.task_id.in_(select(tasks.c.id)))
READ = select(tasks.c.source).where(tasks.c.source.in_(_given)).distinct()
CONTENT = select(artifacts.c.sha256).where(artifacts.c.id.in_(_given))
FORGET = [
    delete(table).where(column.in_(_old))
    for table in reversed(metadata.sorted_tables)
    for column in table.columns
    if column.references(tasks.c.id)
]
FORGET += [delete(events).where(events.c.task_id.in_(_old)), delete(tasks).where(tasks.c.id.in_(_old))]
FORGET_FILES = [
    delete(table).where(column.in_(_given))
    for table, column in (
        (media_files, media_files.c.artifact_id),
        (artifacts, artifacts.c.id),
    )
]


def remove_old(database: Database, store: ArtifactStore, before: float) -> int:
    """Remove up to `MOST_PLANS` plans of which every task ended before a time; return how many there were.

    The calls to language models that they made stay in the ledger.
    """
    with database.read() as connection:  # usually there are none, and reading needs no sync
        if connection.execute(OLD_PLANS, {"before": before}).first() is None:
            return 0

    def operation(transaction: Transaction) -> int:
        plans = transaction.execute(OLD_PLANS, {"before": before}).scalars().all()
        found = transaction.execute(OLD_TASKS, {"plans": json.dumps(plans)}).all()
        old = {"old": json.dumps([task_id for task_id, _ in found])}
        files = {*transaction.execute(MADE, old).scalars(), *_given_to([source for _, source in found])}
        for task_id, later in transaction.execute(LATER_TASKS, old).all():  # its cached result has these files
            transaction.execute(REASSIGN, {"old": task_id, "later": later})
        for statement in FORGET:
            transaction.execute(statement, old)
        _remove_unused(transaction, store, files)
        return len(plans)

    return database.write(operation)


def _given_to(sources: Iterable[str | None]) -> Iterator[str]:
    """The artifacts that tasks were given to read."""
    for source in filter(None, sources):
        if artifact := json.loads(source).get("artifact"):
            yield artifact


def _remove_unused(transaction: Transaction, store: ArtifactStore, files: set[str]) -> None:
    """Remove the artifacts that no task has made or reads any more, and the content that no artifact has."""
    references = {json.dumps({"artifact": one}): one for one in files}
    read = transaction.execute(READ, {"given": json.dumps([*references])}).scalars()
    kept = {references[source] for source in read}
    kept.update(transaction.execute(MADE_BY_OTHERS, {"given": json.dumps([*files])}).scalars())
    unused = {"given": json.dumps([*(files - kept)])}
    hashes = transaction.execute(CONTENT, unused).scalars().all()
    for statement in FORGET_FILES:
        transaction.execute(statement, unused)
    store.remove(unreferenced(transaction, hashes))
