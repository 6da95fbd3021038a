"""A file that only its owner can read, for machines without a keychain."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import ClassVar

from avstudio_core.errors import StorageError
from avstudio_core.kinds.secret_store import SecretStore
from avstudio_core.quotes import quoted
from avstudio_core.storage.file_lock import locked
from avstudio_core.storage.private_files import private

LOCK_SECONDS = 10.0
"""How long another program may take to change the file, in seconds."""


class SecretFile(SecretStore):
    """`secrets.json` in the data folder, in plain text, with mode 0600. It is replaced whole, or not at all."""

    name: ClassVar[str] = "file"

    @property
    def _path(self) -> Path:
        return self.home / "secrets.json"

    def obstacle(self) -> str | None:
        try:
            self._read()
        except StorageError as error:
            return str(error)
        return None

    def get(self, name: str) -> str | None:
        return self._read().get(name) or None

    def set(self, name: str, value: str) -> None:
        with locked(self.home / "secrets.lock", LOCK_SECONDS):
            self._write({**self._read(), name: value})

    def delete(self, name: str) -> None:
        with locked(self.home / "secrets.lock", LOCK_SECONDS):
            kept = self._read()
            if kept.pop(name, None) is not None:
                self._write(kept)

    def _read(self) -> dict[str, str]:
        try:
            with open(self._path, encoding="utf-8") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    message = f"Others on this machine may read {quoted(self._path)}."
                    raise StorageError(message, hint="Make it readable only by you (mode 0600), and replace its keys.")
                found = json.load(file)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageError(f"{quoted(self._path)} cannot be read: {error.strerror}.") from None
        except ValueError:  # the error has the text
            found = None
        if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()):
            return found
        raise StorageError(f"{quoted(self._path)} is damaged.", hint="Delete it, and set its secrets again.")

    def _write(self, secrets: dict[str, str]) -> None:
        made = self._path.with_suffix(".new")
        try:
            made.unlink(missing_ok=True)
            with open(made, "x", encoding="utf-8", opener=private) as file:
                json.dump(secrets, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(made, self._path)
        except OSError as error:
            raise StorageError.of(error, self._path) from None
