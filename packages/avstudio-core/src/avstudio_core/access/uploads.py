"""The uploads of an owner or a project: files that are received in parts, and go on where they broke off."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, RowMapping, Update, delete, func, insert, select, update

from avstudio_core.access.incoming_file import Receiver, refuse_other
from avstudio_core.artifact import Artifact, new_id
from avstudio_core.errors import InUse, InvalidInput, NotFound, TooLarge
from avstudio_core.names import checked, file_name
from avstudio_core.quotes import quoted
from avstudio_core.reach import Reach
from avstudio_core.settings import Settings
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.draft import Draft
from avstudio_core.storage.intake import Intake, Origin, Place
from avstudio_core.storage.owned_rows import within
from avstudio_core.storage.tables import uploads
from avstudio_core.storage.upload_files import UploadFiles
from avstudio_core.twin import twin

SHA256 = re.compile(r"[0-9a-f]{64}")
HOUR = 3600.0


class Upload(BaseModel):
    """A file that is received in parts."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    project: str
    size: int = Field(json_schema_extra={"unit": "B"})
    sha256: str | None = Field(description="What the sender says that it is.")
    offset: int = Field(description="How much has been received.", json_schema_extra={"unit": "B"})
    artifact: str | None = Field(description="The id of the artifact, once all is received.")
    expires_at: float = Field(description="When it is removed if nothing more comes, in seconds since the epoch.")


