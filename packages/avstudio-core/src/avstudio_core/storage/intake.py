"""Takes a user's file into the store: its content first, then its rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import insert

from avstudio_core.artifact import Artifact, MediaFacts, Trust, new_id
from avstudio_core.documents.searchable import NAME, SearchText, texts_given
from avstudio_core.errors import StorageError, UnreadableMedia
from avstudio_core.media_types import guess
from avstudio_core.paths import recorded_path
from avstudio_core.quotes import quoted
from avstudio_core.storage.artifact_rows import ADD_ARTIFACT, row_of
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.draft import Draft
from avstudio_core.storage.expressions import insert_new
from avstudio_core.storage.search import ADD_TEXT, Home, text_row
from avstudio_core.storage.sweep import abandon
from avstudio_core.storage.tables import media_files, projects


class Place(NamedTuple):
    """Where a file belongs: its owner and project, and the name of the staging folder on its way."""

    owner: str
    project: str
    staging: str


class Origin(NamedTuple):
    """Where a file comes from: its name, the path or name that the user gave, and how far it is trusted."""

    name: str
    path: str
    trust: Trust = "media"


Note = Callable[[Transaction, Artifact], object]
"""Records more about a new artifact."""


class Intake:
    """Takes files into the store of a studio."""

    def __init__(self, database: Database, store: ArtifactStore, place: Place) -> None:
        self._database = database
        self._store = store
        self._place = place

    def copy(self, path: Path, media_type: str, origin: Origin | None = None) -> Artifact:
        """Copy a user's file into the store. Raises `StorageError`."""
        origin = origin or Origin(path.name, recorded_path(path.absolute()))
        with self.staging() as folder:
            sha256, size = self._store.copy_in(path, folder)
            return self._recorded(origin, sha256, size, media_type, folder)

    def adopt(self, draft: Draft, origin: Origin, folder: Path, also: Note | None = None) -> Artifact:
        """Move a finished draft on the store's disk into the store. Raises `UnreadableMedia`, `StorageError`.

        `also` is called in the transaction that records it.
        """
        if draft.size == 0:
            raise UnreadableMedia(f"{quoted(origin.name)} is empty.")
        draft.sync()
        try:
            media_type = guess(draft.path, origin.name)
            draft.path.rename(folder / draft.sha256)
        except OSError as error:
            raise StorageError.of(error, draft.path) from error
        return self._recorded(origin, draft.sha256, draft.size, media_type, folder, also)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A staging folder for a file on its way; if this fails, it is removed with what it linked."""
        folder = self._store.folder(self._place.staging)
        try:
            yield folder
        except BaseException:
            abandon(self._database, self._store, folder)
            raise
        self._store.discard(folder)

    def _recorded(
        self, origin: Origin, sha256: str, size: int, media_type: str, folder: Path, also: Note | None = None
    ) -> Artifact:
        """An artifact of content in a staging folder. Raises `StorageError`."""
        artifact = Artifact(
            id=new_id("art"),
            name=origin.name,
            sha256=sha256,
            size=size,
            media_type=media_type,
            facts=MediaFacts(),
            trust=origin.trust,
            path=self._store.path(sha256),
        )
        self._store.link(sha256, folder)

        texts = [SearchText(kind=NAME, text=artifact.name, artifact=artifact.id), *texts_given(artifact)]

        def operation(transaction: Transaction) -> None:
            self._record(transaction, artifact, origin, folder)
            home = Home(self._place.owner, self._place.project, source=artifact.id)
            for one in texts:
                transaction.later(ADD_TEXT, text_row(one, home, time.time()))
            if also is not None:
                also(transaction, artifact)

        self._database.write(operation)
        return artifact

    def _record(self, transaction: Transaction, artifact: Artifact, origin: Origin, folder: Path) -> None:
        now, place = time.time(), self._place
        self._store.link_again(artifact.sha256, folder)
        transaction.execute(ADD_ARTIFACT, row_of(artifact, place.owner, now))
        transaction.execute(insert_new(projects), {"name": place.project, "created_at": now})
        values = {"project": place.project, "artifact_id": artifact.id, "path": origin.path, "owner": place.owner}
        transaction.execute(insert(media_files), values | {"created_at": now})
