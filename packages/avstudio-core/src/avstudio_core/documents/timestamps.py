"""Times in documents and for people."""

from __future__ import annotations

import re

STAMP = r"(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?"
"""`01:02:03,456`, `02:03.4` and the like: the groups are hours, minutes, seconds and fraction."""


def stamp(seconds: float, point: str = ".") -> str:
    """A time such as `01:02:03.456`; negative times become 0, and no part is ever 60."""
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}{point}{milliseconds:03}"


def clock(seconds: float) -> str:
    """A time such as `1:02:03`."""
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


def seconds(match: re.Match[str], group: int = 1) -> float:
    """The time in a match of `STAMP`, from that group on, to the millisecond."""
    hours, minutes, whole, fraction = match.group(group, group + 1, group + 2, group + 3)
    milliseconds = int((fraction or "0")[:3].ljust(3, "0"))
    return ((int(hours or 0) * 3600 + int(minutes) * 60 + int(whole)) * 1000 + milliseconds) / 1000
