"""A process that holds one model: `python -m avstudio_llm.backends.mlx.worker FD`.

The first message on its socket names the model's folder; the others are requests, answered one after another, because
a model is not thread-safe. When its studio ends, the socket closes, and the process exits.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from pydantic import TypeAdapter

from avstudio_core.chat import ChatRequest, Delta
from avstudio_core.child_process import die_with_the_studio, peak_memory_mb
from avstudio_core.errors import AVStudioError, BackendDown, Unsupported
from avstudio_llm.backends.mlx.generation import Cancelled, Generator

DELTA = TypeAdapter(Delta)


class Worker:
    """The worker's side of the socket."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._questions: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._cancelled: set[str] = set()

    def work(self) -> None:
        """Answer requests until the process ends."""
        folder = Path(json.loads(self._connection.recv_bytes())["folder"])
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            generator = Generator(folder)
        except Exception as error:  # each kind of broken file raises a different error
            said = " ".join(f"{type(error).__name__}: {error}".split())
            failure = Unsupported(f"The MLX model in '{folder}' cannot be loaded ({said}).", hint="Download it again.")
            self._send(error=failure.code, message=failure.message, hint=failure.hint)
            return
        self._send(ready=True)
        while True:
            self._serve(generator, self._questions.get())

    def _listen(self) -> None:
        try:
            while True:
                message = json.loads(self._connection.recv_bytes())
                if "cancel" in message:
                    self._cancelled.add(message["cancel"])
                else:
                    self._questions.put(message)
        except (EOFError, OSError):
            pass  # the studio has ended
        except BaseException:
            traceback.print_exc()  # without its listener, the worker must end
        finally:
            os._exit(1)

    def _serve(self, generator: Generator, question: dict[str, Any]) -> None:
        number: str = question["ask"]
        cancelled: Callable[[], bool] = lambda: number in self._cancelled  # noqa: E731
        try:
            if not cancelled():
                for delta in generator.answer(ChatRequest.model_validate(question["request"]), cancelled):
                    self._send(ask=number, delta=DELTA.dump_python(delta, mode="json", exclude_defaults=True))
        except Cancelled:
            pass
        except Exception as error:
            failure = error if isinstance(error, AVStudioError) else _unforeseen(error)
            self._send(ask=number, error=failure.code, message=failure.message, hint=failure.hint)
        self._cancelled.discard(number)

    def _send(self, **message: Any) -> None:
        self._connection.send_bytes(json.dumps({**message, "memory_mb": peak_memory_mb()}).encode())


def _unforeseen(error: Exception) -> BackendDown | Unsupported:
    said = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, MemoryError) or "allocate" in said:
        return Unsupported(f"The memory is full ({said}).", hint="Send less, or choose a smaller model.")
    return BackendDown(f"The model failed: {said}")


def main() -> None:
    die_with_the_studio()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the studio handles Ctrl-C, and cancels cleanly
    Worker(Connection(int(sys.argv[1]))).work()


if __name__ == "__main__":
    main()
