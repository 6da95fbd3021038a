"""Places that keep secrets, such as keys of model providers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar


class SecretStore(ABC):
    """Keeps secrets by name, such as `OPENAI_API_KEY`. Several studios and threads may use one place.

    Its errors must not contain a value: they are logged, and shown to users.
    """

    name: ClassVar[str]
    writable: ClassVar[bool] = True
    """Whether secrets can be set in it; a vault that others look after is only read."""

    def __init__(self, home: Path) -> None:
        self.home = home
        """The data folder."""

    def obstacle(self) -> str | None:
        """Why it cannot be used here, or `None`. Fast; opens no connection."""
        return None

    @abstractmethod
    def get(self, name: str) -> str | None:
        """The value, or `None`. Raises `StorageError`."""

    def set(self, name: str, value: str) -> None:
        """Keep a value, instead of an earlier one. Raises `StorageError`."""
        raise NotImplementedError

    def delete(self, name: str) -> None:
        """Remove a value; one that is not there is not an error. Raises `StorageError`."""
        raise NotImplementedError
