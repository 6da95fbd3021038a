"""What models cost."""

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
        """Millionths of a dollar for that usage, rounded up; `None` where the book does not know the model."""
