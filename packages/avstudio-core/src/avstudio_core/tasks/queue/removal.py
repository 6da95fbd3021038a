"""The removal of tasks, plans, files, projects and owners, with their events, and the content and runs left unused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Delete, Select, Update, and_, delete, exists, select, update

from avstudio_core.artifact import new_id
from avstudio_core.errors import DiskFull, InUse, NotFound
from avstudio_core.gateway.ledger import budgets
from avstudio_core.names import checked
from avstudio_core.paths import recorded_path
from avstudio_core.quotes import LONGEST_PATH, quoted
from avstudio_core.reach import ALL, Reach
from avstudio_core.storage.artifact_rows import unreferenced
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.owned_rows import within
from avstudio_core.storage.reserve import Reserve
from avstudio_core.storage.server_tables import made_once, webhook_failures, webhooks
from avstudio_core.storage.sweep import abandon
from avstudio_core.storage.tables import api_keys, artifacts, media_files, plans, projects, task_inputs, tasks, uploads
from avstudio_core.tasks.queue import removal_statements as sql
from avstudio_core.tasks.queue.removal_statements import LIVES

T = TypeVar("T")
PORTION = 100
"""The largest number of plans or files that one transaction removes, because other writes wait for it."""
CANCEL_FIRST = "Wait until it has ended, or cancel it."


class Removed(NamedTuple):
    """What was removed: tasks, files, and the bytes of content that no other file within reach has."""

    tasks: int = 0
    files: int = 0
    bytes: int = 0

    def plus(self, other: Removed) -> Removed:
        return Removed(*(one + more for one, more in zip(self, other, strict=True)))


class Gone(NamedTuple):
    """What one transaction removes: how much, the ids of the files, and the content that no file has any more."""

    removed: Removed
    files: Sequence[str] = ()
    unused: Sequence[str] = ()


class Trial(Exception):
    """Rolls back a removal that is only tried."""

    def __init__(self, gone: Gone) -> None:
        super().__init__()
        self.gone = gone


@dataclass
class Elsewhere:
    """What is stored of an owner or a project outside the database."""

    forget_answers: Callable[[str, bool], int] = lambda owner, dry_run: 0
    """Removes the answers of an owner, or only counts them; returns how many there are."""
    remove_upload: Callable[[str], None] = lambda upload_id: None
    """Removes what has been received of an upload."""


class Removal:
    """Removes what users delete and what is too old. What calls to language models have cost stays in the ledger.

    Each method raises `NotFound` for an unknown name, and `InUse` if a task that has not ended needs what would go;
    then it removes nothing. It removes a large project and everything of an owner in several transactions.
    With `dry_run`, it removes nothing, and returns what it would remove.
    """

    def __init__(
        self,
        database: Database,
        store: ArtifactStore,
        studio: str,
        reach: Reach = ALL,
        elsewhere: Elsewhere | None = None,
        *,
        dry_run: bool = False,
    ) -> None:
        self._database = database
        self._store = store
        self._studio = studio
        self.elsewhere = elsewhere or Elsewhere()
        self._dry_run = dry_run
        self.reserve = Reserve(database.path.parent)
        self.reach = reach
        """The work that it removes."""

    def of(self, reach: Reach) -> Removal:
        """The same for the work within a reach; what is beyond it is not found."""
        return Removal(self._database, self._store, self._studio, reach, self.elsewhere)

    def trial(self, dry_run: bool) -> Removal:
        """The same, which with `dry_run` removes nothing."""
        return Removal(self._database, self._store, self._studio, self.reach, self.elsewhere, dry_run=dry_run)

    def tasks(self, task_ids: Collection[str]) -> Removed:
        """Remove tasks, what they made, and what only they were given."""
        names = [checked(one, "task id") for one in task_ids]
        return self._write(lambda transaction: _tasks(transaction, names, self.reach)).removed

    def plan(self, plan_id: str) -> Removed:
        """Remove all tasks of a plan."""
        given = {"given": json.dumps([checked(plan_id, "plan id")]), **self.reach.values}

        def operation(transaction: Transaction) -> Gone:
            if not (found := _ids(transaction, sql.OF_PLANS, given)):
                raise NotFound(f"No plan has the id '{plan_id}'.", hint="See the list of plans.")
            return _tasks(transaction, found, self.reach)

        return self._write(operation).removed

    def artifacts(self, artifact_ids: Collection[str]) -> Removed:
        """Remove files of any tasks or users. Results that name them stay, without their content."""
        names = [*dict.fromkeys(checked(one, "artifact id") for one in artifact_ids)]
        return self._write(lambda transaction: _files(transaction, names, self.reach)).removed

    def media(self, path: str, project: str | None = None) -> Removed:
        """Remove the stored copies of a user's file, in one project or in all."""
        project = None if project is None else checked(project, "name of a project")
        found = self._read(sql.AT_PATH, path=recorded_path(path), project=project, **self.reach.values)
        if not found:
            message = f"No stored file comes from {quoted(path, LONGEST_PATH)}."
            raise NotFound(message, hint="Give the whole path that it had.")
        return self._write(lambda transaction: _files(transaction, found, self.reach)).removed

    def project(self, name: str) -> Removed:
        """Remove a project with its tasks and files; of a project that several owners use, only the owner's."""
        checked(name, "name of a project")
        own, in_plans, received = (
            and_(table.c.project == name, *within(self.reach, table)) for table in (tasks, plans, uploads)
        )
        files = select(media_files.c.artifact_id).where(media_files.c.project == name)
        files = files.where(*within(self.reach, media_files))
        unused = projects.c.name == name, ~exists().where(media_files.c.project == name)
        known = select(projects.c.name).where(projects.c.name == name) if self.reach == ALL else files
        sent = self._read(select(uploads.c.id).where(received))
        if not sent and not self._read(known.limit(1)) and not self._read(select(tasks.c.id).where(own).limit(1)):
            raise NotFound(f"No project is named '{name}'.", hint="See the list of projects.")
        removed = self._all(own, files)
        left = delete(uploads).where(received), delete(plans).where(in_plans), delete(projects).where(*unused)
        self._forget(sent, *left)
        return removed

    def owner(self, owner: str) -> Removed:
        """Remove all tasks, files and stored answers of an owner, and revoke its API keys."""
        files = select(artifacts.c.id).where(artifacts.c.owner == owner)
        hooks = select(webhooks.c.id).where(webhooks.c.owner == owner)
        keys = api_keys.c.owner == owner, api_keys.c.revoked_at.is_(None)
        sent = self._read(select(uploads.c.id).where(uploads.c.owner == owner))
        mine = select(tasks.c.id).where(tasks.c.owner == owner), select(api_keys.c.id).where(*keys)
        known = bool(sent) or any(self._read(one.limit(1)) for one in (files, hooks, *mine))
        removed = self._all(tasks.c.owner == owner, files)
        self._forget(
            sent,
            delete(uploads).where(uploads.c.owner == owner),
            delete(plans).where(plans.c.owner == owner),
            delete(webhook_failures).where(webhook_failures.c.webhook_id.in_(hooks)),
            delete(webhooks).where(webhooks.c.owner == owner),
            delete(made_once).where(made_once.c.owner == owner),
            update(api_keys).where(*keys).values(revoked_at=time.time()),
        )
        if not self.elsewhere.forget_answers(owner, self._dry_run) and not known:
            raise NotFound(f"No tasks, files, answers or keys belong to '{owner}'.")
        return removed

    def plans(self, plan_ids: Collection[str]) -> Gone:
        """Remove the plans among some that still exist; the caller has found that all their tasks ended."""
        given = {"given": json.dumps([*plan_ids]), **self.reach.values}
        return self._write(lambda transaction: _tasks(transaction, _ids(transaction, sql.OF_PLANS, given), self.reach))

    def ended(self, before: float, limit: int | None = None) -> list[str]:
        """The plans of which every task ended before a time."""
        return self._read(sql.OLD_PLANS.limit(limit), before=before)

    def prune(self, before: float) -> tuple[int, Removed]:
        """Remove all plans that ended before a time; return their number, too."""
        found = self.ended(before)
        return len(found), self._total([self.plans(portion) for portion in _portions(found)])

    def _all(self, mine: Any, files: Select[Any]) -> Removed:
        """Remove tasks and files in portions, after looking whether one of the tasks lives."""
        if living := self._read(select(tasks.c.id).where(mine, LIVES).order_by(tasks.c.id).limit(1)):
            raise InUse(f"Task '{living[0]}' has not ended.", hint=CANCEL_FIRST)
        readers = self._read(sql.READERS_OF.where(task_inputs.c.artifact_id.in_(files)))
        _refuse_needed(readers, self._read(sql.KNOWN, given=json.dumps(readers), **self.reach.values))
        gone = [self.plans(found) for found in self._each(select(tasks.c.plan_id).where(mine).distinct())]
        for found in self._each(files):
            gone.append(self._write(partial(_files, file_ids=found, reach=ALL)))
        return self._total(gone)

    def _each(self, query: Select[Any]) -> Iterator[Sequence[str]]:
        """What a query finds, in portions. What has been removed is not found again; a trial removes nothing."""
        if self._dry_run:
            yield from _portions(self._read(query))
            return
        while found := self._read(query.limit(PORTION)):
            yield found

    def _total(self, gone: Sequence[Gone]) -> Removed:
        """The sum of what several transactions removed. Each of a trial found what the others did not remove."""
        removed = Removed()
        for one in gone:
            removed = removed.plus(one.removed)
        if not self._dry_run:
            return removed
        given = {"given": json.dumps(files := [*{file for one in gone for file in one.files}])}
        with self._database.read() as connection:
            content: dict[str, int] = dict(connection.execute(sql.CONTENT, given).all())
            others = {"hashes": json.dumps([*content]), **given, **self.reach.values}
            shared = {*connection.execute(sql.SHARED_CONTENT, others).scalars()}
        return Removed(removed.tasks, len(files), sum(size for one, size in content.items() if one not in shared))

    def _forget(self, upload_ids: Sequence[str], *statements: Delete | Update) -> None:
        def operation(transaction: Transaction) -> None:
            for statement in statements:
                transaction.execute(statement)

        if self._dry_run:
            return
        self._changed(operation)
        for one in upload_ids:
            self.elsewhere.remove_upload(one)

    def _read(self, query: Select[Any], **values: Any) -> list[str]:
        with self._database.read() as connection:
            return list(connection.execute(query, values).scalars())

    def _write(self, operation: Callable[[Transaction], Gone]) -> Gone:
        """Remove rows, then the content that no file has any more.

        The content goes in a second transaction, because a first one that fails must not have removed any. Its names
        stand in a staging folder: if this process dies in between, the next sweep removes that content.
        """
        if self._dry_run:
            return self._tried(operation)
        folder = self._store.folder(f"{self._studio}_{new_id('gone')}")

        def whole(transaction: Transaction) -> Gone:
            gone = operation(transaction)
            self._store.mark(folder, gone.unused)
            return gone

        try:
            return self._changed(whole)
        finally:
            abandon(self._database, self._store, folder).result()
            self.reserve.keep()

    def _changed(self, operation: Callable[[Transaction], T]) -> T:
        """What an operation returns. Deleting needs room in the database, too: on a full disk, it takes the reserve."""
        try:
            return self._database.write(operation)
        except DiskFull as error:
            full = error
        if self.reserve.release():
            with suppress(DiskFull):
                return self._database.write(operation)
        hint = "Deleting needs some room, too: first free a few MB outside the data folder, or delete less at a time."
        raise DiskFull(full.message, hint=hint) from full

    def _tried(self, operation: Callable[[Transaction], Gone]) -> Gone:
        def tried(transaction: Transaction) -> None:
            raise Trial(operation(transaction))

        try:
            self._changed(tried)
        except Trial as trial:
            return trial.gone
        raise AssertionError("A trial is rolled back.")


