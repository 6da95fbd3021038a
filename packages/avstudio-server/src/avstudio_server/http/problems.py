"""Errors as `application/problem+json` (RFC 9457), with a stable `code`, a `hint` and the request's id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from avstudio_core import errors
from avstudio_core.errors import AVStudioError

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE = "application/problem+json"
INTERNAL = "internal"
SEE = "The document '/openapi.json' has the form of each request."
"""The hint of a request that is not valid, if its error has none."""
ADDRESSES = "The document '/openapi.json' has all addresses."
LONGEST = 4000
"""The most characters of a text in a problem, however much a request has that is not valid."""
OPENAI_PREFIX = "/v1/"
"""Under this path, errors have OpenAI's form."""
STATUS: Mapping[type[AVStudioError], int] = {
    errors.InvalidInput: 422,
    errors.NotFound: 404,
    errors.InUse: 409,
    errors.TooLarge: 413,
    errors.KeyRefused: 401,
    errors.NotAllowed: 403,
    errors.EgressRefused: 403,
    errors.OverBudget: 402,
    errors.Unavailable: 503,
    errors.MissingDependency: 501,
    errors.StorageError: 503,
    errors.CorruptFile: 500,
    errors.OutputExists: 409,
    errors.DiskFull: 507,
    errors.TaskError: 409,
    errors.TaskFailed: 500,
    errors.ModelError: 502,
    errors.RateLimited: 429,
    errors.Unsupported: 422,
    errors.ContextTooLong: 422,
    errors.RequestRefused: 422,
    errors.NoModel: 404,
    errors.EventsLost: 410,
    errors.Degraded: 422,
}
"""The status of each error; one that is not listed has that of its base class, and else 500."""
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    402: "Budget exceeded",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    410: "Gone",
    412: "Precondition failed",
    413: "Content too large",
    415: "Unsupported media type",
    416: "Range not satisfiable",
    421: "Misdirected request",
    422: "Not valid",
    429: "Too many requests",
    431: "Request header fields too large",
    500: "Internal error",
    501: "Not installed",
    502: "A language model did not answer",
    503: "Unavailable",
    507: "No space left",
}

OPENAI_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
"""The `type` of errors in OpenAI's form, by status."""


def status_of(error: AVStudioError) -> int:
    """The HTTP status of an error. A failed run has that of its cause."""
    if isinstance(error, errors.TaskFailed):
        return status_of(errors.by_code(error.base, error.message)) if error.base != error.code else 500
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def code_of(error: AVStudioError) -> str:
    """The code of an error. A failed run has that of its cause."""
    return error.cause if isinstance(error, errors.TaskFailed) else error.code


def problem(
    status: int, code: str, detail: str, *, hint: str = "", request_id: str = "", **more: Any
) -> dict[str, Any]:
    """A problem as data."""
    return {
        "type": f"urn:avstudio:error:{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": _short(detail),
        "code": code,
        "hint": _short(hint),
        "request_id": request_id,
        **more,
    }


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def problem_of(error: AVStudioError, request_id: str) -> dict[str, Any]:
    """An error as data."""
    more = {"param": error.param} if isinstance(error, errors.InvalidInput) and error.param else {}
    hint = error.hint or (SEE if isinstance(error, errors.InvalidParams) else "")
    return problem(status_of(error), code_of(error), error.message, hint=hint, request_id=request_id, **more)


def headers_of(error: AVStudioError) -> dict[str, str]:
    """The headers that go with an error: how to authenticate, when to try again."""
    if isinstance(error, errors.KeyRefused):
        return {"WWW-Authenticate": 'Bearer realm="avstudio"'}
    seconds = getattr(error, "retry_after", None)
    return {"Retry-After": str(max(1, round(seconds)))} if seconds else {}


def openai_error(document: Mapping[str, Any]) -> dict[str, Any]:
    """A problem in OpenAI's form."""
    message = f"{document['detail']} {document['hint']}".strip()
    kind = OPENAI_TYPES.get(document["status"], "invalid_request_error" if document["status"] < 500 else "server_error")
    error = {"message": message, "type": kind, "param": document.get("param"), "code": document["code"]}
    return {"error": error | {"request_id": document["request_id"]}}


def written(path: str, document: Mapping[str, Any]) -> tuple[int, str, bytes]:
    """The status, media type and body of the answer with a problem, in the form of a path."""
    if path.startswith(OPENAI_PREFIX):
        status = 400 if document["status"] == 422 else document["status"]
        return status, "application/json", json.dumps(openai_error(document)).encode()
    return document["status"], MEDIA_TYPE, json.dumps(document).encode()
