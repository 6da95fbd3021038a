"""The contract of backends with an HTTP server, as a test class to subclass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from avstudio_core.testing.backend_rules import KEY, Witness
from avstudio_core.testing.http_requests import HttpRequests, answer
from avstudio_core.testing.model_server import PATIENCE_SECONDS, ModelServer, Sent
from avstudio_core.testing.questions import heard, question, with_tool

if TYPE_CHECKING:
    from avstudio_core.chat import Delta, Reply
    from avstudio_core.kinds.backend import Backend, BackendConfig
    from avstudio_core.language_models import Model


class HttpBackendContract(HttpRequests):
    """The contract of backends with an HTTP server. Subclass it with the `dialect` of that server."""

    def test_the_list_is_the_servers(self, made: Backend) -> None:
        """`models` gives what the server lists."""
        assert [model.name for model in self.during(made, made.models)] == ["small", "large"]

    @pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
    def test_a_list_that_is_refused(self, server: ModelServer, made: Backend, status: int) -> None:
        """When the server refuses the list of models, a `ModelError` is raised, and it is asked once."""
        from avstudio_core.errors import ModelError

        server.say(Sent.data(self.dialect.refusal(status, "No model not found."), status), at=self.dialect.models_at)
        with pytest.raises(ModelError):
            self.during(made, made.models)
        assert len(server.heard) == 1

    def test_a_chat_and_a_stream_say_the_same(self, made: Backend, model: Model) -> None:
        """`chat` and `stream` give the same words, `finish` and `usage`; a stream gives words as they come."""

        async def ask() -> tuple[Reply, list[Delta]]:
            return await made.chat(question(), model), await heard(made.stream(question(), model))

        reply, deltas = self.during(made, ask)
        assert reply.text == "".join(delta.text for delta in deltas) == "Good morning to you."
        assert reply.finish == deltas[-1].finish == "stop"
        assert reply.usage == deltas[-1].usage == answer("").usage
        assert len([delta for delta in deltas if delta.text]) > 1

    def test_tool_calls_come_whole_and_with_an_id(self, server: ModelServer, made: Backend, model: Model) -> None:
        """Calls of tools come whole, each with an id of its own, and `finish` is `tool_calls`."""
        from avstudio_core.chat import ToolCall

        call = ToolCall(id="call_1", name="cut", arguments={"at": [1.5, 2], "deep": {"a": "ü\n"}})
        self.will_say(server, answer("", tool_calls=(call, call.model_copy(update={"id": "call_2"}))))

        async def ask() -> tuple[Reply, list[Delta]]:
            return await made.chat(with_tool(), model), await heard(made.stream(with_tool(), model))

        reply, deltas = self.during(made, ask)
        for calls in (list(reply.tool_calls), [one for delta in deltas for one in delta.tool_calls]):
            assert [(one.name, one.arguments) for one in calls] == [(call.name, call.arguments)] * 2
            assert len({one.id for one in calls} - {""}) == 2
        assert reply.finish == deltas[-1].finish == "tool_calls"

    def test_the_gate_is_asked_before_every_request(
        self, server: ModelServer, witness: Witness, made: Backend, model: Model
    ) -> None:
        """`host.leave` is called with the address before each request."""
        self.during(made, lambda: made.chat(question(), model))
        assert [url.startswith(server.url) for url in witness.asked] == [True] * len(server.heard)

    def test_nothing_leaves_when_the_gate_is_shut(
        self, server: ModelServer, witness: Witness, made: Backend, model: Model
    ) -> None:
        """When `host.leave` refuses, its `EgressRefused` is raised, and nothing is sent."""
        from avstudio_core.errors import EgressRefused

        witness.refuses = True
        assert [type(error) for error in self.both(made, model, question())] == [EgressRefused] * 2
        assert server.heard == []

    def test_each_loop_may_ask(self, made: Backend, model: Model) -> None:
        """A backend works on several event loops, one after the other, without being closed in between."""
        texts = [asyncio.run(_chat(made, model)).text for _ in range(3)]
        assert texts == ["Good morning to you."] * 3

    def test_many_ask_at_once(self, made: Backend, model: Model) -> None:
        """Many calls at once all get their answers."""

        async def ask() -> list[Reply]:
            return await asyncio.gather(*(made.chat(question(), model) for _ in range(20)))

        assert {reply.text for reply in self.during(made, ask)} == {"Good morning to you."}

    def test_leaving_a_stream_hangs_up(self, server: ModelServer, made: Backend, model: Model) -> None:
        """A stream that is closed closes its connection, so that the server stops its work."""
        pieces = self.dialect.streamed(answer("Good morning to you."))
        server.say(Sent.events([*pieces[:-1], "hang"]), at=self.dialect.chat_at)

        async def leave() -> bool:
            request = question(timeout=PATIENCE_SECONDS)
            async with aclosing(made.stream(request, model)) as deltas:  # type: ignore[type-var]
                await anext(deltas)
            return await asyncio.to_thread(server.saw_a_client_leave)

        assert self.during(made, leave)

    def test_cancelling_hangs_up(self, server: ModelServer, made: Backend, model: Model) -> None:
        """A call that is cancelled closes its connection."""
        server.say(Sent(("hang",)), at=self.dialect.chat_at)

        async def cancel() -> bool:
            task = asyncio.ensure_future(made.chat(question(), model))
            while not server.heard:
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await asyncio.to_thread(server.saw_a_client_leave)

        assert self.during(made, cancel)

    def test_a_server_that_is_down(self, config: BackendConfig, witness: Witness, model: Model) -> None:
        """When the server cannot be reached, `BackendDown` is raised, and names its address."""
        from avstudio_core.errors import BackendDown

        with ModelServer() as gone:
            config = config.model_copy(update={"base_url": gone.url + self.dialect.version})
        errors = self.both(self.backend(config, witness), model, question())
        assert [type(error) for error in errors] == [BackendDown] * 2
        assert "'127.0.0.1" in str(errors[0])

    def test_a_server_that_hangs(self, server: ModelServer, made: Backend, model: Model) -> None:
        """When the server is silent for `timeout` seconds, `BackendDown` is raised, and names the time."""
        from avstudio_core.errors import BackendDown

        server.say(Sent(("hang",)), at=self.dialect.chat_at)
        errors = self.both(made, model, question(timeout=0.2))
        assert [type(error) for error in errors] == [BackendDown] * 2
        assert "0.2 s" in str(errors[0])

    def test_a_stream_that_breaks_off(self, server: ModelServer, made: Backend, model: Model) -> None:
        """The words that came before a stream broke off are given, and then `BackendDown` is raised."""
        from avstudio_core.errors import BackendDown

        pieces = self.dialect.streamed(answer("Good morning to you."))
        broken = [Sent.events([*pieces[:-1], "cut"]), *([] if self.ends_unsaid else [Sent.events(pieces[:2])])]
        server.say(*broken, at=self.dialect.chat_at)

        async def ask() -> list[str]:
            texts: list[str] = []
            for _ in broken:
                with pytest.raises(BackendDown):
                    await _gather(made.stream(question(), model), texts)
            return texts

        assert "".join(self.during(made, ask)).startswith("Good morning to you.")

    @pytest.mark.parametrize("size", [1, 3, 1000])
    def test_a_stream_may_be_cut_anywhere(self, server: ModelServer, made: Backend, model: Model, size: int) -> None:
        """A stream is read right wherever the network cuts it, inside an event or a character, too."""
        whole = b"".join(self.dialect.streamed(answer("Grüße, 世界 🎬!")))
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        server.say(Sent.events(pieces), at=self.dialect.chat_at)
        deltas = self.during(made, lambda: heard(made.stream(question(), model)))
        assert "".join(delta.text for delta in deltas) == "Grüße, 世界 🎬!"

    def test_a_stream_of_broken_json(self, server: ModelServer, made: Backend, model: Model) -> None:
        """A piece that is not JSON raises `BadAnswer`."""
        from avstudio_core.errors import BadAnswer

        pieces = [*self.dialect.streamed(answer("Good morning."))[:-1], self.dialect.broken()]
        server.say(Sent.events(pieces), at=self.dialect.chat_at)
        with pytest.raises(BadAnswer):
            self.during(made, lambda: heard(made.stream(question(), model)))

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"<html>Hello</html>"])
    def test_what_is_not_an_answer(self, server: ModelServer, made: Backend, model: Model, content: bytes) -> None:
        """An answer that breaks the protocol raises `BadAnswer`."""
        from avstudio_core.errors import BadAnswer

        server.say(Sent((content,)), at=self.dialect.chat_at)
        assert [type(error) for error in self.both(made, model, question())] == [BadAnswer] * 2

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            *[(401, "CredentialsRefused"), (403, "CredentialsRefused"), (400, "RequestRefused")],
            *[(404, "Unsupported"), (422, "RequestRefused"), (429, "RateLimited"), (500, "BackendDown")],
            *[(502, "BackendDown"), (503, "BackendDown"), (529, "BackendDown"), (307, "RequestRefused")],
        ],
    )
    def test_a_refusal(self, server: ModelServer, made: Backend, model: Model, status: int, error: str) -> None:
        """Each status becomes the core's error for it, no redirect is followed, and nothing is asked again."""
        said = self.dialect.refusal(status, f"We would rather not, '{KEY}'.")
        server.say(Sent.data(said, status, {"location": "http://127.0.0.2:1/"}), at=self.dialect.chat_at)
        raised = self.both(made, model, question())
        assert [type(one).__name__ for one in raised] == [error] * 2
        assert len([one for one in server.heard if self.dialect.chat_at in one.path]) == 2, "it asked more than once"

    def test_a_refusal_that_is_no_json(self, server: ModelServer, made: Backend, model: Model) -> None:
        """A refusal that is not JSON becomes the error for its status."""
        from avstudio_core.errors import BackendDown

        server.say(Sent((b"<html>\n<h1>Bad gateway</h1>",), 502, media_type="text/html"), at=self.dialect.chat_at)
        assert [type(error) for error in self.both(made, model, question())] == [BackendDown] * 2

    def test_how_long_to_wait(self, server: ModelServer, made: Backend, model: Model) -> None:
        """`RateLimited` holds the seconds of `retry-after`, given as a number or a date, else `None`."""
        from avstudio_core.errors import RateLimited

        said = self.dialect.refusal(429, "Slower, please.")
        waits = [None, "7", "Sun, 06 Nov 1994 08:49:37 GMT", "soon", "-3"]
        server.say(
            *(Sent.data(said, 429, {} if wait is None else {"retry-after": wait}) for wait in waits),
            at=self.dialect.chat_at,
        )

        async def ask() -> list[float | None]:
            found = []
            for _ in waits:
                with pytest.raises(RateLimited) as caught:
                    await made.chat(question(), model)
                found.append(caught.value.retry_after)
            return found

        assert self.during(made, ask) == [None, 7.0, 0.0, None, None]

    def test_half_of_a_character_is_refused(self, server: ModelServer, made: Backend, model: Model) -> None:
        """A text that is not valid Unicode raises `InvalidInput`, and nothing is sent."""
        from avstudio_core.errors import InvalidInput

        assert [type(error) for error in self.both(made, model, question("Hello \ud800!"))] == [InvalidInput] * 2
        assert server.heard == []

    def test_a_key_that_no_header_can_hold(
        self, server: ModelServer, witness: Witness, made: Backend, model: Model
    ) -> None:
        """A key that no header can hold is an obstacle, and raises `CredentialsRefused`; nothing is sent."""
        from avstudio_core.errors import CredentialsRefused

        witness.secrets["MY_KEY"] = "kéy\nX-Other: 1"
        assert made.obstacle() is not None
        errors = self.both(made, model, question())
        assert [type(error) for error in errors] == [CredentialsRefused] * 2
        assert "'MY_KEY'" in str(errors[0])
        assert server.heard == []


async def _gather(deltas: AsyncIterator[Delta], texts: list[str]) -> None:
    async for delta in deltas:
        texts.append(delta.text)


async def _chat(made: Backend, model: Model) -> Reply:
    return await made.chat(question(), model)
