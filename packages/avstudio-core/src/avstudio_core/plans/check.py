"""Checks a plan: a plan runs only if all its steps are valid."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from pydantic import JsonValue

from avstudio_core.artifact import Artifact, accepted
from avstudio_core.errors import InvalidInput, InvalidPlan, PluginError
from avstudio_core.guard import OURS, Guard, together
from avstudio_core.inputs import FileParameter, file_parameters
from avstudio_core.kinds.processor import Processor
from avstudio_core.parameters import items, parameters, planned
from avstudio_core.plans.declared import needed, outputs, prerequisites
from avstudio_core.plans.plan import Plan, Step, free_id
from avstudio_core.plans.references import SOURCE, Ref, escaped, literal, reference, references, renamed
from avstudio_core.plans.sources import check_source, output_type, read_from
from avstudio_core.plans.values import check_value, is_file
from avstudio_core.quotes import quoted
from avstudio_core.results import Needs, Params


class CheckedStep(NamedTuple):
    """A valid step, with its named source, its validated parameters and its needs.

    Of parameters that refer to earlier steps, files are placeholders, and values are missing.
    """

    step: Step
    params: Params
    needs: Needs
    outputs: Mapping[str, str]
    """The media types of the files that it makes, by name."""
    leads_to: str | None = None
    """The step of the plan that has this one as a prerequisite."""
    reads: str | None = None
    """What its source is: an output of an earlier step, or the `source` of the plan."""


class DoneStep(NamedTuple):
    """A step that has completed: its processor, and the media types of the files that it made, by name."""

    processor: Processor[Any, Any]
    outputs: Mapping[str, str]


class Known(Protocol):
    """Looks up a processor by name; raises `NotFound`."""

    def __call__(self, name: str, /) -> Processor[Any, Any]: ...


Guards = Callable[[object], Guard]
"""Returns the guard for calls of a plugin's object."""
DEEPEST = 10
"""The longest chain of steps of which each is a prerequisite of the next."""
MANY = 10
"""The steps for which one switch to another thread takes less time than one for each call of a processor."""
Open = Callable[[str], Artifact]
"""Returns the file of a path or of an artifact's id, which may not be in the store yet."""


def unopened(given: str) -> Artifact:
    """No file can be given. Raises `InvalidInput`."""
    raise InvalidInput(f"The file {quoted(given)} cannot be opened here.")


def check(
    plan: Plan,
    known: Known,
    source_type: str | None,
    guard: Guards = lambda made: OURS,
    opened: Open = unopened,
    done: Mapping[str, DoneStep] | None = None,
) -> list[CheckedStep]:
    """The steps of a plan in order, with validated parameters.

    `source_type` is the media type of the plan's source, or `None`; `guard` returns the guard of a processor, and
    `opened` the file that a parameter names; `done` are completed steps outside the plan to which it may refer. Raises
    `InvalidPlan`.
    """
    checker = _Checker(plan, known, source_type, guard, opened, done or {})
    return checker.checked() if len(plan.steps) < MANY else together(checker.checked)


def alone(error: InvalidPlan) -> InvalidInput:
    """The error of a plan's only step, for callers who gave a processor instead of a plan."""
    cause = error.__cause__ or error
    if isinstance(cause, InvalidInput) and not isinstance(cause, InvalidPlan):
        return cause
    return InvalidInput(error.message, hint=error.hint)


