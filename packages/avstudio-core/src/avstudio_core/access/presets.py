"""Presets: files that users keep under names, such as chains of effects."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, select

from avstudio_core.artifact import Artifact
from avstudio_core.errors import InUse, InvalidInput, NotFound
from avstudio_core.media_types import guess
from avstudio_core.names import PRESET, checked, file_name
from avstudio_core.page import Page, limited, page_of
from avstudio_core.quotes import quoted
from avstudio_core.storage.artifact_rows import artifact_of
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Database
from avstudio_core.storage.intake import Intake, Origin
from avstudio_core.storage.owned_rows import within
from avstudio_core.storage.tables import artifacts, media_files
from avstudio_core.tasks.queue.removal import Removal, Removed
from avstudio_core.twin import twin

STORED = select(*artifacts.columns, media_files.c.path.label("path"), media_files.c.created_at.label("given_at")).join(
    media_files, media_files.c.artifact_id == artifacts.c.id
)


class Preset(BaseModel):
    """A file that is kept under a name."""

    model_config = ConfigDict(frozen=True)

    name: str
    artifact: Artifact
    created_at: float
    """When it was saved, in seconds since the epoch."""


class OwnedPresets:
    """The presets of a principal. Those of others are as unknown as what does not exist.

    A preset is a source wherever a file is one: `preset:NAME`.
    """

    def __init__(
        self,
        database: Database,
        store: ArtifactStore,
        removal: Removal,
        allow: Callable[[], None],
        intake: Callable[[], Intake],
        given: Callable[[str | Path | Artifact], Path | Artifact],
    ) -> None:
        self._database = database
        self._store = store
        self._removal = removal
        self._allow = allow
        self._intake = intake
        self._given = given
        self._query = STORED.where(*within(removal.reach, media_files))

    def get(self, name: str) -> Preset:
        """The preset of that name. Raises `NotFound`."""
        place = PRESET + checked(name, "name of a preset")
        found = self._read(self._query.where(media_files.c.path == place).order_by(artifacts.c.id.desc()).limit(1))
        if not found:
            raise NotFound(f"No preset is named {quoted(name)}.", hint="See the list of presets.")
        return found[0]

    def page(self, limit: int = 50, *, after: str | None = None) -> Page[Preset]:
        """The first presets by name, or those `after` a name. Raises `InvalidInput`."""
        start = PRESET if after is None else PRESET + checked(after, "name of a preset") + "\x00"
        wanted = limited(limit, "presets", least=1)
        path = media_files.c.path
        query = self._query.where(path >= start, path.startswith(PRESET)).order_by(path, artifacts.c.id)
        found = {one.name: one for one in self._read(query)}
        return page_of([*found.values()][: wanted + 1], limit, lambda one: one.name)

    def save(self, name: str, source: str | Path | Artifact) -> Preset:
        """Keep a copy of a file under a name, in place of the preset that had it.

        Raises `InvalidInput`, and what a source raises that cannot be read.
        """
        self._allow()
        if file_name(checked(name, "name of a preset")) != name:
            raise InvalidInput(f"{quoted(name)} cannot be the name of a preset.", hint="Use letters and digits.")
        file = self._given(source)
        path, kind = (file.path, file.media_type) if isinstance(file, Artifact) else (file, guess(file))
        earlier = self._read(self._query.where(media_files.c.path == PRESET + name))
        suffix = Path(file.name).suffix
        self._intake().copy(path, kind, Origin(f"{name}{suffix}", PRESET + name))
        for one in earlier:
            with suppress(InUse):  # by a task; the newest one has the name
                self._removal.artifacts([one.artifact.id])
        return self.get(name)

    def delete(self, name: str, *, dry_run: bool = False) -> Removed:
        """Delete a preset, or only tell what would go. Raises `NotFound`, `InUse`."""
        self._allow()
        self.get(name)
        return self._removal.trial(dry_run).media(PRESET + name)

    def _read(self, query: Select[tuple[object, ...]]) -> list[Preset]:
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            Preset(
                name=row["path"].removeprefix(PRESET),
                artifact=artifact_of(row, self._store),
                created_at=row["given_at"],
            )
            for row in rows
        ]

    aget = twin(get)
    """`get` without blocking an event loop."""
    apage = twin(page)
    """`page` without blocking an event loop."""
    asave = twin(save)
    """`save` without blocking an event loop."""
    adelete = twin(delete)
    """`delete` without blocking an event loop."""
