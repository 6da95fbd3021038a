"""Routers: they choose which model answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from avstudio_core.chat import Wishes
from avstudio_core.route_decision import Candidate, RouteDecision


class Router(ABC):
    """Chooses from candidates; it is pure: it calls no server and spends nothing."""

    name: ClassVar[str]

    @abstractmethod
    def route(self, wishes: Wishes, candidates: Sequence[Candidate]) -> RouteDecision:
        """Choose from the candidates without an obstacle, with a reason for each that is not chosen.

        Raises `NoModel` if none of them may answer.
        """
