"""OpenAI's protocol, with OpenAI's own client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import pytest

from avstudio_core import Studio
from avstudio_core.chat import ChatRequest, Delta, Reply, ToolCall, Usage
from avstudio_core.errors import BackendDown
from avstudio_core.testing import scripted, until
from avstudio_core.testing.scripted import Scripted
from avstudio_server.testing.http_server import HttpServer

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletion, ChatCompletionMessageFunctionToolCall

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
openai = pytest.importorskip("openai", reason="openai is not installed")
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [scripted]


@pytest.fixture
def client(server: HttpServer) -> Iterator[OpenAI]:
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key=server.key(), max_retries=0) as made:
        yield made


@pytest.fixture
def backend(studio: Studio) -> Scripted:
    return cast("Scripted", studio.llm._gateway.backends.all()["scripted"].backend)


def test_a_conversation_is_answered(client: OpenAI, backend: Scripted) -> None:
    answer = client.chat.completions.create(
        model="auto", messages=[{"role": "developer", "content": "Be brief."}, *HELLO], temperature=0.5, max_tokens=9
    )
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Yes.", "stop")
    assert (answer.usage and answer.usage.total_tokens, answer.model) == (10, "scripted/one")
    heard = cast("ChatRequest", backend.heard[0])
    assert [message.role for message in heard.messages] == ["system", "user"]
    assert (heard.temperature, heard.max_tokens) == (0.5, 9)


def test_the_headers_tell_the_model_and_the_cost(client: OpenAI) -> None:
    answer = client.chat.completions.with_raw_response.create(model="local/auto", messages=HELLO)
    assert answer.headers["x-avs-model"] == "scripted/one"
    assert float(answer.headers["x-avs-cost-usd"]) == 0


def test_an_answer_is_streamed_with_its_usage(client: OpenAI, backend: Scripted) -> None:
    backend.says = [["Good ", "morning", Delta(finish="stop", usage=Usage(input=7, output=3))]]
    chunks = list(
        client.chat.completions.create(
            model="auto", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Good morning"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 10)


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called(client: OpenAI, backend: Scripted, stream: bool) -> None:
    call = ToolCall(id="call_1", name="weather", arguments={"place": "Zürich"})
    backend.says = [Reply(tool_calls=(call,), finish="tool_calls", usage=Usage(input=7, output=3))]
    answer: ChatCompletion
    if stream:
        with client.chat.completions.stream(model="auto", messages=HELLO, tools=[WEATHER]) as events:
            answer = events.get_final_completion()
    else:
        answer = client.chat.completions.create(model="auto", messages=HELLO, tools=[WEATHER])
    made = cast("ChatCompletionMessageFunctionToolCall", (answer.choices[0].message.tool_calls or [])[0])
    assert (made.id, made.function.name) == ("call_1", "weather")
    assert json.loads(made.function.arguments) == {"place": "Zürich"}
    assert answer.choices[0].finish_reason == "tool_calls"


def test_an_answer_follows_a_schema(client: OpenAI, backend: Scripted) -> None:
    from pydantic import BaseModel

    class Weather(BaseModel):
        celsius: float

    backend.says = ['{"celsius": 21.5}']
    answer = client.chat.completions.parse(model="auto", messages=HELLO, response_format=Weather)
    assert answer.choices[0].message.parsed == Weather(celsius=21.5)


def test_the_models_are_listed(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names[:2] == ["auto", "local/auto"]
    assert client.models.retrieve("scripted/one").owned_by == "scripted"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("scripted/two")


def test_texts_become_vectors(client: OpenAI) -> None:
    found = client.embeddings.create(model="scripted/one", input=["a b", "abc d"])
    assert [one.embedding for one in found.data] == [[3.0, 1.0], [5.0, 1.0]]


@pytest.mark.parametrize(
    ("options", "status", "param"),
    [
        ({"model": "gpt-4"}, 404, "model"),
        ({"model": "gpt-4", "stream": True}, 404, "model"),
        ({"temperature": 9}, 400, "temperature"),
        ({"n": 2}, 400, "n"),
        ({"messages": []}, 400, "messages"),
        ({"messages": ["Hello"]}, 400, "messages[0]"),
        ({"messages": [*HELLO, {"role": "ghost", "content": "Boo"}]}, 400, "messages[1]"),
        ({"tools": [WEATHER, {"type": "function", "function": {"name": "a b"}}]}, 400, "tools[1]"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}}, 400, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, 400, "response_format"),
        ({"functions": [WEATHER["function"]]}, 400, "functions"),
        ({"modalities": ["text", "audio"]}, 400, "modalities"),
        ({"extra_body": {"require_quality": 2}}, 400, "require_quality"),
    ],
)
def test_errors_have_the_form_that_the_client_knows(
    client: OpenAI, options: dict[str, Any], status: int, param: str
) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(**({"model": "auto", "messages": HELLO} | options))
    error = cast("Any", refused.value)
    assert (error.status_code, error.param) == (status, param)
    assert error.code in ("invalid_params", "not_found")
    assert error.request_id.startswith("req_")


def test_a_model_that_cannot_be_used_is_not_asked_for_again(server: HttpServer, studio: Studio) -> None:
    studio.llm._gateway.backends.all().pop("scripted")
    seen: list[int] = []
    with openai.OpenAI(base_url=f"{server.address}/v1", api_key=server.key(), max_retries=2) as client:
        client._client.event_hooks = {"response": [lambda answer: seen.append(answer.status_code)]}
        with pytest.raises(openai.NotFoundError) as refused:
            client.chat.completions.create(model="auto", messages=HELLO)
    assert (seen, refused.value.code) == ([404], "no_model")


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"model": "gpt-4"}, "model"),
        ({"input": []}, "input"),
        ({"input": [[1, 2]]}, "input"),
        ({"dimensions": 0}, "dimensions"),
    ],
)
def test_errors_of_embeddings_name_the_field(client: OpenAI, options: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        client.embeddings.create(**({"model": "scripted/one", "input": "a"} | options))
    assert refused.value.param == param


@pytest.mark.parametrize("given", [[1, 2], [[1, 2], [3]]])
def test_numbers_of_tokens_are_refused_with_what_to_do(client: OpenAI, given: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
        client.embeddings.create(model="scripted/one", input=given)


def test_fields_that_were_ignored_are_told(client: OpenAI) -> None:
    answer = client.chat.completions.with_raw_response.create(
        model="auto", messages=HELLO, n=1, modalities=["text"], verbosity="low", extra_body={"a\nb": 1}
    )
    assert answer.headers["x-avs-ignored"] == "verbosity"


def test_a_wrong_key_is_refused(server: HttpServer) -> None:
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{server.address}/v1", api_key="sk-wrong", max_retries=0).models.list()


def test_a_stream_that_breaks_says_so(client: OpenAI, backend: Scripted) -> None:
    backend.says = [["Good ", BackendDown("The server is gone.")]]
    with pytest.raises(openai.APIError) as broken:
        list(client.chat.completions.create(model="auto", messages=HELLO, stream=True))
    assert cast("dict[str, Any]", broken.value.body)["partial"] is True


def test_a_client_that_leaves_stops_the_model(client: OpenAI, backend: Scripted) -> None:
    pieces: list[Any] = ["Good ", *([0.05, "word "] * 4000)]
    backend.says = [pieces]
    with client.chat.completions.create(model="auto", messages=HELLO, stream=True) as stream:
        next(iter(stream))
    until(lambda: backend.stopped == 1)


def test_a_key_pays_for_its_answers(studio: Studio, client: OpenAI) -> None:
    client.chat.completions.create(model="auto", messages=HELLO)
    session = studio.session(studio.keys.principal_of(client.api_key))
    assert until(lambda: session.costs("model"))[0].calls == 1  # settled soon after the answer
    until(lambda: studio.keys.all()[0].used_at)
