"""What a step reads: whether its source exists, and is of a type that it accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avstudio_core.artifact import accepted
from avstudio_core.errors import InvalidPlan
from avstudio_core.kinds.processor import Processor
from avstudio_core.nearest import did_you_mean
from avstudio_core.plans.plan import Step
from avstudio_core.plans.references import Ref
from avstudio_core.quotes import quoted


def read_from(step: Step, given: Mapping[str, str] | None, processor: Processor[Any, Any]) -> Step:
    """The step with the name of the output it reads, if one of several outputs has the preferred media type."""
    if given is None or step.source is None or step.source.output is not None or len(given) == 1:
        return step
    welcome = ([name for name, kind in given.items() if accepted(kind, (one,))] for one in processor.accepts)
    best = next(filter(None, welcome), [])
    if len(best) != 1:
        return step
    return step.model_copy(update={"source": Ref(step=step.source.step, output=best[0])})


def check_source(processor: Processor[Any, Any], step: Step, source_type: str | None) -> None:
    """Check that a step has a source of an accepted type."""
    if not processor.accepts:
        if step.source is not None:
            raise InvalidPlan(f"{processor.name} does not take a source, but the plan gives it one.")
        return
    fits = processor.source_optional if source_type is None else accepted(source_type, processor.accepts)
    if not fits and source_type != "":
        raise _unfit_source(processor, source_type)


def _unfit_source(processor: Processor[Any, Any], source_type: str | None) -> InvalidPlan:
    from avstudio_core.media_types import in_words

    wanted = in_words(processor.accepts)
    if source_type is None:
        return InvalidPlan(f"{processor.name} needs a source.", hint=f"Give it {wanted}.")
    return InvalidPlan(f"{processor.name} cannot read '{source_type}'.", hint=f"It reads {wanted}.")


def output_type(source: Ref, given: Mapping[str, str]) -> str:
    output = source.output or (next(iter(given)) if len(given) == 1 else None)
    if output in given and output is not None:
        return given[output]
    if not given:
        hint = "Let the next step read something else, such as source=@source."
        raise InvalidPlan(f"Step {quoted(source.step)} makes no files, so no step can read from it.", hint=hint)
    made = ", ".join(given)
    if source.output is None:
        message = f"Step {quoted(source.step)} makes several files: {made}."
        one = next(iter(given))
        hint = f"Name the one to read: ':{one}' after the processor, or '{source.step}.{one}' in a reference."
        raise InvalidPlan(message, hint=hint)
    hint = did_you_mean(source.output, given) or f"It makes: {made}."
    raise InvalidPlan(f"Step {quoted(source.step)} does not make {quoted(source.output)}.", hint=hint)
