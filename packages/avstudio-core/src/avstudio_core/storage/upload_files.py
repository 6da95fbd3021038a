"""The files of unfinished uploads: `uploads/` in the data folder."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Collection
from pathlib import Path

from avstudio_core.storage.draft import Draft, Hash
from avstudio_core.storage.private_files import private_folder

MOST_REMEMBERED = 64
"""The uploads whose running sha256 is remembered; that of another one is computed again from its file."""
YOUNG_SECONDS = 60.0
"""A file without an upload is removed when it is so old."""


class UploadFiles:
    """The files of unfinished uploads of a data folder, by the ids of the uploads."""

    def __init__(self, home: Path) -> None:
        self._root = home / "uploads"
        self._hashes: OrderedDict[str, tuple[int, Hash]] = OrderedDict()

    def draft(self, upload_id: str, most: int) -> Draft:
        """The file of an upload, to append to it. Raises `InUse`, `StorageError`."""
        private_folder(self._root)
        return Draft(self._root / upload_id, most, self._hashes.get(upload_id))

    def size(self, upload_id: str) -> int:
        """How much of an upload has been received."""
        try:
            return os.stat(self._root / upload_id).st_size
        except OSError:
            return 0

    def remember(self, upload_id: str, draft: Draft) -> None:
        """Remember the sha256 of what has been received, for the next part."""
        self._hashes[upload_id] = draft.hash
        if len(self._hashes) > MOST_REMEMBERED:
            self._hashes.popitem(last=False)

    def remove(self, upload_id: str) -> None:
        """Remove the file of an upload."""
        self._hashes.pop(upload_id, None)
        (self._root / upload_id).unlink(missing_ok=True)

    def remove_others(self, known: Collection[str]) -> None:
        """Remove files that belong to no upload, as after the death of a process."""
        if not self._root.is_dir():
            return
        for path in self._root.iterdir():
            if path.name not in known and time.time() - path.stat().st_mtime > YOUNG_SECONDS:
                self.remove(path.name)
