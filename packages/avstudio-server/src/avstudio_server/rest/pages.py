"""Pages of long lists, and what was deleted, as documents."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from avstudio_core import Removed

MOST = 200
"""The longest page."""
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many, at most.")]
AFTER = "`next` of the page before."
OnlyTell = Annotated[bool, Query(description="Only say what would be deleted.")]
Next = Annotated[str | None, Field(description="What to send as `cursor` for the next page; null on the last one.")]


class Deleted(BaseModel):
    """What was deleted."""

    tasks: int
    files: int
    bytes: int = Field(description="The room that is free now.", json_schema_extra={"unit": "B"})

    @classmethod
    def of(cls, removed: Removed) -> Deleted:
        return cls(**removed._asdict())
