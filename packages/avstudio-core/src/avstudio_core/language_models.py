"""What a language model is able to do."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core.chat import TaskType


class Can(BaseModel):
    """What a model is able to do; a request that needs more is sent elsewhere, or refused."""

    model_config = ConfigDict(frozen=True)

    chat: bool = True
    embed: bool = False
    tools: bool = False
    vision: bool = False
    json_schema: bool = False
    """Whether the server holds the answer to a schema; elsewhere it is asked for in words and checked here."""
    sampling: bool = True
    context: int | None = Field(default=None, description="Tokens that fit, question and answer together.")
    output: int | None = Field(default=None, description="Tokens that one answer may have.")


class Model(BaseModel):
    """One model of a backend: what the server says of it, completed from `models.toml`."""

    model_config = ConfigDict(frozen=True)

    backend: str
    name: str
    """As the server calls it."""
    local: bool
    can: Can = Can()
    quality: float = Field(default=0.5, ge=0, le=1)
    tags: frozenset[TaskType] = frozenset()
    memory_mb: int = 0
    priced_as: str | None = None
    """The name in the price table, where it is another."""

    @property
    def id(self) -> str:
        """`<backend>/<name>`: what users write."""
        return f"{self.backend}/{self.name}"