def _portions(found: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(found), PORTION):
        yield found[start : start + PORTION]


def _tasks(transaction: Transaction, task_ids: Collection[str], reach: Reach) -> Gone:
    given = {"given": json.dumps([*task_ids])}
    if unknown := set(task_ids).difference(_ids(transaction, sql.KNOWN, given | reach.values)):
        raise NotFound(f"No task has the id '{min(unknown)}'.", hint="See the list of tasks.")
    _refuse_living(_ids(transaction, sql.LIVING, given))
    _refuse_needed(needed_by := _ids(transaction, sql.NEED, given), needed_by)
    files = {*_ids(transaction, sql.MADE, given), *_ids(transaction, sql.READ_BY, given)}
    if reach.project is not None:
        files = {*_ids(transaction, sql.KNOWN_FILES, {"given": json.dumps([*files]), **reach.values})}
    touched = {"given": json.dumps(_ids(transaction, sql.PLANS_OF, given))}
    of_runs = {"given": json.dumps(_ids(transaction, sql.RUNS_OF, given))}
    for task_id, later in transaction.execute(sql.LATER_TASKS, given).all():  # its cached result has these files
        for change in (sql.REASSIGN, sql.REASSIGN_TEXTS):
            transaction.execute(change, {"old": task_id, "later": later})
    for statement in sql.REMOVE_TASKS:
        transaction.execute(statement, given)
    for statement in sql.REMOVE_PLANS:
        transaction.execute(statement, touched)
    ended = transaction.execute(sql.REMOVE_RUNS, of_runs).scalars()
    budgets.forget(transaction, [*(f"run:{one}" for one in ended), *(f"task:{one}" for one in task_ids)])
    candidates = {"given": json.dumps([*files])}
    kept = {*_ids(transaction, sql.READ, candidates), *_ids(transaction, sql.MADE_BY_TASKS, candidates)}
    gone = _removed(transaction, files - kept, reach)
    return gone._replace(removed=gone.removed._replace(tasks=len(task_ids)))


