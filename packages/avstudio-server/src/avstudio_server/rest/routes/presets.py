"""Presets: files that an owner keeps under names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from avstudio_core import Preset
from avstudio_server.http.caller import CallerSession
from avstudio_server.http.named_values import Name
from avstudio_server.rest.documents import document
from avstudio_server.rest.nouns import routes_of
from avstudio_server.rest.pages import AFTER, Deleted, Limit, Next, OnlyTell

router = routes_of("presets")
Cursor = Annotated[Name | None, Query(description=AFTER)]
Named = Annotated[Name, Path(description="The name of the preset.")]


class PresetPage(BaseModel):
    """A page of presets, by name."""

    presets: list[Preset]
    next: Next


class PresetFile(BaseModel):
    """What is kept."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(description="The id of an artifact, or a path on the server where that is allowed.")


@router.get("", response_model=PresetPage)
def find(session: CallerSession, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The caller's presets, by name."""
    page = session.presets.page(limit, after=cursor)
    return document(PresetPage(presets=page.items, next=page.next))


@router.get("/{name:path}", response_model=Preset)
def show(name: Named, session: CallerSession) -> Response:
    """A preset, and the file that is kept."""
    return document(session.presets.get(name))


@router.put("/{name:path}", response_model=Preset)
def save(name: Named, given: PresetFile, session: CallerSession) -> Response:
    """Keep a copy of a file under a name, in place of the preset that had it; then `preset:NAME` is a source."""
    return document(session.presets.save(name, given.source))


@router.delete("/{name:path}", response_model=Deleted)
def delete(name: Named, session: CallerSession, dry_run: OnlyTell = False) -> Response:
    """Delete a preset. What was made with it stays. 409 if a task that has not ended needs it."""
    return document(Deleted.of(session.presets.delete(name, dry_run=dry_run)))
