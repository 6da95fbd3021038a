"""`/v1/models`: the models that can answer now, and the names that choose one."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from avstudio_core import Session
from avstudio_core.errors import NotFound
from avstudio_server.http.caller import CallerSession
from avstudio_server.openai.errors import ERRORS
from avstudio_server.openai.transcriber import ALIASES, Transcriber
from avstudio_server.views.language_models import known_models

router = APIRouter(prefix="/v1", tags=["openai"], responses=ERRORS)
CHOOSING = ("auto", "local/auto", "auto:code", "auto:creative")
"""Names that let the router choose."""


class ListedModel(BaseModel):
    """A model in OpenAI's form."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str


class ModelList(BaseModel):
    """All models in OpenAI's form."""

    object: str = "list"
    data: list[ListedModel]


@router.get("/models")
async def models(request: Request, session: CallerSession) -> ModelList:
    """The models that can answer or transcribe now."""
    return ModelList(data=await asyncio.to_thread(_listed, session, request.app.state.transcriber))


@router.get("/models/{model_id:path}")
async def model(model_id: str, request: Request, session: CallerSession) -> ListedModel:
    """One of the models that can answer or transcribe now."""
    listed = await asyncio.to_thread(_listed, session, request.app.state.transcriber)
    found = {one.id: one for one in listed}
    if model_id not in found:
        raise NotFound.among("model", model_id, found, see="See the list of models.")
    return found[model_id]


def _listed(session: Session, transcriber: Transcriber | None) -> list[ListedModel]:
    able = {one.model.id: one.model for one in known_models(session) if one.obstacle is None and one.model.name != "*"}
    chosen = [ListedModel(id=name, owned_by="avstudio") for name in CHOOSING] if able else []
    answering = [ListedModel(id=name, owned_by=one.backend) for name, one in able.items()]
    return chosen + answering + ([] if transcriber is None else _transcribing(transcriber))


def _transcribing(found: Transcriber) -> list[ListedModel]:
    """The models of the processor that transcribes; OpenAI's names stand for the default one."""
    models = [ListedModel(id=name, owned_by=found.declaration.distribution or "avstudio") for name in found.models()]
    return models + [ListedModel(id=name, owned_by="avstudio") for name in (ALIASES if models else ())]
