"""What a search of the library finds: texts, with their times in a recording."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core.documents.transcript import MEDIA_TYPE, Transcript
from avstudio_core.errors import UnreadableMedia

if TYPE_CHECKING:
    from avstudio_core.artifact import Artifact

SPEECH, TEXT, NAME = "speech", "text", "name"
"""Kinds of texts: speech in a recording, the text of a processor, and the name of a file."""
MOST_BYTES = 4 << 20
"""The size of subtitles from which only their name is found; those of a film have 0.2 MB."""
_MARKUP = re.compile(r"<[^>]{0,100}>|\{\\[^}]{0,100}\}")


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


def texts_given(artifact: Artifact) -> Iterator[SearchText]:
    """The texts in a file that a user gave: the words of subtitles. A file that cannot be read has none."""
    from html import unescape

    from avstudio_core.documents.subtitles import MEDIA_TYPES, Subtitles

    if artifact.media_type not in MEDIA_TYPES.values() or artifact.size > MOST_BYTES:
        return
    try:
        cues = Subtitles.parse(artifact.path.read_text(encoding="utf-8-sig")).cues
    except (UnreadableMedia, UnicodeDecodeError):
        return
    for cue in cues:
        if text := " ".join(unescape(_MARKUP.sub("", cue.text)).split()):
            yield SearchText(kind=SPEECH, text=text, start=cue.start, end=cue.end, artifact=artifact.id)
