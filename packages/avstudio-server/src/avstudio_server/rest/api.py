"""The routers of `/api/v1`, and the schemas that they share."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel

from avstudio_server.http.named_values import PLACE, named_values
from avstudio_server.rest.documents import ProblemDetails
from avstudio_server.rest.processors import processor_routes
from avstudio_server.rest.routes import (
    agents,
    artifacts,
    events,
    gateway,
    library,
    llm,
    media,
    plans,
    presets,
    projects,
    tasks,
    uploads,
    webhooks,
)
from avstudio_server.rest.routes.uploads import NewUpload
from avstudio_server.rest.routes.views import view_routes

if TYPE_CHECKING:
    from avstudio_core import Catalogue

PARTS = (agents, tasks, plans, projects, presets, events, artifacts, media, library, uploads, webhooks, llm, gateway)


def api(catalogue: Catalogue, event_types: Collection[str]) -> tuple[list[APIRouter], dict[str, Any]]:
    """Everything under `/api/v1`, and the schemas that its operations refer to."""
    generated, schemas = processor_routes(catalogue.processors)
    schemas |= named_values(catalogue.processors, event_types)
    routers = [*(part.router for part in PARTS), view_routes(catalogue.processors), generated]
    return routers, schemas | {one.__name__: _schema(one) for one in (ProblemDetails, NewUpload)}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(ref_template=PLACE + "{model}")
