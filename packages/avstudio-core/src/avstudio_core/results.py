"""What a processor takes and gives: parameters, needs, results, the verdict on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class Params(BaseModel):
    """The parameters of a processor: fields with descriptions, bounds and units; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Needs(BaseModel):
    """What one run needs; the executor and the model pool plan with it."""

    model_config = ConfigDict(frozen=True)

    family: str = Field(default="general", description="Workers are shared within a family.")
    model: str | None = Field(default=None, description="The weights that will be loaded.")
    model_digest: str | None = Field(
        default=None, description="Identifies the weights' content; part of the cache key."
    )
    memory_mb: int = Field(
        default=0, ge=0, description="Memory with the model loaded.", json_schema_extra={"unit": "MB"}
    )
    device: str = "cpu"
    network: bool = False
    seconds: float | None = Field(default=None, ge=0, description="Estimated time.", json_schema_extra={"unit": "s"})
    limit_seconds: float | None = Field(
        default=None, gt=0, description="The run is stopped after this time.", json_schema_extra={"unit": "s"}
    )
    cost: float = Field(default=0.0, ge=0, description="Estimated cost.", json_schema_extra={"unit": "USD"})

    @property
    def lane(self) -> str:
        """Jobs of one lane share warm workers: the model's and device's, or those of the family where no model is."""
        if self.model:
            return f"{self.family}/{self.model}@{self.device}"
        return f"{self.family}@{self.device}" if self.memory_mb else self.family


class CodedWarning(BaseModel):
    """Something the user should know, with a stable code for programs."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str


class Provenance(BaseModel):
    """Who made a result, out of what."""

    model_config = ConfigDict(frozen=True)

    processor: str
    version: str
    distribution: str = Field(default="", description="The installed package that brought the processor.")
    model: str | None = None
    model_digest: str | None = None
    parents: tuple[str, ...] = ()
    task_id: str = ""


class Result(BaseModel):
    """What every answer carries; a processor's own result adds fields.

    Fields that are an `Artifact`, or a `dict[str, Artifact]`, are the outputs that later steps refer to.
    """

    effective: dict[str, JsonValue] = Field(default={}, description="The parameters and the model really used.")
    warnings: list[CodedWarning] = Field(default=[], description="What the user should know.")
    provenance: Provenance | None = Field(default=None, description="Who made it, out of what.")
    cache_hit: bool = Field(default=False, description="Whether it is the answer to the same work done earlier.")

    def records(self) -> Mapping[str, Mapping[str, Any]]:
        """Rows for the tables of results that the core keeps, by table name: `{"transcriptions": {…}}`."""
        return {}


class Review(BaseModel):
    """The verdict on a finished run."""

    model_config = ConfigDict(frozen=True)

    accepted: bool = True
    reason: str = ""

    @classmethod
    def accept(cls) -> Self:
        return cls()

    @classmethod
    def send_back(cls, reason: str) -> Self:
        """Run once more; the next run reads the reason in `context.feedback`."""
        return cls(accepted=False, reason=reason)
