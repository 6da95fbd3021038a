"""Projects: named groups of tasks and files."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel
from starlette.responses import Response

from avstudio_core import Project
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.named_values import Name
from avstudio_server.rest.documents import document
from avstudio_server.rest.nouns import routes_of
from avstudio_server.rest.pages import AFTER, Deleted, Limit, Next, OnlyTell

router = routes_of("projects")
Cursor = Annotated[Name | None, Query(description=AFTER)]
Named = Annotated[Name, Path(description="The name of the project.")]


class ProjectLine(BaseModel):
    """A project, with the numbers of its tasks and media files."""

    name: str
    tasks: int
    media: int

    @classmethod
    def of(cls, project: Project) -> ProjectLine:
        return cls(**project._asdict())


class ProjectPage(BaseModel):
    """A page of projects, by name."""

    projects: list[ProjectLine]
    next: Next


@router.get("", response_model=ProjectPage)
def find(session: CallerSession, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The projects with tasks or files, by name."""
    page = session.projects.page(limit, after=cursor)
    return document(ProjectPage(projects=[ProjectLine.of(one) for one in page.items], next=page.next))


@router.get("/{name:path}", response_model=ProjectLine)
def show(name: Named, session: CallerSession) -> Response:
    """A project: how many tasks and files it has."""
    return document(ProjectLine.of(session.projects.get(name)))


@router.delete("/{name:path}", response_model=Deleted)
def delete(name: Named, session: CallerSession, dry_run: OnlyTell = False) -> Response:
    """Delete a project with its tasks and files. 409 if one of its tasks has not ended."""
    return document(Deleted.of(session.projects.delete(name, dry_run=dry_run)))
