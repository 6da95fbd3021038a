"""What players show of an artifact: peaks of its sound, a thumbnail. Installed processors make them, as tasks."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avstudio_core import Artifact, Declaration, Task, artifacts_in
from avstudio_core.artifact import accepted
from avstudio_core.errors import NotFound
from avstudio_server.http import downloads
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.file_answer import FileAnswer
from avstudio_server.rest.documents import document
from avstudio_server.rest.nouns import PREFIX, routes_of
from avstudio_server.rest.routes.artifacts import CONTENT
from avstudio_server.rest.run_query import Prefer, wait_seconds

if TYPE_CHECKING:
    from avstudio_core import Session

WAIT = 30.0
"""The seconds that a view may take, if the request does not say how long."""
MOST_KNOWN = 2048


class View(NamedTuple):
    """A view: a processor makes it if one of its outputs has this media type, and this name if one is given."""

    name: str
    media_type: str
    output: str | None
    summary: str

    def fits(self, output: str, media_type: str) -> bool:
        """Whether an output of a processor is this view."""
        return accepted(media_type, (self.media_type,)) and self.output in (None, output.rpartition(".")[2])


VIEWS = (
    View("peaks", "application/vnd.avstudio.peaks", None, "The peaks of its sound, for drawing a waveform."),
    View("thumbnail", "image/*", "thumbnail", "A small picture of it."),
)


def view_routes(declarations: Mapping[str, Declaration]) -> APIRouter:
    """A route for each view of an artifact."""
    router = routes_of("artifacts")
    for view in VIEWS:
        made: dict[int | str, dict[str, Any]] = {202: {"description": "It is being made: ask again.", "model": Task}}
        options: dict[str, Any] = {"operation_id": f"artifact_{view.name}", "description": view.summary}
        router.add_api_route(
            f"/{{artifact_id}}/{view.name}",
            _route(view, declarations),
            methods=["GET"],
            response_class=Response,
            responses={**CONTENT, **made},
            **options,
        )
    return router


def _route(view: View, declarations: Mapping[str, Declaration]) -> Callable[..., Coroutine[Any, Any, Response]]:
    known: OrderedDict[tuple[str | None, ...], str] = OrderedDict()

    async def route(request: Request, artifact_id: str, session: CallerSession, prefer: Prefer = "") -> Response:
        source = await session.aartifact(artifact_id)
        key = *session.principal.own, source.id
        made = await _kept(session, known.get(key))
        if made is None:
            answer = await _made(session, source, view, declarations, wait_seconds(prefer) or WAIT)
            if isinstance(answer, Task):
                headers = {"Location": f"{PREFIX}/tasks/{answer.id}", "Retry-After": "1"}
                return document(answer, 202, headers)
            made = answer
            known[key] = made.id
            if len(known) > MOST_KNOWN:
                known.popitem(last=False)
        return FileAnswer(made.path, downloads.headers(made.name, made.media_type, made.sha256))

    return route


async def _kept(session: Session, artifact_id: str | None) -> Artifact | None:
    """A view that was made before, if it has not been deleted since."""
    try:
        return await session.aartifact(artifact_id) if artifact_id else None
    except NotFound:
        return None


async def _made(
    session: Session, source: Artifact, view: View, declarations: Mapping[str, Declaration], seconds: float
) -> Artifact | Task:
    """The view of an artifact, or the task that makes it. Raises `NotFound`, and the error of the task."""
    handle = await session.asubmit(maker(view, source, declarations), source.id)
    future = asyncio.wrap_future(session.tasks.ended(handle.task_id))
    await asyncio.wait([future], timeout=seconds)
    future.cancel()
    task = await asyncio.to_thread(handle.task)
    if (failure := task.failure()) is not None:
        raise failure
    if task.result is None:
        return task
    found = artifacts_in(session.result_of(task)).items()
    return next(made for output, made in found if view.fits(output, made.media_type))


def maker(view: View, source: Artifact, declarations: Mapping[str, Declaration]) -> str:
    """The processor that makes a view of an artifact without more parameters. Raises `NotFound`."""
    for one in declarations.values():
        makes = any(view.fits(output, kind) for output, kind in one.outputs.items())
        if makes and accepted(source.media_type, tuple(one.accepts)) and not one.params.get("required"):
            return one.name
    message = f"No installed processor makes the {view.name} of '{source.media_type}'."
    raise NotFound(message, hint=f"Install a plugin with a processor that makes '{view.media_type}' of it.")
