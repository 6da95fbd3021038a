"""OpenAI and compatible servers: LM Studio, vLLM, llama.cpp, `mlx_lm server`, Mistral and others."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from avstudio_core import Backend, BackendConfig, BackendHost, Can, Model
from avstudio_core.chat import ChatRequest, Delta, EmbedRequest, Reply, Usage, Vectors
from avstudio_core.errors import InvalidParams
from avstudio_llm.backends import chat_completions as protocol
from avstudio_llm.backends.batches import embedded, in_order
from avstudio_llm.events import data_of, is_json
from avstudio_llm.failures import in_stream, is_error, reported, translated, unreadable
from avstudio_llm.http import CONNECT_SECONDS, address_obstacle, clients_of, raise_for_status, streamed, timeout
from avstudio_llm.keys import key_obstacle, key_to_send

if TYPE_CHECKING:
    import httpx2

CHAT, EMBEDDINGS, MODELS = "/chat/completions", "/embeddings", "/models"
ACCOUNT = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
"""Headers that choose what OpenAI itself bills, by the environment variables of its own library."""


class Options(BaseModel):
    """Differences between servers: `options = { … }` in a section of `models.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stream_usage: bool = Field(
        default=True, description="The server accepts `stream_options`; some refuse it, and count without it."
    )
    seed: str = Field(default="seed", description="The server's name for the seed; Mistral uses `random_seed`.")
    max_tokens: str | None = Field(
        default=None,
        description="The server's name for the limit of the answer, if it is not `max_tokens`; not needed for OpenAI.",
    )
    body: dict[str, Any] = Field(
        default={}, description="Additional fields of each request, such as `chat_template_kwargs`."
    )


class OpenAI(Backend):
    """Chat and embeddings with the OpenAI protocol; each section of `models.toml` is one server.

    It uses plain HTTP: OpenAI's library would take more time than the rest of the gateway.
    """

    name = "openai"
    distribution = "avstudio-llm"
    extra = "openai"
    default_url = "https://api.openai.com/v1"
    default_key_variable = "OPENAI_API_KEY"

    own_host: ClassVar[str] = "api.openai.com"

    def __init__(self, config: BackendConfig, host: BackendHost) -> None:
        super().__init__(config, host)
        self._clients = clients_of(self)

    def obstacle(self) -> str | None:
        try:
            self._options  # noqa: B018
        except InvalidParams as error:
            return str(error)
        return address_obstacle(self.url) or key_obstacle(self)

    async def models(self) -> list[Model]:
        async with translated(self, "", CONNECT_SECONDS):
            listed = await self._ask(MODELS, None, CONNECT_SECONDS)
            entries = listed.get("data") if isinstance(listed, dict) else None
            if not isinstance(entries, list):
                raise unreadable(self, "it is not a list of models; is the base_url correct?")
            return [self._model(entry["id"], entry) for entry in entries]

    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        async with translated(self, model.name, request.timeout):
            client, answer = await self._clients.here(), protocol.Assembly(self, model.name)
            asked = self._asked(request, model) | self._as_stream()
            async with streamed(client, self._request(client, CHAT, asked, request.timeout)) as response:
                if is_json(response):
                    yield protocol.reply_of(self, json.loads(await response.aread()), model.name).delta
                    return
                async for data in data_of(response):
                    if delta := answer.add(data):
                        yield delta
            yield answer.end()

    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        async with translated(self, model.name, request.timeout):
            completion = await self._ask(CHAT, self._asked(request, model), request.timeout)
            return protocol.reply_of(self, completion, model.name)

    async def embed(self, request: EmbedRequest, model: Model) -> Vectors:
        async with translated(self, model.name, request.timeout):
            return await embedded(self, request.texts, partial(self._embedded, request, model))

    async def close(self) -> None:
        await self._clients.close()

    @property
    def _is_own(self) -> bool:
        return self.config.host in (None, self.own_host)

    @cached_property
    def _options(self) -> Options:
        try:
            return Options.model_validate(self.config.options)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, ("options", *problem["loc"])))
            raise InvalidParams(f"Section [backends.{self.config.name}], {place}: {problem['msg']}.") from None

    def _asked(self, request: ChatRequest, model: Model) -> dict[str, Any]:
        given = {"temperature": request.temperature, "top_p": request.top_p, "stop": list(request.stop) or None}
        asked = {name: value for name, value in given.items() if value is not None} | protocol.tools(request)
        if request.answer_schema is not None and model.can.json_schema:
            asked |= protocol.answer_format(request.answer_schema)
        return {
            "model": model.name,
            "messages": protocol.messages(request),
            **asked,
            **self._named_its_way(request),
        }

    def _as_stream(self) -> dict[str, Any]:
        """The parameters of a streamed answer."""
        return {"stream": True, **({"stream_options": {"include_usage": True}} if self._options.stream_usage else {})}

    async def _ask(self, path: str, body: dict[str, Any] | None, seconds: float) -> Any:
        """The server's response to one request, as plain JSON; without a body, the request is a GET."""
        client = await self._clients.here()
        response = await client.send(self._request(client, path, body, seconds))
        await raise_for_status(response)
        return response.json()

    def _request(
        self, client: httpx2.AsyncClient, path: str, body: dict[str, Any] | None, seconds: float
    ) -> httpx2.Request:
        method, url = "GET" if body is None else "POST", f"{(self.url or '').rstrip('/')}{path}"
        return client.build_request(method, url, json=body, headers=self._headers(), timeout=timeout(seconds))

    def _headers(self) -> dict[str, str]:
        """The key; what the environment says about an account at OpenAI does not go to other servers."""
        account = {name: os.environ.get(variable, "") for name, variable in ACCOUNT.items() if self._is_own}
        given = {name: value for name, value in account.items() if value}
        return {"Authorization": f"Bearer {key_to_send(self)}", **given}

    def _named_its_way(self, request: ChatRequest) -> dict[str, Any]:
        """The parameters whose names differ between servers, and the fields that the options add."""
        longest = self._options.max_tokens or ("max_completion_tokens" if self._is_own else "max_tokens")
        named = {longest: request.max_tokens, self._options.seed: request.seed}
        return {name: value for name, value in named.items() if value is not None} | self._options.body

    async def _embedded(
        self, request: EmbedRequest, model: Model, texts: tuple[str, ...]
    ) -> tuple[list[list[float]], Usage | None]:
        asked: dict[str, Any] = {"model": model.name, "input": list(texts), "encoding_format": "float"}
        if request.dimensions:
            asked["dimensions"] = request.dimensions
        answer = await self._ask(EMBEDDINGS, asked, request.timeout)
        if not isinstance(answer, dict):
            raise unreadable(self, "it is not an object")
        if is_error(answer):
            raise in_stream(self, answer, model.name)
        usage = protocol.usage_of(answer.get("usage"))
        with reported(usage):
            return in_order(self, answer.get("data"), len(texts)), usage

    def _model(self, name: str, said: dict[str, Any]) -> Model:
        return Model(backend=self.config.name, name=name, local=self.runs_here, can=can_of(said))


def can_of(said: dict[str, Any]) -> Can:
    """A model's abilities, which vLLM, Mistral, OpenRouter and others list with its name."""
    abilities = said.get("capabilities")
    abilities = abilities if isinstance(abilities, dict) else {}
    takes = said.get("supported_parameters") or ()
    sees = (said.get("architecture") or {}).get("input_modalities") or ()
    lengths = (said.get(name) for name in ("max_model_len", "max_context_length", "context_length", "context_window"))
    return Can(
        chat=abilities.get("completion_chat", True),
        tools=abilities.get("function_calling", "tools" in takes),
        vision=abilities.get("vision", "image" in sees),
        json_schema="structured_outputs" in takes,
        context=next((length for length in lengths if isinstance(length, int) and length > 0), None),
    )
