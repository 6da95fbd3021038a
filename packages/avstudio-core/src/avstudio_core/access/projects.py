"""Projects: named groups of tasks and files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, exists, func, literal, select, union

from avstudio_core.errors import NotFound
from avstudio_core.names import checked
from avstudio_core.page import Page, limited, page_of
from avstudio_core.reach import ALL, Reach
from avstudio_core.storage.database import Database
from avstudio_core.storage.owned_rows import within
from avstudio_core.storage.tables import DEFAULT_PROJECT, media_files, projects, tasks
from avstudio_core.tasks.queue.removal import Removal, Removed
from avstudio_core.tasks.queue.statements import NAMED_PROJECT, owned
from avstudio_core.twin import twin

ALL_NAMES = union(
    select(projects.c.name.label("name")),
    select(tasks.c.project).where(NAMED_PROJECT),
    select(literal(DEFAULT_PROJECT)).where(exists().where(tasks.c.project == DEFAULT_PROJECT)),
)
"""Does not read the tasks, because an index has those with a named project."""


class Project(NamedTuple):
    """A project, with the numbers of the owner's tasks and media files in it."""

    name: str
    tasks: int
    media: int


class OwnedProjects:
    """The projects with tasks or media files within a reach."""

    def __init__(self, database: Database, removal: Removal, allow: Callable[[], None]) -> None:
        self._database = database
        self._reach = removal.reach
        self._removal = removal
        self._allow = allow

    def get(self, name: str) -> Project:
        """The project of that name. Raises `NotFound`."""
        known = self._names(checked(name, "name of a project"), 1)
        if not known or known[0] != name:
            raise NotFound(f"No project is named '{name}'.", hint="See the list of projects.")
        return self._counted([name])[0]

    def page(self, limit: int = 50, *, after: str | None = None) -> Page[Project]:
        """The first projects by name, or those `after` a name. Raises `InvalidInput`."""
        wanted = limited(limit, "projects", least=1) + 1
        start = None if after is None else checked(after, "name of a project") + "\x00"
        return page_of(self._counted(self._names(start, wanted)), limit, lambda one: one.name)

    def delete(self, name: str, *, dry_run: bool = False) -> Removed:
        """Delete a project with the owner's tasks, files and uploads in it, or only tell what would go.

        Raises `NotFound`, `InUse`.
        """
        self._allow()
        return self._removal.trial(dry_run).project(name)

    def _names(self, start: str | None, limit: int) -> list[str]:
        named = ALL_NAMES.subquery() if self._reach == ALL else _names_within(self._reach).subquery()
        query = select(named.c[0]).order_by(named.c[0]).limit(limit)
        if start is not None:
            query = query.where(named.c[0] >= start)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def _counted(self, names: Sequence[str]) -> list[Project]:
        with self._database.read() as connection:
            in_tasks = self._in_tasks(connection, names)
            files = _grouped(connection, media_files.c.project, *self._media(names))
        return [Project(name, in_tasks.get(name, 0), files.get(name, 0)) for name in names]

    def _media(self, names: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
        return media_files.c.project.in_(names), *within(self._reach, media_files)

    def _in_tasks(self, connection: Connection, names: Sequence[str]) -> dict[str, int]:
        if self._reach != ALL:
            return _grouped(connection, tasks.c.project, tasks.c.project.in_(names), *owned(self._reach))
        found = _grouped(connection, tasks.c.project, NAMED_PROJECT)
        total: int = connection.execute(select(func.count()).select_from(tasks)).scalar_one()
        return {**found, DEFAULT_PROJECT: total - sum(found.values())}

    aget = twin(get)
    """`get` without blocking an event loop."""
    apage = twin(page)
    """`page` without blocking an event loop."""
    adelete = twin(delete)
    """`delete` without blocking an event loop."""


def _names_within(reach: Reach) -> Any:
    """The names of the projects of the tasks and files within a reach."""
    return union(
        select(tasks.c.project.label("name")).where(*owned(reach)),
        select(media_files.c.project).where(*within(reach, media_files)),
    )


def _grouped(connection: Connection, column: ColumnElement[str], *where: ColumnElement[bool]) -> dict[str, int]:
    query = select(column, func.count()).where(*where).group_by(column)
    return {row[0]: row[1] for row in connection.execute(query)}
