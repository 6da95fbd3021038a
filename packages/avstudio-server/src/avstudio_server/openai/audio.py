"""`/v1/audio`: transcriptions and translations, by the processor that makes transcripts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from avstudio_core import Plan, Session, Step, artifacts_in
from avstudio_core.documents.transcript import MEDIA_TYPE, Transcript
from avstudio_core.errors import InvalidPlan, NotFound
from avstudio_core.plans.check import alone
from avstudio_server.http.caller import CallerSession
from avstudio_server.openai.errors import ERRORS
from avstudio_server.openai.transcriber import Transcriber
from avstudio_server.openai.transcription_answer import TranscriptionAnswer
from avstudio_server.openai.transcription_form import FILE, Sent, sent
from avstudio_server.openai.transcription_request import TranscriptionRequest, named

if TYPE_CHECKING:
    from avstudio_core import Handle

INSTALL = "Run: pip install 'avstudio-audio[whisper,whisper-base]'"
FORM = TranscriptionRequest.model_json_schema()
FORM["properties"] |= {FILE: {"type": "string", "format": "binary", "description": "The sound, or a video."}}
FORM["required"] = [FILE]
KINDS = {"application/json": "object", "text/plain": "string", "text/event-stream": "string"}
DESCRIBED: dict[str, Any] = {
    "response_model": None,
    "responses": {200: {"content": {kind: {"schema": {"type": type}} for kind, type in KINDS.items()}}},
    "openapi_extra": {"requestBody": {"content": {"multipart/form-data": {"schema": FORM}}, "required": True}},
}
router = APIRouter(prefix="/v1/audio", tags=["openai"], responses=ERRORS)


@router.post("/transcriptions", **DESCRIBED)
async def transcriptions(request: Request, session: CallerSession) -> Response:
    """Transcribe speech, in OpenAI's form. Parameters of the processor are fields, too."""
    return await _answered(request, session, "transcribe")


@router.post("/translations", **DESCRIBED)
async def translations(request: Request, session: CallerSession) -> Response:
    """Transcribe speech in English, in OpenAI's form. Parameters of the processor are fields, too."""
    return await _answered(request, session, "translate")


@router.post("/speech", response_model=None)
async def speech(session: CallerSession) -> Response:
    """Make speech of a text: not available."""
    session.principal.require("run")
    raise NotFound("No installed processor makes speech.", hint="Use another server for it.")


async def _answered(request: Request, session: Session, task: str) -> Response:
    """The transcript. Raises `NotFound` if no processor makes one."""
    session.principal.require("run")
    found: Transcriber | None = request.app.state.transcriber
    if found is None:
        raise NotFound("No installed processor transcribes.", hint=INSTALL)
    async with sent(request, session) as given:
        asked, others = TranscriptionRequest.of(given.texts)
        handle = await _submitted(session, found, asked.params(others, found, task), given)
    result = await _outcome(request, handle)
    files = [one for one in artifacts_in(result).values() if one.media_type == MEDIA_TYPE]
    transcript = Transcript.parse((await asyncio.to_thread(files[0].path.read_bytes)).decode())
    headers = {"x-avs-task": handle.task_id, "x-avs-model": str(result.effective.get("model", found.declaration.name))}
    return TranscriptionAnswer(transcript, task, result.warnings).response(asked, headers)


async def _submitted(session: Session, by: Transcriber, params: dict[str, Any], given: Sent) -> Handle:
    """The task. Raises `InvalidInput`."""
    step = Step(id=by.declaration.verb, processor=by.declaration.name, params=params)
    try:
        plan = await session.asubmit_plan(Plan(steps=(step,)), given.file)
    except InvalidPlan as error:
        raise named(alone(error), params) from None
    return plan.steps[step.id]


async def _outcome(request: Request, handle: Handle) -> Any:
    """The result of a task, which is cancelled if the client leaves. Raises its error, and `ClientDisconnect`."""
    ended, gone = asyncio.ensure_future(_result(handle)), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait([ended, gone], return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            return ended.result()
        await handle.acancel()
        raise ClientDisconnect
    finally:
        ended.cancel()
        gone.cancel()


async def _result(handle: Handle) -> Any:
    return await handle


async def _gone(request: Request) -> None:
    """Wait until the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
