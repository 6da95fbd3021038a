"""Anthropic's models, and other servers with the Messages protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from avstudio_core import Backend, BackendConfig, BackendHost, Can, Model, tokens
from avstudio_core.answer_schema import in_words
from avstudio_core.chat import ChatRequest, Delta
from avstudio_core.errors import ModelError, Unsupported
from avstudio_llm.backends import messages as protocol
from avstudio_llm.events import is_json
from avstudio_llm.failures import in_stream, is_error, translated, unreadable
from avstudio_llm.http import CONNECT_SECONDS, PerLoop, address_obstacle, client_of, timeout
from avstudio_llm.keys import key_obstacle, key_to_send
from avstudio_llm.libraries import library_obstacle, require

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types import ModelInfo

LONGEST_ANSWER = 8192
"""The limit of tokens if neither the request nor the model sets one: the protocol requires a limit."""


class Anthropic(Backend):
    """Chat with Claude; it always streams, because the library does not wait long for a whole answer."""

    name = "anthropic"
    distribution = "avstudio-llm"
    extra = "anthropic"
    default_url = "https://api.anthropic.com"
    default_key_variable = "ANTHROPIC_API_KEY"

    def __init__(self, config: BackendConfig, host: BackendHost) -> None:
        super().__init__(config, host)
        self._clients = PerLoop(self._client, lambda client: client.close())

    def obstacle(self) -> str | None:
        return library_obstacle(self, "anthropic") or address_obstacle(self.url) or key_obstacle(self)

    async def models(self) -> list[Model]:
        async with translated(self, "", CONNECT_SECONDS):
            client = await self._clients.here()
            pages = client.models.list(limit=1000, timeout=timeout(CONNECT_SECONDS))
            return [self._model(model) async for model in pages]

    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        async with translated(self, model.name, request.timeout):
            client = await self._clients.here()
            answer = protocol.Assembly(self, model.name)
            async with await client.messages.create(stream=True, **self._asked(request, model)) as events:
                if is_json(events.response):
                    raise self._not_a_stream(json.loads(await events.response.aread()), model)
                while (event := await anext(events, None)) is not None:
                    if delta := answer.add(event):
                        yield delta
            yield answer.end()

    async def close(self) -> None:
        await self._clients.close()

    def _client(self) -> AsyncAnthropic:
        require(self, "anthropic")
        from anthropic import AsyncAnthropic

        return AsyncAnthropic(
            api_key=key_to_send(self),
            base_url=self.url,
            max_retries=0,
            open_telemetry=False,
            http_client=client_of(self),
        )

    def _asked(self, request: ChatRequest, model: Model) -> dict[str, Any]:
        if request.sampling:
            raise Unsupported(f"'{model.id}' does not support {' and '.join(request.sampling)}.", hint="Leave it out.")
        request, held = _with_schema(request, model)
        return {
            "model": model.name,
            "max_tokens": request.max_tokens or _longest_answer(request, model),
            "timeout": timeout(request.timeout),
            **({"stop_sequences": list(request.stop)} if request.stop else {}),
            **protocol.conversation(request),
            **protocol.tools(request),
            **held,
        }

    def _not_a_stream(self, said: Any, model: Model) -> ModelError:
        if isinstance(said, dict) and is_error(said):
            return in_stream(self, said, model.name)
        return unreadable(self, "it is not a stream of events; is the base_url correct?")

    def _model(self, said: ModelInfo) -> Model:
        able = said.capabilities
        can = Can(
            tools=True,
            vision=able is None or able.image_input.supported,
            json_schema=able is not None and able.structured_outputs.supported,
            sampling=False,
            context=said.max_input_tokens,
            output=said.max_tokens,
        )
        return Model(backend=self.config.name, name=said.id, local=self.runs_here, can=can)


def _longest_answer(request: ChatRequest, model: Model) -> int:
    longest = model.can.output or LONGEST_ANSWER
    return longest if model.can.context is None else min(longest, tokens.room(request, model.can.context))


def _with_schema(request: ChatRequest, model: Model) -> tuple[ChatRequest, dict[str, Any]]:
    """The request, and the parameter for its schema; a schema that the server cannot enforce goes into the words."""
    if request.answer_schema is None or not model.can.json_schema:
        return request, {}
    held = protocol.answer_format(request.answer_schema)
    return (request if held else in_words(request)), held
