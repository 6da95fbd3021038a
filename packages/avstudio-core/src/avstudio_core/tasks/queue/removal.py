"""The removal of tasks, plans, files, projects and owners, with their events, and the content and runs left unused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    Delete,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
    tuple_,
    update,
)

from avstudio_core.artifact import new_id
from avstudio_core.errors import InUse, NotFound
from avstudio_core.gateway.ledger import budgets
from avstudio_core.names import checked
from avstudio_core.reach import ALL, Reach
from avstudio_core.storage.artifact_rows import unreferenced
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.expressions import listed
from avstudio_core.storage.owned_rows import OWNED_FILE, seen, within
from avstudio_core.storage.sweep import abandon
from avstudio_core.storage.tables import (
    api_keys,
    artifacts,
    dependencies,
    events,
    media_files,
    metadata,
    plans,
    projects,
    runs,
    task_inputs,
    tasks,
    texts,
)
from avstudio_core.storage.webhook_tables import webhook_failures, webhooks
from avstudio_core.tasks.queue.statements import UNFINISHED
from avstudio_core.tasks.states import ENDED

PORTION = 100
"""The largest number of plans or files that one transaction removes, because other writes wait for it."""
CANCEL_FIRST = "Wait until it has ended, or cancel it."
_given, _later, _needed = listed("given"), tasks.alias(), tasks.alias()
LIVES = and_(UNFINISHED, tasks.c.state.not_in([str(state) for state in sorted(ENDED)]))

_other = tasks.alias()
GOES_ON = exists().where(
    _other.c.plan_id == tasks.c.plan_id,
    or_(
        _other.c.state.not_in([str(state) for state in sorted(ENDED)]),
        _other.c.finished_at.is_(None),
        _other.c.finished_at >= bindparam("before"),
    ),
)
OLD_PLANS = select(tasks.c.plan_id).where(tasks.c.finished_at < bindparam("before"), ~GOES_ON).distinct()
KNOWN = select(tasks.c.id).where(tasks.c.id.in_(_given), seen(tasks))
OF_PLANS = select(tasks.c.id).where(tasks.c.plan_id.in_(_given), seen(tasks))
PLANS_OF = select(tasks.c.plan_id).where(tasks.c.id.in_(_given)).distinct()
LIVING = select(tasks.c.id).where(tasks.c.id.in_(_given), LIVES).order_by(tasks.c.id)
NEED = (
    select(tasks.c.id)
    .join(dependencies, dependencies.c.task_id == tasks.c.id)
    .where(dependencies.c.needs_id.in_(_given), tasks.c.id.not_in(_given), LIVES)
    .order_by(tasks.c.id)
)
READERS_OF = select(tasks.c.id).join(task_inputs, task_inputs.c.task_id == tasks.c.id).where(LIVES)
READERS = READERS_OF.where(task_inputs.c.artifact_id.in_(_given))
HOLDERS = select(tasks.c.id).where(LIVES, tasks.c.result.contains(bindparam("file"), autoescape=False))
WAITERS = (
    select(tasks.c.id)
    .join(dependencies, dependencies.c.task_id == tasks.c.id)
    .join(_needed, _needed.c.id == dependencies.c.needs_id)
    .where(LIVES, _needed.c.result.contains(bindparam("file"), autoescape=False))
)
MADE = select(artifacts.c.id).where(artifacts.c.task_id.in_(_given))
MAKERS = select(artifacts.c.task_id).where(artifacts.c.id.in_(_given))
READ_BY = (
    select(artifacts.c.id)
    .join(task_inputs, task_inputs.c.artifact_id == artifacts.c.id)
    .join(tasks, tasks.c.id == task_inputs.c.task_id)
    .where(tasks.c.id.in_(_given), artifacts.c.owner == tasks.c.owner)
)
"""An administrator's task may have read another owner's file, which stays."""
READ = select(task_inputs.c.artifact_id).where(task_inputs.c.artifact_id.in_(_given))
MADE_BY_TASKS = select(artifacts.c.id).where(artifacts.c.id.in_(_given), artifacts.c.task_id.in_(select(tasks.c.id)))
LATER_TASKS = (
    select(tasks.c.id, _later.c.id)
    .join(_later, _later.c.cache_key == tasks.c.cache_key)
    .where(
        tasks.c.id.in_(_given),
        _later.c.id.not_in(_given),
        _later.c.result.is_not(None),
        _later.c.owner == tasks.c.owner,
    )
)
REASSIGN = update(artifacts).where(artifacts.c.task_id == bindparam("old")).values(task_id=bindparam("later"))
REASSIGN_TEXTS = update(texts).where(texts.c.task_id == bindparam("old")).values(task_id=bindparam("later"))
_keys = select(tasks.c.cache_key, tasks.c.owner).where(tasks.c.id.in_(MAKERS), tasks.c.cache_key.is_not(None))
UNCACHE = update(tasks).where(tuple_(tasks.c.cache_key, tasks.c.owner).in_(_keys)).values(cache_key=None)
CONTENT = select(artifacts.c.sha256, artifacts.c.size).where(artifacts.c.id.in_(_given))
REMOVE_TASKS = [
    delete(table).where(column.in_(_given))
    for table in reversed(metadata.sorted_tables)
    for column in table.columns
    if column.references(tasks.c.id)
]
REMOVE_TASKS += [delete(events).where(events.c.subject.in_(_given)), delete(tasks).where(tasks.c.id.in_(_given))]
REMOVE_PLANS = [
    delete(table).where(column.in_(_given), ~exists().where(tasks.c.plan_id == column))
    for table, column in ((plans, plans.c.id), (events, events.c.subject))
]
"""Plans without tasks, and their events."""
RUNS_OF = select(tasks.c.run_id).where(tasks.c.id.in_(_given), tasks.c.run_id.is_not(None)).distinct()
_unused = ~exists().where(tasks.c.run_id == runs.c.id)
REMOVE_RUNS = delete(runs).where(runs.c.id.in_(_given), _unused).returning(runs.c.id)
"""Runs without tasks; their keys may be used again."""
REMOVE_FILES = [
    delete(table).where(column.in_(_given))
    for table, column in (
        (task_inputs, task_inputs.c.artifact_id),
        (media_files, media_files.c.artifact_id),
        (texts, texts.c.artifact_id),
        (artifacts, artifacts.c.id),
    )
]
KNOWN_FILES = select(artifacts.c.id).where(artifacts.c.id.in_(_given), OWNED_FILE)
"""A project deletes what is its own, and not what its tasks read from another one."""
AT_PATH = (
    select(media_files.c.artifact_id)
    .where(media_files.c.path == bindparam("path"), seen(media_files))
    .where(or_(media_files.c.project == bindparam("project"), bindparam("project").is_(None)))
)


class Removed(NamedTuple):
    """What was removed: tasks, files, and the bytes of content that no other file within reach has."""

    tasks: int = 0
    files: int = 0
    bytes: int = 0

    def plus(self, other: Removed) -> Removed:
        return Removed(*(one + more for one, more in zip(self, other, strict=True)))


class Preview(Exception):
    """Rolls a removal back."""

    def __init__(self, removed: Removed) -> None:
        super().__init__()
        self.removed = removed


class Removal:
    """Removes what users delete and what is too old. What calls to language models have cost stays in the ledger.

    Each method raises `NotFound` for an unknown name, and `InUse` if a task that has not ended needs what would go;
    then it removes nothing. It removes a large project and everything of an owner in several transactions.
    """

    def __init__(self, database: Database, store: ArtifactStore, studio: str, reach: Reach = ALL) -> None:
        self._database = database
        self._store = store
        self._studio = studio
        self.owner_gone: Callable[[str], int] = lambda owner: 0
        """Removes what is stored of an owner elsewhere; returns how much there was."""
        self.reach = reach
        """The work that it removes."""

    def of(self, reach: Reach) -> Removal:
        """The same for the work within a reach; what is beyond it is not found."""
        return Removal(self._database, self._store, self._studio, reach)

    def tasks(self, task_ids: Collection[str]) -> Removed:
        """Remove tasks, what they made, and what only they were given."""
        names = [checked(one, "task id") for one in task_ids]
        return self._write(lambda transaction: _tasks(transaction, names, self.reach))

    def plan(self, plan_id: str) -> Removed:
        """Remove all tasks of a plan."""
        given = {"given": json.dumps([checked(plan_id, "plan id")]), **self.reach.values}

        def operation(transaction: Transaction) -> tuple[Removed, list[str]]:
            if not (found := _ids(transaction, OF_PLANS, given)):
                raise NotFound(f"No plan has the id '{plan_id}'.", hint="See the list of plans.")
            return _tasks(transaction, found, self.reach)

        return self._write(operation)

    def artifact(self, artifact_id: str) -> Removed:
        """Remove a file of any task or user. Results that name it stay, without their content."""
        names = [checked(artifact_id, "artifact id")]
        return self._write(lambda transaction: _files(transaction, names, self.reach))

    def media(self, path: str, project: str | None = None) -> Removed:
        """Remove the stored copies of a user's file, in one project or in all."""
        found = self._read(AT_PATH, path=str(path), project=project, **self.reach.values)
        if not found:
            raise NotFound(f"No stored file comes from '{path}'.", hint="Give the whole path that it had.")
        return self._write(lambda transaction: _files(transaction, found, self.reach))

    def project(self, name: str) -> Removed:
        """Remove a project with its tasks and files; of a project that several owners use, only the owner's."""
        checked(name, "name of a project")
        own, in_plans = (and_(table.c.project == name, *within(self.reach, table)) for table in (tasks, plans))
        files = select(media_files.c.artifact_id).where(media_files.c.project == name)
        files = files.where(*within(self.reach, media_files))
        unused = projects.c.name == name, ~exists().where(media_files.c.project == name)
        known = select(projects.c.name).where(projects.c.name == name) if self.reach == ALL else files
        if not self._read(known.limit(1)) and not self._read(select(tasks.c.id).where(own).limit(1)):
            raise NotFound(f"No project is named '{name}'.")
        removed = self._all(own, files)
        self._forget(delete(plans).where(in_plans), delete(projects).where(*unused))
        return removed

    def owner(self, owner: str) -> Removed:
        """Remove all tasks, files and stored answers of an owner, and revoke its API keys."""
        files = select(artifacts.c.id).where(artifacts.c.owner == owner)
        known = self._read(files.limit(1)) or self._read(select(tasks.c.id).where(tasks.c.owner == owner).limit(1))
        removed = self._all(tasks.c.owner == owner, files)
        hooks = select(webhooks.c.id).where(webhooks.c.owner == owner)
        keys = api_keys.c.owner == owner, api_keys.c.revoked_at.is_(None)
        known = known or self._read(hooks.limit(1)) or self._read(select(api_keys.c.id).where(*keys).limit(1))
        self._forget(
            delete(plans).where(plans.c.owner == owner),
            delete(webhook_failures).where(webhook_failures.c.webhook_id.in_(hooks)),
            delete(webhooks).where(webhooks.c.owner == owner),
            update(api_keys).where(*keys).values(revoked_at=time.time()),
        )
        if not self.owner_gone(owner) and not known:
            raise NotFound(f"No tasks, files, answers or keys belong to '{owner}'.")
        return removed

    def plans(self, plan_ids: Collection[str]) -> Removed:
        """Remove the plans among some that still exist; the caller has found that all their tasks ended."""
        given = {"given": json.dumps([*plan_ids]), **self.reach.values}
        return self._write(lambda transaction: _tasks(transaction, _ids(transaction, OF_PLANS, given), self.reach))

    def ended(self, before: float, limit: int | None = None) -> list[str]:
        """The plans of which every task ended before a time."""
        return self._read(OLD_PLANS.limit(limit), before=before)

    def prune(self, before: float, *, dry_run: bool = False) -> tuple[int, Removed]:
        """Remove all plans that ended before a time, or only count what would be removed; return their number, too."""
        found, removed = self.ended(before), Removed()
        for start in range(0, len(found), PORTION):
            portion = found[start : start + PORTION]
            removed = removed.plus(self._preview(portion) if dry_run else self.plans(portion))
        return len(found), removed

    def _preview(self, plan_ids: Collection[str]) -> Removed:
        """What `plans` would remove: the transaction is rolled back."""
        given = {"given": json.dumps([*plan_ids]), **self.reach.values}

        def operation(transaction: Transaction) -> None:
            raise Preview(_tasks(transaction, _ids(transaction, OF_PLANS, given), self.reach)[0])

        try:
            self._database.write(operation)
        except Preview as preview:
            return preview.removed
        return Removed()

    def _all(self, mine: Any, files: Select[Any]) -> Removed:
        """Remove tasks and files in portions, after looking whether one of the tasks lives."""
        if living := self._read(select(tasks.c.id).where(mine, LIVES).order_by(tasks.c.id).limit(1)):
            raise InUse(f"Task '{living[0]}' has not ended.", hint=CANCEL_FIRST)
        readers = self._read(READERS_OF.where(task_inputs.c.artifact_id.in_(files)))
        _refuse_needed(readers, self._read(KNOWN, given=json.dumps(readers), **self.reach.values))
        removed = Removed()
        while found := self._read(select(tasks.c.plan_id).where(mine).distinct().limit(PORTION)):
            removed = removed.plus(self.plans(found))
        while found := self._read(files.limit(PORTION)):
            removed = removed.plus(self._write(partial(_files, file_ids=found, reach=ALL)))
        return removed

    def _forget(self, *statements: Delete | Update) -> None:
        def operation(transaction: Transaction) -> None:
            for statement in statements:
                transaction.execute(statement)

        self._database.write(operation)

    def _read(self, query: Select[Any], **values: Any) -> list[str]:
        with self._database.read() as connection:
            return list(connection.execute(query, values).scalars())

    def _write(self, operation: Callable[[Transaction], tuple[Removed, list[str]]]) -> Removed:
        """Remove rows, then the content that no file has any more.

        The content goes in a second transaction, because a first one that fails must not have removed any. Its names
        stand in a staging folder: if this process dies in between, the next sweep removes that content.
        """
        folder = self._store.folder(f"{self._studio}_{new_id('gone')}")

        def whole(transaction: Transaction) -> Removed:
            removed, unused = operation(transaction)
            self._store.mark(folder, unused)
            return removed

        try:
            return self._database.write(whole)
        finally:
            abandon(self._database, self._store, folder).result()


