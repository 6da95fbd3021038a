"""The names in the conditions of lists and streams: one that nothing has is an error, not an empty answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Column, Select, select

from avstudio_core.documents.searchable import NAME, SPEECH, TEXT
from avstudio_core.errors import NotFound
from avstudio_core.quotes import quoted
from avstudio_core.reach import Reach
from avstudio_core.storage.database import Database
from avstudio_core.storage.expressions import listed
from avstudio_core.storage.owned_rows import within
from avstudio_core.storage.tables import (
    DEFAULT_PROJECT,
    LOCAL_OWNER,
    api_keys,
    events,
    media_files,
    plans,
    runs,
    tasks,
    texts,
)
from avstudio_core.tasks.queue.statements import NAMED_PROJECT

Names: TypeAlias = str | Collection[str] | None
Installed: TypeAlias = Callable[[str], Collection[str]]
"""The names of a kind of plugins."""


class Noun(NamedTuple):
    """What has names, and where they are."""

    what: str
    columns: tuple[Column[Any], ...] = ()
    always: tuple[str, ...] = ()
    """Names that are known even if nothing has them."""
    kind: str = ""
    """The kind of plugins that have such names."""
    ids: str = ""
    """How its ids begin."""

    @property
    def plural(self) -> str:
        """Such as 'tasks' or 'kinds of texts'."""
        first, of, rest = self.what.partition(" of ")
        return f"{first}s{of}{rest}"


NOUNS = {
    "task": Noun("task", (tasks.c.id,), ids="task_"),
    "plan": Noun("plan", (tasks.c.plan_id, plans.c.id), ids="plan_"),
    "run": Noun("run", (runs.c.id,), ids="run_"),
    "project": Noun("project", (tasks.c.project, media_files.c.project), (DEFAULT_PROJECT,)),
    "owner": Noun("owner", (tasks.c.owner, api_keys.c.owner, media_files.c.owner, events.c.owner), (LOCAL_OWNER,)),
    "processor": Noun("processor", (tasks.c.processor, texts.c.processor), kind="processors"),
    "text_kind": Noun("kind of texts", (texts.c.kind,), (NAME, SPEECH, TEXT)),
    "event_type": Noun("type of events", kind="event_types"),
}
OF_IDS = {noun.ids: name for name, noun in NOUNS.items() if noun.ids}


class KnownNames:
    """Looks up names within a reach."""

    def __init__(self, database: Database, reach: Reach, installed: Installed = lambda kind: ()) -> None:
        self._database = database
        self._reach = reach
        self._installed = installed

    def check(self, **named: Names) -> None:
        """Raises `NotFound` for the first name that is not known. The nouns are those of `NOUNS`, and `subject`.

        A plugin chooses the subjects of its events, so only those that look like ids of tasks, plans or runs are
        looked up.
        """
        for noun, given in named.items():
            names = [given] if isinstance(given, str) else given or ()
            if noun == "subject":
                for ids, of_ids in OF_IDS.items():
                    self._check(NOUNS[of_ids], [name for name in names if name.startswith(ids)])
            else:
                self._check(NOUNS[noun], names)

    def _check(self, noun: Noun, names: Iterable[str]) -> None:
        always = {*noun.always, *([self._reach.project] if noun.what == "project" else [])}
        if missing := set(names) - always:
            missing -= set(self._installed(noun.kind) if noun.kind else ())
        for column in noun.columns:
            missing -= self._found(column, missing)
        if not missing:
            return
        name, see = min(missing), f"See the list of {noun.plural}."
        if noun.ids:
            raise NotFound(f"No {noun.what} has the id {quoted(name)}.", hint=see)
        raise NotFound.among(noun.what, name, self._all(noun), see=see)

    def _found(self, column: Column[Any], names: Collection[str]) -> set[str]:
        """Those of some names that a column has within reach."""
        if not names:
            return set()
        indexed = [NAMED_PROJECT] if column is tasks.c.project else []
        query = self._names(column).where(column.in_(listed("names")), *indexed)
        with self._database.read() as connection:
            return {*connection.scalars(query, {"names": json.dumps([*names])})}

    def _all(self, noun: Noun) -> set[str]:
        """All names that a user could have meant."""
        if noun.kind:
            return set(self._installed(noun.kind))
        with self._database.read() as connection:
            found = (connection.scalars(self._names(column)).all() for column in noun.columns)
            return set(noun.always).union(*found)

    def _names(self, column: Column[Any]) -> Select[Any]:
        """All values of a column within reach."""
        return select(column).where(*within(self._reach, column.table)).distinct()
