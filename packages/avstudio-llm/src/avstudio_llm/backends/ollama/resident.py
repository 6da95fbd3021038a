"""A model in an Ollama server's memory, for the pool."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time

from avstudio_core import BackendHost
from avstudio_core.errors import AVStudioError, BackendDown, ModelError, Unsupported
from avstudio_llm.backends.ollama.protocol import Line, full_name
from avstudio_llm.backends.ollama.server import Server
from avstudio_llm.residents import Gone, Resident

UNLOAD_SECONDS = 10.0
"""How long the server may take to free an unused model."""


class OllamaModel(Resident):
    """A model in the server's memory; the server loads it with its first request."""

    def __init__(self, host: BackendHost, lane: str, name: str, server: Server) -> None:
        super().__init__(host, lane)
        self.name = name
        self.context: int | None = None
        """The context that we requested: another number would make the server load the model again."""
        self._server = server
        self._measured = False

    def load(self, gone: Gone) -> None:
        self.context, self._measured = None, False

    def free(self) -> bool:
        return asyncio.run(self._freed())

    def worth_keeping(self) -> bool:
        """Whether the server has answered: otherwise it has not loaded the model."""
        return self._measured

    async def measure(self) -> None:
        """Report the model's memory to the pool, once, when its first tokens have arrived."""
        if self._measured:
            return
        self._measured = True
        with contextlib.suppress(ModelError):
            if details := (await self._server.loaded()).get(full_name(self.name)):
                self.host.pool.measured(self.lane, math.ceil(details.size / (1 << 20)))

    async def _freed(self) -> bool:
        """Unload the model; return whether it is free. A server keeps a model that another client uses."""
        body = {"model": self.name, "keep_alive": 0, "stream": False}
        try:
            with contextlib.suppress(Unsupported):  # meanwhile removed from its disk
                await self._server.ask("/api/generate", Line, body, seconds=UNLOAD_SECONDS)
            until = time.monotonic() + UNLOAD_SECONDS
            while await self._server.is_loaded(self.name):
                if time.monotonic() > until:
                    return False
                await asyncio.sleep(0.05)
        except BackendDown:
            return True
        except AVStudioError:
            return False
        return True