def _tasks(transaction: Transaction, task_ids: Collection[str], reach: Reach) -> tuple[Removed, list[str]]:
    given = {"given": json.dumps([*task_ids])}
    if unknown := set(task_ids).difference(_ids(transaction, KNOWN, given | reach.values)):
        raise NotFound(f"No task has the id '{min(unknown)}'.", hint="See the list of tasks.")
    _refuse_living(_ids(transaction, LIVING, given))
    _refuse_needed(needed_by := _ids(transaction, NEED, given), needed_by)
    files = {*_ids(transaction, MADE, given), *_ids(transaction, READ_BY, given)}
    if reach.project is not None:
        files = {*_ids(transaction, KNOWN_FILES, {"given": json.dumps([*files]), **reach.values})}
    touched = {"given": json.dumps(_ids(transaction, PLANS_OF, given))}
    of_runs = {"given": json.dumps(_ids(transaction, RUNS_OF, given))}
    for task_id, later in transaction.execute(LATER_TASKS, given).all():  # its cached result has these files
        for change in (REASSIGN, REASSIGN_TEXTS):
            transaction.execute(change, {"old": task_id, "later": later})
    for statement in REMOVE_TASKS:
        transaction.execute(statement, given)
    for statement in REMOVE_PLANS:
        transaction.execute(statement, touched)
    ended = transaction.execute(REMOVE_RUNS, of_runs).scalars()
    budgets.forget(transaction, [*(f"run:{one}" for one in ended), *(f"task:{one}" for one in task_ids)])
    candidates = {"given": json.dumps([*files])}
    kept = {*_ids(transaction, READ, candidates), *_ids(transaction, MADE_BY_TASKS, candidates)}
    removed, unused = _removed(transaction, files - kept, reach)
    return removed.plus(Removed(tasks=len(task_ids))), unused


