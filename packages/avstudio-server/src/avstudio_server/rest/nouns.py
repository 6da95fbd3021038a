"""The routers of REST: one for each noun, all below one prefix."""

from __future__ import annotations

from fastapi import APIRouter

from avstudio_server.rest.documents import PROBLEMS

PREFIX = "/api/v1"


def routes_of(noun: str, tag: str = "") -> APIRouter:
    """A router for `/api/v1/<noun>`, whose operations may all answer with a problem."""
    return APIRouter(prefix=f"{PREFIX}/{noun}", tags=[tag or noun], responses=PROBLEMS)
