"""The answer of a call for the caller, with cost, decision and warnings."""

from __future__ import annotations

from pydantic import JsonValue

from avstudio_core import answer_schema
from avstudio_core.answers import ChatAnswer, Embedding
from avstudio_core.chat import ChatRequest, Vectors
from avstudio_core.errors import BadAnswer
from avstudio_core.gateway.meter import Metered
from avstudio_core.gateway.requests import longest_answer
from avstudio_core.gateway.routes import Route
from avstudio_core.language_models import Model
from avstudio_core.results import CodedWarning


def answer_of(request: ChatRequest, metered: Metered, route: Route) -> ChatAnswer:
    """The answer of a settled call."""
    reply = metered.reply
    return ChatAnswer(
        request_id=metered.request_id,
        model=metered.model.id,
        served_as=reply.model,
        usage=metered.usage,
        cost_micro=metered.cost_micro,
        decision=route.decision,
        warnings=_warnings(request, metered, route),
        text=reply.text,
        reasoning=reply.reasoning,
        tool_calls=reply.tool_calls,
        finish=reply.finish,
    )


def embedding_of(made: Vectors, metered: Metered, route: Route) -> Embedding:
    """The vectors of a settled call."""
    return Embedding(
        request_id=metered.request_id,
        model=metered.model.id,
        served_as=made.model,
        usage=metered.usage,
        cost_micro=metered.cost_micro,
        decision=route.decision,
        vectors=tuple(map(tuple, made.vectors)),
    )


def repaired(second: ChatAnswer, first: ChatAnswer, problem: str, parsed: JsonValue) -> ChatAnswer:
    """The second answer, with the usage of both and a warning about the first."""
    warning = CodedWarning(code="repaired", message=f"The first answer did not follow the schema. {problem}")
    update = {
        "parsed": parsed,
        "cost_micro": first.cost_micro + second.cost_micro,
        "usage": first.usage + second.usage,
        "warnings": (*second.warnings, warning),
    }
    return second.model_copy(update=update)


def parsed(text: str, request: ChatRequest, model: Model) -> JsonValue:
    """The answer as data. Raises `BadAnswer`, which names the model."""
    assert request.answer_schema is not None
    try:
        return answer_schema.parsed(text, request.answer_schema)
    except BadAnswer as error:
        message = f"The answer of '{model.id}' does not follow the schema. {error}"
        raise BadAnswer(message, hint="Try again, or choose another model.") from None


def _warnings(request: ChatRequest, metered: Metered, route: Route) -> tuple[CodedWarning, ...]:
    warnings = [CodedWarning(code=code, message=message) for code, message in metered.reply.warnings]
    model = metered.model
    if model.id != route.decision.chosen:
        message = f"'{route.decision.chosen}' did not answer; '{model.id}' did."
        warnings.append(CodedWarning(code="fallback", message=message))
    if not metered.ended:
        message = f"'{model.id}' did not mark its answer as complete: its end may be missing."
        warnings.append(CodedWarning(code="unfinished", message=message))
    if metered.reply.finish == "length" and (longest := longest_answer(request, model)) != request.max_tokens:
        message = f"The answer was cut off at {longest} tokens: "
        message += "give max_tokens." if request.max_tokens is None else f"no more fit the context of '{model.id}'."
        warnings.append(CodedWarning(code="cut", message=message))
    return tuple(warnings)
