"""The backend `ollama`: an Ollama server; if it runs on this machine, the model pool controls its memory."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Any, ClassVar

from avstudio_core import Backend, BackendConfig, BackendHost, Can, Model, Needs
from avstudio_core.chat import ChatRequest, Delta, EmbedRequest, ModelWarning, Usage, Vectors
from avstudio_core.errors import ModelError, Unsupported
from avstudio_llm.backends.batches import embedded
from avstudio_llm.backends.ollama.context import Context
from avstudio_llm.backends.ollama.protocol import (
    Details,
    Embedded,
    Shown,
    address_of,
    chat_body,
    embed_body,
    full_name,
)
from avstudio_llm.backends.ollama.resident import OllamaModel
from avstudio_llm.backends.ollama.server import Server
from avstudio_llm.failures import unreadable
from avstudio_llm.http import address_obstacle
from avstudio_llm.keys import key_obstacle

CLOUD = "https://ollama.com"
"""The host that runs the models that a server lists but does not have on its disk."""
GRACE_SECONDS = 60
"""How much later than we would the server itself frees a model, in case the studio was killed."""


class Ollama(Backend):
    """Chat and embeddings of an Ollama server, at `base_url` or at OLLAMA_HOST."""

    name: ClassVar[str] = "ollama"
    distribution: ClassVar[str] = "avstudio-llm"
    extra: ClassVar[str] = "ollama"
    default_key_variable: ClassVar[str] = "OLLAMA_API_KEY"
    lists_cheaply: ClassVar[bool] = True

    def __init__(self, config: BackendConfig, host: BackendHost) -> None:
        super().__init__(config, host)
        self._server = Server(self)
        self._shown: dict[str, Can] = {}
        self._residents: dict[str, OllamaModel] = {}

    @property
    def url(self) -> str:
        return address_of(self.config.base_url or os.environ.get("OLLAMA_HOST"))

    def full_name(self, name: str) -> str:
        return full_name(name)

    def obstacle(self) -> str | None:
        given = self.config.base_url or os.environ.get("OLLAMA_HOST")
        try:
            obstacle = address_obstacle(address_of(given))
        except ValueError:
            return f"'{given}' is not an address: correct OLLAMA_HOST"
        return obstacle or (key_obstacle(self) if self.key else None)

    async def models(self) -> list[Model]:
        listed = await self._server.tags()
        loaded = await self._server.loaded()
        abilities = await asyncio.gather(*map(self._show, listed.values()))
        await self._forget_unloaded(loaded)
        return [
            self._model(one, can, loaded.get(one.name)) for one, can in zip(listed.values(), abilities, strict=True)
        ]

    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        if request.tools and request.tool_choice == "required":
            raise Unsupported("Ollama cannot force a model to call a tool.", hint="Leave tool_choice at 'auto'.")
        called = False
        resident = self._resident(model, private=request.wishes.private)
        async with self._used(resident, model):
            body = chat_body(request, model.name) | self._keep(resident)
            context = self._context(request, model, resident)
            body["options"] |= {"num_ctx": context.size} if context.size else {}
            answer = self._server.chat(body, request.timeout)
            try:
                async for line in answer:
                    if resident:
                        await resident.measure()
                    delta = line.delta(model.name, called)
                    if line.done and (doubt := context.doubt(line.prompt_eval_count)):
                        delta.warnings = (ModelWarning("prompt_cut", doubt),)
                    called = called or bool(delta.tool_calls)
                    yield delta
            finally:
                await answer.aclose()  # type: ignore[attr-defined]

    async def embed(self, request: EmbedRequest, model: Model) -> Vectors:
        resident = self._resident(model, private=request.wishes.private)
        async with self._used(resident, model):
            return await embedded(self, request.texts, partial(self._embedded, request, model, resident))

    async def close(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(resident.close) for resident in self._residents.values()))
        self._residents.clear()
        await self._server.close()

    async def _embedded(
        self, request: EmbedRequest, model: Model, resident: OllamaModel | None, texts: tuple[str, ...]
    ) -> tuple[list[list[float]], Usage | None]:
        body = embed_body(request, model.name, texts) | self._keep(resident)
        made = await self._server.ask("/api/embed", Embedded, body, seconds=request.timeout)
        if resident:
            await resident.measure()
        if len(made.embeddings) != len(texts):
            raise unreadable(self, f"{len(made.embeddings)} vectors for {len(texts)} texts")
        return made.embeddings, None if made.prompt_eval_count is None else Usage(input=made.prompt_eval_count)

    # What the server has

    async def _show(self, details: Details) -> Can:
        """A model's abilities, requested once for each digest; those of a usual model if the server has none."""
        key = details.digest or details.name
        if key not in self._shown:
            try:
                shown = await self._server.ask("/api/show", Shown, {"model": details.name})
            except ModelError:  # the server lists its models, so it is not down: it cannot describe this one
                return Can()
            self._shown[key] = shown.can
        return self._shown[key]

    def _model(self, details: Details, can: Can, loaded: Details | None) -> Model:
        local = self.runs_here and not _is_remote(details.name, details.remote_host)
        return Model(
            backend=self.config.name,
            name=details.name,
            local=local,
            can=can,
            memory_mb=_memory_mb(details, loaded) if local else 0,
        )

    # What it holds in memory

    def _resident(self, model: Model, *, private: bool) -> OllamaModel | None:
        """The model in the pool; `None` if it uses another machine's memory."""
        if _is_remote(model.name, None) or (self.runs_here and not model.local):
            self.host.leave(CLOUD, private=private)
            return None
        if not self.runs_here:
            return None
        name = full_name(model.name)
        if name not in self._residents:
            self._residents[name] = OllamaModel(self.host, f"{self.config.name}/{name}", name, self._server)
        return self._residents[name]

    def _used(self, resident: OllamaModel | None, model: Model) -> AbstractAsyncContextManager[None]:
        if resident is None:
            return nullcontext()
        return resident.used(Needs(family="ollama", model=model.name, memory_mb=model.memory_mb))

    def _keep(self, resident: OllamaModel | None) -> dict[str, Any]:
        """How long the server keeps a model; the pool frees it earlier unless the studio is killed."""
        if resident is None:
            return {}
        seconds = min(math.ceil(self.host.settings.idle_seconds) + GRACE_SECONDS, 10**8)
        return {"keep_alive": f"{seconds}s"}

    def _context(self, request: ChatRequest, model: Model, resident: OllamaModel | None) -> Context:
        context = Context.of(request, model.can.context, resident.context if resident else None)
        if resident:
            resident.context = context.size
        return context

    async def _forget_unloaded(self, loaded: dict[str, Details]) -> None:
        """Release the memory of models that the server has unloaded itself."""
        gone = [resident for name, resident in self._residents.items() if name not in loaded]
        await asyncio.gather(*(asyncio.to_thread(resident.evict) for resident in gone))


def _is_remote(name: str, remote_host: str | None) -> bool:
    """Whether the model runs in Ollama's cloud."""
    return bool(remote_host) or full_name(name).rpartition(":")[2].endswith("cloud")


def _memory_mb(details: Details, loaded: Details | None) -> int:
    """The memory that the server reports; otherwise the size of its file plus a tenth for a context of usual length."""
    if loaded is not None and loaded.size:
        return math.ceil(loaded.size / (1 << 20))
    return math.ceil(details.size * 1.1 / (1 << 20)) + 300
