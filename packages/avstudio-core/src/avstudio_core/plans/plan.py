"""Plans: steps, and how what one makes is the input of others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Self

from pydantic import Field, JsonValue, ValidationError, field_validator

from avstudio_core.errors import InvalidPlan
from avstudio_core.kinds.processor import Processor
from avstudio_core.names import LONGEST_ID
from avstudio_core.parameters import parameters, plain
from avstudio_core.plans.expression import mark, stages
from avstudio_core.plans.references import SOURCE, Part, Ref, escaped, references
from avstudio_core.quotes import listed, quoted
from avstudio_core.validation import problems

LONGEST_PLAN = 5_000
"""The most steps of a plan: all of them are checked and stored at once."""
MOST_STEPS = 20
"""The most steps that a message names."""


class Step(Part):
    """One processor with its parameters; `source` is an earlier output, or `None` for the plan's own source.

    It starts when the steps that it reads have completed, and those in `after` have ended, with or without a result.
    A parameter may refer to what an earlier step makes: `"@separate.vocals"`, or a `Ref`. A parameter that is a file
    is a path or the id of an artifact.
    """

    id: str = Field(pattern=r"^[A-Za-z_][\w\-]*$", max_length=LONGEST_ID)
    processor: str
    params: dict[str, JsonValue] = Field(default={})
    source: Ref | None = None
    after: tuple[str, ...] = ()
    place: tuple[int, int] | None = Field(default=None, exclude=True, repr=False)

    @field_validator("id")
    @classmethod
    def _named(cls, name: str) -> str:
        if name == SOURCE:
            raise ValueError("a step cannot have this id: it means the source of the plan")
        return name

    @field_validator("processor")
    @classmethod
    def _registered(cls, name: str) -> str:
        """The name itself; commands and routes write it with hyphens."""
        return name.replace("-", "_")

    @field_validator("source")
    @classmethod
    def _read(cls, source: Ref | None) -> Ref | None:
        return None if source is not None and source.step == SOURCE else source

    @field_validator("params", mode="before")
    @classmethod
    def _written(cls, params: Any) -> Any:
        """The parameters with every `Ref` as text."""
        return {name: _with_text(value) for name, value in params.items()} if isinstance(params, dict) else params

    @classmethod
    def of(cls, processor: Processor[Any, Any], params: Mapping[str, Any]) -> Self:
        """A step of its own, with parameters as text or values; text that begins with `@` refers to nothing."""
        given = plain(params)
        written = {name: escaped(value) for name, value in given.items()}
        try:
            return cls(id=processor.name.rpartition(".")[2], processor=processor.name, params=written)
        except InvalidPlan:
            parameters(processor, given)  # what is not JSON is refused in the words of the declaration
            raise

    def reads(self) -> list[Ref]:
        """What it reads of earlier steps: its source, and what its parameters refer to."""
        return [ref for ref in (self.source, *self.named()) if ref is not None and ref.step != SOURCE]

    def named(self) -> list[Ref]:
        """What its parameters refer to."""
        return [found for value in self.params.values() for found in references(value)]


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
        items of a list; `name=@step.output` refers to what an earlier step makes. `source=@step.output` reads something
        else than the step before, and `source=@source` what the plan was given. Raises `InvalidPlan` with the place
        marked.
        """
        if not isinstance(expression, str):
            raise InvalidPlan(f"{quoted(expression)} is not a plan.", hint="Give an expression or a Plan.")
        steps: list[Step] = []
        taken = {SOURCE: 1}
        source: Ref | None = None
        for stage in stages(expression):
            step_id = free_id(stage.processor.rpartition(".")[2], taken)
            read = stage.read(expression) or source
            params = {name: value for name, value in stage.params.items() if name != SOURCE}
            steps.append(Step(id=step_id, processor=stage.processor, params=params, source=read, place=stage.place))
            source = Ref(step=step_id, output=stage.output)
        return cls(steps=tuple(steps), expression=expression, picked=source if source and source.output else None)

    @property
    def text(self) -> str:
        """The plan as it was written: the expression, or JSON; empty for one step, which is only a task."""
        written = self.expression or self.model_dump_json(exclude_defaults=True)
        return written if len(self.steps) > 1 or self.expression else ""

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The JSON form: `{"steps": [{"id", "processor", "params", "source": "separate.vocals"}]}`."""
        if not isinstance(text, str | bytes | bytearray):
            raise InvalidPlan(f"{quoted(text)} is not a plan.", hint="Give JSON as text.")
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise InvalidPlan(f"The plan is not valid: {problems(error)}") from None

    def ordered(self, done: Collection[str] = ()) -> list[Step]:
        """The steps, each after those that it reads from; they may also read from steps that are `done`.

        Raises `InvalidPlan` for a cycle, an unknown step, or too many steps.
        """
        if len(self.steps) > LONGEST_PLAN:
            raise InvalidPlan(f"The plan has {len(self.steps)} steps.", hint=f"Give at most {LONGEST_PLAN} at a time.")
        steps = {step.id: step for step in self.steps}
        if len(steps) < len(self.steps):
            twice = next(step.id for step in self.steps if steps[step.id] is not step)
            message = f"Two steps of the plan have the id {quoted(twice)}."
            raise InvalidPlan(message, hint="Give each step an id of its own.")
        if len(steps) == 1 and not self.steps[0].reads() and not self.steps[0].after:  # most plans
            return [*self.steps]
        graph: TopologicalSorter[str] = TopologicalSorter()
        for step in self.steps:
            graph.add(step.id, *self._needed(step, steps, done))
        try:
            return [steps[name] for name in graph.static_order() if name in steps]
        except CycleError as error:
            around = error.args[1][::-1]
            circle = " → ".join([*around[: MOST_STEPS + 1], *(["…"] if around[MOST_STEPS + 1 :] else [])])
            raise InvalidPlan(self.marked(f"The plan contains a cycle: {circle}.", steps[around[0]])) from None

    def marked(self, message: str, step: Step) -> str:
        """A message about a step, with its place in the expression."""
        if step.place:
            return mark(message, self.expression, *step.place)
        name = f"Step {quoted(step.id)}"
        return message if message.startswith(f"{name} ") else f"{name}: {message}"

    def _needed(self, step: Step, steps: Mapping[str, Step], done: Collection[str]) -> Iterator[str]:
        """The steps that come before a step. Raises `InvalidPlan` for an unknown one."""
        verbs = {str(ref): ("reads from", ref.step) for ref in step.reads()}
        for name, (verb, needed) in {**{one: ("waits for", one) for one in step.after}, **verbs}.items():
            if needed not in steps and needed not in done:
                message = f"Step {quoted(step.id)} {verb} {quoted(name)}, which is not a step of the plan."
                raise InvalidPlan(self.marked(message, step), hint=f"Steps: {listed([*steps, *done])}.")
            yield needed


def free_id(verb: str, taken: dict[str, int]) -> str:
    """An unused id, added to `taken`, which has the last number that was tried for each id."""
    number, free = taken.get(verb, 1), verb
    while free in taken:
        number += 1
        free = f"{verb}{number}"
    taken[verb] = number
    taken.setdefault(free, 1)
    return free


def _with_text(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_with_text(one) for one in value]
    return escaped(value) if isinstance(value, Ref) else value
