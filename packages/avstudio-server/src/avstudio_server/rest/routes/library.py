"""The library: every text of the one who asks, found by its words."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from avstudio_core import Hit
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.named_values import Name, ProcessorName, TextKind
from avstudio_server.rest.documents import document
from avstudio_server.rest.nouns import routes_of
from avstudio_server.rest.pages import MOST, Next

router = routes_of("library")
MEDIA_TYPE = r"^[a-z]+/(\*|[A-Za-z0-9_.+-]+)$"


class LibraryQuery(BaseModel):
    """Which texts to find: those that have all words, and meet all conditions that are given."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(
        min_length=1,
        max_length=1000,
        description='The words. Those in double quotation marks stand one after another: `"stands still"`.',
    )
    kind: TextKind | None = Field(default=None, description="`speech`, `text`, `name`, or a kind of a plugin.")
    project: Name | None = Field(default=None, description="In this project.")
    processor: ProcessorName | None = Field(default=None, description="Made by this processor.")
    media_type: str | None = Field(
        default=None,
        pattern=MEDIA_TYPE,
        description="Of recordings or files of this type, such as `audio/mpeg` or `video/*`.",
    )
    since: float | None = Field(default=None, allow_inf_nan=False, description="Stored at this time or later.")
    until: float | None = Field(default=None, allow_inf_nan=False, description="Stored before this time.")
    limit: int = Field(default=20, ge=1, le=MOST, description="How many, at most.")
    cursor: str | None = Field(default=None, pattern="^[0-9]{1,19}$", description="`next` of the page before.")


class HitPage(BaseModel):
    """A page of texts, the newest first."""

    hits: list[Hit]
    next: Next


@router.get("", response_model=HitPage)
def search(wanted: Annotated[LibraryQuery, Query()], session: CallerSession) -> Response:
    """The texts that have all words, the newest first: what was said and when, what models wrote, names of files."""
    conditions = wanted.model_dump(include={"kind", "project", "processor", "media_type", "since", "until"})
    page = session.library.search(wanted.q, wanted.limit, before=wanted.cursor, **conditions)
    return document(HitPage(hits=page.items, next=page.next))
