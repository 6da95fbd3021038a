"""The statements of removals: what a removal takes along, what refuses it, and what it deletes."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, delete, exists, or_, select, tuple_, update

from avstudio_core.storage.expressions import listed
from avstudio_core.storage.owned_rows import OWNED_FILE, seen
from avstudio_core.storage.tables import (
    artifacts,
    dependencies,
    events,
    media_files,
    metadata,
    plans,
    runs,
    task_inputs,
    tasks,
    texts,
)
from avstudio_core.tasks.queue.statements import UNFINISHED
from avstudio_core.tasks.states import ENDED

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
SHARED_CONTENT = select(artifacts.c.sha256).where(
    artifacts.c.sha256.in_(listed("hashes")), artifacts.c.id.not_in(_given), OWNED_FILE
)
"""The content that other files within reach have, too."""
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