def _files(transaction: Transaction, file_ids: Collection[str], reach: Reach) -> Gone:
    given = {"given": json.dumps([*file_ids])}
    if unknown := set(file_ids).difference(_ids(transaction, sql.KNOWN_FILES, given | reach.values)):
        raise NotFound(f"No artifact has the id '{min(unknown)}'.")
    needed_by = _ids(transaction, sql.READERS, given)
    for one in file_ids:
        needed_by += _ids(transaction, sql.HOLDERS, {"file": one}) + _ids(transaction, sql.WAITERS, {"file": one})
    _refuse_needed(needed_by, _ids(transaction, sql.KNOWN, {"given": json.dumps(needed_by), **reach.values}))
    transaction.execute(sql.UNCACHE, given)  # the results of its task and of equal ones do not answer others any more
    return _removed(transaction, file_ids, reach)


def _removed(transaction: Transaction, file_ids: Collection[str], reach: Reach) -> Gone:
    """Remove the rows of files; return what was removed, and the content that no file has any more.

    The bytes are those that no other file within reach has, because nobody may infer what is beyond it.
    """
    given = {"given": json.dumps([*file_ids])}
    content: dict[str, int] = dict(transaction.execute(sql.CONTENT, given).all())
    count = [transaction.execute(statement, given).rowcount for statement in sql.REMOVE_FILES][-1]
    unused = unreferenced(transaction, [*content])
    own = unused if reach == ALL else unreferenced(transaction, [*content], reach)
    return Gone(Removed(files=count, bytes=sum(content[one] for one in own)), [*file_ids], unused)


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
