"""The contract of backends, as a test class to subclass; see `http_backend_contract` for backends with a server."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from avstudio_core.kinds.backend import gathered
from avstudio_core.testing.backend_rules import KEY, BackendRules, Witness
from avstudio_core.testing.questions import SCHEMA, conversation, heard, question, with_tool

if TYPE_CHECKING:
    from avstudio_core.chat import ChatRequest, Reply, Usage
    from avstudio_core.kinds.backend import Backend
    from avstudio_core.language_models import Model

__all__ = ["KEY", "BackendContract", "Witness", "heard", "question", "with_tool"]


class BackendContract(BackendRules):
    """The contract of backends. Subclass it, and set the plugin, the backend, and the `model` that answers."""

    def test_an_answer_is_as_short_as_asked(self, made: Backend, model: Model) -> None:
        """An answer has no more than `max_tokens` tokens, and `finish` tells whether it was cut off there."""
        whole = self.during(made, lambda: made.chat(self.calm(model).model_copy(update={"max_tokens": 64}), model))
        written = whole.usage.output if whole.usage else 64
        assert written == 64 or whole.finish != "length", f"'finish' is 'length' after {written} of 64 tokens."
        asked = self.calm(model).model_copy(update={"max_tokens": 8})
        for reply in self.during(made, lambda: both_ways(made, model, asked)):
            cut = reply.usage is not None and reply.usage.output == 8 < written
            assert not cut or reply.finish == "length", f"'finish' is '{reply.finish}' in an answer that was cut off."
        asked = question("Tell me a long story.", max_tokens=8)
        for reply in self.during(made, lambda: both_ways(made, model, asked)):
            assert reply.usage is None or reply.usage.output <= 8, f"It has {reply.usage.output} tokens, not 8."
            assert len(reply.text.split()) <= 8, f"It has more than 8 words: '{reply.text}'."

    def test_a_stop_ends_the_answer(self, made: Backend, model: Model) -> None:
        """An answer ends before a text that `stop` names."""
        calm = self.calm(model)
        words = self.during(made, lambda: made.chat(calm, model)).text.split()
        if len(words) < 2:
            pytest.skip("its answer is too short to be stopped")
        asked = calm.model_copy(update={"stop": (words[1],)})
        for reply in self.during(made, lambda: both_ways(made, model, asked)):
            assert words[1] not in reply.text, f"The answer has the stop '{words[1]}': '{reply.text}'."

    def test_the_conversation_reaches_the_model(self, made: Backend, model: Model) -> None:
        """All turns of a conversation reach the model: more tokens are read where there are more turns."""
        last = question(max_tokens=4)
        turns = {turn.role: turn for turn in conversation().messages}

        async def ask() -> list[Usage | None]:
            said = turns["assistant"].model_copy(update={"tool_calls": ()})
            more = [(turns["system"], *last.messages), (turns["user"], said, *last.messages)]
            asked = [last, *(last.model_copy(update={"messages": messages}) for messages in more)]
            return [(await made.chat(one, model)).usage for one in asked]

        alone, *longer = self.during(made, ask)
        if alone is None:
            pytest.skip("it does not count tokens")
        read = [usage.input if usage else 0 for usage in longer]
        assert read[0] > alone.input, "The system message is not read."
        assert read[1] > alone.input, "The turns before the last are not read."

    def test_tools_that_are_claimed_are_used(self, made: Backend, model: Model) -> None:
        """A model with `Can(tools=True)` calls a tool when it must (`tool_choice="required"`).

        A backend that cannot force it raises `Unsupported` for that, and is asked again with `auto`. For a model that
        is too small to call tools, override `tool_question` with one that it understands.
        """
        from avstudio_core.errors import Unsupported

        if not model.can.tools:
            pytest.skip("its models do not claim tools")

        try:
            replies = self.during(made, lambda: both_ways(made, model, self.tool_question()))
        except Unsupported:
            asked = self.tool_question().model_copy(update={"tool_choice": "auto"})
            replies = self.during(made, lambda: both_ways(made, model, asked))
        for reply in replies:
            names = [call.name for call in reply.tool_calls]
            assert names, "The model claims tools, and answered without calling one."
            assert set(names) <= {tool.name for tool in self.tool_question().tools}, f"It called {names}."
            assert all(call.id for call in reply.tool_calls), "A call has no id."
            assert len({call.id for call in reply.tool_calls}) == len(names), "Two calls have one id."
            assert reply.finish == "tool_calls", f"'finish' is '{reply.finish}', not 'tool_calls'."

    def test_no_tool_is_called_where_none_may_be(self, made: Backend, model: Model) -> None:
        """With `tool_choice="none"`, no tool is called."""
        if not model.can.tools:
            pytest.skip("its models do not claim tools")
        asked = self.tool_question().model_copy(update={"tool_choice": "none", "max_tokens": 16})
        for reply in self.during(made, lambda: both_ways(made, model, asked)):
            assert reply.tool_calls == (), f"It called '{reply.tool_calls[0].name}'."

    def test_an_unknown_model_raises_an_error_of_the_core(self, made: Backend, model: Model) -> None:
        """A model that does not exist is refused with an error of the core; a backend may also answer."""
        from avstudio_core.errors import AVStudioError

        unknown = model.model_copy(update={"name": "no-such-model"})

        async def ask() -> None:
            with suppress(AVStudioError):
                await made.chat(question(max_tokens=8), unknown)

        self.during(made, ask)

    def test_a_schema_that_is_claimed_is_kept(self, made: Backend, model: Model) -> None:
        """A model with `Can(json_schema=True)` answers in JSON that fits `answer_schema`."""
        if not model.can.json_schema:
            pytest.skip("its models do not claim schemas")
        reply = self.during(made, lambda: made.chat(question(answer_schema=SCHEMA, max_tokens=64), model))
        assert set(json.loads(reply.text)) == {"zebras"}, f"The answer is '{reply.text}'."

    def test_texts_become_vectors(self, made: Backend, model: Model) -> None:
        """`embed` gives one vector for each text, in their order and of one length; equal texts have equal vectors."""
        from avstudio_core.chat import EmbedRequest

        if not model.can.embed:
            pytest.skip("its models do not make embeddings")
        texts = ("Good morning.", "The night is long, and it rains.", "Good morning.")
        answer = self.during(made, lambda: made.embed(EmbedRequest(texts=texts), model))
        assert answer.usage is None or answer.usage.input > 0, "The tokens are not counted."
        made_of = answer.vectors
        assert len(made_of) == len(texts), f"There are {len(made_of)} vectors for {len(texts)} texts."
        assert len({len(vector) for vector in made_of}) == 1, "The vectors differ in length."
        assert made_of[0] == pytest.approx(made_of[2], abs=1e-3), "Equal texts have different vectors."
        assert made_of[0] != pytest.approx(made_of[1], abs=1e-3), "Different texts have equal vectors."

    def tool_question(self) -> ChatRequest:
        """A request that makes a model call a tool."""
        return with_tool("Cut the recording at second 3. Use the tool.").model_copy(
            update={"tool_choice": "required", "max_tokens": 200}
        )


async def both_ways(made: Backend, model: Model, request: ChatRequest) -> list[Reply]:
    """What `chat` and `stream` answer."""
    return [await made.chat(request, model), await gathered(made.stream(request, model))]
