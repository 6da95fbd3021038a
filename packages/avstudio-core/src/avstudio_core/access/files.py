"""The files that a principal may name, take in and read."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from pathlib import Path

from avstudio_core.access.presets import OwnedPresets
from avstudio_core.access.principal import LOCAL
from avstudio_core.access.reception import Reception
from avstudio_core.artifact import Artifact
from avstudio_core.errors import InvalidInput, NotAllowed, UnreadableMedia
from avstudio_core.media_types import guess
from avstudio_core.names import PRESET, checked, escaped, file_name
from avstudio_core.paths import existing_file, is_beneath, user_path
from avstudio_core.quotes import quoted
from avstudio_core.reach import ALL
from avstudio_core.roots import Roots
from avstudio_core.storage import artifact_rows, exports
from avstudio_core.storage.content import blocks, within
from avstudio_core.storage.intake import Origin
from avstudio_core.tasks.queue.removal import Removed
from avstudio_core.twin import twin

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
Source = str | Path | Artifact
"""A path, an artifact, the id of an artifact, or `preset:NAME`."""


class Files(Reception):
    """The part of a session that handles files."""

    def take_in(self, source: str | Path, project: str | None = None) -> Artifact:
        """Copy a file into the store. Raises `UnreadableMedia` if it cannot be read, `NotAllowed`."""
        if self._roots is not None:
            return self._beneath(self._roots, str(source), project)
        path = self._named(source)
        return self._intake(project).copy(path, guess(path))

    def _named(self, source: str | Path) -> Path:
        """A file of this machine that the principal may name. Raises `NotAllowed`, `UnreadableMedia`."""
        self.principal.require("files")
        path = existing_file(source)
        self._refuse_data_folder(path)
        return path

    def _refuse_data_folder(self, path: Path) -> None:
        """Raises `NotAllowed` for a file of the data folder, which has the work of all owners, and secrets.

        The user of this machine can read the data folder anyway.
        """
        if self.principal != LOCAL and is_beneath(path, self._home.settings.home):
            message = f"{quoted(path)} is in the data folder, whose files cannot be named."
            raise NotAllowed(message, hint="Give the id of an artifact, or a path elsewhere.")

    def _beneath(self, roots: Roots, given: str, project: str | None = None) -> Artifact:
        """A copy of a file in one of the folders that may be named: the same file that was checked."""
        self.principal.require("files")
        file = roots.open(given)
        try:
            path, name = Path(f"/dev/fd/{file}"), file_name(given)
            if os.fstat(file).st_size == 0:
                raise UnreadableMedia(f"{quoted(given)} is empty.")
            return self._intake(project).copy(path, guess(path, name), Origin(name, escaped(given)))
        finally:
            os.close(file)

    def given(self, source: Source, project: str | None = None) -> Path | Artifact:
        """A file that a user names, as a path or an artifact; one in a folder that may be named is copied at once.

        Raises `UnreadableMedia`, `NotFound`, `InvalidInput`, `NotAllowed`.
        """
        if isinstance(source, Artifact):
            return self._seen(source)
        if not isinstance(source, str | Path):
            hint = "Give a path, an artifact or an artifact's id."
            raise InvalidInput(f"{quoted(source)} cannot be a source.", hint=hint)
        if str(source).startswith("art_") and (self._roots is not None or not os.path.exists(source)):
            return self.artifact(str(source))
        if str(source).startswith(PRESET) and (self._roots is not None or not os.path.exists(source)):
            return self.presets.get(str(source).removeprefix(PRESET)).artifact
        if ADDRESS.match(str(source)):
            raise InvalidInput(f"{quoted(source)} is an address.", hint="Download it, and give the file.")
        if self._roots is not None:
            return self._beneath(self._roots, str(source), project)
        if str(source) == "-" and not os.path.exists(source):
            raise InvalidInput("'-' is not a source: stdin is not read.", hint="Give a file.")
        return self._named(source)

    def artifact(self, artifact_id: str) -> Artifact:
        """A stored artifact by its id. Raises `NotFound`."""
        self.principal.require("read")
        return artifact_rows.find(
            self._home._database, self._home._store, checked(artifact_id, "artifact id"), self.principal.reach
        )

    @cached_property
    def presets(self) -> OwnedPresets:
        """The principal's own presets: save, find, delete."""
        self.principal.require("read")
        home, own = self._home, self.principal.own
        removal = home._queue.removal.of(own)
        return OwnedPresets(
            home._database, home._store, removal, self._may_change, lambda: self._intake(None), self.given
        )

    def export(self, artifact: Artifact, target: str | Path, *, overwrite: bool = False) -> Path:
        """Copy an artifact's content to a path, or into a folder under its own name, whole or not at all.

        A path that ends in `/` is a folder. Raises `OutputExists`, `CorruptFile`, `InvalidInput`, `NotAllowed`.
        """
        self.principal.require("files")
        if self._roots is not None:
            raise NotAllowed("Files of this machine cannot be written here.", hint="Read the content of the artifact.")
        self._refuse_data_folder(user_path(target))
        return exports.export(self._home._store, self._seen(artifact), target, overwrite=overwrite)

    def verify(self, artifact: Artifact) -> None:
        """Read the whole content of an artifact and compare it with its sha256. Raises `CorruptFile`."""
        self.principal.require("read")
        self._home._store.verify(self._seen(artifact).sha256)

    def content(self, artifact: Artifact, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The content of an artifact in blocks of up to 1 MiB: the bytes from `start` to before `end`.

        Raises `NotFound`, `InvalidInput`, and `CorruptFile` if it is missing.
        """
        self.principal.require("read")
        artifact = self._seen(artifact)
        span = within(artifact.size, start, end)
        return blocks(self._home._store.open(artifact.sha256), *span)

    async def acontent(self, artifact: Artifact, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """`content` without blocking an event loop."""
        found = await asyncio.to_thread(self.content, artifact, start, end)
        while block := await asyncio.to_thread(next, found, b""):
            yield block

    def delete_artifact(self, *artifact_ids: str, dry_run: bool = False) -> Removed:
        """Delete stored files, all or none, or only tell what would go; results that name them stay.

        Raises `NotFound`, and `InUse` if a task that has not ended needs one.
        """
        self._may_change()
        return self._removal.trial(dry_run).artifacts(artifact_ids)

    def _seen(self, artifact: Artifact) -> Artifact:
        """An artifact that the principal may see. Raises `NotFound`, `InvalidInput`."""
        if not isinstance(artifact, Artifact):
            raise InvalidInput(f"{quoted(artifact)} is not an artifact.", hint="Find it by its id first.")
        return artifact if self.principal.reach == ALL else self.artifact(artifact.id)

    atake_in = twin(take_in)
    """`take_in` without blocking an event loop."""
    aartifact = twin(artifact)
    """`artifact` without blocking an event loop."""
    aexport = twin(export)
    """`export` without blocking an event loop."""
    adelete_artifact = twin(delete_artifact)
    """`delete_artifact` without blocking an event loop."""
    averify = twin(verify)
    """`verify` without blocking an event loop."""