class _Checker:
    """One check of one plan; it knows what the steps so far make."""

    def __init__(
        self,
        plan: Plan,
        known: Known,
        source_type: str | None,
        guard: Guards,
        opened: Open,
        done: Mapping[str, DoneStep],
    ) -> None:
        self._plan = plan
        self._known = known
        self._source_type = source_type
        self._guard = guard
        self._opened = opened
        self._steps = {step.id: step for step in plan.steps}
        self._found: list[CheckedStep] = []
        self._done = done
        self._outputs: dict[str, Mapping[str, str]] = {name: one.outputs for name, one in done.items()}
        self._taken = dict.fromkeys(self._steps, 1)
        self._shared: dict[tuple[str, str, str], str] = {}
        """The prerequisites so far: equal ones are one step."""
        self._processors: dict[str, Processor[Any, Any]] = {name: one.processor for name, one in done.items()}

    def checked(self) -> list[CheckedStep]:
        for step in self._plan.ordered(self._done):
            self._add(step)
        reading = (one.step for one in self._found if one.step.source is None or any(map(_is_own, one.step.named())))
        if (
            self._source_type is not None
            and not self._done
            and not any(self._processors[step.id].accepts or any(map(_is_own, step.named())) for step in reading)
        ):
            names = ", ".join(one.step.processor for one in self._found)
            raise InvalidPlan(f"{names} does not take a source.", hint="Leave the source out.")
        return self._found

    def _add(self, step: Step, leads_to: str | None = None, depth: int = 0) -> None:
        """Check a step whose sources are checked, and before it the steps that must come first."""
        with self._marking(step):
            processor = self._processors[step.id] = self._known(step.processor)
            params = self._params(step, processor)
            for name, prerequisite in prerequisites(processor, params, self._guard(processor)).items():
                if name not in step.params:
                    made = self._prerequisite(step, _parsed(processor, prerequisite), depth)
                    step = step.model_copy(update={"params": {**step.params, name: f"@{made}"}})
            if step.params.keys() - self._steps[step.id].params.keys():
                params = self._params(step, processor)
            step = read_from(step, self._outputs[step.source.step] if step.source else None, processor)
        read = self._source_type
        if step.source is not None:
            with self._marking(self._choosing(step, step.source)):
                read = self._output_type(step.source)
        with self._marking(step):
            check_source(processor, step, read)
            needs = needed(processor, params, None, self._guard(processor))
            self._outputs[step.id] = outputs(processor, params, self._guard(processor))
            if self._plan.picked is not None and self._plan.picked.step == step.id:
                self._output_type(self._plan.picked)
        reads = SOURCE if step.source is None and processor.accepts and read is not None else None
        named = str(step.source) if step.source else reads
        self._found.append(CheckedStep(step, params, needs, self._outputs[step.id], leads_to, named))

    def _prerequisite(self, step: Step, before: Plan, depth: int) -> Ref:
        """Check the steps that come before a step, and read what it reads; return what the last one makes."""
        if depth == DEEPEST:
            raise PluginError(f"The prerequisites of {step.processor} do not end.")
        names: dict[str, Ref] = {SOURCE: step.source} if step.source else {}
        for one in before.steps:
            source = Ref(step=names[one.source.step].step, output=one.source.output) if one.source else step.source
            params = {name: renamed(value, names) for name, value in one.params.items()}
            work = (one.processor, json.dumps(params), str(source))
            if work not in self._shared:
                self._shared[work] = free_id(f"{step.id}-{one.id}", self._taken)
                new = Step(
                    id=self._shared[work], processor=one.processor, params=params, source=source, place=step.place
                )
                self._steps[new.id] = new
                self._add(new, step.id, depth + 1)
            names[one.id] = Ref(step=self._shared[work])
        last = names[before.steps[-1].id].step
        return Ref(step=last, output=before.picked.output if before.picked else None)

    def _params(self, step: Step, processor: Processor[Any, Any]) -> Params:
        """The parameters of a step, with its files opened, and placeholders for those that earlier steps make."""
        if not (files := file_parameters(processor.params_type)) and not step.named():
            return parameters(processor, literal_params(step))
        values: dict[str, Any] = {}
        later = []
        for name, value in step.params.items():
            if name in files:
                values[name] = self._files(name, value, files[name])
            elif isinstance(value, list) and references(value):
                message = f"The list {quoted(name)} cannot contain references: only a list of files can."
                raise InvalidPlan(message, hint=f"Refer to a whole list: {name}=@step.value.")
            elif ref := reference(value):
                check_value(processor, name, ref, self._maker(ref))
                later.append(name)
            else:
                values[name] = literal(value)
        return planned(processor, values, later) if later else parameters(processor, values)

    def _files(self, name: str, value: JsonValue, file: FileParameter) -> Any:
        """The file of a parameter, or its files. Raises `InvalidInput` for one of another media type."""
        if file.many and isinstance(value, str) and reference(value) is None:
            value = [escaped(one) for one in items(str(literal(value)))]
        if isinstance(value, list):
            return [self._file(name, one, file) for one in value]
        found = self._file(name, value, file)
        return [found] if file.many else found

    def _file(self, name: str, value: JsonValue, file: FileParameter) -> Any:
        if value is None:
            return None
        if not isinstance(value, str):
            message = f"{quoted(name)} cannot be {quoted(value)}, which is not a file."
            raise InvalidInput(message, hint="Give a path, the id of an artifact, or a reference.")
        found = self._made(ref) if (ref := reference(value)) else self._opened(str(literal(value)))
        if file.accepts and found.media_type and not accepted(found.media_type, file.accepts):
            from avstudio_core.media_types import in_words

            message = f"{quoted(name)} cannot be {quoted(value)}, whose type is '{found.media_type}'."
            raise InvalidInput(message, hint=f"Give {in_words(file.accepts)}.")
        return found

    def _made(self, ref: Ref) -> Artifact:
        """A placeholder for a file that a step will make, or for the source of the plan."""
        if ref.step == SOURCE and self._source_type is None:
            raise InvalidPlan("The plan has no source, but a step refers to it.", hint="Give it a source.")
        kind = str(self._source_type) if ref.step == SOURCE else self._output_type(ref)
        return Artifact(id="", name=str(ref), sha256="0" * 64, size=0, media_type=kind)

    def _maker(self, ref: Ref) -> Processor[Any, Any]:
        """The processor of the step to which a value refers."""
        if ref.step == SOURCE:
            raise InvalidPlan(f"{quoted(ref)} is a file, not a value.")
        return self._processors[ref.step]

    def _output_type(self, ref: Ref) -> str:
        """The media type of the file to which a reference leads; empty if only the run can tell."""
        made = self._outputs[ref.step]
        if ref.output not in made and ref.output and is_file(self._processors[ref.step], ref.output):
            return ""
        return output_type(ref, made)

    def _choosing(self, step: Step, source: Ref) -> Step:
        """The step where it is written what a step reads: in a pipe the one before it, otherwise the step itself."""
        before = self._steps.get(source.step, step)
        piped = before.place and self._plan.expression[slice(*before.place)].endswith(f":{source.output}")
        return before if piped or (before.place and source.output is None) else step

    @contextlib.contextmanager
    def _marking(self, step: Step) -> Iterator[None]:
        """Mark the step in every `InvalidInput` that is raised in the block."""
        try:
            yield
        except InvalidInput as error:
            raise InvalidPlan(self._plan.marked(error.message, step), hint=error.hint) from error


def _parsed(processor: Processor[Any, Any], prerequisite: str) -> Plan:
    """The steps of a prerequisite. Raises `PluginError`: the user did not write it."""
    try:
        plan = Plan.parse(prerequisite)
        plan.ordered()
    except InvalidPlan as error:
        raise PluginError(f"A prerequisite of {processor.name} is not valid: {error.message}") from error
    return plan


def literal_params(step: Step) -> dict[str, Any]:
    """The parameters of a step without references."""
    return {name: literal(value) for name, value in step.params.items()}


def _is_own(ref: Ref) -> bool:
    """Whether a reference means the source of the plan."""
    return ref.step == SOURCE
