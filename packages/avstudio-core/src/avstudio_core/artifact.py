"""The immutable files that cross package borders."""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    ValidationInfo,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

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


Trust = Literal["user", "studio", "media", "web"]
"""Where content comes from: the user's own words, this studio, given files, or the network; the most trusted first."""
TRUSTED: tuple[Trust, ...] = get_args(Trust)


def least(given: Iterable[Trust]) -> Trust:
    """How far to trust what is made from sources: as the least trusted of them, and not as the user's own words."""
    return TRUSTED[max((1, *map(TRUSTED.index, given)))]


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
    trust: Trust = Field(default="media", description="Where its content comes from; inherited by what is made of it.")
    path: Path = Field(default=Path(), exclude=True, repr=False)

    def name_for(self, ending: str) -> str:
        """A name for a file made from this one: `song.mp3` and `.vocals.flac` give `song.vocals.flac`.

        It is not longer than file systems allow.
        """
        return shortened(stem(self.name), ending)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """As a parameter, it is written as a path or an id."""
        if handler.mode == "validation":
            return {"type": "string", "format": "artifact", "title": cls.__name__}
        return handler(schema)

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
    """A copy of a model in which each artifact, also in lists and nested models, is what `change` returns for it."""
    update = {name: _changed(getattr(value, name), change) for name in _file_fields(type(value))}
    return value.model_copy(update=update) if update else value


def artifacts_in(value: BaseModel) -> dict[str, Artifact]:
    """The artifacts of a model by name: a field's name, or a key of a field that maps names to them.

    Deeper ones have the path to them, such as `scenes.0.thumbnail`.
    """
    found: dict[str, Artifact] = {}
    for name in _file_fields(type(value)):
        field = getattr(value, name)
        if isinstance(field, Mapping):
            for key, item in field.items():
                found |= dict(_named(item, str(key)))
        else:
            found |= dict(_named(field, name))
    return found


def _named(value: Any, name: str) -> Iterator[tuple[str, Artifact]]:
    if isinstance(value, Artifact):
        yield name, value
        return
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, BaseModel):
        inner = ((field, getattr(value, field)) for field in _file_fields(type(value)))
    elif isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    for key, item in inner:
        yield from _named(item, f"{name}.{key}")


def _changed(value: Any, change: Callable[[Artifact], Artifact]) -> Any:
    if isinstance(value, Artifact):
        return change(value)
    if isinstance(value, BaseModel):
        return with_artifacts(value, change)
    if isinstance(value, Mapping):
        return {key: _changed(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_changed(item, change) for item in value])
    return value


@lru_cache(maxsize=1024)
def _file_fields(kind: type[BaseModel]) -> tuple[str, ...]:
    """The fields in which a model may have artifacts."""
    return tuple(name for name, field in kind.model_fields.items() if _may_hold(field.annotation, frozenset({kind})))


def _may_hold(annotation: Any, seen: frozenset[Any]) -> bool:
    """Whether a value of a type may be or contain an artifact."""
    if annotation is Artifact:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
        return any(_may_hold(field.annotation, seen | {annotation}) for field in annotation.model_fields.values())
    return any(_may_hold(one, seen) for one in get_args(annotation))
