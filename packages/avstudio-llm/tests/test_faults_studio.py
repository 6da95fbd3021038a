"""Failing servers, from the studio's side: fallbacks, partial answers, prices, the gate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import avstudio_llm
from avstudio_core import Studio
from avstudio_core.chat import Reply, Usage
from avstudio_core.errors import BackendDown, EgressRefused, InvalidInput, NotFound, PartialAnswer, TaskFailed
from avstudio_core.testing import ModelServer, Sent
from avstudio_core.testing.model_server import Heard
from avstudio_llm.testing import ChatCompletions

CHAT = "/chat/completions"
DIALECT = ChatCompletions()
MORNING = Reply(text="Good morning to you.", usage=Usage(input=1001, output=7))
DOWN = Sent.data({"error": {"message": "Overloaded."}}, 503)
MODELS = """
[backends.first]
kind = "openai"
base_url = "{first}/v1"
[backends.second]
kind = "openai"
base_url = "{second}/v1"
[backends.paid]
kind = "openai"
base_url = "{first}/v1"
local = false
[models."first/one"]
quality = 0.9
can = {{ tools = true }}
[models."second/two"]
quality = 0.1
[models."paid/one"]
priced_as = "mistral/mistral-small-latest"
[backends.far]
kind = "openai"
base_url = "https://models.example/v1"
"""


@pytest.fixture
def servers() -> Iterator[tuple[ModelServer, ModelServer]]:
    with ModelServer() as first, ModelServer() as second:
        for server, name in ((first, "one"), (second, "two")):
            server.say(DIALECT.models(name), at="/models")
            answer(server, MORNING)
        yield first, second


@pytest.fixture
def studio(tmp_path: Path, servers: tuple[ModelServer, ModelServer]) -> Iterator[Studio]:
    first, second = servers
    (tmp_path / "models.toml").write_text(MODELS.format(first=first.url, second=second.url), encoding="utf-8")
    with Studio(home=tmp_path, local_only=True, plugins="", add=[avstudio_llm]) as made:
        yield made


def answer(server: ModelServer, reply: Reply) -> None:
    streamed, whole = Sent.events(DIALECT.streamed(reply)), DIALECT.whole(reply)
    server.say(lambda request: streamed if DIALECT.wants_stream(request) else whole, at=CHAT)


def test_a_server_that_is_down_is_replaced(studio: Studio, servers: tuple[ModelServer, ModelServer]) -> None:
    servers[0].say(DOWN, at=CHAT)
    said = studio.chat("Good morning!", require_local=True)
    assert (said.model, said.text) == ("second/two", "Good morning to you.")
    assert [warning.code for warning in said.warnings] == ["fallback"]


def test_a_named_server_that_is_down_is_tried_again_and_not_replaced(
    studio: Studio, servers: tuple[ModelServer, ModelServer]
) -> None:
    wait = Sent.data({"error": {"message": "Slower."}}, 429, {"retry-after": "0"})
    servers[0].say(wait, wait, DIALECT.whole(MORNING), at=CHAT)
    assert studio.chat("Good morning!", model="first/one").text == "Good morning to you."
    servers[0].say(DOWN, at=CHAT)
    with pytest.raises(BackendDown, match="Overloaded"):
        studio.chat("Good morning!", model="first/one")
    assert not [one for one in servers[1].heard if CHAT in one.path]


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_a_pause_is_left_alone_so_long(
    studio: Studio, servers: tuple[ModelServer, ModelServer], status: int
) -> None:
    """A whole second, between two requests at the server: without the header, it would be half of one."""
    came: list[float] = []

    def busy(_: Heard) -> Sent:
        came.append(time.monotonic())
        wait = Sent.data({"error": {"message": "Slower."}}, status, {"retry-after": "1"})
        return wait if len(came) == 1 else DIALECT.whole(MORNING)

    servers[0].say(busy, at=CHAT)
    assert studio.chat("Good morning!", model="first/one").text == "Good morning to you."
    assert 1.0 <= came[1] - came[0] < 10.0


def test_a_stream_that_breaks_off_gives_what_came(studio: Studio, servers: tuple[ModelServer, ModelServer]) -> None:
    servers[0].say(Sent.events([*DIALECT.streamed(MORNING)[:3], "cut"]), at=CHAT)
    pieces: list[str] = []
    with pytest.raises(PartialAnswer) as caught:
        pieces.extend(delta.text for delta in studio.stream("Good morning!", model="first/one"))
    assert caught.value.text == "Good morning "


def test_an_unknown_model_is_answered_with_a_near_one(studio: Studio) -> None:
    with pytest.raises(NotFound, match="first/one"):
        studio.chat("Good morning!", model="first/oen")


def test_a_cloud_is_not_asked_when_nothing_may_leave(studio: Studio) -> None:
    with pytest.raises(EgressRefused, match="local_only"):
        studio.chat("Good morning!", model="far/big", allow_unpriced=True)


def test_half_of_a_character_reaches_no_one(studio: Studio, servers: tuple[ModelServer, ModelServer]) -> None:
    with pytest.raises(InvalidInput):
        studio.chat("Good \udcff morning!", model="first/one")
    assert not [one for one in servers[0].heard if CHAT in one.path]


def test_a_call_costs_the_price_of_the_table(studio: Studio) -> None:
    """$0.15 for a million tokens read, $0.60 written: 1001 and 7 are 154.35 millionths."""
    with Studio(
        home=studio.settings.home, plugins="", add=[avstudio_llm]
    ) as open_studio:  # what is paid passes words on
        said = open_studio.chat("Good morning!", model="paid/one")
    assert (said.usage.input, said.usage.output, said.cost_micro) == (1001, 7, 155)


def test_a_schema_is_asked_for_in_words_and_repaired_once(
    studio: Studio, servers: tuple[ModelServer, ModelServer]
) -> None:
    wrong, right = (
        DIALECT.whole(Reply(text=text, usage=Usage(input=1, output=1))) for text in ('{"a": 1}', '{"a": "b"}')
    )
    servers[0].say(wrong, right, at=CHAT)
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    said = studio.chat("Good morning!", model="first/one", answer_schema=schema)
    assert said.parsed == {"a": "b"}
    asked = [one.data for one in servers[0].heard if CHAT in one.path]
    assert [("response_format" in one, len(one["messages"])) for one in asked] == [(False, 2), (False, 4)]


@pytest.mark.parametrize(
    "vector", ["null", "[NaN, 1.0]", '"AACAPwAAAEA="', "[[1.0, 2.0]]", "[]", "[1e999]", "[true, null]"]
)
@pytest.mark.parametrize("executor", ["inline", "local"])
def test_vectors_that_are_none_reach_the_task_as_an_error(
    servers: tuple[ModelServer, ModelServer], tmp_path: Path, vector: str, executor: str
) -> None:
    """As llama.cpp's server sends them; json.dumps would write the same NaN."""
    first, second = servers
    body = f'{{"data": [{{"index": 0, "embedding": {vector}}}], "usage": {{"prompt_tokens": 3}}}}'
    first.say(Sent((body.encode(),)), at="/embeddings")
    models = MODELS.format(first=first.url, second=second.url).replace("quality = 0.9\n", "", 1)
    (tmp_path / "models.toml").write_text(models.replace("tools = true", "embed = true"), encoding="utf-8")
    with (
        Studio(home=tmp_path, plugins="", add=[avstudio_llm], executor=executor) as studio,
        pytest.raises(TaskFailed, match=r"'first/one'|sent an answer") as caught,
    ):
        studio.submit("llm.embed", texts=["one"], model="first/one").result(20)
    assert caught.value.cause == "bad_answer"
