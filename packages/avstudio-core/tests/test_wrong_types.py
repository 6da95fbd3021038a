"""Values of a wrong type: every method of a session answers them with an error of ours, and never with one of Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from avstudio_core import AVStudioError, Principal, Studio

OpenStudio = Callable[..., Studio]
WRONG: tuple[Any, ...] = (3, -1.5, b"x", "x", "\0", [], [3], [[3]], {"a": 3}, {3}, object(), float("nan"), 2**70, None)
VALID = {"processor": "exercise.wait", "digest": "d", "made": (), "before": 0.0, "after": None}
OWN_PARTS = {"close", "start", "wake", "serve", "ask", "continued", "ended", "stream"}
AFTER_ANOTHER = {"keep", "complete", "delivered", "postpone", "give_up", "switch_off", "price"}
"""These take what another method of the same noun returned."""


def nouns(studio: Studio) -> Iterator[Any]:
    anna = studio.session(Principal("anna"))
    yield from (anna, anna.tasks, anna.tasks.plans, anna.media, anna.library, anna.webhooks, anna.made_once)
    yield from (anna.projects, anna.uploads, anna.llm, studio.administration, studio.administration.outbox)
    yield from (studio.keys, studio)


def methods(noun: Any) -> Iterator[tuple[Callable[..., Any], list[inspect.Parameter]]]:
    """The methods of a noun that block, with their parameters."""
    for name in dir(type(noun)):
        found = inspect.getattr_static(type(noun), name)
        blocks = not inspect.iscoroutinefunction(found) and not inspect.isasyncgenfunction(found)
        if name[0] != "_" and name not in OWN_PARTS | AFTER_ANOTHER and isinstance(found, FunctionType) and blocks:
            _, *named = inspect.signature(found).parameters.values()
            yield getattr(noun, name), [one for one in named if one.kind is not one.VAR_KEYWORD]


def arguments(parameters: list[inspect.Parameter], wrong: inspect.Parameter, value: Any) -> inspect.BoundArguments:
    """Valid arguments, but for one."""
    bound = inspect.Signature(parameters).bind_partial()
    for one in parameters:
        usual = VALID.get(one.name, "x") if one.default is one.empty else one.default
        if one.kind is one.VAR_POSITIONAL:
            bound.arguments[one.name] = (value,) if one is wrong else ()
        else:
            bound.arguments[one.name] = value if one is wrong else usual
    return bound


def refusal(method: Callable[..., Any], given: inspect.BoundArguments) -> Exception | None:
    """The error of a call that is not one of ours; those of the database are none of the caller's business."""
    try:
        found = method(*given.args, **given.kwargs)
        if inspect.isgenerator(found):
            next(found, None)
    except AVStudioError as error:
        return error if "The database" in str(error) else None
    except Exception as error:
        return error
    return None


def test_a_wrong_type_is_an_error_that_tells_it(open_studio: OpenStudio) -> None:
    calls = [
        (method, wrong.name, value, arguments(parameters, wrong, value))
        for noun in nouns(open_studio())
        for method, parameters in methods(noun)
        for wrong in parameters
        for value in WRONG
    ]
    failed = [(method.__qualname__, *which, refusal(method, given)) for method, *which, given in calls]
    assert [one for one in failed if one[-1] is not None] == []
    assert len(calls) > 1000
