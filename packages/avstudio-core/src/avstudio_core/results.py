"""The types of a processor: parameters, needs, result, review."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from avstudio_core.artifact import Trust, artifacts_in
from avstudio_core.documents.searchable import TEXT, SearchText, texts_in


class Params(BaseModel):
    """The parameters of a processor: fields with descriptions, bounds and units; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Word = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Text that the database and other processes can take: a pattern also refuses lone surrogates."""


class Needs(BaseModel):
    """What one run needs; the executor and the model pool plan with it."""

    model_config = ConfigDict(frozen=True)

    family: Word = Field(default="general", description="Family of models; its runs share workers.")
    model: Word | None = Field(default=None, description="Weights that will be loaded.")
    model_digest: Word | None = Field(
        default=None, description="Identifies the weights' content; part of the cache key."
    )
    memory_mb: int = Field(
        default=0, ge=0, lt=2**63, description="Memory with the model loaded.", json_schema_extra={"unit": "MB"}
    )
    device: Word = "cpu"
    network: bool = Field(
        default=False, description="Whether the run opens connections itself; requests to models do not count."
    )
    seconds: float | None = Field(default=None, ge=0, description="Estimated time.", json_schema_extra={"unit": "s"})
    limit_seconds: float | None = Field(
        default=None, gt=0, description="Time limit of the run.", json_schema_extra={"unit": "s"}
    )
    cost: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Estimated cost.", json_schema_extra={"unit": "USD"}
    )

    @property
    def lane(self) -> str:
        """The lane, whose jobs share warm workers: that of the model and device, or of the family without a model."""
        network = "+network" if self.network else ""  # workers that may open connections are others
        if self.model:
            return f"{self.family}/{self.model}@{self.device}{network}"
        return f"{self.family}@{self.device}{network}" if self.memory_mb else f"{self.family}{network}"


class CodedWarning(BaseModel):
    """A warning for the user, with a stable code for programs."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str


class Provenance(BaseModel):
    """How a result was made, and from what."""

    model_config = ConfigDict(frozen=True)

    processor: str
    version: str
    distribution: str = Field(default="", description="The installed package of the processor.")
    model: str | None = None
    model_digest: str | None = None
    parents: tuple[str, ...] = ()
    trust: Trust = Field(default="media", description="How far the result is trusted: as the least trusted source.")
    task_id: str = ""


class Result(BaseModel):
    """The fields of every result; a processor's own result adds others.

    Fields of the types `Artifact` and `dict[str, Artifact]` are the outputs, to which later steps can refer.
    """

    effective: dict[str, JsonValue] = Field(
        default={}, description="The parameters and the model that were really used."
    )
    warnings: list[CodedWarning] = Field(default=[], description="Warnings for the user.")
    provenance: Provenance | None = Field(default=None, description="How it was made, and from what.")
    cache_hit: bool = Field(default=False, description="Whether it is the cached result of an earlier identical run.")

    def texts(self) -> Iterable[SearchText]:
        """What a search of the library finds of it: its documents of known media types, and fields of the view `text`.

        It is called in the process of the run, where its artifacts can be read.
        """
        for artifact in artifacts_in(self).values():
            yield from texts_in(artifact)
        for name, field in type(self).model_fields.items():
            extra, value = field.json_schema_extra, getattr(self, name)
            if isinstance(extra, dict) and extra.get("view") == "text" and isinstance(value, str):
                yield SearchText(kind=TEXT, text=value)


class Review(BaseModel):
    """The review of a finished run."""

    model_config = ConfigDict(frozen=True)

    accepted: bool = True
    reason: str = ""

    @classmethod
    def accept(cls) -> Self:
        return cls()

    @classmethod
    def send_back(cls, reason: str) -> Self:
        """Request another run, which gets the reason in `context.feedback`."""
        return cls(accepted=False, reason=reason)
