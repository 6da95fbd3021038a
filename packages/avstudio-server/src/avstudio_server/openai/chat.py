"""`/v1/chat/completions`: whole or streamed answers, tools, structured answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from avstudio_core import Session
from avstudio_core.chat import ChatRequest, Delta
from avstudio_core.errors import AVStudioError
from avstudio_server.http.answers import request_id
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.problems import openai_error, problem_of
from avstudio_server.openai.chat_answer import Chunks, completion, headers
from avstudio_server.openai.chat_request import ChatCompletionRequest
from avstudio_server.openai.errors import ERRORS, about

router = APIRouter(prefix="/v1", tags=["openai"], responses=ERRORS)
STREAM = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.post("/chat/completions", response_model=dict[str, Any])
async def chat_completions(given: ChatCompletionRequest, http: Request, session: CallerSession) -> Response:
    """Answer a conversation, in OpenAI's form. The models are those of `/v1/models`; `auto` chooses one."""
    request, name = given.request(), request_id(http)
    if not given.stream:
        with about("model"):
            answer = await session.achat(request)
        return JSONResponse(completion(answer), headers=headers(answer) | given.ignored())
    with_usage = given.stream_options is not None and given.stream_options.include_usage
    lines = _streamed(session, request, name, with_usage=with_usage)
    try:
        with about("model"):
            first = await anext(lines)  # an error before the answer begins has a status of its own
    except BaseException:
        await lines.aclose()
        raise
    return StreamingResponse(_joined(first, lines), headers=STREAM | given.ignored(), media_type="text/event-stream")


async def _joined(first: bytes, rest: Any) -> AsyncIterator[bytes]:
    async with aclosing(rest):
        yield first
        async for line in rest:
            yield line


async def _streamed(session: Session, request: ChatRequest, name: str, *, with_usage: bool) -> Any:
    """The lines of a stream. An error after its beginning is its last line."""
    chunks, begun = Chunks(name, request.model), False
    try:
        if request.answer_schema is not None:  # an answer that may be repaired is not streamed
            answer = await session.achat(request)
            begun = True
            yield chunks.of(Delta(text=answer.text, tool_calls=answer.tool_calls))
        else:
            stream = session.stream(request)
            async with aclosing(aiter(stream)) as pieces:  # type: ignore[type-var]
                async for delta in pieces:
                    begun = True
                    yield chunks.of(delta)
            answer = stream.answer
        yield chunks.end(answer, with_usage=with_usage)
    except AVStudioError as error:
        if not begun:
            raise
        failed = openai_error(problem_of(error, name))
        failed["error"]["partial"] = True
        yield b"data: " + json.dumps(failed).encode() + b"\n\n"
