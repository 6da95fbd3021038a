"""The immutable files that cross package borders."""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationInfo, model_validator

from avstudio_core.names import file_name, is_text, shortened, stem

Model = TypeVar("Model", bound=BaseModel)


class Names:
    """Unique names that sort by their time of creation; strictly so for names of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._process = secrets.token_hex(4)

    def make(self, prefix: str) -> str:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return f"{prefix}_{self._last:016x}{self._process}"


_NAMES = Names()
os.register_at_fork(after_in_child=_NAMES.__init__)  # type: ignore[misc]


def new_id(prefix: str) -> str:
    """A unique name that sorts by its time of creation: `task_18a2…`."""
    return _NAMES.make(prefix)


class MediaFacts(BaseModel):
    """Facts about the media in a file; `None` where a fact does not apply or is unknown."""

    model_config = ConfigDict(frozen=True)

    duration: float | None = Field(default=None, ge=0, description="Length.", json_schema_extra={"unit": "s"})
    rate: int | None = Field(default=None, gt=0, description="Sample rate.", json_schema_extra={"unit": "Hz"})
    channels: int | None = Field(default=None, gt=0, description="Audio channels.")
    width: int | None = Field(default=None, gt=0, description="Picture width.", json_schema_extra={"unit": "px"})
    height: int | None = Field(default=None, gt=0, description="Picture height.", json_schema_extra={"unit": "px"})


class Lineage(BaseModel):
    """How an artifact was made; a file from the user has no lineage."""

    model_config = ConfigDict(frozen=True)

    processor: str
    version: str
    params: dict[str, JsonValue] = {}
    model: str | None = None
    model_digest: str | None = None
    parents: tuple[str, ...] = ()


class Artifact(BaseModel):
    """A file of the store, by its content: the only thing that crosses package borders.

    `path` is where the content is now. It is not part of the JSON form, so that a data folder can be moved; to read
    an artifact back, pass the store's path function as the validation context.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: Annotated[str, AfterValidator(file_name)] = Field(description="A file name to show and to export under.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0, json_schema_extra={"unit": "B"})
    media_type: str
    facts: MediaFacts = MediaFacts()
    lineage: Lineage | None = None
    path: Path = Field(default=Path(), exclude=True, repr=False)

    def name_for(self, ending: str) -> str:
        """A name for a file made from this one: `song.mp3` and `.vocals.flac` give `song.vocals.flac`.

        It is not longer than file systems allow.
        """
        return shortened(stem(self.name), ending)

    @model_validator(mode="after")
    def _locate(self, info: ValidationInfo) -> Self:
        if callable(info.context):
            object.__setattr__(self, "path", info.context(self.sha256))
        return self


MEDIA_TYPE = re.compile(r"[!-.0-~]+/[!-~][ -~]*")


def is_media_type(value: object) -> bool:
    """Whether a value is a media type, or a pattern of them such as `audio/*`."""
    return isinstance(value, str) and MEDIA_TYPE.fullmatch(value) is not None


def wrong_outputs(outputs: Mapping[Any, Any]) -> dict[Any, Any]:
    """The outputs of a processor that are not names with media types."""
    return {name: kind for name, kind in outputs.items() if not (is_text(name) and name and is_media_type(kind))}


def accepted(media_type: str, patterns: tuple[str, ...]) -> bool:
    """Whether a media type matches one of the patterns, such as `audio/*`, `text/plain` or `*/*`."""
    medium = media_type.partition("/")[0]
    return any(pattern in ("*/*", media_type, f"{medium}/*") for pattern in patterns)


def with_artifacts(value: Model, change: Callable[[Artifact], Artifact]) -> Model:
    """A copy of a result in which each artifact is replaced by what `change` returns for it."""
    update: dict[str, Any] = {}
    for name in type(value).model_fields:
        field = getattr(value, name)
        if isinstance(field, Artifact):
            update[name] = change(field)
        elif isinstance(field, dict):
            update[name] = {key: change(one) if isinstance(one, Artifact) else one for key, one in field.items()}
    return value.model_copy(update=update)


def artifacts_in(value: Any) -> dict[str, Artifact]:
    """The artifacts of a result by output name: a field's name, or a key of a field that maps names to them."""
    found: dict[str, Artifact] = {}
    for name in type(value).model_fields:
        field = getattr(value, name)
        if isinstance(field, Artifact):
            found[name] = field
        elif isinstance(field, dict):
            found |= {key: item for key, item in field.items() if isinstance(item, Artifact)}
    return found
