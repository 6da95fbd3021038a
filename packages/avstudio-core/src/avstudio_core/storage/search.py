"""What the core asks of a database that searches texts, and the rows of these texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import RowMapping, insert

from avstudio_core.documents.search_words import comparable
from avstudio_core.documents.searchable import SearchText
from avstudio_core.reach import Reach
from avstudio_core.storage.tables import texts

ADD_TEXT = insert(texts)


class Wanted(NamedTuple):
    """What to find: texts within a reach that have all phrases, and meet all conditions that are given."""

    phrases: Sequence[Sequence[str]]
    reach: Reach
    kind: str | None = None
    project: str | None = None
    processor: str | None = None
    media_type: str | None = None
    """That of the recording or the file, such as `audio/mpeg` or `audio/*`."""
    since: float | None = None
    until: float | None = None
    before: int | None = None
    """The number of the text after which the page begins."""


class Search(Protocol):
    """Finds texts by their words. How long it takes does not depend on the texts beyond the reach."""

    def find(self, wanted: Wanted, limit: int) -> list[RowMapping]:
        """The newest texts, with their documents and the recordings to which their times refer."""


class Home(NamedTuple):
    """To what a text belongs: owner, project and processor, and the task or the recording from which it comes."""

    owner: str
    project: str
    processor: str = ""
    task: str | None = None
    source: str | None = None


def text_row(one: SearchText, home: Home, now: float) -> dict[str, Any]:
    """A text as a row of its table. It lives as long as its artifact, or else as its task."""
    return {
        "owner": home.owner,
        "project": home.project,
        "processor": home.processor,
        "task_id": None if one.artifact else home.task,
        "artifact_id": one.artifact,
        "source_id": home.source,
        "kind": one.kind,
        "start": one.start,
        "end": one.end,
        "created_at": now,
        "text": one.text,
        "words": None if one.text.isascii() else comparable(one.text),
    }
