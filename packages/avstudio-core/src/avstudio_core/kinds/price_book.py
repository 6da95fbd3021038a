"""Prices of models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from avstudio_core.chat import Usage
from avstudio_core.language_models import Model


class PriceBook(ABC):
    """Knows prices of cloud models."""

    name: ClassVar[str]

    @abstractmethod
    def cost(self, model: Model, usage: Usage) -> int | None:
        """The cost of a usage in millionths of a dollar, rounded up; `None` if the book does not know the model."""
