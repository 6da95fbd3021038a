"""The context of one request, and whether the server read the whole prompt: older servers cut it without a message."""

from __future__ import annotations

from dataclasses import dataclass

from avstudio_core import tokens
from avstudio_core.chat import ChatRequest
from avstudio_core.errors import ContextTooLong

LEAST, USUAL = 2048, 4096
"""The default contexts of older and of newer servers, in tokens."""
USUAL_ANSWER = 1024
"""The part of it that is kept for an answer without a limit."""
LEAST_SHARE = 0.6
"""The least part of our estimate that a server counts for a whole prompt."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a request needs, in tokens, and what it gets."""

    size: int | None
    """The context that is requested; `None` for the server's own."""
    needed: int
    expected: int
    """The estimated tokens of the prompt."""
    longest: int | None
    """The longest context of the model, if the server reports it."""

    @classmethod
    def of(cls, request: ChatRequest, longest: int | None, held: int | None) -> Context:
        """The context for a request; `held` is the one that the loaded model has.

        A longer one is a power of two, because each change makes the server load the model again.
        """
        needed = int(tokens.generous(request) * 1.25) + (request.max_tokens or USUAL_ANSWER)
        if needed > max(LEAST, held or 0):
            size = 1 << (needed - 1).bit_length()
            held = min(size, longest or size)
        expected = sum(tokens.estimate(message.text) for message in request.messages)
        return cls(held, needed, expected, longest)

    def doubt(self, read: int | None) -> str | None:
        """Why the server may not have read the whole prompt, or `None`. Raises `ContextTooLong` for a cut prompt."""
        if read is not None and self._is_full(read):
            message = f"Ollama read {read} tokens of the prompt and no more: the answer refers to a part of it only."
            raise ContextTooLong(message, hint="Send less, or choose another model.")
        if self.needed <= (LEAST if self.longest is None else max(LEAST, self.size or 0)):
            return None  # it fits for certain
        if read is None:
            return "Ollama does not report how much of the prompt it read: a part may be missing."
        if read < LEAST_SHARE * self.expected:
            return f"Ollama read {read} tokens of a prompt of about {self.expected}: a part may be missing."
        return None

    def _is_full(self, read: int) -> bool:
        """Whether a prompt of that length fills a context: the requested one, or one that the server uses instead."""
        sizes = {self.size} if self.size else {LEAST, USUAL}
        if self.longest is None:
            sizes |= {1 << power for power in range(LEAST.bit_length() - 1, (self.size or USUAL).bit_length())}
        return any(size - 1 <= read <= size for size in sizes)
