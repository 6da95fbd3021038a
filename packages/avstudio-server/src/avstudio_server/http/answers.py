"""How an application answers with errors: every one is a problem document."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, ValidationException, WebSocketRequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from avstudio_core.errors import AVStudioError
from avstudio_core.names import is_secret
from avstudio_core.quotes import quoted
from avstudio_core.validation import MOST_SAID, rule_of, told
from avstudio_server.http.problems import ADDRESSES, INTERNAL, SEE, headers_of, problem, problem_of, written

log = logging.getLogger("avstudio.http")
CODES = {
    400: "bad_request",
    404: "no_route",
    405: "method_not_allowed",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_coding",
    416: "no_range",
}
"""Codes of errors that have no class, because they concern HTTP alone."""
HINTS = {412: "Get it again.", 413: "Send less in one request.", 415: "Send it as it is."}


def answer(request: HTTPConnection, document: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """A problem as a response."""
    status, media_type, body = written(request.url.path, document)
    return Response(body, status, headers=headers, media_type=media_type)


def request_id(request: HTTPConnection) -> str:
    return str(getattr(request.state, "request_id", ""))


def add_error_answers(app: FastAPI) -> None:
    """Make an application answer with problem documents."""
    answers: dict[type[Exception], Callable[[Any, Any], Response]] = {
        AVStudioError: _error,
        RequestValidationError: _invalid,
        WebSocketRequestValidationError: _invalid,
        HTTPException: _http,
        ClientDisconnect: _gone,
        Exception: _unexpected,
    }
    for kind, made in answers.items():
        handler: Any = partial(_answered, made)
        app.add_exception_handler(kind, handler)


async def _answered(
    made: Callable[[Any, Any], Response], connection: HTTPConnection, error: Exception
) -> Response | None:
    """The answer to a request; a WebSocket that was not opened is refused with it here, and an open one is closed."""
    found = made(connection, error)
    if isinstance(connection, WebSocket):
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            if connection.application_state is WebSocketState.CONNECTING:
                await connection.send_denial_response(found)
            else:
                await connection.close(1011)
        return None
    return found


def _error(request: HTTPConnection, error: AVStudioError) -> Response:
    return answer(request, problem_of(error, request_id(request)), headers_of(error))


def _invalid(request: HTTPConnection, error: ValidationException) -> Response:
    every = error.errors()
    first: list[Any] = [_fault(one) for one in every[:MOST_SAID]]
    faults = [{"field": quoted(_place(one))[1:-1], "message": rule_of(one)} for one in first]
    named: dict[str, Any] = {"request_id": request_id(request), "param": _field(error), "errors": faults}
    detail = told(first, len(every)) or "The request is not valid."
    return answer(request, problem(422, "invalid_params", detail, hint=SEE, **named))


def _fault(one: dict[str, Any]) -> dict[str, Any]:
    """An error that does not repeat a secret."""
    return one | {"input": "…"} if any(is_secret(str(part)) for part in one["loc"]) else one


def _place(one: dict[str, Any]) -> str:
    return ".".join(map(str, one["loc"]))


def _field(error: ValidationException) -> str | None:
    """The field with the first error, such as `messages[0]`; `None` if it is the body itself."""
    place = next(iter(error.errors()), {"loc": ()})["loc"][1:3]
    if not place or not isinstance(place[0], str):
        return None
    field = quoted(place[0])[1:-1]
    return f"{field}[{place[1]}]" if len(place) > 1 and isinstance(place[1], int) else field


def _http(request: Request, error: HTTPException) -> Response:
    code = CODES.get(error.status_code, "http_error")
    detail, hint = _told(request, error)
    document = problem(error.status_code, code, detail, hint=hint, request_id=request_id(request))
    return answer(request, document, dict(error.headers or {}))


def _told(request: Request, error: HTTPException) -> tuple[str, str]:
    """What is wrong, and what to do."""
    path = request.url.path
    if error.status_code == 404:
        return f"{quoted(path)} is not an address of this server.", ADDRESSES
    if error.status_code == 405:
        hint = f"It has: {(error.headers or {}).get('Allow', '')}."
        return f"{quoted(path)} does not have the method {quoted(request.method)}.", hint
    return f"{request.method} {path}: {error.detail}.", HINTS.get(error.status_code, "")


def _gone(request: Request, error: ClientDisconnect) -> Response:
    """Nobody reads this answer: the client has gone before its request was complete."""
    return answer(request, problem(400, "bad_request", "The request is not complete.", request_id=request_id(request)))


def _unexpected(request: HTTPConnection, error: Exception) -> Response:
    log.error("The request for %s failed", request.url.path, exc_info=error)
    detail, hint = "The server failed to answer this request.", "Its log has the cause, under the request's id."
    return answer(request, problem(500, INTERNAL, detail, hint=hint, request_id=request_id(request)))
