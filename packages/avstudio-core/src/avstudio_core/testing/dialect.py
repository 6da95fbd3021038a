"""The protocol of a backend's servers, for tests: a dialect makes the server's messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core.chat import Reply
    from avstudio_core.testing.model_server import Heard, Sent


class Dialect(ABC):
    """The protocol of a backend's servers. `Reply` is the model's answer."""

    version = "/v1"
    """The end of the base URL."""
    chat_at: str
    """A part of the path of chat requests."""
    models_at = "/models"
    embed_at: str | None = None
    """A part of the path of requests for embeddings; `None` for servers without embeddings."""

    @abstractmethod
    def models(self, *names: str) -> Sent:
        """The list of models."""

    def wants_stream(self, request: Heard) -> bool:
        """Whether a chat request requests a stream."""
        return bool(request.data.get("stream"))

    @abstractmethod
    def streamed(self, reply: Reply) -> list[bytes]:
        """An answer as a stream: the first piece with text has its first words, and the last has the end."""

    @abstractmethod
    def whole(self, reply: Reply) -> Sent:
        """An answer that is not streamed; for backends that always stream, the stream."""

    @abstractmethod
    def refusal(self, status: int, message: str) -> Any:
        """The JSON of an error with that status."""

    def vectors(self, vectors: list[list[float]]) -> Sent:
        """The answer to a request for embeddings."""
        raise NotImplementedError

    def broken(self) -> bytes:
        """A piece that is not JSON."""
        return b'data: {"half": \n\n'
