"""Plans: steps, and how the output of one is the input of another."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from avstudio_core.artifact import Artifact, accepted, wrong_outputs
from avstudio_core.errors import InvalidInput, InvalidPlan
from avstudio_core.guard import OURS, Guard, shown
from avstudio_core.kinds.processor import Processor
from avstudio_core.nearest import did_you_mean
from avstudio_core.parameters import parameters, written
from avstudio_core.quotes import listed, quoted
from avstudio_core.results import Needs, Params
from avstudio_core.validation import problems

NAME = r"[A-Za-z_][\w\-]*"
STEP = re.compile(
    rf"(?P<processor>{NAME}(?:\.{NAME})*)(?::(?P<output>[\w\-]+))?(?P<params>(?:\s+.*)?)", re.DOTALL | re.ASCII
)


LONGEST_LINE = 200
"""The most characters of an expression in a message, at most `MOST_BEFORE` of them before the place."""
MOST_BEFORE = 60
MOST_STEPS = 20
"""The most steps that a message names."""


_WITHIN = ContextVar("within", default=False)
"""Whether a larger part is being validated."""


class Part(BaseModel):
    """A plan, or a part of one. Raises `InvalidPlan` instead of pydantic's error, once, with the place in the whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _checked(cls, values: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        if _WITHIN.get():
            return validate(values)
        whole = _WITHIN.set(True)
        try:
            return validate(values)
        except ValidationError as error:
            raise InvalidPlan(f"The plan is not valid: {problems(error)}") from None
        finally:
            _WITHIN.reset(whole)


class Ref(Part):
    """An output of an earlier step, written `separate.vocals`.

    Without an output, it means the step's only output, or the only one of the reader's preferred media type.
    """

    model_config = ConfigDict(extra="ignore")

    step: str
    output: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            step, _, output = value.partition(".")
            return {"step": step, "output": output or None}
        return value

    def __str__(self) -> str:
        return f"{self.step}.{self.output}" if self.output else self.step


class Step(Part):
    """One processor with its parameters; `source` is an earlier output, or `None` for the plan's own source."""

    id: str = Field(pattern=r"^[A-Za-z_][\w\-]*$")
    processor: str
    params: dict[str, JsonValue] = {}
    source: Ref | None = None
    place: tuple[int, int] | None = Field(default=None, exclude=True, repr=False)
    _valid: Params | None = PrivateAttr(default=None)
    """The parameters, if they have been validated."""

    @classmethod
    def of(cls, processor: Processor[Any, Any], params: Mapping[str, Any]) -> Self:
        """A step of its own, with parameters as text or values. Raises `InvalidParams`."""
        valid = parameters(processor, params)
        given = written(processor, valid, given=True)
        step = cls(id=processor.name.rpartition(".")[2], processor=processor.name, params=given)
        step._valid = valid
        return step

    def validated(self, processor: Processor[Any, Any]) -> Params:
        """Its parameters as those of its processor. Raises `InvalidParams`."""
        return self._valid if isinstance(self._valid, processor.params_type) else parameters(processor, self.params)


class Checked(NamedTuple):
    """A valid step, with its named source, its validated parameters and its needs."""

    step: Step
    params: Params
    needs: Needs


class Known(Protocol):
    """Looks up a processor by name; raises `NotFound`."""

    def __call__(self, name: str, /) -> Processor[Any, Any]: ...


Guards = Callable[[object], Guard]
"""Returns the guard for calls of a plugin's object."""