def _files(transaction: Transaction, file_ids: Collection[str], reach: Reach) -> tuple[Removed, list[str]]:
    given = {"given": json.dumps([*file_ids])}
    if unknown := set(file_ids).difference(_ids(transaction, KNOWN_FILES, given | reach.values)):
        raise NotFound(f"No artifact has the id '{min(unknown)}'.")
    needed_by = _ids(transaction, READERS, given)
    for one in file_ids:
        needed_by += _ids(transaction, HOLDERS, {"file": one}) + _ids(transaction, WAITERS, {"file": one})
    _refuse_needed(needed_by, _ids(transaction, KNOWN, {"given": json.dumps(needed_by), **reach.values}))
    transaction.execute(UNCACHE, given)  # the results of its task and of equal ones do not answer others any more
    return _removed(transaction, file_ids, reach)


def _removed(transaction: Transaction, file_ids: Iterable[str], reach: Reach) -> tuple[Removed, list[str]]:
    """Remove the rows of files; return what was removed, and the content that no file has any more.

    The bytes are those that no other file within reach has, because nobody may infer what is beyond it.
    """
    given = {"given": json.dumps([*file_ids])}
    content: dict[str, int] = dict(transaction.execute(CONTENT, given).all())
    count = [transaction.execute(statement, given).rowcount for statement in REMOVE_FILES][-1]
    unused = unreferenced(transaction, [*content])
    own = unused if reach == ALL else unreferenced(transaction, [*content], reach)
    return Removed(files=count, bytes=sum(content[one] for one in own)), unused


def _ids(transaction: Transaction, query: Select[Any], values: Mapping[str, Any]) -> list[str]:
    return list(transaction.execute(query, values).scalars())


def _refuse_living(living: Collection[str]) -> None:
    if living:
        raise InUse(f"Task '{min(living)}' has not ended.", hint=CANCEL_FIRST)


def _refuse_needed(needed_by: Collection[str], shown: Collection[str]) -> None:
    """Raises `InUse`, with the id of a task that may be shown: an administrator's task may need an owner's file."""
    if needed_by:
        which = f"Task '{min(shown)}', which has not ended," if shown else "A task that has not ended"
        raise InUse(f"{which} needs it.", hint=CANCEL_FIRST)
