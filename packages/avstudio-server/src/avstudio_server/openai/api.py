"""The routers of `/v1`."""

from __future__ import annotations

from fastapi import APIRouter

from avstudio_server.openai import audio, chat, embeddings, models


def api() -> list[APIRouter]:
    """Everything under `/v1`."""
    return [part.router for part in (chat, embeddings, models, audio)]
