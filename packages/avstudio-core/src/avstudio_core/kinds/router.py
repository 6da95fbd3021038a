"""Choosing who answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from avstudio_core.chat import Wishes
from avstudio_core.route_decision import Candidate, RouteDecision


class Router(ABC):
    """Picks among candidates; pure: it asks nobody and spends nothing."""

    name: ClassVar[str]

    @abstractmethod
    def route(self, wishes: Wishes, candidates: Sequence[Candidate]) -> RouteDecision:
        """Choose among the candidates that have no obstacle, and name a reason for each that is not chosen.

        Raises `NoModel` when nobody may answer.
        """
