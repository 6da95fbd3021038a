"""A capability: an artifact and parameters in, a result out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue

if TYPE_CHECKING:
    from avstudio_core.artifact import Artifact
    from avstudio_core.context import Context
    from avstudio_core.kinds.weights import Shelf


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


P = TypeVar("P", bound=Params)
R = TypeVar("R", bound=Result)


class Processor(ABC, Generic[P, R]):
    """One capability, declared once and served everywhere.

    ```python
    class Loudness(Processor[LoudnessParams, LoudnessResult]):
        "Measure the integrated loudness of a recording."

        name = "audio.loudness"
        accepts = ("audio/*",)

        def run(self, source, params, context): ...
    ```

    The first line of the docstring is its summary everywhere. Importing its module must be light: heavy
    libraries are imported inside `run`.
    """

    # Required

    name: ClassVar[str]
    """`<medium>.<verb>`, such as `audio.separate`."""

    @abstractmethod
    def run(self, source: Any, params: P, context: Context) -> R:
        """Do the work. `source` is the `Artifact` to work on, or `None` where there is none."""

    # Optional

    version: ClassVar[str] = "1"
    """Raise it when equal input gives different output: it is part of the cache key."""

    accepts: ClassVar[tuple[str, ...]] = ()
    """Media types of the source (`audio/*`), the most welcome first; empty where there is none."""

    source_optional: ClassVar[bool] = False
    """Whether it also runs without a source: `run` then gets `None`."""

    cacheable: ClassVar[bool] = True
    """Whether equal input and parameters may be answered with an earlier result."""

    params_type: ClassVar[type[Params]]
    result_type: ClassVar[type[Result]]

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in getattr(cls, "__orig_bases__", ()):
            given = get_args(base)
            if len(given) == 2 and all(isinstance(one, type) for one in given):
                cls.params_type, cls.result_type = given

    def outputs(self, params: P) -> Mapping[str, str]:
        """The artifacts that a run with these parameters makes: output name to media type."""
        return {}

    def needs(self, params: P, source: Artifact | None) -> Needs:
        """What a run needs: quick, and importing nothing heavy, for it is called in the studio's own process.

        First when the task is submitted, where `source` is `None` if an earlier step has yet to make it, and again
        before the run. Raise `NotFound` or `WeightsMissing` here, and nothing is started in vain.
        """
        return Needs()

    def review(self, result: R, context: Context) -> Review:
        """Judge a finished run, in the process that ran it."""
        return Review.accept()
