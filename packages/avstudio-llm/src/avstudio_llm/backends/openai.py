"""OpenAI and compatible servers: LM Studio, vLLM, llama.cpp, `mlx_lm server`, Mistral and others."""

from __future__ import annotations

import json
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
from avstudio_llm.http import CONNECT_SECONDS, PerLoop, address_obstacle, client_of, timeout
from avstudio_llm.keys import key_obstacle, key_to_send
from avstudio_llm.libraries import library_obstacle, require

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CHAT, EMBEDDINGS = "/chat/completions", "/embeddings"


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
    """Chat and embeddings with the OpenAI protocol; each section of `models.toml` is one server."""

    name = "openai"
    distribution = "avstudio-llm"
    extra = "openai"
    default_url = "https://api.openai.com/v1"
    default_key_variable = "OPENAI_API_KEY"

    own_host: ClassVar[str] = "api.openai.com"

    def __init__(self, config: BackendConfig, host: BackendHost) -> None:
        super().__init__(config, host)
        self._clients = PerLoop(self._client, lambda client: client.close())

    def obstacle(self) -> str | None:
        try:
            self._options  # noqa: B018
        except InvalidParams as error:
            return str(error)
        return library_obstacle(self, "openai") or address_obstacle(self.url) or key_obstacle(self)

    async def models(self) -> list[Model]:
        async with translated(self, "", CONNECT_SECONDS):
            client = await self._clients.here()
            page = await client.models.list(timeout=timeout(CONNECT_SECONDS))
            if not isinstance(listed := getattr(page, "data", None), list):
                raise unreadable(self, "it is not a list of models; is the base_url correct?")
            return [self._model(entry.id, entry.model_extra or {}) for entry in listed]

    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        async with translated(self, model.name, request.timeout):
            asked = self._asked(request, model) | {"stream": True}
            if self._options.stream_usage:
                asked["stream_options"] = {"include_usage": True}
            client = await self._clients.here()
            from openai import AsyncStream

            chunks = await client.post(
                CHAT,
                body=asked,
                options={"timeout": timeout(request.timeout)},
                cast_to=object,
                stream=True,
                stream_cls=AsyncStream[Any],
            )
            async with chunks:
                if is_json(chunks.response):
                    yield protocol.reply_of(self, json.loads(await chunks.response.aread()), model.name).delta
                    return
                answer = protocol.Assembly(self, model.name)
                async for data in data_of(chunks.response):
                    if delta := answer.add(data):
                        yield delta
            yield answer.end()

    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        async with translated(self, model.name, request.timeout):
            completion = await self._post(CHAT, self._asked(request, model), request.timeout)
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

    def _client(self) -> AsyncOpenAI:
        require(self, "openai")
        from openai import AsyncOpenAI

        key = key_to_send(self)
        # Settings for OpenAI in the environment (an organisation, headers with a key) must not go to other servers.
        own = None if self._is_own else {"Authorization": f"Bearer {key}"}
        client = AsyncOpenAI(
            api_key=key, base_url=self.url, max_retries=0, default_headers=own, http_client=client_of(self)
        )
        if not self._is_own:
            client.organization = client.project = None
        return client

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

    async def _post(self, path: str, body: dict[str, Any], seconds: float) -> Any:
        """The server's response as plain JSON.

        The library's typed methods would convert every message and every answer, which takes about as long as the
        rest of a call.
        """
        client = await self._clients.here()
        return await client.post(path, body=body, options={"timeout": timeout(seconds)}, cast_to=object)

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
        answer = await self._post(EMBEDDINGS, asked, request.timeout)
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
