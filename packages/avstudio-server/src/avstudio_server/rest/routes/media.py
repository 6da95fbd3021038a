"""Media: the files that an owner has given, as they are in the store."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from avstudio_core import MediaFile
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.named_values import ArtifactId, Name
from avstudio_server.rest.documents import UNCHANGED, document, tagged
from avstudio_server.rest.nouns import routes_of
from avstudio_server.rest.pages import AFTER, Deleted, Limit, Next, OnlyTell

router = routes_of("media")
Cursor = Annotated[ArtifactId | None, Query(description=AFTER)]


class MediaPage(BaseModel):
    """A page of media files, the newest first."""

    media: list[MediaFile]
    next: Next


@router.get("", response_model=MediaPage)
def find(
    session: CallerSession,
    limit: Limit = 50,
    cursor: Cursor = None,
    project: Annotated[Name | None, Query(description="Only files of this project.")] = None,
    path: Annotated[str | None, Query(description="Only files that came from this path, or under this name.")] = None,
) -> Response:
    """The files that were given, the newest first."""
    page = session.media.page(limit, before=cursor, project=project, path=path)
    return document(MediaPage(media=page.items, next=page.next))


@router.get("/{artifact_id}", response_model=MediaFile, responses=UNCHANGED)
def show(request: Request, artifact_id: str, session: CallerSession) -> Response:
    """A file that was given, and where it came from."""
    return tagged(request, session.media.get(artifact_id))


@router.delete("/{artifact_id}", response_model=Deleted)
def delete(artifact_id: str, session: CallerSession, dry_run: OnlyTell = False) -> Response:
    """Delete a file that was given. What was made of it stays. 409 if a task that has not ended needs it."""
    return document(Deleted.of(session.media.delete(artifact_id, dry_run=dry_run)))
