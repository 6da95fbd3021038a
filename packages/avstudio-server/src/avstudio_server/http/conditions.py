"""The conditions of a request about what it addresses: `If-None-Match` and `If-Match` (RFC 9110, section 13)."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

NONE, MATCH = "if-none-match", "if-match"
WEAK = "W/"
"""How the tag of an answer begins that a proxy has changed, for example by compression."""


def is_known(asked: Headers, tag: str) -> bool:
    """Whether the client has what has this tag already."""
    tags = _tags(asked, NONE)
    return "*" in tags or tag in [one.removeprefix(WEAK) for one in tags]


def check_match(asked: Headers, tag: str | None) -> None:
    """Raises `HTTPException` 412 if the client wants something that has another tag, or none."""
    if MATCH not in asked:
        return
    tags = _tags(asked, MATCH)
    if tag is None or not {"*", tag} & {*tags}:
        raise HTTPException(412, "It has changed: 'If-Match' does not name its ETag")


def _tags(asked: Headers, name: str) -> list[str]:
    return [one.strip() for line in asked.getlist(name) for one in line.split(",")]
