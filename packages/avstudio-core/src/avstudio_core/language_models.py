"""Language models and their abilities."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core.chat import TaskType


class Can(BaseModel):
    """The abilities of a model; a request that needs more goes to another model, or is refused."""

    model_config = ConfigDict(frozen=True)

    chat: bool = True
    embed: bool = False
    tools: bool = False
    vision: bool = False
    json_schema: bool = False
    """Whether the server enforces a schema; otherwise the schema is in the prompt, and the answer is checked."""
    sampling: bool = True
    context: int | None = Field(default=None, description="Context length in tokens, prompt and answer together.")
    output: int | None = Field(default=None, description="The most tokens of an answer.")


class Model(BaseModel):
    """One model of a backend: the server's description, completed from `models.toml`."""

    model_config = ConfigDict(frozen=True)

    backend: str
    name: str
    """The server's name of the model."""
    local: bool
    can: Can = Can()
    quality: float = Field(default=0.5, ge=0, le=1)
    tags: frozenset[TaskType] = frozenset()
    memory_mb: int = 0
    priced_as: str | None = None
    """The name in the price table, if it is different."""

    @property
    def id(self) -> str:
        """The name for users: `<backend>/<name>`."""
        return f"{self.backend}/{self.name}"
