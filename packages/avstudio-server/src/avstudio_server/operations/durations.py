"""Durations as people write them: `30d`, `12h`."""

from __future__ import annotations

import re

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted

UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def seconds(text: str) -> float:
    """A duration in seconds. Raises `InvalidInput`."""
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", text.strip())
    if found is None or int(found[1]) == 0:
        hint = "Give a number with its unit: minutes 90m, hours 12h, days 30d, weeks 2w."
        raise InvalidInput(f"{quoted(text)} is not a duration.", hint=hint)
    return int(found[1]) * UNITS[found[2]]
