"""Answers with models, written as JSON once."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from avstudio_server.http.conditions import check_match, is_known
from avstudio_server.http.problems import MEDIA_TYPE

JSON = "application/json"
_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request is refused.", "content": _CONTENT},
    "5XX": {"description": "The request failed.", "content": _CONTENT},
}
"""The problems that every route may answer with."""

UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has it already."}}


class ProblemDetails(BaseModel):
    """Why a request was refused or failed (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    request_id: str


def document(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A model as a JSON response."""
    return Response(model.model_dump_json(), status, headers=headers, media_type=JSON)


def tagged(request: Request, model: BaseModel) -> Response:
    """A model with an `ETag`; 304 if the client has it already. Raises `HTTPException` 412."""
    body = model.model_dump_json()
    tag = f'"{hashlib.blake2b(body.encode(), digest_size=12).hexdigest()}"'
    check_match(request.headers, tag)
    if is_known(request.headers, tag):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, headers={"ETag": tag}, media_type=JSON)
