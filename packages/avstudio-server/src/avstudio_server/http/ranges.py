"""The parts of a file that a request asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re

MOST_RANGES = 16
"""A request for more parts gets the whole file."""
RANGE = re.compile(r"\s*(?:([0-9]{1,19})\s*-\s*([0-9]{1,19})?|-\s*([0-9]{1,19}))\s*")
Range = tuple[int, int]
"""The first byte, and the one after the last."""


def ranges(header: str, size: int) -> list[Range] | None:
    """The ranges in order, joined where they touch; empty if none is in the file; `None` if the header is not valid.

    It takes time in proportion to the header's length, which the server limits.
    """
    unit, _, rest = header.partition("=")
    texts = rest.split(",", MOST_RANGES)
    if unit.strip().lower() != "bytes" or len(texts) > MOST_RANGES:
        return None
    found = []
    for text in texts:
        written = RANGE.fullmatch(text)
        if written is None or (written[2] and int(written[2]) < int(written[1])):
            return None
        found.append(_bounds(written, size))
    return _joined(sorted(one for one in found if one[0] < one[1]))


def _bounds(written: re.Match[str], size: int) -> Range:
    first, last, final = written.groups()
    if final is not None:
        return max(0, size - int(final)), size
    return int(first), min(size, int(last) + 1) if last else size


def _joined(given: list[Range]) -> list[Range]:
    found: list[Range] = []
    for start, end in given:
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
