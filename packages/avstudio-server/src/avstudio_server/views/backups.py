"""Backups as data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import avstudio_core
from avstudio_core.paths import user_path


def backed_up_data(home: Path, folder: str, keep: int | None) -> dict[str, Any]:
    """Back up a data folder. Raises `StorageError`, `InvalidInput`."""
    from avstudio_core.storage.backup.backup import back_up

    made = back_up(home, user_path(folder, "folder"), avstudio_core.__version__, keep=keep)
    return asdict(made) | {"absent": list(made.absent)}


def restored_data(home: Path, folder: str, snapshot: str | None, *, replace: bool, leave_out: bool) -> dict[str, Any]:
    """Restore a data folder. Raises `StorageError`, `NotFound`, `InvalidInput`."""
    from avstudio_core.storage.backup.restore import restore

    made = restore(user_path(folder, "folder"), home, snapshot, replace=replace, leave_out=leave_out)
    aside = None if made.aside is None else str(made.aside)
    return {
        "snapshot": made.snapshot,
        "home": str(home),
        "files": made.files,
        "left_out": list(made.left_out),
        "aside": aside,
    }


def verified_data(folder: str) -> dict[str, Any]:
    """Verify a folder of backups. Raises `NotFound`, `StorageError`."""
    from avstudio_core.storage.backup.verification import verify

    found = verify(user_path(folder, "folder"))
    listed = [
        {
            "id": one.snapshot.id,
            "made_at": one.snapshot.made_at,
            "origin": one.snapshot.origin,
            "files": len(one.snapshot.files),
            "bytes": one.snapshot.bytes,
            "absent": list(one.snapshot.absent),
            "whole": one.whole,
        }
        for one in found.snapshots
    ]
    return {"snapshots": listed, "flaws": list(found.flaws), "unused": found.unused}
