"""The base of this package's processors: the choice of the model, and which model answered at what cost."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import AfterValidator, Field, JsonValue

from avstudio_core import Answered, Artifact, ChatAnswer, Context, Needs, Params, Processor, Result
from avstudio_core.chat import Usage, Wishes
from avstudio_core.errors import BadAnswer, NotFound
from avstudio_core.languages import AUTO, language_name
from avstudio_core.refusal import value_refusal

FAMILY = "llm"
CHOICE = ("model", "max_tokens", "timeout", *Wishes.model_fields)


def _language(given: str) -> str:
    try:
        language_name(given)
    except NotFound as error:
        raise value_refusal(error.message, error.hint or "") from None
    return given


def _unless_auto(given: str | None) -> str | None:
    return None if given is None or given.strip().casefold() == AUTO else _language(given)


Language = Annotated[str, AfterValidator(_language)]
"""A language by its name or a known code."""
OptionalLanguage = Annotated[str | None, AfterValidator(_unless_auto)]
"""A language; `auto` means the same as `None`."""


class ModelParams(Params):
    """The choice of the model."""

    model: str = Field(
        default="auto",
        description="Such as `ollama/llama3.2`; `auto`, `auto:code` or `local/auto` choose one.",
        json_schema_extra={"format": "language-model"},
    )
    require_local: bool = Field(default=False, description="Use only models on this machine.")
    private: bool = Field(default=False, description="The text is private: it does not leave this machine.")
    require_quality: float = Field(
        default=0.0, ge=0, le=1, description="The lowest quality to accept; above 0.9: the top tier."
    )
    max_cost: float | None = Field(
        default=None, ge=0, description="If a request costs more, use a local model.", json_schema_extra={"unit": "USD"}
    )
    allow_unpriced: bool = Field(default=False, description="Allow cloud models whose price is unknown.")
    timeout: float = Field(
        default=600.0,
        gt=0,
        description="Time limit for each answer, retries included.",
        json_schema_extra={"unit": "s"},
    )

    @property
    def choice(self) -> dict[str, Any]:
        """The options of a request that differ from the defaults."""
        return self.model_dump(include=set(CHOICE), exclude_defaults=True)


class ModelResult(Result):
    """Which model answered, with its usage and cost."""

    model: str = Field(description="The model that answered: `<backend>/<model>`.")
    usage: Usage = Field(description="Tokens read and written in all requests.")
    cost: float = Field(ge=0, description="Cost of all requests.", json_schema_extra={"unit": "USD"})


P = TypeVar("P", bound=ModelParams)
R = TypeVar("R", bound=ModelResult)


class ModelProcessor(Processor[P, R], Generic[P, R]):
    """A processor that calls language models through its studio.

    Its results are not cached: the router chooses the model at the time of the request, and a user who calls a model
    again wants another answer.
    """

    cacheable: ClassVar[bool] = False

    def needs(self, params: P, source: Artifact | None) -> Needs:
        return Needs(family=FAMILY)  # it needs no network of its own: the studio calls the models, and asks its gate


class Tally:
    """Adds up the usage and cost of one run's answers, and passes on their warnings."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._answers: list[Answered] = []

    def add(self, answer: Answered) -> None:
        self._answers.append(answer)
        for warning in answer.warnings:
            self._warn(warning.code, warning.message)
        told = any(warning.code == "cut" for warning in answer.warnings)
        if isinstance(answer, ChatAnswer) and answer.finish == "length" and not told:
            self._warn("cut", f"The answer of '{answer.model}' was cut off at its limit of tokens. See max_tokens.")

    def _warn(self, code: str, message: str) -> None:
        """Warn, but only once for each code."""
        if not any((known.code, known.message) == (code, message) for known in self._context.warnings):
            self._context.warn(code, message)

    @property
    def model(self) -> str:
        """The models that answered; usually one."""
        return ", ".join(dict.fromkeys(answer.model for answer in self._answers))

    def result(self, **effective: JsonValue) -> dict[str, Any]:
        """The fields of a `ModelResult`."""
        first, count = self._answers[0].decision, len(self._answers)
        chosen = {"model": self.model, "rule": first.rule, "reason": first.reason, "requests": count}
        return {
            "model": self.model,
            "usage": sum((answer.usage for answer in self._answers), Usage()),
            "cost": sum(answer.cost_micro for answer in self._answers) / 1_000_000,
            "effective": {**chosen, **effective},
        }


def spoken(answer: ChatAnswer) -> str:
    """The text of an answer, stripped. Raises `BadAnswer` if it is empty."""
    text = answer.text.strip()
    if not text:
        why = (
            "the limit of tokens was reached before the first word"
            if answer.finish == "length"
            else "the model sent no text"
        )
        raise BadAnswer(f"'{answer.model}' failed: {why}.", hint="Try again, or choose another model.")
    return text
