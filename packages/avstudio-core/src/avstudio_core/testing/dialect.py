"""How the servers of a backend speak, for tests: a dialect makes what a server would send."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core.chat import Reply
    from avstudio_core.testing.model_server import Heard, Sent


class Dialect(ABC):
    """How the servers of a backend speak. `Reply` holds what the model says, in our words."""

    version = "/v1"
    """What the base URL ends with."""
    chat_at: str
    """What the path of a chat holds."""
    models_at = "/models"
    embed_at: str | None = None
    """What the path of a request for embeddings holds; `None` for servers that make none."""

    @abstractmethod
    def models(self, *names: str) -> Sent:
        """The list of models."""

    def wants_stream(self, request: Heard) -> bool:
        """Whether a request for a chat asks for a stream."""
        return bool(request.data.get("stream"))

    @abstractmethod
    def streamed(self, reply: Reply) -> list[bytes]:
        """An answer in pieces: its first words in the first one that has any, the end in the last."""

    @abstractmethod
    def whole(self, reply: Reply) -> Sent:
        """The answer to a chat that is not streamed; for backends that always stream, the stream."""

    @abstractmethod
    def refusal(self, status: int, message: str) -> Any:
        """What comes as JSON with such a status."""

    def vectors(self, vectors: list[list[float]]) -> Sent:
        """The answer to a request for embeddings."""
        raise NotImplementedError

    def broken(self) -> bytes:
        """A piece that is not JSON."""
        return b'data: {"half": \n\n'
