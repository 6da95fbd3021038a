"""What every processor here takes and gives: which model is to answer, and which one did, at what cost."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import AfterValidator, Field, JsonValue

from avstudio_core import Answered, Artifact, ChatAnswer, Context, Needs, Params, Processor, Result
from avstudio_core.chat import Usage, Wishes
from avstudio_core.errors import BadAnswer, NotFound
from avstudio_core.languages import AUTO, language_name

FAMILY = "llm"
CHOICE = ("model", "max_tokens", "timeout", *Wishes.model_fields)


def _language(given: str) -> str:
    try:
        language_name(given)
    except NotFound as error:
        raise ValueError(str(error)) from None
    return given


def _unless_auto(given: str | None) -> str | None:
    return None if given is None or given.strip().casefold() == AUTO else _language(given)


Language = Annotated[str, AfterValidator(_language)]
"""A language by name, or by a code that exists."""
OptionalLanguage = Annotated[str | None, AfterValidator(_unless_auto)]
"""A language; `auto` is the same as none."""


class ModelParams(Params):
    """Which model is to answer."""

    model: str = Field(
        default="auto", description="`ollama/llama3.2`, say; `auto`, `auto:code` and `local/auto` choose."
    )
    require_local: bool = Field(default=False, description="Only models on this machine, and no fallback elsewhere.")
    private: bool = Field(default=False, description="The text is private: it does not leave this machine.")
    require_quality: float = Field(default=0.0, ge=0, le=1, description="Above 0.9: a model of the top tier.")
    max_cost: float | None = Field(
        default=None, ge=0, description="For one request; above it a local model.", json_schema_extra={"unit": "USD"}
    )
    allow_unpriced: bool = Field(default=False, description="Take cloud models whose price is not known.")
    timeout: float = Field(
        default=600.0, gt=0, description="For each answer, retries included.", json_schema_extra={"unit": "s"}
    )

    @property
    def choice(self) -> dict[str, Any]:
        """Options of a request, as far as they differ from what is usual."""
        return self.model_dump(include=set(CHOICE), exclude_defaults=True)


class ModelResult(Result):
    """Which model answered, and what that took."""

    model: str = Field(description="Who answered: `<backend>/<model>`.")
    usage: Usage = Field(description="Tokens read and written, of all requests together.")
    cost: float = Field(ge=0, description="Of all requests together.", json_schema_extra={"unit": "USD"})


P = TypeVar("P", bound=ModelParams)
R = TypeVar("R", bound=ModelResult)


class ModelProcessor(Processor[P, R], Generic[P, R]):
    """A processor that asks language models through its studio.

    Its results are not cached: who answers is decided when the request is made, by what is installed, warm, near
    and within budget then, and whoever asks a model again wants another answer.
    """

    cacheable: ClassVar[bool] = False

    def needs(self, params: P, source: Artifact | None) -> Needs:
        here = params.require_local or params.private or params.model == "local/auto"
        return Needs(family=FAMILY, network=not here)


class Tally:
    """Adds up the answers of one run, and passes on what a user should know of them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._answers: list[Answered] = []

    def add(self, answer: Answered) -> None:
        self._answers.append(answer)
        for warning in answer.warnings:
            self._warn(warning.code, warning.message)
        told = any(warning.code == "cut" for warning in answer.warnings)
        if isinstance(answer, ChatAnswer) and answer.finish == "length" and not told:
            self._warn("cut", f"'{answer.model}' came to the end of what it may say. See max_tokens.")

    def _warn(self, code: str, message: str) -> None:
        """Once, however often it happens."""
        if not any((known.code, known.message) == (code, message) for known in self._context.warnings):
            self._context.warn(code, message)

    @property
    def model(self) -> str:
        """Who answered; mostly one."""
        return ", ".join(dict.fromkeys(answer.model for answer in self._answers))

    def result(self, **effective: JsonValue) -> dict[str, Any]:
        """The fields of a `ModelResult`."""
        decision = self._answers[0].decision
        return {
            "model": self.model,
            "usage": sum((answer.usage for answer in self._answers), Usage()),
            "cost": sum(answer.cost_micro for answer in self._answers) / 1_000_000,
            "effective": {
                "model": self.model,
                "rule": decision.rule,
                "reason": decision.reason,
                "requests": len(self._answers),
                **effective,
            },
        }


def spoken(answer: ChatAnswer) -> str:
    """What a model said. Raises `BadAnswer` where that is nothing."""
    text = answer.text.strip()
    if not text:
        why = "its answer was cut before the first word" if answer.finish == "length" else "it answered with nothing"
        raise BadAnswer(f"'{answer.model}' failed: {why}.", hint="Try again, or choose another model.")
    return text
