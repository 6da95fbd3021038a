"""The files that users gave, as they are in the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import RowMapping, Select, select

from avstudio_core.artifact import Artifact
from avstudio_core.errors import NotFound
from avstudio_core.names import checked
from avstudio_core.page import Page, cursor_of, limited, page_of
from avstudio_core.paths import recorded_path
from avstudio_core.storage.artifact_rows import artifact_of
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Database
from avstudio_core.storage.owned_rows import within
from avstudio_core.storage.tables import artifacts, media_files
from avstudio_core.tasks.queue.known_names import KnownNames
from avstudio_core.tasks.queue.removal import Removal, Removed
from avstudio_core.twin import twin

MEDIA = select(
    *artifacts.columns,
    media_files.c.project.label("project"),
    media_files.c.path.label("path"),
    media_files.c.created_at.label("given_at"),
).join(media_files, media_files.c.artifact_id == artifacts.c.id)


class MediaFile(BaseModel):
    """A file that a user gave: its stored copy, and where it came from."""

    model_config = ConfigDict(frozen=True)

    artifact: Artifact
    owner: str
    project: str
    path: str
    """Where the user's own file was."""
    created_at: float
    """When it was taken in, in seconds since the epoch."""

    @property
    def id(self) -> str:
        """The id of its artifact."""
        return self.artifact.id


class OwnedMedia:
    """The media files within a reach. Others are as unknown as what does not exist."""

    def __init__(
        self,
        database: Database,
        store: ArtifactStore,
        removal: Removal,
        known: KnownNames,
        allow: Callable[[], None],
    ) -> None:
        self._database = database
        self._store = store
        self._removal = removal
        self._known = known
        self._allow = allow
        self._query = MEDIA.where(*within(removal.reach, media_files))

    def get(self, artifact_id: str) -> MediaFile:
        """The media file of that id. Raises `NotFound`."""
        found = self._read(self._query.where(media_files.c.artifact_id == checked(artifact_id, "artifact id")))
        if not found:
            raise NotFound(f"No media file has the id '{artifact_id}'.", hint="See the list of media files.")
        return found[0]

    def page(
        self, limit: int = 50, *, before: str | None = None, project: str | None = None, path: str | None = None
    ) -> Page[MediaFile]:
        """The newest media files, or those older than the file `before`, the newest first.

        Raises `InvalidInput`, and `NotFound` for a project that is not known.
        """
        query = self._query.order_by(media_files.c.artifact_id.desc())
        query = query.limit(limited(limit, "media files", least=1) + 1)
        if before is not None:
            query = query.where(media_files.c.artifact_id < cursor_of(before, "art"))
        if project is not None:
            query = query.where(media_files.c.project == checked(project, "name of a project"))
        if path is not None:
            query = query.where(media_files.c.path == recorded_path(path))
        found = self._read(query)
        if not found:
            self._known.check(project=project)
        return page_of(found, limit, lambda one: one.id)

    def delete(self, *artifact_ids: str, dry_run: bool = False) -> Removed:
        """Delete media files, all or none, or only tell what would go; results that name them stay.

        Raises `NotFound`, and `InUse` if a task that has not ended needs one.
        """
        self._allow()
        return self._removal.trial(dry_run).artifacts([self.get(one).id for one in artifact_ids])

    def delete_path(self, path: str, project: str | None = None) -> Removed:
        """Delete the stored copies of a user's file, in one project or in all. Raises `NotFound`, `InUse`."""
        self._allow()
        return self._removal.media(path, project)

    def _read(self, query: Select[Any]) -> list[MediaFile]:
        with self._database.read() as connection:
            return [self._file(row) for row in connection.execute(query).mappings()]

    def _file(self, row: RowMapping) -> MediaFile:
        return MediaFile(
            artifact=artifact_of(row, self._store),
            owner=row["owner"],
            project=row["project"],
            path=row["path"],
            created_at=row["given_at"],
        )

    aget = twin(get)
    """`get` without blocking an event loop."""
    apage = twin(page)
    """`page` without blocking an event loop."""
    adelete = twin(delete)
    """`delete` without blocking an event loop."""
    adelete_path = twin(delete_path)
    """`delete_path` without blocking an event loop."""
