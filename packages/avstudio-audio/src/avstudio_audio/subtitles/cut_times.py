"""The times of cuts in a document."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from avstudio_core import Artifact
from avstudio_core.documents.timed_text import content
from avstudio_core.documents.timestamps import STAMP, seconds
from avstudio_core.errors import UnreadableMedia

_NUMBER = re.compile(r"\s*(\d{1,7}(?:\.\d{1,9})?)(?![\d:.])")
_STAMP = re.compile(rf"\s*{STAMP}")
LISTS = ("scenes", "cuts", "shots")
"""The names under which a JSON document may list its scenes or cuts."""


def cut_times(source: Artifact) -> list[float]:
    """The times in seconds at which scenes start. Raises `UnreadableMedia` for a document without times.

    JSON may be a list, or have one called `scenes`, `cuts` or `shots`; its items are numbers, or have a `start` or a
    `time`. A text has a time at the start of each line.
    """
    text = content(source)
    try:
        found = _of_json(json.loads(text)) if text.lstrip()[:1] in ("[", "{") else _of_lines(text.splitlines())
    except (ValueError, RecursionError):
        found = []
    if not found:
        hint = "Give JSON with a list of scenes that have a start, or a text with a time in each line."
        raise UnreadableMedia(f"'{source.name}' contains no times of scenes.", hint=hint)
    return sorted(found)


def _of_json(data: Any) -> list[float]:
    listed = next((data[name] for name in LISTS if name in data), []) if isinstance(data, dict) else data
    if not isinstance(listed, list):
        return []
    times = [one.get("start", one.get("time")) if isinstance(one, dict) else one for one in listed]
    return [float(time) for time in times if isinstance(time, int | float) and 0 <= time < 1e6]


def _of_lines(lines: Sequence[str]) -> list[float]:
    found = []
    for line in lines:
        if number := _NUMBER.match(line):
            found.append(float(number[1]))
        elif stamp := _STAMP.match(line):
            found.append(seconds(stamp))
    return found
