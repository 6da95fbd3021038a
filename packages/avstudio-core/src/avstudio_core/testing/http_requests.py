"""What a backend must send to its server, as tests: all of the request, and nothing else."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from avstudio_core.testing.backend_rules import KEY, BackendRules, Witness
from avstudio_core.testing.model_server import Heard, ModelServer, Sent
from avstudio_core.testing.questions import SCHEMA, conversation, heard, question, with_tool

if TYPE_CHECKING:
    from avstudio_core.chat import ChatRequest, Reply
    from avstudio_core.kinds.backend import Backend, BackendConfig
    from avstudio_core.language_models import Model
    from avstudio_core.studio import Studio
    from avstudio_core.testing.dialect import Dialect

TOGETHER_SECONDS = 30.0
"""How long the server waits for calls that were made at once."""


class HttpRequests(BackendRules):
    """A backend with a server that records what it is sent, and the rules about that."""

    dialect: ClassVar[Dialect]
    ends_unsaid: ClassVar[bool] = False
    """Whether a stream that the server closes normally counts as complete, even without a final event."""

    @pytest.fixture
    def server(self) -> Iterator[ModelServer]:
        with ModelServer() as server:
            server.say(self.dialect.models("small", "large"), at=self.dialect.models_at)
            self.will_say(server, answer("Good morning to you."))
            yield server

    @pytest.fixture
    def config(self, server: ModelServer) -> BackendConfig:
        from avstudio_core.kinds.backend import BackendConfig

        return BackendConfig(
            name="mine", kind=self.backend.name, base_url=server.url + self.dialect.version, key_variable="MY_KEY"
        )

    @pytest.fixture
    def witness(self, studio: Studio) -> Witness:
        witness = Witness(studio)
        witness.secrets["MY_KEY"] = KEY
        return witness

    @pytest.fixture
    def model(self) -> Model:
        from avstudio_core.language_models import Can, Model

        return Model(backend="mine", name="small", local=True, can=Can(tools=True, json_schema=True, vision=True))

    def will_say(self, server: ModelServer, reply: Reply) -> None:
        """Make the server answer with that, streamed or not."""
        dialect = self.dialect
        streamed, whole = Sent.events(dialect.streamed(reply)), dialect.whole(reply)
        server.say(lambda request: streamed if dialect.wants_stream(request) else whole, at=dialect.chat_at)

    def both(self, made: Backend, model: Model, request: ChatRequest) -> list[Exception]:
        """What a chat and a stream raise."""
        from avstudio_core.errors import AVStudioError

        async def ask() -> list[Exception]:
            raised: list[Exception] = []
            for call in (lambda: made.chat(request, model), lambda: heard(made.stream(request, model))):
                try:
                    await call()
                except AVStudioError as error:
                    raised.append(error)
            return raised

        raised = self.during(made, ask)
        assert all(KEY not in str(error) for error in raised)
        assert all("\n" not in str(error) for error in raised)
        assert len(raised) == 2
        return raised

    def requests(self, server: ModelServer, made: Backend, model: Model, request: ChatRequest) -> list[Heard]:
        """What the server receives of a chat and of a stream."""
        before = len(server.heard)

        async def ask() -> None:
            await made.chat(request, model)
            await heard(made.stream(request, model))

        self.during(made, ask)
        received = [one for one in server.heard[before:] if self.dialect.chat_at in one.path]
        assert len(received) == 2, f"A chat and a stream made {len(received)} requests."
        return received

    def test_the_model_is_the_one_asked_for(self, server: ModelServer, made: Backend, model: Model) -> None:
        """A request names the model that was asked for, and no other."""
        for name, other in (("small", "large"), ("large", "small")):
            for received in self.requests(server, made, model.model_copy(update={"name": name}), question()):
                assert _names(received, name), f"The request does not name the model '{name}'."
                assert not _names(received, other), f"The request names the model '{other}' instead of '{name}'."

    def test_the_conversation_reaches_the_model(self, server: ModelServer, made: Backend, model: Model) -> None:
        """All turns of a conversation reach the server, in their order."""
        asked = conversation()
        texts = [turn.text for turn in asked.messages if turn.role in ("user", "assistant")]
        for received in self.requests(server, made, model, asked):
            body = json.dumps(received.data, ensure_ascii=False)
            missing = [turn.text for turn in asked.messages if turn.text not in body and turn.role != "tool"]
            assert missing == [], f"The request lacks these turns: {missing}."
            places = [body.index(text) for text in texts]
            assert places == sorted(places), "The turns are in another order."

    def test_results_of_tools_reach_the_model(self, server: ModelServer, made: Backend, model: Model) -> None:
        """The calls of tools that a model made earlier, and what the tools returned, reach the server."""
        asked = conversation()
        for received in self.requests(server, made, model, asked):
            body = json.dumps(received.data, ensure_ascii=False)
            missing = [turn.text for turn in asked.messages if turn.role == "tool" and turn.text not in body]
            assert missing == [], f"The request lacks these results of tools: {missing}."
            assert "4.25" in body, "The request lacks the arguments of a call."

    @pytest.mark.parametrize(
        ("name", "value"),
        [("temperature", 0.37), ("top_p", 0.41), ("seed", 4711), ("max_tokens", 123), ("stop", ("HALT!",))],
    )
    def test_sampling_reaches_the_model(
        self, server: ModelServer, made: Backend, model: Model, name: str, value: Any
    ) -> None:
        """`temperature`, `top_p`, `seed`, `max_tokens` and `stop` reach the server, or `Unsupported` is raised."""
        from avstudio_core.errors import Unsupported

        asked = question(**{name: value})
        try:
            received = self.requests(server, made, model, asked)
        except Unsupported:
            assert [type(error) for error in self.both(made, model, asked)] == [Unsupported] * 2
            return
        for one in received:
            sent = value[0] if isinstance(value, tuple) else value
            assert _holds(one.data, sent), f"The request does not hold '{name}' ({sent})."

    def test_tools_that_are_claimed_are_used(self, server: ModelServer, made: Backend, model: Model) -> None:
        """The tools of a request reach the server: its model claims them (`Can(tools=True)`)."""
        if not model.can.tools:
            pytest.skip("its models do not claim tools")
        (tool,) = with_tool().tools
        for received in self.requests(server, made, model, with_tool()):
            for what in (tool.name, tool.description):
                assert _holds(received.data, what), f"The request lacks the tool's '{what}'."

    def test_a_tools_schema_reaches_the_server_whole(self, server: ModelServer, made: Backend, model: Model) -> None:
        """A tool's schema reaches the server unchanged, however nested."""
        for received in self.requests(server, made, model, with_tool()):
            assert _holds(received.data, with_tool().tools[0].parameters), "The request lacks the schema."

    def test_a_schema_that_is_claimed_is_kept(self, server: ModelServer, made: Backend, model: Model) -> None:
        """The schema of the answer reaches the server: its model claims schemas (`Can(json_schema=True)`)."""
        if not model.can.json_schema:
            pytest.skip("its models do not claim schemas")
        for received in self.requests(server, made, model, question(answer_schema=SCHEMA)):
            assert "zebras" in json.dumps(received.data), "The request lacks the schema."

    def test_a_picture_reaches_the_model(self, server: ModelServer, made: Backend, model: Model) -> None:
        """The pictures of a request reach the server: its model claims to see (`Can(vision=True)`)."""
        from avstudio_core.chat import ChatRequest, Image, Message, Text

        if not model.can.vision:
            pytest.skip("its models do not claim pictures")
        parts = (Text(text="What is it?"), Image(media_type="image/png", data="aGVsbG8="))
        asked = ChatRequest(messages=(Message(role="user", content=parts),))
        for received in self.requests(server, made, model, asked):
            assert "aGVsbG8=" in json.dumps(received.data), "The request lacks the picture."

    def test_an_answer_is_not_repeated(self, server: ModelServer, made: Backend, model: Model) -> None:
        """Each call asks the server, and gives its answer: no answer to an equal question is kept."""
        texts = ["It is early.", "It is late.", "It is dark."]

        async def ask() -> list[tuple[str, str]]:
            answers = []
            for text in texts:
                self.will_say(server, answer(text))
                streamed = await heard(made.stream(question(), model))
                chatted = await made.chat(question(), model)
                answers.append(("".join(delta.text for delta in streamed), chatted.text))
            return answers

        assert self.during(made, ask) == [(text, text) for text in texts]

    def test_texts_become_vectors(self, server: ModelServer, made: Backend, model: Model) -> None:
        """`embed` gives one vector for each text, in their order, and raises `BadAnswer` when there are fewer."""
        from avstudio_core.chat import EmbedRequest
        from avstudio_core.errors import BadAnswer

        if self.dialect.embed_at is None:
            pytest.skip("the dialect does not say how its server makes embeddings ('embed_at' and 'vectors')")
        asked, vectors = EmbedRequest(texts=("one", "two", "three")), [[1.0, 0.5], [0.25, 2.0], [0.0, 1.0]]
        server.say(self.dialect.vectors(vectors), at=self.dialect.embed_at)
        assert self.during(made, lambda: made.embed(asked, model)).vectors == vectors
        received = next(one for one in server.heard if self.dialect.embed_at in one.path)
        assert all(_holds(received.data, text) for text in asked.texts), "The request lacks a text."
        assert _names(received, model.name), f"The request does not name the model '{model.name}'."
        server.say(self.dialect.vectors(vectors[:2]), at=self.dialect.embed_at)
        with pytest.raises(BadAnswer):
            self.during(made, lambda: made.embed(asked, model))

    def test_calls_do_not_wait_for_each_other(self, server: ModelServer, made: Backend, model: Model) -> None:
        """Calls that are made at once are sent at once: none waits for the answer to another."""
        together = Together(3, self.dialect, answer("Good morning to you."))
        server.say(together, at=self.dialect.chat_at)

        async def ask() -> None:
            chats = (made.chat(question(), model) for _ in range(2))
            await asyncio.gather(*chats, heard(made.stream(question(), model)))

        self.during(made, ask)
        assert together.met, "Three calls were made at once, and the server did not receive the third in time."


class Together:
    """Answers no request before a number of them are there."""

    def __init__(self, number: int, dialect: Dialect, reply: Reply) -> None:
        self.met = True
        self._barrier = threading.Barrier(number)
        self._dialect = dialect
        self._streamed, self._whole = Sent.events(dialect.streamed(reply)), dialect.whole(reply)

    def __call__(self, request: Heard) -> Sent:
        try:
            self._barrier.wait(TOGETHER_SECONDS)
        except threading.BrokenBarrierError:
            self.met = False
        return self._streamed if self._dialect.wants_stream(request) else self._whole


def answer(text: str, **more: Any) -> Reply:
    from avstudio_core.chat import Reply, Usage

    finish = "tool_calls" if more.get("tool_calls") else "stop"
    return Reply(text=text, finish=finish, usage=Usage(input=11, output=7), **more)  # type: ignore[arg-type]


def _names(received: Heard, model: str) -> bool:
    """Whether a request names a model, in its body or in its address."""
    return _holds(received.data, model) or bool(re.search(rf"\b{model}\b", received.path))


def _holds(data: Any, wanted: Any) -> bool:
    """Whether data holds a value somewhere."""
    if data == wanted:
        return True
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return any(_holds(one, wanted) for one in inner)
