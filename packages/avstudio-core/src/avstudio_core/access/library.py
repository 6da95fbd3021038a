"""The library: every text that a principal's work has, found by its words."""

from __future__ import annotations

import re
from typing import Any, TypedDict, Unpack

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping

from avstudio_core.documents.search_words import phrases_of
from avstudio_core.documents.snippets import snippet
from avstudio_core.errors import InvalidInput
from avstudio_core.names import checked
from avstudio_core.page import MOST, Page, limited, moment, page_of
from avstudio_core.quotes import quoted
from avstudio_core.reach import Reach
from avstudio_core.storage.search import Search, Wanted
from avstudio_core.tasks.queue.known_names import KnownNames
from avstudio_core.twin import twin

LONGEST_PAGE = 200
"""The most texts that one search returns."""


class Hit(BaseModel):
    """A text that a search has found."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="Its number; later texts have larger ones.")
    kind: str = Field(description="`speech`, `text` of a processor, `name` of a file, or a kind of a plugin.")
    snippet: str = Field(description="The part with the words; `…` stands for what is left out.")
    highlights: list[tuple[int, int]] = Field(description="Begin and end of each match, in characters of the snippet.")
    start: float | None = Field(description="When it begins in the source.", json_schema_extra={"unit": "s"})
    end: float | None = Field(description="When it ends in the source.", json_schema_extra={"unit": "s"})
    source: str | None = Field(description="The id of the recording to which the times refer.")
    name: str | None = Field(description="The name of the recording, or else of the document.")
    artifact: str | None = Field(description="The id of the document with the text.")
    media_type: str | None = Field(description="The media type of the document.")
    task: str | None = Field(description="The id of the task that made it.")
    processor: str | None = Field(description="The processor that made it.")
    owner: str
    project: str
    created_at: float = Field(description="Seconds since the epoch.", json_schema_extra={"unit": "s"})


class TextFilter(TypedDict, total=False):
    """The conditions of a search; each text meets all that are given."""

    kind: str | None
    project: str | None
    processor: str | None
    media_type: str | None
    """That of the recording or the file, such as `audio/mpeg` or `video/*`."""
    since: float | None
    """Stored at this time or later, in seconds since the epoch."""
    until: float | None
    """Stored before this time."""
    before: str | None
    """Older than the text of this id: the cursor of a page."""


class Library:
    """The texts within a reach: transcripts, texts that processors wrote, names of files."""

    def __init__(self, search: Search, reach: Reach, known: KnownNames) -> None:
        self._search = search
        self._known = known
        self._reach = reach

    def search(
        self,
        words: str,
        limit: int = 20,
        **conditions: Unpack[TextFilter],
    ) -> Page[Hit]:
        """The newest texts that have all the words, and meet all conditions.

        Case and accents do not matter; words in double quotation marks stand one after another. Nothing else is an
        operator. The conditions are `kind`, `project`, `processor`, `media_type`, `since`, `until` and `before`.
        Raises `InvalidInput`, and `NotFound` for a kind, project or processor that is not known.
        """
        phrases = phrases_of(words)
        limited(limit, "texts", least=1)
        if limit > LONGEST_PAGE:
            raise InvalidInput(f"'{limit}' is too many texts.", hint=f"Ask for at most {LONGEST_PAGE}.")
        wanted = _wanted(phrases, self._reach, conditions)
        found = [_hit(row, phrases) for row in self._search.find(wanted, limit + 1)]
        if not found:
            self._known.check(text_kind=wanted.kind, project=wanted.project, processor=wanted.processor)
        return page_of(found, limit, lambda one: one.id)

    asearch = twin(search)
    """`search` without blocking an event loop."""


NAMES = {"kind": "kind of texts", "project": "name of a project", "processor": "name of a processor"}
MEDIA_TYPE = re.compile(r"[a-z]+/(?:\*|[\w.+-]+)", re.ASCII)


def _wanted(phrases: list[list[str]], reach: Reach, given: TextFilter) -> Wanted:
    """The conditions of a search, checked. Raises `InvalidInput`."""
    if unknown := set(given).difference(TextFilter.__annotations__):
        known = ", ".join(TextFilter.__annotations__)
        raise InvalidInput(f"{quoted(min(unknown))} is not a condition for texts.", hint=f"Use: {known}.")
    names: dict[str, Any] = {name: given.get(name) for name in NAMES}
    names = {name: None if value is None else checked(value, NAMES[name]) for name, value in names.items()}
    names["media_type"] = _media_type(given.get("media_type"))
    times = moment(given.get("since")), moment(given.get("until"))
    return Wanted(phrases, reach, **names, since=times[0], until=times[1], before=_number(given.get("before")))


def _hit(row: RowMapping, phrases: list[list[str]]) -> Hit:
    shown = snippet(row["text"], phrases)
    return Hit(
        id=str(row["id"]),
        kind=row["kind"],
        snippet=shown.text,
        highlights=shown.highlights,
        start=row["start"],
        end=row["end"],
        source=row["source_id"],
        name=row["source_name"] or row["name"],
        artifact=row["artifact_id"],
        media_type=row["media_type"],
        task=row["made_by"],
        processor=row["processor"] or None,
        owner=row["owner"],
        project=row["project"],
        created_at=row["created_at"],
    )


def _media_type(given: str | None) -> str | None:
    if given is not None and not (isinstance(given, str) and MEDIA_TYPE.fullmatch(given)):
        raise InvalidInput(f"{quoted(given)} is not a media type.", hint="Give one such as 'audio/mpeg' or 'audio/*'.")
    return given


def _number(cursor: str | None) -> int | None:
    """The number of a text. Raises `InvalidInput`."""
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 20 and int(cursor) <= MOST):
        raise InvalidInput(f"{quoted(cursor)} is not the id of a text.", hint="Give the id of the last text of a page.")
    return int(cursor)
