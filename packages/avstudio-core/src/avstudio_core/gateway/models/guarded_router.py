"""Guarded calls to routers: an exception, or a result that is not a decision, becomes an error naming the plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from avstudio_core.chat import Wishes
from avstudio_core.kinds.router import Router
from avstudio_core.plugins import Plugins
from avstudio_core.route_decision import Candidate, RouteDecision


class GuardedRouter(Router):
    """Calls a router. Raises `PluginError` if it cannot be created, or returns no decision."""

    name: ClassVar[str] = "guarded"

    def __init__(self, plugins: Plugins, name: str) -> None:
        kind: type[Router] = plugins.find("routers", name)
        self._guard = plugins.guard(kind)
        self._router = plugins.make(kind)
        self._what = f"'route' of router '{name}'"

    def route(self, wishes: Wishes, candidates: Sequence[Candidate]) -> RouteDecision:
        decision = self._guard.call(self._what, self._router.route, wishes, candidates)
        return self._guard.expect(self._what, decision, RouteDecision)
