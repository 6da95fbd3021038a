"""Artifacts: their content, and what is known about them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from avstudio_core import Artifact
from avstudio_server.http import downloads
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.file_answer import FileAnswer
from avstudio_server.rest.documents import UNCHANGED, document, tagged
from avstudio_server.rest.nouns import routes_of
from avstudio_server.rest.pages import Deleted, OnlyTell

router = routes_of("artifacts")
BYTES = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The whole content.", "content": {"*/*": BYTES}},
    206: {"description": "The parts in the header `Range`.", "content": {"*/*": BYTES}},
    **UNCHANGED,
}


@router.get("/{artifact_id}.json", response_model=Artifact, responses=UNCHANGED)
def show(request: Request, artifact_id: str, session: CallerSession) -> Response:
    """What is known about an artifact: its name, size, type, facts, and how it was made."""
    return tagged(request, session.artifact(artifact_id))


@router.get("/{artifact_id}", response_class=Response, responses=CONTENT, operation_id="artifact_content")
@router.head("/{artifact_id}", response_class=Response, responses=CONTENT, operation_id="artifact_headers")
async def content(artifact_id: str, session: CallerSession) -> Response:
    """The content of an artifact, as a file to keep; parts of it with `Range`. Its `ETag` is its sha256."""
    found = await session.aartifact(artifact_id)
    return FileAnswer(found.path, downloads.headers(found.name, found.media_type, found.sha256))


@router.delete("/{artifact_id}", response_model=Deleted, operation_id="delete_artifact")
def delete(artifact_id: str, session: CallerSession, dry_run: OnlyTell = False) -> Response:
    """Delete an artifact. Results that name it stay. 409 if a task that has not ended needs it."""
    return document(Deleted.of(session.delete_artifact(artifact_id, dry_run=dry_run)))
