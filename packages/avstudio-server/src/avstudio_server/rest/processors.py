"""A route for each processor, made from its declaration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avstudio_core import Plan, Step, Task
from avstudio_core.errors import InvalidPlan
from avstudio_core.plans.check import alone
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.named_values import PLACE
from avstudio_server.rest.documents import PROBLEMS, document
from avstudio_server.rest.idempotency import Key, RequestKey, earlier, submitted
from avstudio_server.rest.inputs import Arguments, arguments
from avstudio_server.rest.nouns import PREFIX
from avstudio_server.rest.openapi import as_form, lifted, with_outputs
from avstudio_server.rest.run_query import DryRun, HowToRun, Prefer, RunQuery, planned, wait_seconds

if TYPE_CHECKING:
    from avstudio_core import Declaration, Handle, Session


def path_of(processor: str) -> str:
    """`video.extract_audio` is served at `/video/extract-audio`: named as its command is."""
    return "/" + processor.replace(".", "/").replace("_", "-")


def processor_routes(declarations: dict[str, Declaration]) -> tuple[APIRouter, dict[str, Any]]:
    """A POST route for each processor, and the schemas that they refer to."""
    router, schemas = APIRouter(prefix=PREFIX, responses=PROBLEMS), dict[str, Any]()
    for declaration in declarations.values():
        described, more = operation(declaration)
        schemas |= more
        router.add_api_route(path_of(declaration.name), _route(declaration), methods=["POST"], **described)
    return router, schemas


def operation(declaration: Declaration) -> tuple[dict[str, Any], dict[str, Any]]:
    """How the route of a processor is described, and the schemas to which the description refers."""
    schema, schemas = lifted(declaration.arguments, f"{declaration.name}.params")
    result, more = lifted(declaration.result, f"{declaration.name}.result")
    body = {"schema": with_outputs(schema, declaration.inputs), "examples": _examples(declaration)}
    form = {"schema": as_form(schema, declaration.inputs)}
    codes = ", ".join(f"`{code}`" for code in declaration.errors)
    task = f"{declaration.name}.task"
    schemas |= more | {task: {"allOf": [{"$ref": f"{PLACE}Task"}, {"properties": {"result": result}}]}}
    answers = [{"$ref": f"{PLACE}{name}"} for name in (task, DryRun.__name__)]
    described = {"application/json": {"schema": {"anyOf": answers}}}
    return {
        "operation_id": declaration.tool,
        "summary": declaration.summary,
        "description": f"{declaration.description}\n\nError codes: {codes}.",
        "tags": [declaration.medium],
        "status_code": 202,
        "response_model": Task,
        "response_description": "The task is stored, and will run.",
        "responses": {200: {"description": "The task has completed, or what a dry run says.", "content": described}},
        "openapi_extra": {
            "requestBody": {
                "content": {"application/json": body, "multipart/form-data": form},
                "required": bool(schema["required"]),
            }
        },
    }, schemas


def _examples(declaration: Declaration) -> dict[str, Any]:
    """Bodies for the requests in the declaration's examples."""
    return {
        f"example{number}": {"summary": one["request"], "value": one["params"]}
        for number, one in enumerate(declaration.examples, start=1)
    }


def _route(declaration: Declaration) -> Callable[..., Coroutine[Any, Any, Response]]:
    async def route(
        request: Request,
        session: CallerSession,
        how: HowToRun,
        key: Key,
        prefer: Prefer = "",
    ) -> Response:
        async with arguments(request, session, declaration) as given:
            if how.dry_run:
                plan, source = _plan(declaration, await given.named())
                would = await planned(session, plan, source, how)
                await given.discard()
                return document(would)
            if key.name is not None or how.webhook is not None:
                task, headers = await _once(session, declaration, given, how, key)
            else:
                params = await given.named()
                source = params.pop("source", None)
                task, headers = await session.asubmit(declaration.name, source, options=how.options, **params), {}
        return await answered(session, task, wait_seconds(prefer), headers)

    return route


def _plan(declaration: Declaration, params: dict[str, Any]) -> tuple[Plan, Any]:
    """The plan of one step, and its source."""
    source = params.pop("source", None)
    return Plan(steps=(Step(id=declaration.verb, processor=declaration.name, params=params),)), source


async def _once(
    session: Session, declaration: Declaration, given: Arguments, how: RunQuery, key: RequestKey
) -> tuple[Handle, Mapping[str, str]]:
    """The task that a request with a key stands for. Raises `InvalidInput`."""
    asked = key.digest(given.as_sent())
    found = await earlier(session, how, key, asked)
    if found is None:
        try:
            found = await submitted(session, *_plan(declaration, await given.named()), how, key, asked)
        except InvalidPlan as error:
            raise alone(error) from None
    if found.headers:
        await given.discard()
    return found.plan.steps[declaration.verb], found.headers


async def answered(session: Session, handle: Handle, seconds: float, more: Mapping[str, str]) -> Response:
    """200 and the task if it completes in time, and else 202. Raises the error of a task that fails in time."""
    task = await _ended(session, handle, seconds)
    headers = {"Location": f"/api/v1/tasks/{task.id}", **more}
    headers |= {"Preference-Applied": f"wait={seconds:g}"} if seconds else {}
    if seconds and (failure := task.failure()) is not None:
        raise failure
    done = seconds and task.result is not None and not task.waits_for_review
    return document(task, 200, headers) if done else document(task, 202, headers | {"Retry-After": "1"})


async def _ended(session: Session, handle: Handle, seconds: float) -> Task:
    """The task when it has ended, or after so many seconds."""
    if seconds:
        future = asyncio.wrap_future(session.tasks.ended(handle.task_id))
        await asyncio.wait([future], timeout=seconds)
        future.cancel()
    return await asyncio.to_thread(handle.task)