class Plan(Part):
    """Steps that form a graph without cycles."""

    steps: tuple[Step, ...] = Field(min_length=1)
    expression: str = Field(default="", exclude=True, repr=False)
    picked: Ref | None = Field(default=None, exclude=True, repr=False)
    """The output at the end of the expression, if it names one."""

    @classmethod
    def parse(cls, expression: str) -> Self:
        """A pipe: `audio.separate:vocals shifts=2 | audio.transcribe language=en`.

        `:vocals` selects the output that the next step reads; `name=value` sets a parameter, with commas between the
        items of a list. Raises `InvalidPlan` with the place marked.
        """
        if not isinstance(expression, str):
            raise InvalidPlan(f"{quoted(expression)} is not a plan.", hint="Give an expression or a Plan.")
        steps: list[Step] = []
        taken: dict[str, int] = {}
        source: Ref | None = None
        for start, end in _stages(expression):
            step, output = _step(expression, start, end, taken, source)
            steps.append(step)
            source = Ref(step=step.id, output=output)
        return cls(steps=tuple(steps), expression=expression, picked=source if source and source.output else None)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The JSON form: `{"steps": [{"id", "processor", "params", "source": "separate.vocals"}]}`."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise InvalidPlan(f"The plan is not valid: {problems(error)}") from None

    def ordered(self) -> list[Step]:
        """The steps, each after the one that it reads from. Raises `InvalidPlan` for a cycle or an unknown step."""
        steps = {step.id: step for step in self.steps}
        if len(steps) < len(self.steps):
            raise InvalidPlan("Two steps of the plan have the same id.", hint="Give each step an id of its own.")
        done: dict[str, Step] = {}
        for step in self.steps:
            done |= {one.id: one for one in reversed(self._chain(step, steps, done))}
        return list(done.values())

    def check(self, known: Known, source_type: str | None, guard: Guards = lambda made: OURS) -> list[Checked]:
        """The steps in order, with validated parameters: a plan runs only if all its steps are valid.

        `source_type` is the media type of the plan's source, or `None`; `guard` returns the guard of a processor.
        Raises `InvalidPlan`.
        """
        outputs: dict[str, Mapping[str, str]] = {}
        steps = {step.id: step for step in self.steps}
        checked = []
        for step in self.ordered():
            given = outputs[step.source.step] if step.source else None
            with self._marking(step):
                processor = known(step.processor)
                params = step.validated(processor)
                step = _read_from(step, given, processor)
            read = source_type
            if step.source is not None and given is not None:
                with self._marking(steps[step.source.step]):
                    read = _output_type(step.source, given)
            with self._marking(step):
                _check_source(processor, step, read)
                needs = needed(processor, params, None, guard(processor))
                outputs[step.id] = _promised(processor, params, guard(processor))
                if self.picked is not None and self.picked.step == step.id:
                    _output_type(self.picked, outputs[step.id])
            checked.append(Checked(step, params, needs))
        if source_type is not None and not any(known(one.processor).accepts for one in self.steps if not one.source):
            names = ", ".join(one.step.processor for one in checked)
            raise InvalidPlan(f"{names} does not take a source.", hint="Leave the source out.")
        return checked

    @contextlib.contextmanager
    def _marking(self, step: Step) -> Iterator[None]:
        """Mark the step in every `InvalidInput` that is raised in the block."""
        try:
            yield
        except InvalidInput as error:
            raise InvalidPlan(self._marked(error.message, step), hint=error.hint) from error

    def _chain(self, step: Step, steps: Mapping[str, Step], done: Mapping[str, Step]) -> list[Step]:
        """A step and those that it reads from, back to one that is already ordered or reads from none."""
        chain: dict[str, Step] = {}
        while step.id not in done:
            if step.id in chain:
                above = list(chain)
                around = above[above.index(step.id) :]
                circle = " → ".join([*around[:MOST_STEPS], *(["…"] if around[MOST_STEPS:] else []), step.id])
                raise InvalidPlan(self._marked(f"The plan contains a cycle: {circle}.", step))
            chain[step.id] = step
            if step.source is None:
                break
            if step.source.step not in steps:
                known = listed(steps)
                message = f"Step {quoted(step.id)} reads from {quoted(step.source)}, which is not a step of the plan."
                raise InvalidPlan(self._marked(message, step), hint=f"Steps: {known}.")
            step = steps[step.source.step]
        return list(chain.values())

    def _marked(self, message: str, step: Step) -> str:
        return mark(message, self.expression, *step.place) if step.place else f"Step {quoted(step.id)}: {message}"


def alone(error: InvalidPlan) -> InvalidInput:
    """The error of a plan's only step, for callers who gave a processor instead of a plan."""
    cause = error.__cause__ or error
    if isinstance(cause, InvalidInput) and not isinstance(cause, InvalidPlan):
        return cause
    return InvalidInput(error.message, hint=error.hint)


def mark(message: str, expression: str, start: int, end: int) -> str:
    """The message, with the expression below it and the place underlined; a long expression is shortened."""
    first = max(0, start - MOST_BEFORE) if len(expression) > LONGEST_LINE else 0
    line = "".join(_one_cell(character) for character in expression[first : first + LONGEST_LINE])
    before = "…" if first else ""
    after = "…" if first + LONGEST_LINE < len(expression) else ""
    marks = "^" * max(1, min(end - first, LONGEST_LINE) - (start - first))
    return f"{message}\n  {before}{line}{after}\n  {' ' * (len(before) + start - first)}{marks}"


def _one_cell(character: str) -> str:
    """A character as it is shown above the marks, which count characters."""
    return character if character.isprintable() else " " if character.isspace() else "\ufffd"


def _stages(expression: str) -> list[tuple[int, int]]:
    """Start and end of each stage between the pipes; a pipe inside quotes does not end a stage."""
    if not expression.strip():
        raise InvalidPlan("The plan is empty.", hint="Write one such as: audio.separate:vocals | audio.transcribe")
    bounds, start, quote = [], 0, ""
    for position, character in enumerate(expression):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "|":
            bounds.append((start, position))
            start = position + 1
    bounds.append((start, len(expression)))
    return bounds


