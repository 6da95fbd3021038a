"""The rules for all backends, with and without a server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, TypeVar

import pytest

from avstudio_core.testing.contract import NAME, Contract
from avstudio_core.testing.light_imports import check_imports
from avstudio_core.testing.questions import heard, longest_silence, question

if TYPE_CHECKING:
    from avstudio_core.chat import ChatRequest, Delta, Reply
    from avstudio_core.kinds.backend import Backend, BackendConfig
    from avstudio_core.language_models import Model
    from avstudio_core.models.pool import Pool
    from avstudio_core.settings import Settings
    from avstudio_core.studio import Studio
    from avstudio_core.weights import Shelf

T = TypeVar("T")

SILENCE_SECONDS = 0.3
"""How long a call may block its event loop, in seconds."""
KEY = "key-that-nobody-may-see-0123456789"


class Witness:
    """The services of a studio for a backend; it records the addresses of connections."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.secrets: dict[str, str] = {}
        self.asked: list[str] = []
        self.refuses = False

    @property
    def settings(self) -> Settings:
        return self._studio.settings

    @property
    def shelf(self) -> Shelf:
        return self._studio.shelf

    @property
    def pool(self) -> Pool:
        return self._studio.pool

    def secret(self, variable: str) -> str | None:
        return self.secrets.get(variable)

    def leave(self, url: str, *, private: bool = False) -> None:
        from avstudio_core.errors import EgressRefused

        self.asked.append(url)
        if self.refuses:
            raise EgressRefused(f"Nothing may be sent to '{url}'.")


class BackendRules(Contract):
    """The rules that do not depend on where a backend's models run."""

    plugin: ModuleType
    backend: ClassVar[type[Backend]]

    @pytest.fixture
    def config(self) -> BackendConfig:
        """The section of `models.toml` for the tests."""
        from avstudio_core.kinds.backend import BackendConfig

        return BackendConfig(name=self.backend.name, kind=self.backend.name)

    @pytest.fixture
    def witness(self, studio: Studio) -> Witness:
        return Witness(studio)

    @pytest.fixture
    def made(self, config: BackendConfig, witness: Witness) -> Backend:
        """The backend."""
        return self.backend(config, witness)

    @pytest.fixture
    def model(self, made: Backend) -> Model:
        """A model that answers: the first in the list."""
        return self.during(made, made.models)[0]

    def during(self, made: Backend, act: Callable[[], Awaitable[T]]) -> T:
        """The result of `act` on a new event loop; the backend is closed afterwards."""

        async def run() -> T:
            try:
                return await act()
            finally:
                await made.close()

        return asyncio.run(run())

    def test_its_name_is_a_word(self) -> None:
        """The name is one word of small letters, digits, `_` and `-`."""
        assert re.fullmatch(NAME, self.backend.name), f"'{self.backend.name}' is not."

    def test_its_plugin_registers_it(self, studio: Studio) -> None:
        """The plugin's hook `register_backends` returns the backend."""
        assert studio.plugins.find("backends", self.backend.name) is self.backend

    def test_importing_it_is_light(self) -> None:
        """Importing the plugin and declaring the backend import no heavy library."""
        check_imports(self.plugin)

    def test_nothing_stands_against_it(self, made: Backend) -> None:
        """As the fixtures make it, `obstacle` is `None`; a library or a key that is missing would be one."""
        assert made.obstacle() is None

    def test_it_lists_its_models_under_its_own_name(self, made: Backend) -> None:
        """`models` lists each model once, under the name of the section in `models.toml`, and says which are local."""
        listed = self.during(made, made.models)
        assert {model.backend for model in listed} == {made.config.name}
        names = [model.name for model in listed]
        assert all(names), "A model has no name."
        assert len(set(names)) == len(names), f"A model is there twice: {names}."
        wrong = [model.name for model in listed if model.local and not made.runs_here]
        assert wrong == [], f"These say that they are local, and the backend's server is not: {wrong}."

    def test_a_chat_answers(self, made: Backend, model: Model) -> None:
        """`chat` gives words or calls of tools, and counts tokens or leaves `usage` at `None`."""
        reply = self.during(made, lambda: made.chat(question(max_tokens=16), model))
        assert reply.text or reply.tool_calls, "The answer is empty."
        assert reply.usage is None or (reply.usage.input > 0 and reply.usage.output > 0), "The tokens are not counted."

    def test_a_stream_comes_to_an_end(self, made: Backend, model: Model) -> None:
        """`stream` gives words, then one `finish`, and no words after it."""
        deltas = self.during(made, lambda: heard(made.stream(question(max_tokens=16), model)))
        assert "".join(delta.text for delta in deltas), "The answer is empty."
        ends = [number for number, delta in enumerate(deltas) if delta.finish]
        assert [deltas[end].finish for end in ends] in (["stop"], ["length"]), "There is not one 'finish'."
        assert not any(delta.text for delta in deltas[ends[0] + 1 :]), "Words come after 'finish'."

    def test_a_stream_may_be_left(self, made: Backend, model: Model) -> None:
        """A stream can be closed after its first piece."""

        async def leave() -> Delta:
            async with aclosing(made.stream(question(), model)) as deltas:  # type: ignore[type-var]
                return await anext(deltas)

        assert self.during(made, leave) is not None

    def test_no_word_comes_twice(self, made: Backend, model: Model) -> None:
        """Each piece of a stream holds new words only, and `chat` gives the same words as `stream`."""
        calm = self.calm(model)

        async def ask() -> tuple[Reply, list[Delta]]:
            return await made.chat(calm, model), await heard(made.stream(calm, model))

        reply, deltas = self.during(made, ask)
        pieces = [delta.text for delta in deltas if delta.text]
        half, grows = len(pieces) // 2, [after.startswith(before) for before, after in pairwise(pieces)]
        assert not grows or not all(grows), "Each piece begins with the words of the one before it."
        assert half < 2 or pieces[:half] != pieces[half:], "The answer comes twice."
        assert reply.text == "".join(pieces), "A chat and a stream give different words."

    def test_a_seed_repeats_the_answer(self, made: Backend, model: Model) -> None:
        """A local model that takes sampling parameters gives equal answers for equal seeds."""
        if not (model.local and model.can.sampling):
            pytest.skip("it is not local, or does not take a seed")
        asked = question("Tell me a story.", seed=7, temperature=1.0, max_tokens=16)

        async def ask() -> list[str]:
            return [(await made.chat(asked, model)).text for _ in range(2)]

        first, second = self.during(made, ask)
        assert first == second

    def test_it_gives_others_their_turn(self, made: Backend, model: Model) -> None:
        """A call does not block its event loop: it awaits what takes long, or gives it to a thread or a process."""
        from avstudio_core.chat import EmbedRequest

        async def call() -> None:
            await made.models()
            if model.can.embed:
                await made.embed(EmbedRequest(texts=("Good morning.",)), model)
            await made.chat(question(max_tokens=16), model)
            await heard(made.stream(question(max_tokens=16), model))

        async def best_of_three() -> float:
            """The first call may import its library, and a busy machine may hold up any other."""
            silences = [await longest_silence(call) for _ in range(2)]
            return min(silences) if min(silences) < SILENCE_SECONDS else await longest_silence(call)

        silence = self.during(made, best_of_three)
        assert silence < SILENCE_SECONDS, f"Nothing else ran on the event loop for {silence:.2f} s."

    def calm(self, model: Model) -> ChatRequest:
        """A request whose answer is the same each time."""
        return question(max_tokens=16, temperature=0.0) if model.can.sampling else question(max_tokens=16)
