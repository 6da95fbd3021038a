"""Google's Gemini over its REST protocol, without a library."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from avstudio_core import Backend, BackendConfig, BackendHost, Can, Model
from avstudio_core.chat import ChatRequest, Delta, EmbedRequest, Reply, Usage, Vectors
from avstudio_llm.backends import generate_content as protocol
from avstudio_llm.backends.batches import embedded
from avstudio_llm.events import data_of
from avstudio_llm.failures import translated, unreadable
from avstudio_llm.http import CONNECT_SECONDS, address_obstacle, clients_of, raise_for_status, streamed, timeout
from avstudio_llm.keys import key_obstacle, key_to_send

if TYPE_CHECKING:
    import httpx2

TEXTS_AT_ONCE = 100
"""The maximum number of texts in one request for embeddings."""
PAGES = 20
"""At most this many pages of 1000 models are read: a server's list may never end."""


class Google(Backend):
    """Chat and embeddings with Gemini. The key is sent in a header, because addresses are logged."""

    name = "google"
    distribution = "avstudio-llm"
    extra = "google"
    default_url = "https://generativelanguage.googleapis.com/v1beta"
    default_key_variable = "GEMINI_API_KEY"

    def __init__(self, config: BackendConfig, host: BackendHost) -> None:
        super().__init__(config, host)
        self._clients = clients_of(self)
        self._signatures = protocol.Signatures()

    def obstacle(self) -> str | None:
        return address_obstacle(self.url) or key_obstacle(self)

    async def models(self) -> list[Model]:
        listed: list[Any] = []
        token = ""
        async with translated(self, "", CONNECT_SECONDS):
            for _ in range(PAGES):
                page = await self._get(f"models?pageSize=1000&pageToken={quote(token, safe='')}")
                listed += page.get("models") or ()
                if not (token := page.get("nextPageToken") or ""):
                    break
            return [self._model(said) for said in listed]

    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        async with translated(self, model.name, request.timeout):
            asked = protocol.body(request, model, self._signatures)
            answer = protocol.Assembly(self, model.name, self._signatures)
            client = await self._clients.here()
            call = self._post(client, f"{_path(model.name)}:streamGenerateContent?alt=sse", asked, request.timeout)
            async with streamed(client, call) as response:
                async for data in data_of(response):
                    if delta := answer.add(json.loads(data)):
                        yield delta
            yield answer.end()

    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        async with translated(self, model.name, request.timeout):
            asked = protocol.body(request, model, self._signatures)
            answer = protocol.Assembly(self, model.name, self._signatures)
            said = await self._ask(f"{_path(model.name)}:generateContent", asked, request.timeout)
            words = answer.add(said) or Delta()
            end = answer.end()
            return Reply(words.text, words.reasoning, end.tool_calls, end.finish or "stop", end.usage, end.model)

    async def embed(self, request: EmbedRequest, model: Model) -> Vectors:
        async with translated(self, model.name, request.timeout):
            return await embedded(self, request.texts, partial(self._embedded, request, model), most=TEXTS_AT_ONCE)

    async def close(self) -> None:
        await self._clients.close()

    async def _embedded(
        self, request: EmbedRequest, model: Model, texts: tuple[str, ...]
    ) -> tuple[list[list[float]], Usage | None]:
        path = _path(model.name)
        wanted: dict[str, Any] = {"outputDimensionality": request.dimensions} if request.dimensions else {}
        asked = [{"model": path, "content": {"parts": [{"text": text}]}, **wanted} for text in texts]
        said = await self._ask(f"{path}:batchEmbedContents", {"requests": asked}, request.timeout)
        made = [one["values"] for one in said.get("embeddings") or ()]
        if len(made) != len(texts):
            raise unreadable(self, f"it holds {len(made)} vectors for {len(texts)} texts")
        return made, protocol.usage_of(said.get("usageMetadata"))

    async def _ask(self, path: str, asked: dict[str, Any], seconds: float) -> dict[str, Any]:
        client = await self._clients.here()
        response = await client.send(self._post(client, path, asked, seconds))
        return await self._read(response)

    async def _get(self, path: str) -> dict[str, Any]:
        client = await self._clients.here()
        response = await client.get(self._address(path), headers=self._headers(), timeout=timeout(CONNECT_SECONDS))
        return await self._read(response)

    async def _read(self, response: httpx2.Response) -> dict[str, Any]:
        await raise_for_status(response)
        said = response.json()
        if not isinstance(said, dict):
            raise unreadable(self, "it is not an object")
        return said

    def _post(self, client: httpx2.AsyncClient, path: str, asked: dict[str, Any], seconds: float) -> httpx2.Request:
        return client.build_request(
            "POST", self._address(path), json=asked, headers=self._headers(), timeout=timeout(seconds)
        )

    def _address(self, path: str) -> str:
        return f"{(self.url or '').rstrip('/')}/{path}"

    def _headers(self) -> dict[str, str]:
        return {"x-goog-api-key": key_to_send(self)}

    def _model(self, said: dict[str, Any]) -> Model:
        methods = said.get("supportedGenerationMethods") or ()
        chats = "generateContent" in methods
        can = Can(
            chat=chats,
            embed="embedContent" in methods,
            tools=chats,
            vision=chats,
            json_schema=chats,
            context=said.get("inputTokenLimit"),
            output=said.get("outputTokenLimit"),
        )
        name = said["name"].removeprefix("models/")
        return Model(backend=self.config.name, name=name, local=self.runs_here, can=can)


def _path(model: str) -> str:
    """The path of a model; the name of a tuned model already contains its collection."""
    return quote(model if "/" in model else f"models/{model}", safe="/-._~")
