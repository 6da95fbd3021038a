"""A model in an Ollama server's memory, as the pool sees it."""

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
"""How long the server may take to free a model that nothing uses."""


class OllamaModel(Resident):
    """A model in the server's memory; the server loads it with its first question."""

    def __init__(self, host: BackendHost, lane: str, name: str, server: Server) -> None:
        super().__init__(host, lane)
        self.name = name
        self.context: int | None = None
        """What we told the server to provide for: another number would have it load the model anew."""
        self._server = server
        self._measured = False

    def load(self, gone: Gone) -> None:
        self.context, self._measured = None, False

    def free(self) -> bool:
        return asyncio.run(self._freed())

    def worth_keeping(self) -> bool:
        """A server that has not answered has loaded nothing."""
        return self._measured

    async def measure(self) -> None:
        """Tell the pool, once, what the model takes in the server's memory; asked for with its first words."""
        if self._measured:
            return
        self._measured = True
        with contextlib.suppress(ModelError):
            if details := (await self._server.loaded()).get(full_name(self.name)):
                self.host.pool.measured(self.lane, math.ceil(details.size / (1 << 20)))

    async def _freed(self) -> bool:
        """A server that is gone holds nothing; one that uses the model for somebody else keeps it."""
        body = {"model": self.name, "keep_alive": 0, "stream": False}
        try:
            with contextlib.suppress(Unsupported):  # removed from its disk meanwhile
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
