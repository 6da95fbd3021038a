"""Guarded calls to backends: whatever a plugin's code does, a call ends in time, and with an error of the core."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import aclosing
from functools import cached_property
from typing import Any, TypeVar, get_args

from avstudio_core.chat import (
    ChatRequest,
    Delta,
    EmbedRequest,
    FinishReason,
    ModelWarning,
    Reply,
    ToolCall,
    Usage,
    Vectors,
)
from avstudio_core.errors import AVStudioError, BackendDown, NoModel
from avstudio_core.gateway.loop import LoopThread
from avstudio_core.guard import Guard, one_line, shown
from avstudio_core.kinds.backend import Backend, BackendConfig, gathered
from avstudio_core.language_models import Model

FINISHES = get_args(FinishReason)
CLOSING_SECONDS = 2.0
"""How long a backend may take to close, in seconds."""

T = TypeVar("T")


class GuardedBackend:
    """Calls a backend. A third-party one runs on a separate event loop, so that it can only block itself."""

    def __init__(
        self, backend: Backend, config: BackendConfig, guard: Guard, clean: Callable[[BaseException], None]
    ) -> None:
        self.backend = backend
        self.config = config
        """The section of `models.toml`, also for a backend that does not keep it."""
        self._guard = guard
        self._clean = clean
        self._loop = None if guard.trusted else LoopThread(foreign=True)

    def url(self) -> str | None:
        """The address of its server. Raises `PluginError`."""
        return self._text("url", lambda: self.backend.url)

    def key_variable(self) -> str | None:
        """The name of the secret with its key, or `None`. Raises `PluginError`."""
        return self._text("key_variable", lambda: self.backend.key_variable)

    @cached_property
    def runs_here(self) -> bool:
        """Whether its models run on this machine. Raises `PluginError`."""
        return bool(self._guard.call(self._what("runs_here"), lambda: self.backend.runs_here))

    @cached_property
    def lists_cheaply(self) -> bool:
        """Whether to request its list of models for every choice. Raises `PluginError`."""
        return bool(self._guard.call(self._what("lists_cheaply"), lambda: self.backend.lists_cheaply))

    def check(self) -> None:
        """Read what must be known of every backend. Raises `PluginError`: then it cannot be used."""
        self.url(), self.key_variable(), self.runs_here, self.lists_cheaply

    def check_additions(self) -> None:
        """Read the additional headers and query. Raises `CredentialsRefused`, and `PluginError`."""
        self._guard.call(self._what("additions"), lambda: self.backend.additions)

    def full_name(self, name: str) -> str:
        """The server's full name of a model. Raises `PluginError`."""
        what = self._what("full_name")
        return self._guard.expect(what, self._guard.call(what, self.backend.full_name, name), str)

    def obstacle(self) -> AVStudioError | None:
        """Why no call can succeed, also if this check itself fails; or `None`."""
        try:
            reason = self._guard.call(self._what("obstacle"), self.backend.obstacle)
            return None if reason is None else NoModel(self._guard.expect(self._what("obstacle"), reason, str))
        except AVStudioError as error:
            return error

    async def models(self) -> list[Model]:
        """Raises `AVStudioError`."""
        what = self._what("models")
        models = self._guard.expect(what, await self._called("models", self.backend.models), list)
        for model in models:
            if self._guard.expect(what, model, Model).backend != self.config.name:
                raise self._guard.refusal(what, f"returned '{model.id}', which is not a model of this backend")
        return models if self.runs_here else [self._elsewhere(model) for model in models]

    def _elsewhere(self, model: Model) -> Model:
        """A model of a server on another machine; one that says it is local is reported, and counts as not local."""
        if not model.local:
            return model
        self._guard.refusal(self._what("models"), f"returned '{model.id}' as local, but its server is not")
        return model.model_copy(update={"local": False})

    async def chat(self, request: ChatRequest, model: Model, reply: Reply | None = None) -> Reply:
        """The whole answer; if it breaks off, `reply` has the part that arrived, as far as the backend streams."""
        if type(self.backend).chat is Backend.chat:
            return await gathered(self.stream(request, model), reply)
        whole = await self._called("chat", lambda: self.backend.chat(request, model))
        self._check_answer("chat", whole, Reply)
        return whole

    async def embed(self, request: EmbedRequest, model: Model) -> Vectors:
        vectors = await self._called("embed", lambda: self.backend.embed(request, model))
        return self._guard.expect(self._what("embed"), vectors, Vectors)

    async def stream(self, request: ChatRequest, model: Model) -> AsyncGenerator[Delta, None]:
        deltas = self._caught_stream(request, model)
        pieces = deltas if self._loop is None else _moved(deltas, self._loop)
        async with aclosing(pieces):
            async for delta in pieces:
                yield delta

    async def close(self) -> None:
        """Close it, without raising its errors."""
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._called("close", self.backend.close)
        except (AVStudioError, TimeoutError):
            pass  # the first is reported
        finally:
            if self._loop is not None:
                self._loop.leave()

    async def _called(self, method: str, make: Callable[[], Awaitable[T]]) -> T:
        caught = self._caught(method, make)
        if self._loop is None:
            return await caught
        return await asyncio.wrap_future(self._loop.start(caught))

    async def _caught(self, method: str, make: Callable[[], Awaitable[T]]) -> T:
        try:
            return await make()
        except BaseException as error:
            raise self._ours(method, error) from error

    async def _caught_stream(self, request: ChatRequest, model: Model) -> AsyncGenerator[Delta, None]:
        deltas: Any = None
        left = False
        try:
            deltas = self.backend.stream(request, model)
            async for delta in deltas:
                self._check_answer("stream", delta, Delta)
                left = True
                yield delta
                left = False
        except BaseException as error:
            if left and isinstance(error, GeneratorExit):
                raise
            raise self._ours("stream", error) from error
        finally:
            await self._left(deltas)

    async def _left(self, deltas: Any) -> None:
        """Close a stream. Its errors are reported, but not raised: the answer, or its error, is complete."""
        try:
            if close := getattr(deltas, "aclose", None):
                await close()
        except BaseException as error:
            ours = self._ours("stream", error)
            if not isinstance(ours, AVStudioError):
                raise

    def _check_answer(self, method: str, given: object, kind: type[Reply] | type[Delta]) -> None:
        """Raise `PluginError` for an object that is not an answer, or whose parts do not have their types."""
        what = self._what(method)
        answer = self._guard.expect(what, given, kind)
        if not (isinstance(answer.text, str) and isinstance(answer.reasoning, str)):
            raise self._guard.refusal(what, "returned text that is not a string")
        for warning in answer.warnings:
            self._guard.expect(what, warning, ModelWarning)
        for call in answer.tool_calls:
            self._guard.expect(what, call, ToolCall)
        if answer.usage is not None:
            self._guard.expect(what, answer.usage, Usage)
        if answer.model is not None:
            self._guard.expect(what, answer.model, str)
        if answer.finish is not None and answer.finish not in FINISHES:
            reason = (
                f"returned '{shown(answer.finish)}' as the reason of its end, which is none of: {', '.join(FINISHES)}"
            )
            raise self._guard.refusal(what, reason)

    def _ours(self, method: str, error: BaseException) -> BaseException:
        """The error of the core for an exception of the plugin's code, without secrets in its text."""
        self._clean(error)
        if isinstance(error, AVStudioError):
            return error
        if isinstance(error, TimeoutError):  # its own: the time limit of the request cancels the call
            return BackendDown(f"{self._what(method)} gave up waiting ({one_line(error)}).")
        if isinstance(error, GeneratorExit) and asyncio._get_running_loop() is None:
            return error  # a call that was never finished is being removed
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            return error
        return self._guard.failure(self._what(method), error)

    def _what(self, method: str) -> str:
        return f"'{method}' of backend '{self.config.name}'"

    def _text(self, attribute: str, read: Callable[[], str | None]) -> str | None:
        text = self._guard.call(self._what(attribute), read)
        return None if text is None else self._guard.expect(self._what(attribute), text, str)


async def _moved(deltas: AsyncGenerator[Delta, None], loop: LoopThread) -> AsyncGenerator[Delta, None]:
    """A stream that runs on another event loop. Closing it cancels it there."""
    here, pieces = asyncio.get_running_loop(), asyncio.Queue[Delta | None]()

    async def pump() -> None:
        try:
            async with aclosing(deltas):
                async for delta in deltas:
                    here.call_soon_threadsafe(pieces.put_nowait, delta)
        finally:
            here.call_soon_threadsafe(pieces.put_nowait, None)

    pumped: Future[None] = loop.start(pump())
    try:
        while (delta := await pieces.get()) is not None:
            yield delta
        await asyncio.wrap_future(pumped)
    finally:
        pumped.cancel()