class OwnedUploads:
    """The uploads within the reach of one owner."""

    def __init__(
        self,
        database: Database,
        files: UploadFiles,
        settings: Settings,
        reach: Reach,
        store: ArtifactStore,
        place: Callable[[str | None], Place],
    ) -> None:
        self._database = database
        self._files = files
        self._settings = settings
        self._reach = reach
        self._own = within(reach, uploads)
        self._store = store
        self._place = place

    def create(self, name: str, size: int, sha256: str | None = None, project: str | None = None) -> Upload:
        """A new upload, of which nothing has been received. Raises `InvalidInput`, `TooLarge`."""
        if not isinstance(size, int) or size < 1:
            raise InvalidInput(f"{quoted(size)} is not the size of a file.", hint="Give its number of bytes, from 1.")
        if size > (most := self._settings.upload_mb << 20):
            raise TooLarge(f"The file has {size} bytes, which is more than {most}.", hint="Send a smaller one.")
        if sha256 is not None and not SHA256.fullmatch(sha256):
            raise InvalidInput(f"{quoted(sha256)} is not a sha256.", hint="Give 64 hexadecimal digits.")
        place = self._place(project)
        values: dict[str, Any] = {"id": new_id("upl"), "name": file_name(name), "size": size, "sha256": sha256}
        values |= {"owner": place.owner, "project": place.project, "touched_at": time.time()}
        self.expire()
        self._database.write(lambda transaction: self._add(transaction, values))
        return self.get(str(values["id"]))

    def _add(self, transaction: Transaction, values: dict[str, Any]) -> None:
        """Add a row, if there may be one more. Raises `InUse`."""
        unfinished = uploads.c.artifact_id.is_(None), *self._own
        query = select(func.count(), func.coalesce(func.sum(uploads.c.size), 0)).where(*unfinished)
        count, total = transaction.execute(query).one()
        if count >= self._settings.uploads or total + values["size"] > self._settings.uploads_mb << 20:
            whose = self._reach.project or self._reach.owner
            message = f"'{whose}' has {count} unfinished uploads of {total >> 20} MB in all."
            raise InUse(message, hint="Finish or delete some first.")
        transaction.execute(insert(uploads), values)

    def get(self, upload_id: str) -> Upload:
        """The upload of that id. Raises `NotFound`."""
        with self._database.read() as connection:
            row = connection.execute(select(uploads).where(*self._one(upload_id))).mappings().first()
        if row is None or row["touched_at"] < self._oldest:
            raise NotFound(f"No upload has the id {quoted(upload_id)}.", hint="Begin a new one.")
        return self._upload(row)

    def open(self, upload_id: str, offset: int) -> Part:
        """Receive a part that begins at `offset`. Raises `NotFound`, and `InUse` for another offset."""
        found = self.get(upload_id)
        if found.artifact is not None:
            raise InUse(f"The upload '{upload_id}' is complete.", hint="Its artifact is in the store.")
        draft = self._files.draft(upload_id, found.size)
        if draft.size != offset:
            draft.close()
            message = f"The upload '{upload_id}' has {draft.size} bytes, so that its next part begins there."
            raise InUse(message, hint="Ask for its offset, and go on from there.")
        return Part(self, found, draft)

    def delete(self, upload_id: str) -> None:
        """Remove an upload, and what has been received. An artifact stays. Raises `NotFound`."""
        found = self.get(upload_id)
        self._database.write(lambda transaction: transaction.execute(delete(uploads).where(*self._one(found.id))))
        self._files.remove(found.id)

    def expire(self) -> None:
        """Remove all owners' uploads of which nothing has come for some time."""
        old = uploads.c.touched_at < self._oldest
        with self._database.read() as connection:
            rows = {row[0]: row[1] for row in connection.execute(select(uploads.c.id, old))}
        if any(rows.values()):
            self._database.write(lambda transaction: transaction.execute(delete(uploads).where(old)))
        self._files.remove_others([name for name, gone in rows.items() if not gone])

    def keep(self, upload: Upload, draft: Draft) -> None:
        """Keep what has been received. Raises `StorageError`."""
        draft.sync()
        self._files.remember(upload.id, draft)
        values = {"touched_at": time.time()}
        self._database.write(lambda transaction: transaction.execute(self._change(upload.id), values))

    def complete(self, upload: Upload, draft: Draft) -> None:
        """Make the artifact of an upload. Raises `InvalidInput`, and then removes it, `NotFound` and `StorageError`."""
        self.get(upload.id)  # it may have been deleted in the meantime, and its file with it
        try:
            refuse_other(draft, upload.sha256)
        except InvalidInput:
            self.delete(upload.id)
            raise

        def note(transaction: Transaction, artifact: Artifact) -> None:
            values = {"artifact_id": artifact.id, "touched_at": time.time()}
            if transaction.execute(self._change(upload.id), values).rowcount == 0:
                raise NotFound(f"No upload has the id '{upload.id}'.", hint="Begin a new one.")

        intake = Intake(self._database, self._store, self._place(upload.project))
        with intake.staging() as folder:
            intake.adopt(draft, Origin(upload.name, upload.name), folder, note)
        self._files.remove(upload.id)

    def _change(self, upload_id: str) -> Update:
        return update(uploads).where(*self._one(upload_id))

    @property
    def _oldest(self) -> float:
        return time.time() - float(self._settings.upload_hours) * HOUR

    def _one(self, upload_id: str) -> tuple[ColumnElement[bool], ...]:
        return uploads.c.id == checked(upload_id, "id of an upload"), *self._own

    def _upload(self, row: RowMapping) -> Upload:
        values = {name: row[name] for name in ("id", "name", "project", "size", "sha256")}
        offset = row["size"] if row["artifact_id"] else self._files.size(row["id"])
        expires_at = row["touched_at"] + float(self._settings.upload_hours) * HOUR
        return Upload(**values, offset=offset, artifact=row["artifact_id"], expires_at=expires_at)

    acreate = twin(create)
    """`create` without blocking an event loop."""
    aget = twin(get)
    """`get` without blocking an event loop."""
    aopen = twin(open)
    """`open` without blocking an event loop."""
    adelete = twin(delete)
    """`delete` without blocking an event loop."""


class Part(Receiver):
    """A part of an upload on its way. What has been written when the `with` block ends stays."""

    def __init__(self, uploads: OwnedUploads, upload: Upload, draft: Draft) -> None:
        self._uploads = uploads
        self._upload = upload
        self._draft = draft

    def finish(self) -> Upload:
        """The upload with this part; if it is whole now, with its artifact.

        Raises `InvalidInput` if it does not have the sha256 that its sender stated; then it is removed. Raises
        `NotFound` if it was deleted in the meantime, and `StorageError`.
        """
        if self._draft.size == self._upload.size:
            self._uploads.complete(self._upload, self._draft)
        else:
            self._uploads.keep(self._upload, self._draft)
        return self._uploads.get(self._upload.id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None and self._draft.size < self._upload.size:
                self._uploads.keep(self._upload, self._draft)
        finally:
            self._draft.close()

    afinish = twin(finish)
    """`finish` without blocking an event loop."""
