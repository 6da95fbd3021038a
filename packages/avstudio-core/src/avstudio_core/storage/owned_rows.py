"""Conditions for the rows that are within a reach.

Those with parameters take `Reach.values`.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, String, Table, and_, bindparam, or_, select

from avstudio_core.reach import Reach
from avstudio_core.storage.tables import artifacts, media_files, task_inputs, tasks

_owner = bindparam("b_owner", type_=String())
_project = bindparam("b_project", type_=String())


def seen(table: Table) -> ColumnElement[bool]:
    """The rows of a table with owners and projects that are within the reach of the parameters."""
    mine = or_(_owner.is_(None), table.c.owner == _owner)
    return and_(mine, or_(_project.is_(None), table.c.project == _project))


def within(reach: Reach, table: Table) -> tuple[ColumnElement[bool], ...]:
    """`seen` for a reach that is known, in the form that indexes serve best."""
    conditions = [] if reach.owner is None else [table.c.owner == reach.owner]
    return (*conditions, *([] if reach.project is None else [table.c.project == reach.project]))


_readers, _makers, _answered = tasks.alias(), tasks.alias(), tasks.alias()
_mine = or_(_owner.is_(None), artifacts.c.owner == _owner)
_made = (
    select(tasks.c.id)
    .where(tasks.c.id == artifacts.c.task_id, tasks.c.owner == artifacts.c.owner, tasks.c.project == _project)
    .exists()
)
_given = (
    select(media_files.c.id)
    .where(media_files.c.artifact_id == artifacts.c.id, media_files.c.project == _project)
    .exists()
)
_read = (
    select(task_inputs.c.task_id)
    .join(_readers, _readers.c.id == task_inputs.c.task_id)
    .where(task_inputs.c.artifact_id == artifacts.c.id)
    .where(_readers.c.owner == artifacts.c.owner, _readers.c.project == _project)
    .exists()
)
_shared = (
    select(_makers.c.id)
    .join(_answered, _answered.c.cache_key == _makers.c.cache_key)
    .where(_makers.c.id == artifacts.c.task_id, _answered.c.state == "COMPLETED")
    .where(_answered.c.owner == artifacts.c.owner, _answered.c.project == _project)
    .where(_answered.c.result.contains(artifacts.c.id))
    .exists()
)
"""Before projects were boundaries, a cached result of one answered tasks of another."""
OWNED_FILE = and_(_mine, or_(_project.is_(None), _made, _given))
"""The artifacts that were made or given within the reach of the parameters."""
SEEN_FILE = and_(_mine, or_(_project.is_(None), _made, _given, _read, _shared))
"""The artifacts that a task or a media file within the reach of the parameters has."""
