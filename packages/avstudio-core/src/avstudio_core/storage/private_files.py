"""Files and folders that only their owner can access, whatever the umask."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from avstudio_core.errors import StorageError
from avstudio_core.quotes import quoted


def private_folder(folder: Path, *, parents: bool = False) -> Path:
    """A folder that only its owner can access, created if it is missing. Raises `StorageError`."""
    try:
        folder.mkdir(mode=0o700, parents=parents, exist_ok=True)
    except OSError as error:
        raise StorageError.of(error, folder) from error
    return folder


def private(path: str, flags: int) -> int:
    """An opener for new files that only their owner can access: `open(path, "wb", opener=private)`."""
    return os.open(path, flags, 0o600)


def private_random(path: Path, size: int = 32) -> bytes:
    """The random bytes in a file, which is made with new ones if it is missing. Raises `StorageError`."""
    import secrets  # slow to import, and few commands make keys

    made = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        if not path.exists():
            with open(made, "xb", opener=private) as file:
                file.write(secrets.token_bytes(size))
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another process was faster
                os.link(made, path)
        found = path.read_bytes()
    except OSError as error:
        raise StorageError.of(error, path) from error
    finally:
        made.unlink(missing_ok=True)
    if len(found) != size:
        raise StorageError(f"{quoted(path)} is damaged.", hint="Restore it from a backup.")
    return found
