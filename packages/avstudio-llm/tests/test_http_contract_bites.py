"""Each rule for backends with a server detects a backend that breaks it; `test_openai` has the correct one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

import pytest

import avstudio_llm
from avstudio_core.chat import ChatRequest, Delta, EmbedRequest, Reply, ToolCall, Vectors
from avstudio_core.errors import AVStudioError, BackendDown, BadAnswer, ModelError, RateLimited, RequestRefused
from avstudio_core.kinds.backend import Backend, BackendConfig, BackendHost
from avstudio_core.language_models import Model
from avstudio_core.testing import HttpBackendContract, http_backend_contract, http_requests, model_server
from avstudio_core.testing.bites import noticed
from avstudio_llm.backends.openai import OpenAI
from avstudio_llm.testing import ChatCompletions

Change = Callable[[ChatRequest], ChatRequest]


class Changed(OpenAI):
    """Sends other requests than it is given, and gives other answers than it gets."""

    send: ClassVar[Change] = staticmethod(lambda request: request)
    send_stream: ClassVar[Change | None] = None
    ask: ClassVar[Callable[[Model], Model]] = staticmethod(lambda model: model)
    give: ClassVar[Callable[[Reply], Reply]] = staticmethod(lambda reply: reply)
    give_piece: ClassVar[Callable[[Delta], Delta]] = staticmethod(lambda delta: delta)
    wrong: ClassVar[tuple[type[Exception], Callable[[Any], Exception]] | None] = None
    """An error that becomes another."""

    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        try:
            return type(self).give(await super().chat(type(self).send(request), type(self).ask(model)))
        except AVStudioError as error:
            raise self._other(error) from error

    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        send = type(self).send_stream or type(self).send
        try:
            async for delta in super().stream(send(request), type(self).ask(model)):
                yield type(self).give_piece(delta)
        except AVStudioError as error:
            raise self._other(error) from error

    def _other(self, error: Exception) -> Exception:
        kind, other = type(self).wrong or (BaseExceptionGroup, Exception)
        return other(error) if isinstance(error, kind) else error


def changed(**parts: Any) -> type[OpenAI]:
    return type(
        "Bad", (Changed,), {name: part if name == "wrong" else staticmethod(part) for name, part in parts.items()}
    )


def without(*names: str) -> Change:
    """A request without its values of those names."""
    empty = {name: ChatRequest.model_fields[name].default for name in names}
    return lambda request: request.model_copy(update=empty)


def turns(keep: Callable[[list[Any]], list[Any]]) -> Change:
    return lambda request: request.model_copy(update={"messages": tuple(keep(list(request.messages)))})


def emptied(turn: Any) -> Any:
    return turn.model_copy(update={"content": ""}) if turn.role == "tool" else turn


def plain(turn: Any) -> Any:
    return turn.model_copy(update={"content": turn.text})


def flat(request: ChatRequest) -> ChatRequest:
    tools = tuple(tool.model_copy(update={"parameters": {"type": "object"}}) for tool in request.tools)
    return request.model_copy(update={"tools": tools})


def unnamed(piece: Any) -> Any:
    piece.tool_calls = tuple(call.model_copy(update={"id": ""}) for call in piece.tool_calls)
    return piece


def without_calls(reply: Reply) -> Reply:
    reply.tool_calls = ()
    return reply


def with_attribute(name: str, value: Any) -> Callable[[Any], Any]:
    def change(answer: Any) -> Any:
        setattr(answer, name, value)
        return answer

    return change


class Ungated(OpenAI):
    def __init__(self, config: BackendConfig, host: BackendHost) -> None:
        super().__init__(config, host)
        self.host = _NoGate(host)


class _NoGate:
    def __init__(self, host: BackendHost) -> None:
        self._host = host

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    def leave(self, url: str, *, private: bool = False) -> None: ...


class OtherNames(OpenAI):
    async def models(self) -> list[Model]:
        return [model.model_copy(update={"backend": "other"}) for model in await super().models()]


class HalfAList(OpenAI):
    async def models(self) -> list[Model]:
        return (await super().models())[:1]


class EmptyForAList(OpenAI):
    async def models(self) -> list[Model]:
        try:
            return await super().models()
        except ModelError:
            return []


class Tired(OpenAI):
    def obstacle(self) -> str | None:
        return "too tired"


class Carefree(OpenAI):
    def obstacle(self) -> str | None:
        return None


class Gathering(OpenAI):
    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        for delta in [delta async for delta in super().stream(request, model)]:
            yield delta


class Staying(OpenAI):
    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        self.kept = asyncio.ensure_future(super().chat(request, model))
        return await asyncio.shield(self.kept)


class Forgiving(OpenAI):
    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        try:
            async for delta in super().stream(request, model):
                yield delta
        except BackendDown:
            yield Delta(finish="stop")


class Again(OpenAI):
    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        try:
            return await super().chat(request, model)
        except ModelError:
            return await super().chat(request, model)


class Remembering(OpenAI):
    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        known = self.__dict__.setdefault("known", {})
        key = request.model_dump_json()
        known[key] = known.get(key) or await super().chat(request, model)
        return known[key]  # type: ignore[no-any-return]


class Echoing(OpenAI):
    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        async for delta in super().stream(request, model):
            yield delta
            if delta.text:
                yield Delta(delta.text)


class Forgetful(OpenAI):
    async def embed(self, request: EmbedRequest, model: Model) -> Vectors:
        made = await super().embed(request, model)
        return Vectors(made.vectors[:-1])


class Backwards(OpenAI):
    async def embed(self, request: EmbedRequest, model: Model) -> Vectors:
        made = await super().embed(request, model)
        return Vectors(made.vectors[::-1])


class Patching(OpenAI):
    async def embed(self, request: EmbedRequest, model: Model) -> Vectors:
        try:
            return await super().embed(request, model)
        except BadAnswer:
            return Vectors([[0.0, 0.0]] * len(request.texts))


class Blocking(OpenAI):
    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        time.sleep(1)
        return await super().chat(request, model)


class OneAtATime(OpenAI):
    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        lock = self.__dict__.setdefault("lock", asyncio.Lock())
        async with lock:
            return await super().chat(request, model)


class OneLoop(OpenAI):
    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        first = self.__dict__.setdefault("first", asyncio.get_running_loop())
        if first is not asyncio.get_running_loop():
            raise BackendDown("The client belongs to another event loop.")
        return await super().chat(request, model)


class Hanging(OpenAI):
    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        await asyncio.sleep(1e6)
        return Reply()


def repaired(request: ChatRequest) -> ChatRequest:
    text = request.messages[0].text.encode(errors="replace").decode()
    return turns(lambda all_turns: [all_turns[0].model_copy(update={"content": text})])(request)


OTHER = ToolCall(id="1", name="other")
BAD: list[tuple[str, type[Backend]] | tuple[str, type[Backend], dict[str, Any]]] = [
    ("its_name_is_a_word", type("Bad", (OpenAI,), {"name": "Open AI"})),
    ("its_plugin_registers_it", type("Bad", (OpenAI,), {})),
    ("nothing_stands_against_it", Tired),
    ("it_lists_its_models_under_its_own_name", OtherNames),
    ("the_list_is_the_servers", HalfAList),
    ("a_list_that_is_refused", EmptyForAList, {"status": 401}),
    ("a_chat_answers", changed(give=with_attribute("text", ""))),
    ("a_stream_comes_to_an_end", changed(give_piece=with_attribute("finish", None))),
    ("a_chat_and_a_stream_say_the_same", changed(give=with_attribute("usage", None))),
    ("a_chat_and_a_stream_say_the_same", Echoing),
    ("no_word_comes_twice", Echoing),
    ("the_model_is_the_one_asked_for", changed(ask=lambda model: model.model_copy(update={"name": ""}))),
    ("the_model_is_the_one_asked_for", changed(ask=lambda model: model.model_copy(update={"name": "small"}))),
    ("the_conversation_reaches_the_model", changed(send=turns(lambda given: given[-1:]))),
    ("the_conversation_reaches_the_model", changed(send_stream=turns(lambda given: given[-1:]))),
    ("the_conversation_reaches_the_model", changed(send=turns(lambda given: given[1:]))),
    ("the_conversation_reaches_the_model", changed(send=turns(lambda given: [given[0], *given[:0:-1]]))),
    (
        "results_of_tools_reach_the_model",
        changed(send=turns(lambda given: [one for one in given if one.role != "tool"])),
    ),
    ("results_of_tools_reach_the_model", changed(send_stream=turns(lambda given: [emptied(one) for one in given]))),
    (
        "results_of_tools_reach_the_model",
        changed(send=turns(lambda given: [one.model_copy(update={"tool_calls": ()}) for one in given])),
    ),
    ("sampling_reaches_the_model", changed(send=without("temperature")), {"name": "temperature", "value": 0.37}),
    ("sampling_reaches_the_model", changed(send_stream=without("temperature")), {"name": "temperature", "value": 0.37}),
    ("sampling_reaches_the_model", changed(send=without("top_p")), {"name": "top_p", "value": 0.41}),
    ("sampling_reaches_the_model", changed(send=without("seed")), {"name": "seed", "value": 4711}),
    ("sampling_reaches_the_model", changed(send=without("max_tokens")), {"name": "max_tokens", "value": 123}),
    ("sampling_reaches_the_model", changed(send_stream=without("stop")), {"name": "stop", "value": ("HALT!",)}),
    ("tools_that_are_claimed_are_used", changed(send=without("tools"))),
    ("tools_that_are_claimed_are_used", changed(send_stream=without("tools"))),
    ("a_tools_schema_reaches_the_server_whole", changed(send=flat)),
    ("tool_calls_come_whole_and_with_an_id", changed(give_piece=unnamed)),
    ("tool_calls_come_whole_and_with_an_id", changed(give=without_calls)),
    ("a_schema_that_is_claimed_is_kept", changed(send=without("answer_schema"))),
    ("a_picture_reaches_the_model", changed(send=turns(lambda given: [plain(one) for one in given]))),
    ("an_answer_is_not_repeated", Remembering),
    ("texts_become_vectors", Forgetful),
    ("texts_become_vectors", Backwards),
    ("texts_become_vectors", Patching),
    ("it_gives_others_their_turn", Blocking),
    ("calls_do_not_wait_for_each_other", OneAtATime),
    ("the_gate_is_asked_before_every_request", Ungated),
    ("nothing_leaves_when_the_gate_is_shut", Ungated),
    ("each_loop_may_ask", OneLoop),
    ("leaving_a_stream_hangs_up", Gathering),
    ("cancelling_hangs_up", Staying),
    ("a_server_that_is_down", changed(wrong=(BackendDown, lambda error: BadAnswer(str(error))))),
    ("a_server_that_hangs", changed(wrong=(BackendDown, lambda error: BackendDown("It takes long.")))),
    ("a_stream_that_breaks_off", Forgiving),
    ("a_stream_of_broken_json", changed(wrong=(BadAnswer, lambda error: ValueError(str(error))))),
    (
        "what_is_not_an_answer",
        changed(wrong=(BadAnswer, lambda error: BackendDown(str(error)))),
        {"content": b"[]"},
    ),
    ("a_refusal", Again, {"status": 429, "error": "RateLimited"}),
    (
        "a_refusal",
        changed(wrong=(ModelError, lambda error: RequestRefused(str(error)))),
        {"status": 503, "error": "BackendDown"},
    ),
    ("a_refusal_that_is_no_json", changed(wrong=(BackendDown, lambda error: BadAnswer(str(error))))),
    ("how_long_to_wait", changed(wrong=(RateLimited, lambda error: RateLimited(str(error), retry_after=1.0)))),
    ("half_of_a_character_is_refused", changed(send=repaired)),
    ("a_key_that_no_header_can_hold", Carefree),
]
"""Which rule is broken, by which backend, tried with which arguments."""


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_requests, "TOGETHER_SECONDS", 0.3)
    monkeypatch.setattr(http_backend_contract, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(model_server, "PATIENCE_SECONDS", 0.5)


def told(backend: type[Backend]) -> dict[str, Any]:
    return {"plugin": avstudio_llm, "backend": backend, "dialect": ChatCompletions(), "ends_unsaid": True}


for _number, (_rule, _backend, *_given) in enumerate(BAD):
    globals()[f"TestBad_{_number}_{_rule}"] = noticed(
        HttpBackendContract, f"test_{_rule}", _given[0] if _given else None, **told(_backend)
    )
TestHanging = noticed(HttpBackendContract, "test_a_chat_answers", **told(Hanging), limit_seconds=0.3)


def test_every_rule_has_a_backend_that_breaks_it() -> None:
    rules = {name.removeprefix("test_") for name in dir(HttpBackendContract) if name.startswith("test_")}
    elsewhere = {
        "importing_it_is_light",  # as every plugin
        *("a_seed_repeats_the_answer", "a_stream_may_be_left"),  # as backends without a server
        *("a_stream_may_be_cut_anywhere", "many_ask_at_once"),
    }
    assert rules == elsewhere | {rule for rule, *_ in BAD}
