"""What a search of the library finds: texts, with their times in a recording."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core.documents.transcript import MEDIA_TYPE, Transcript

if TYPE_CHECKING:
    from avstudio_core.artifact import Artifact

SPEECH, TEXT, NAME = "speech", "text", "name"
"""Kinds of texts: speech in a recording, the text of a processor, and the name of a file."""


class SearchText(BaseModel):
    """A text that a search of the library finds."""

    model_config = ConfigDict(frozen=True)

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}$")]
    text: str
    start: float | None = Field(default=None, ge=0, allow_inf_nan=False, json_schema_extra={"unit": "s"})
    end: float | None = Field(default=None, ge=0, allow_inf_nan=False, json_schema_extra={"unit": "s"})
    artifact: str | None = None
    """The id of the artifact in which it is; `None` if it is only in the result."""


def texts_in(artifact: Artifact) -> Iterator[SearchText]:
    """The texts in a document of a known media type. Raises `UnreadableMedia`."""
    if artifact.media_type == MEDIA_TYPE:
        for one in Transcript.parse(artifact.path.read_text(encoding="utf-8")).segments:
            yield SearchText(kind=SPEECH, text=one.text.strip(), start=one.start, end=one.end, artifact=artifact.id)
