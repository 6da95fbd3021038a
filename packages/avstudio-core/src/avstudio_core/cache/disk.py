"""A cache in a folder, shared by processes."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import JsonValue

from avstudio_core.cache.values import checked_key, checked_seconds, read, total, written
from avstudio_core.errors import AVStudioError, MissingDependency, StorageError
from avstudio_core.storage.file_lock import locked
from avstudio_core.storage.private_files import private_folder

MOST_BYTES = 256 << 20
"""The most bytes of a folder; the oldest are removed first."""
LOCK_SECONDS = 10.0
"""How long to wait for another process, in seconds."""
T = TypeVar("T")


class DiskCache:
    """A cache for every process that uses its folder. A damaged folder is emptied.

    Values are stored as text and never unpickled, so that a file in the folder cannot run code.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: Any = None
        self._lock = threading.Lock()

    def get(self, key: str) -> JsonValue:
        checked_key(key)
        return self._with(lambda cache: _value(cache.get(key)))

    def set(self, key: str, value: JsonValue, *, seconds: float | None = None) -> None:
        checked_key(key)
        text, expire = written(value), checked_seconds(seconds)
        self._with(lambda cache: cache.set(key, text, expire=expire))

    def add(self, key: str, value: JsonValue, *, seconds: float | None = None) -> bool:
        checked_key(key)
        text, expire = written(value), checked_seconds(seconds)
        return bool(self._with(lambda cache: cache.add(key, text, expire=expire)))

    def increment(self, key: str, by: int = 1, *, seconds: float | None = None) -> int:
        checked_key(key)
        expire = checked_seconds(seconds)
        return self._with(lambda cache: _increment(cache, key, by, expire))

    def delete(self, key: str) -> bool:
        checked_key(key)
        return bool(self._with(lambda cache: cache.delete(key)))

    def count(self, beginning: str) -> int:
        checked_key(beginning)
        return self._with(lambda cache: len(_keys(cache, beginning)))

    def clear(self, beginning: str) -> int:
        checked_key(beginning)
        return self._with(lambda cache: _clear(cache, beginning))

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    def _with(self, operation: Callable[[Any], T]) -> T:
        """Run an operation; if that fails, empty the folder if it is damaged, and try again. Raises `StorageError`."""
        diskcache = _library()
        try:
            try:
                return operation(self._open(diskcache))
            except (AVStudioError, OSError, diskcache.Timeout):
                raise
            except Exception:
                self._repair(diskcache)
                return operation(self._open(diskcache))
        except AVStudioError:
            raise
        except OSError as error:
            raise StorageError.of(error, self._folder) from error
        except Exception as error:  # of the library, and of what it stores with
            raise StorageError(f"The cache in '{self._folder}' cannot be used: {error}.", hint="Delete it.") from error

    def _open(self, diskcache: Any) -> Any:
        with self._lock:
            if self._opened is None:
                private_folder(self._folder, parents=True)
                disk = _text_disk(diskcache)
                self._opened = diskcache.Cache(
                    str(self._folder), timeout=LOCK_SECONDS, disk=disk, size_limit=MOST_BYTES, sqlite_secure_delete=1
                )
            return self._opened

    def _repair(self, diskcache: Any) -> None:
        """Delete a damaged folder, unless another process has already done that."""
        self.close()
        with locked(self._folder.with_name(f"{self._folder.name}.lock"), LOCK_SECONDS):
            with contextlib.suppress(Exception):
                if not self._open(diskcache).check():
                    return
            self.close()
            shutil.rmtree(self._folder, ignore_errors=True)


def _library() -> Any:
    try:
        import diskcache
    except ImportError:
        raise MissingDependency.extra("A cache on the disk", "avstudio-core", "cache") from None
    return diskcache


def _text_disk(diskcache: Any) -> Any:
    """A disk of `diskcache` that stores text as text, and reads nothing else."""

    class TextDisk(diskcache.Disk):  # type: ignore[misc]
        def fetch(self, mode: int, filename: str, value: Any, read: bool) -> Any:
            text = mode in (diskcache.core.MODE_RAW, diskcache.core.MODE_TEXT)
            return super().fetch(mode, filename, value, read) if text else None

    return TextDisk


def _value(stored: Any) -> JsonValue:
    return read(stored) if isinstance(stored, str) else None


def _clear(cache: Any, beginning: str) -> int:
    return sum(bool(cache.delete(key)) for key in _keys(cache, beginning))


def _keys(cache: Any, beginning: str) -> list[str]:
    return [key for key in cache if key.startswith(beginning)]


def _increment(cache: Any, key: str, by: int, expire: float | None) -> int:
    with cache.transact():
        stored, until = cache.get(key, expire_time=True)
        value = _value(stored)
        summed = total(key, value, by)
        if value is not None:
            expire = None if until is None else max(0.0, until - time.time())
        cache.set(key, str(summed), expire=expire)
    return summed
