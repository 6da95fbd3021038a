"""References to what earlier steps make, and the base of all parts of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    JsonValue,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from avstudio_core.errors import InvalidPlan
from avstudio_core.validation import problems

MARK = "@"
"""What a reference in a parameter begins with."""
SOURCE = "source"
"""In a reference, the plan's own source instead of a step."""
_WITHIN = ContextVar("within", default=False)
"""Whether a larger part is being validated."""


class Part(BaseModel):
    """A plan, or a part of one. Raises `InvalidPlan` instead of pydantic's error, once, with the place in the whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _checked(cls, values: Any, validate: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if info.mode == "json" and isinstance(values, dict):
            _refuse_own(cls, values)
        if _WITHIN.get():
            return validate(values)
        whole = _WITHIN.set(True)
        try:
            return validate(values)
        except ValidationError as error:
            raise InvalidPlan(f"The plan is not valid: {problems(error)}") from None
        except RecursionError:
            raise InvalidPlan("The plan is not valid: a parameter is nested too deeply.") from None
        finally:
            _WITHIN.reset(whole)


def _refuse_own(part: type[Part], values: Mapping[str, Any]) -> None:
    """JSON cannot have the fields that only the reader of expressions fills. Raises `ValueError`."""
    for name in values:
        if name in part.model_fields and part.model_fields[name].exclude:
            raise ValueError(f"no such field is known: '{name}'")


class Ref(Part):
    """What an earlier step makes: a file (`separate.vocals`), or a value of its result (`analyze.tempo.bpm`).

    Without an output, it means the step's only file, or the only one of the reader's preferred media type.
    """

    model_config = ConfigDict(extra="ignore")

    step: str
    output: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return _named(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.step == SOURCE and self.output:
            raise ValueError("the source of the plan is one file, which has no outputs")
        return self

    def __str__(self) -> str:
        return f"{self.step}.{self.output}" if self.output else self.step


def _named(text: str) -> dict[str, Any]:
    step, _, output = text.removeprefix(MARK).partition(".")
    return {"step": step, "output": output or None}


def reference(value: JsonValue) -> Ref | None:
    """The reference in a parameter: text that begins with one `@`; two mean an ordinary text that begins with one."""
    if isinstance(value, str) and value.startswith(MARK) and not value.startswith(MARK + MARK):
        return Ref.model_construct(**_named(value))  # plans have thousands, and text is all that it needs
    return None


def references(value: JsonValue) -> list[Ref]:
    """The references in a parameter, which may be a list of them."""
    return [found for one in (value if isinstance(value, list) else [value]) if (found := reference(one))]


def literal(value: JsonValue) -> JsonValue:
    """An ordinary parameter as it was meant: with one `@` for two at the beginning."""
    if isinstance(value, list):
        return [literal(one) for one in value]
    return value[1:] if isinstance(value, str) and value.startswith(MARK + MARK) else value


def renamed(value: JsonValue, steps: Mapping[str, Ref]) -> JsonValue:
    """A parameter whose references mean other steps; `steps` has what stands for each."""
    if isinstance(value, list):
        return [renamed(one, steps) for one in value]
    if (ref := reference(value)) is None or ref.step not in steps:
        return value
    new = steps[ref.step]
    return f"{MARK}{Ref(step=new.step, output=ref.output or new.output)}"


def escaped(value: Any) -> Any:
    """The opposite of `literal`; a `Ref` becomes the text that refers to it."""
    if isinstance(value, Ref):
        return f"{MARK}{value}"
    if isinstance(value, list | tuple):
        return [escaped(one) for one in value]
    return f"{MARK}{value}" if isinstance(value, str) and value.startswith(MARK) else value
