"""The contents of `models.toml`: backends, models with their qualities, prices."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from avstudio_core.chat import TaskType
from avstudio_core.errors import InvalidParams
from avstudio_core.gateway.models.model_names import SHIPPED, is_pattern
from avstudio_core.kinds.backend import BackendConfig
from avstudio_core.language_models import Model
from avstudio_core.quotes import quoted
from avstudio_core.settings import Settings
from avstudio_core.validation import problems


class Known(BaseModel):
    """A section `[models."…"]`; values that it does not set are those of the server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quality: float | None = Field(default=None, ge=0, le=1)
    tags: frozenset[TaskType] | None = None
    can: dict[str, bool | int] = {}
    memory_mb: int | None = Field(default=None, ge=0)
    priced_as: str | None = None


class Price(BaseModel):
    """A section `[prices."…"]`, in US dollars: for a million tokens, a second of sound, or a character."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Decimal = Field(default=Decimal(0), ge=0)
    output: Decimal = Field(default=Decimal(0), ge=0)
    cached: Decimal | None = Field(default=None, ge=0)
    cache_written: Decimal | None = Field(default=None, ge=0)
    second: Decimal = Field(default=Decimal(0), ge=0)
    character: Decimal = Field(default=Decimal(0), ge=0)

    @property
    def counts_tokens(self) -> bool:
        """Whether it has a price of tokens, which may be 0."""
        return not self.model_fields_set.isdisjoint(("input", "output"))


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    as_of: Any = None
    backends: dict[str, dict[str, Any]] = {}
    models: dict[str, Known] = {}
    prices: dict[str, Price] = {}


@dataclass(frozen=True, slots=True)
class KnownModels:
    """The built-in file, with the user's file merged into it."""

    backends: Mapping[str, BackendConfig]
    models: Mapping[str, Known]
    prices: Mapping[str, Price]

    @classmethod
    def of(cls, settings: Settings) -> KnownModels:
        """Read the built-in file, and the one that the settings name or that is in the data folder."""
        if settings.models and not settings.models.is_file():
            message = f"The file {quoted(settings.models)} with models does not exist."
            raise InvalidParams(message, hint="Correct the setting 'models'.")
        return cls.load(settings.models or settings.home / "models.toml")

    @classmethod
    def load(cls, own: Path) -> KnownModels:
        """Read both files; `own` may be missing. Raises `InvalidParams` with the file and the place."""
        files = [_read(SHIPPED), *([_read(own)] if own.is_file() else [])]
        backends: dict[str, dict[str, Any]] = {}
        models: dict[str, Known] = {}
        prices: dict[str, Price] = {}
        for file in files:
            for name, section in file.backends.items():
                backends[name] = backends.get(name, {}) | section
            for name, known in file.models.items():
                models[name] = _over(models.get(name), known)
            prices |= file.prices
        return cls({name: _config(name, section, own) for name, section in backends.items()}, models, prices)

    def names(self, backend: str) -> list[str]:
        """The models that are known without a request to the backend."""
        start = f"{backend}/"
        return [name[len(start) :] for name in self.models if name.startswith(start) and not is_pattern(name)]

    def completed(self, model: Model) -> Model:
        """The server's description of a model, completed by matching sections: patterns first, its own name last."""
        name = model.id
        for pattern, known in self.models.items():
            if is_pattern(pattern) and fnmatchcase(name, pattern):
                model = _applied(model, known)
        return _applied(model, self.models[name]) if name in self.models else model


def _over(below: Known | None, above: Known) -> Known:
    if below is None:
        return above
    return below.model_copy(update={**above.model_dump(exclude_unset=True), "can": {**below.can, **above.can}})


def _applied(model: Model, known: Known) -> Model:
    update = {
        name: value
        for name in ("quality", "tags", "memory_mb", "priced_as")
        if (value := getattr(known, name)) is not None
    }
    return model.model_copy(update={**update, "can": model.can.model_copy(update=known.can)})


def _config(name: str, section: dict[str, Any], path: Path) -> BackendConfig:
    try:
        return BackendConfig.model_validate({"kind": name, **section, "name": name})
    except ValidationError as error:
        raise InvalidParams(f"'{path}', section [backends.{name}]: {problems(error)}") from None


def _read(path: Path) -> _File:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        return _File.model_validate(found)
    except ValidationError as error:
        raise InvalidParams(f"The file of models '{path}' cannot be used: {problems(error)}") from None
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidParams(f"The file of models '{path}' cannot be read: {error}") from None