def _step(expression: str, start: int, end: int, taken: dict[str, int], source: Ref | None) -> tuple[Step, str | None]:
    text = expression[start:end]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    matched = STEP.fullmatch(text)
    if not matched:
        message = f"{quoted(text)} is not a step." if text else "A step is missing here."
        hint = "Write a processor, an output, parameters: audio.separate:vocals shifts=2"
        raise InvalidPlan(mark(message, expression, start, start + len(text)), hint=hint)
    try:
        params = _assignments(matched["params"])
    except InvalidInput as error:
        at = start + matched.start("params") + 1
        raise InvalidPlan(mark(error.message, expression, at, start + len(text)), hint=error.hint) from None
    name = matched["processor"]
    verb = name.rpartition(".")[2]
    step_id = _free_id(verb, taken)
    place = (start, start + len(text.split(None, 1)[0]))
    return Step(id=step_id, processor=name, params=params, source=source, place=place), matched["output"]


def _free_id(verb: str, taken: dict[str, int]) -> str:
    """An unused id, added to `taken`, which has the last number that was tried for each id."""
    number, free = taken.get(verb, 1), verb
    while free in taken:
        number += 1
        free = f"{verb}{number}"
    taken[verb] = number
    taken.setdefault(free, 1)
    return free


def _assignments(text: str) -> dict[str, JsonValue]:
    try:
        words = shlex.split(text)
    except ValueError:
        raise InvalidInput("A quote is opened but not closed.") from None
    params: dict[str, JsonValue] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise InvalidInput(f"{quoted(word)} is not a parameter.", hint="Write name=value.")
        params[name] = value
    return params


def needed(processor: Processor[Any, Any], params: Params, source: Artifact | None, guard: Guard) -> Needs:
    """The needs of a run. Raises `PluginError` if the processor fails to return them."""
    if type(processor).needs is Processor.needs:
        return Needs()
    what = f"'needs' of processor '{processor.name}'"
    return guard.expect(what, guard.call(what, processor.needs, params, source), Needs)


def _promised(processor: Processor[Any, Any], params: Params, guard: Guard) -> Mapping[str, str]:
    """The outputs of a run. Raises `PluginError` if the processor fails to return names with media types."""
    if type(processor).outputs is Processor.outputs:
        return {}
    what = f"'outputs' of processor '{processor.name}'"
    promised = guard.expect(what, guard.call(what, _plain, processor.outputs, params), dict)
    if wrong := wrong_outputs(promised):
        raise guard.refusal(what, f"returned '{shown(wrong)}', which are not names with media types")
    return promised


def _plain(outputs: Callable[[Any], Any], params: Params) -> Any:
    """What a processor returns; another mapping as a dictionary."""
    given = outputs(params)
    return dict(given) if isinstance(given, Mapping) else given


def _read_from(step: Step, given: Mapping[str, str] | None, processor: Processor[Any, Any]) -> Step:
    """The step with the name of the output it reads, if one of several outputs has the preferred media type."""
    if given is None or step.source is None or step.source.output is not None or len(given) == 1:
        return step
    welcome = ([name for name, kind in given.items() if accepted(kind, (one,))] for one in processor.accepts)
    best = next(filter(None, welcome), [])
    if len(best) != 1:
        return step
    return step.model_copy(update={"source": Ref(step=step.source.step, output=best[0])})


def _check_source(processor: Processor[Any, Any], step: Step, source_type: str | None) -> None:
    """Check that a step has a source of an accepted type."""
    if not processor.accepts:
        if step.source is not None:
            raise InvalidPlan(f"{processor.name} does not take a source, but the plan gives it one.")
        return
    fits = processor.source_optional if source_type is None else accepted(source_type, processor.accepts)
    if not fits:
        raise _unfit_source(processor, source_type)


def _unfit_source(processor: Processor[Any, Any], source_type: str | None) -> InvalidPlan:
    from avstudio_core.media_types import in_words

    wanted = in_words(processor.accepts)
    if source_type is None:
        return InvalidPlan(f"{processor.name} needs a source.", hint=f"Give it {wanted}.")
    return InvalidPlan(f"{processor.name} cannot read '{source_type}'.", hint=f"It reads {wanted}.")


def _output_type(source: Ref, given: Mapping[str, str]) -> str:
    output = source.output or (next(iter(given)) if len(given) == 1 else None)
    if output in given and output is not None:
        return given[output]
    if not given:
        raise InvalidPlan(f"Step {quoted(source.step)} makes no files, so no step can read from it.")
    made = ", ".join(given)
    if source.output is None:
        message = f"Step {quoted(source.step)} makes several files: {made}."
        raise InvalidPlan(
            message, hint=f"Name the one to read, such as {quoted(f'{source.step}:{next(iter(given))}')}."
        )
    hint = did_you_mean(source.output, given) or f"It makes: {made}."
    raise InvalidPlan(f"Step {quoted(source.step)} does not make {quoted(source.output)}.", hint=hint)
