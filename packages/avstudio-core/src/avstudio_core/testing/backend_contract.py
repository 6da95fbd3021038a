"""What every backend must keep, as a test class to subclass; see `http_backend_contract` for those with a server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pytest

from avstudio_core.testing.contracts import HEAVY, imported_by

if TYPE_CHECKING:
    from avstudio_core.chat import ChatRequest, Delta
    from avstudio_core.kinds.backend import Backend, BackendConfig
    from avstudio_core.language_models import Model
    from avstudio_core.models.pool import Pool
    from avstudio_core.settings import Settings
    from avstudio_core.studio import Studio
    from avstudio_core.weights import Shelf

T = TypeVar("T")

KEY = "key-that-nobody-may-see-0123456789"


class Witness:
    """Lends a backend what a studio lends, and notes down where it wants to go."""

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


class BackendContract:
    """What every backend must keep. Subclass it, name plugin and backend, and give the `model` that answers."""

    plugin: ModuleType
    backend: ClassVar[type[Backend]]

    @pytest.fixture
    def config(self) -> BackendConfig:
        """The section of `models.toml` to test with."""
        from avstudio_core.kinds.backend import BackendConfig

        return BackendConfig(name=self.backend.name, kind=self.backend.name)

    @pytest.fixture
    def witness(self, studio: Studio) -> Witness:
        return Witness(studio)

    @pytest.fixture
    def made(self, config: BackendConfig, witness: Witness) -> Backend:
        """The backend itself."""
        return self.backend(config, witness)

    @pytest.fixture
    def model(self, made: Backend) -> Model:
        """A model that answers: the first that is listed."""
        return self.during(made, made.models)[0]

    def during(self, made: Backend, act: Callable[[], Awaitable[T]]) -> T:
        """What `act` gives on an event loop of its own, with the backend closed after it."""

        async def run() -> T:
            try:
                return await act()
            finally:
                await made.close()

        return asyncio.run(run())

    def test_its_name_is_a_word(self) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", self.backend.name)

    def test_its_plugin_registers_it(self, studio: Studio) -> None:
        assert studio.plugins.find("backends", self.backend.name) is self.backend

    def test_importing_it_is_light(self) -> None:
        assert imported_by(self.plugin) & HEAVY == set()

    def test_nothing_stands_against_it(self, made: Backend) -> None:
        """As the fixtures make it; a library or a key that is missing is an obstacle."""
        assert made.obstacle() is None

    def test_it_lists_its_models_under_its_own_name(self, made: Backend) -> None:
        listed = self.during(made, made.models)
        assert {model.backend for model in listed} == {made.config.name}
        assert all(model.name for model in listed)

    def test_a_chat_answers(self, made: Backend, model: Model) -> None:
        reply = self.during(made, lambda: made.chat(question(max_tokens=16), model))
        assert reply.text or reply.tool_calls
        assert reply.usage is None or (reply.usage.input > 0 and reply.usage.output > 0)

    def test_a_stream_comes_to_an_end(self, made: Backend, model: Model) -> None:
        deltas = self.during(made, lambda: heard(made.stream(question(max_tokens=16), model)))
        assert "".join(delta.text for delta in deltas)
        assert [delta.finish for delta in deltas if delta.finish] in (["stop"], ["length"])

    def test_a_stream_may_be_left(self, made: Backend, model: Model) -> None:
        async def leave() -> Delta:
            async with aclosing(made.stream(question(), model)) as deltas:  # type: ignore[type-var]
                return await anext(deltas)

        assert self.during(made, leave) is not None


def question(text: str = "Good morning!", **more: Any) -> ChatRequest:
    """A short question."""
    from avstudio_core.chat import ChatRequest, Message

    return ChatRequest(messages=(Message(role="user", content=text),), **more)


def with_tool() -> ChatRequest:
    """A question with a tool whose schema is nested."""
    from avstudio_core.chat import Tool

    deep = {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}, "additionalProperties": False}
    schema = {
        "type": "object",
        "properties": {"at": {"type": "array", "items": {"anyOf": [{"type": "number"}]}}, "deep": deep},
        "required": ["at"],
    }
    return question(tools=(Tool(name="cut", description="Cuts.", parameters=schema),))


async def heard(deltas: AsyncIterator[Delta]) -> list[Delta]:
    """All pieces of a stream."""
    return [delta async for delta in deltas]
