"""Exports: copies of stored files at paths that the user chose."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from avstudio_core.artifact import Artifact, new_id
from avstudio_core.errors import OutputExists, StorageError
from avstudio_core.names import file_name
from avstudio_core.paths import user_path
from avstudio_core.quotes import quoted
from avstudio_core.storage.artifacts import ArtifactStore


def export(store: ArtifactStore, artifact: Artifact, target: str | Path, *, overwrite: bool) -> Path:
    """Copy an artifact's content to a path, or into a folder under its own name; see `Studio.export`."""
    path = user_path(target)
    if os.path.isdir(path) or os.fspath(target).endswith(os.sep):
        path /= file_name(artifact.name)
    store.verify(artifact.sha256)
    partial = path.with_name(f".{new_id('partial')}")
    try:
        if not overwrite and os.path.lexists(path):  # before copying anything
            raise _exists(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(store.path(artifact.sha256), partial)
        put(partial, path, overwrite=overwrite)
    except OSError as error:
        raise StorageError.of(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return path


def put(finished: Path, target: Path, *, overwrite: bool) -> None:
    """Move a finished file to its place in the same folder.

    If several callers use the same place without overwriting, one succeeds; the others raise `OutputExists`.
    """
    if overwrite:
        finished.replace(target)
        return
    try:
        _put_first(finished, target)
    except FileExistsError:
        raise _exists(target) from None


def _put_first(finished: Path, target: Path) -> None:
    """Move a file to an unused path. Raises `FileExistsError`."""
    try:
        os.link(finished, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: create an empty file first
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        finished.replace(target)
    else:
        finished.unlink()


def _exists(path: Path) -> OutputExists:
    return OutputExists(f"{quoted(path)} already exists.", hint="Choose another place, or allow overwriting.")
