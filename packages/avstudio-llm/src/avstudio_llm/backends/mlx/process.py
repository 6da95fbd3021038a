"""The studio's side of a worker process with one model."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from avstudio_core import Settings, new_id
from avstudio_core.chat import ChatRequest, Delta
from avstudio_core.child_process import Process, environment_of
from avstudio_core.errors import (
    AVStudioError,
    BackendDown,
    ContextTooLong,
    InvalidInput,
    RequestRefused,
    Unsupported,
)

MODULE = "avstudio_llm.backends.mlx.worker"
OFFLINE = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
}
"""The model's folder is complete, so its libraries must not use the network."""
ERRORS = {kind.code: kind for kind in (BackendDown, ContextTooLong, RequestRefused, Unsupported)}

DELTA = TypeAdapter(Delta)

Deliver = Callable[[dict[str, Any] | AVStudioError], None]


class ModelProcess:
    """Starts with the object, on a thread that also reads from it: the process ends with the thread that started it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.ready: Future[None] = Future()
        """Raises `Unsupported` for a model that cannot be loaded."""
        self.peak_mb = 0
        self._folder = folder
        self._environment = environment_of(settings.environment()) | OFFLINE
        self._process: Process | None = None
        self._started = threading.Event()
        self._guard = threading.Lock()
        self._over = False
        self._sending = threading.Lock()
        self._asked: dict[str, Deliver] = {}
        self._thread = threading.Thread(target=self._listen, name=f"mlx {folder.name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self._over

    @property
    def pid(self) -> int | None:
        return self._process.popen.pid if self._process else None

    def end(self) -> None:
        """Kill the process, which frees its memory, and wait for that."""
        self._started.wait()
        if self._process is not None:
            self._process.kill(signal.SIGKILL)
        self._thread.join()

    async def ask(self, request: ChatRequest) -> AsyncIterator[Delta]:
        """The answer as it arrives. Closing the iterator makes the process stop after the current token."""
        question = _message(request)
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[dict[str, Any] | AVStudioError]()
        number = new_id("ask")
        self._open(number, lambda message: _hand_over(loop, queue, message))
        finished = False
        try:
            await asyncio.to_thread(self._send, f'{{"ask": "{number}", "request": {question}}}')
            while not finished:
                message = await queue.get()
                finished = isinstance(message, AVStudioError) or "error" in message
                delta = _read(message)
                finished = delta.finish is not None
                yield delta
        finally:
            self._asked.pop(number, None)
            if not finished:
                self._send(json.dumps({"cancel": number}))

    def _open(self, number: str, deliver: Deliver) -> None:
        with self._guard:
            if self._over:
                raise BackendDown("The worker process of the model ended before the request.", hint="Try again.")
            self._asked[number] = deliver

    def _send(self, message: str) -> None:
        assert self._process is not None
        with self._sending:
            self._process.send(message)

    def _listen(self) -> None:
        try:
            process = self._process = Process(self._environment, MODULE)
        except OSError as error:
            self.ready.set_exception(BackendDown(f"The worker process cannot be started: {error}."))
            return
        finally:
            self._started.set()
        process.send(json.dumps({"folder": str(self._folder)}))
        try:
            for message in process.messages(lambda line: None):
                self._deliver(json.loads(message))
        except (EOFError, OSError):
            self._bury(process)

    def _deliver(self, message: dict[str, Any]) -> None:
        self.peak_mb = max(self.peak_mb, message["memory_mb"])
        if deliver := self._asked.get(message.get("ask", "")):
            deliver(message)
        elif "ready" in message:
            self.ready.set_result(None)
        elif "error" in message and "ask" not in message:
            self.ready.set_exception(_error(message))

    def _bury(self, process: Process) -> None:
        failure = BackendDown(f"{process.obituary()} The model was '{self._folder.name}'.")
        process.leave()
        if not self.ready.done():
            self.ready.set_exception(failure)
        with self._guard:
            self._over = True
            for deliver in list(self._asked.values()):
                deliver(failure)


def _message(request: ChatRequest) -> str:
    try:
        return request.model_dump_json(exclude={"wishes", "account"})
    except (PydanticSerializationError, UnicodeEncodeError):
        raise InvalidInput(
            "The request contains a lone surrogate, which is not valid text.", hint="Decode the text again, as UTF-8."
        ) from None


def _hand_over(
    loop: asyncio.AbstractEventLoop,
    queue: asyncio.Queue[dict[str, Any] | AVStudioError],
    message: dict[str, Any] | AVStudioError,
) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed, so the caller has gone
        loop.call_soon_threadsafe(queue.put_nowait, message)


def _read(message: dict[str, Any] | AVStudioError) -> Delta:
    if isinstance(message, AVStudioError):
        raise message
    if "error" in message:
        raise _error(message)
    return DELTA.validate_python(message["delta"])


def _error(message: dict[str, Any]) -> AVStudioError:
    return ERRORS.get(message["error"], BackendDown)(message["message"], hint=message["hint"])
