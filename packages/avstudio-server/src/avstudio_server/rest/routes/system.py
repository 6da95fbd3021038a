"""The server itself: whether it is alive and ready, and what it can do."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, JsonValue
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from avstudio_server.http.caller import CallerSession
from avstudio_server.rest.documents import UNCHANGED, document, tagged
from avstudio_server.rest.metrics import Metrics
from avstudio_server.rest.nouns import PREFIX, routes_of
from avstudio_server.rest.pages import MOST
from avstudio_server.rest.run_query import LONGEST_WAIT
from avstudio_server.views.capabilities import capabilities_data, language_model_names
from avstudio_server.views.health import health_data

if TYPE_CHECKING:
    from avstudio_core import Studio
    from avstudio_server.http.guard import Entrance

PUBLIC = frozenset({f"{PREFIX}/system/health/live", f"{PREFIX}/system/health/ready"})
"""The paths that need no key."""
OPEN: dict[str, Any] = {"security": []}
"""How an operation that needs no key is described."""
REMEMBERED_SECONDS = 1.0
"""How long the answer about the health is remembered, since anybody may ask."""


class Alive(BaseModel):
    """That the server answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether the server can work."""

    status: Literal["ready", "not_ready"]


class Component(BaseModel):
    """A part of the server."""

    ok: bool
    problem: str = Field(description="Why it does not work; empty if it does.")
    facts: dict[str, JsonValue]


class SystemHealth(Readiness):
    """Whether the server can work, by component."""

    components: dict[str, Component]


class Capabilities(BaseModel):
    """What the server can do."""

    version: str
    processors: dict[str, dict[str, JsonValue]] = Field(description="The declaration of each processor, by name.")
    language_models: list[str] = Field(description="Those that can be used now, if the key may use them.")
    weights: dict[str, list[str]] = Field(description="The names of weights by family, the best first.")
    interfaces: dict[str, dict[str, JsonValue]]
    agents: dict[str, dict[str, JsonValue]]
    event_types: dict[str, str] = Field(description="What each type of events means.")
    limits: dict[str, JsonValue] = Field(description="Sizes in bytes or MB, times in seconds; 0 sets no limit.")
    scopes: list[str] = Field(description="The scopes that a key may have.")


class Checks:
    """Looks at a studio's health at most once a second."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._looking = threading.Lock()
        self._until = 0.0

    def health(self) -> SystemHealth:
        with self._looking:
            if time.monotonic() >= self._until:
                parts = {name: Component.model_validate(one) for name, one in health_data(self._studio).items()}
                ready = all(one.ok for one in parts.values())
                self._found = SystemHealth(status="ready" if ready else "not_ready", components=parts)
                self._until = time.monotonic() + REMEMBERED_SECONDS
            return self._found


def _answer(found: Readiness) -> Response:
    return document(found, 200 if found.status == "ready" else 503)


def system_routes(studio: Studio, entrance: Entrance) -> APIRouter:
    """The routes below `/system` that tell about the server."""
    router, checks = routes_of("system"), Checks(studio)
    limits, scopes = _limits(studio, entrance), sorted(studio.principal.scopes)

    @router.get("/health/live", openapi_extra=OPEN)
    async def live() -> Alive:
        """Whether the process answers. It needs no key."""
        return Alive()

    @router.get("/health/ready", response_model=Readiness, responses={503: {"model": Readiness}}, openapi_extra=OPEN)
    def ready() -> Response:
        """Whether the server can work; 503 if it cannot. It needs no key."""
        return _answer(Readiness(status=checks.health().status))

    @router.get("/health", response_model=SystemHealth, responses={503: {"model": SystemHealth}})
    def health(session: CallerSession) -> Response:
        """The state of each component; 503 if one does not work."""
        session.principal.require("read")
        return _answer(checks.health())

    @router.get("/capabilities", response_model=Capabilities, responses=UNCHANGED)
    def capabilities(request: Request, session: CallerSession) -> Response:
        """What the server can do: processors with their schemas, models, agents, limits."""
        session.principal.require("read")
        found: dict[str, Any] = capabilities_data(studio)
        found["limits"] |= limits
        models = language_model_names(session)
        return tagged(request, Capabilities(**found, language_models=models, scopes=scopes))

    metrics = Metrics(studio, entrance.requests)

    @router.get("/metrics", response_class=PlainTextResponse)
    def figures(session: CallerSession) -> Response:
        """Figures in the format of Prometheus. Needs the scope `admin`, since they are about all owners."""
        session.principal.require("admin")
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def _limits(studio: Studio, entrance: Entrance) -> dict[str, Any]:
    """The limits of requests."""
    return {
        "document_bytes": entrance.sizes.document,
        "upload_bytes": studio.settings.upload_mb << 20,
        "requests_per_minute": entrance.limits.per_minute,
        "wait_seconds": LONGEST_WAIT,
        "page": MOST,
    }
