"""What takes how much room in the data folder, and what is old, as data."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    from avstudio_core import Removed, Studio

AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([hdw])")
SECONDS = {"h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def storage_data(studio: Studio) -> dict[str, Any]:
    """The sizes of the data folder's parts in bytes, and the files of the store by project and processor."""
    return {"home": str(studio.settings.home), **asdict(studio.administration.usage())}


def removed_data(removed: Removed, *, dry_run: bool = False) -> dict[str, Any]:
    """What was removed, or with `dry_run` would be."""
    return {**removed._asdict(), "dry_run": dry_run}


def pruned_data(studio: Studio, older_than: str, *, dry_run: bool) -> dict[str, Any]:
    """Remove, or only count, the plans that ended so long ago. Raises `InvalidInput`."""
    plans, removed = studio.administration.prune(time.time() - age_seconds(older_than), dry_run=dry_run)
    return {"plans": plans, **removed_data(removed, dry_run=dry_run)}


def age_seconds(text: str) -> float:
    """The seconds of an age such as `30d`. Raises `InvalidInput`."""
    if (found := AGE.fullmatch(text.strip().lower())) is None:
        hint = "Give hours, days or weeks, such as 12h, 30d or 8w."
        raise InvalidInput(f"{quoted(text)} is not an age.", hint=hint)
    return float(found[1]) * SECONDS[found[2]]
