"""A worker process: it receives orders over a socket, one at a time, and keeps its models loaded between them.

The local executor runs it as `python -m avstudio_core.tasks.executors.worker FD`; the first message names plugins that
were added by hand, and what it may use: then it gives up all other rights. When its studio ends, the socket closes, and
the worker exits.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, ClassVar

from avstudio_core.child_process import die_with_the_studio
from avstudio_core.confinement.confined import confine, settle
from avstudio_core.confinement.grant import Grant
from avstudio_core.context import Context, Warm
from avstudio_core.egress import Gate
from avstudio_core.model_requests import Ask, Response, Tell
from avstudio_core.models.shelf import InstalledShelf
from avstudio_core.orders import Order, Report
from avstudio_core.plugins import Plugins
from avstudio_core.settings_sources import load
from avstudio_core.tasks.executors.lanes import printable
from avstudio_core.tasks.executors.run_order import run_order
from avstudio_core.tasks.executors.shared_state import SharedState
from avstudio_core.tasks.executors.thread_changes import ThreadChanges


class WorkerShelf(InstalledShelf):
    """The weights of a process that may neither open connections nor write to the data folder."""

    fetches: ClassVar[bool] = False


class Worker:
    """The worker's side of the socket."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._orders: SimpleQueue[Order] = SimpleQueue()
        self._contexts: dict[str, Context] = {}
        self._asked: dict[str, Tell] = {}
        self._warm = Warm()
        self._settings = load()
        self._plugins = Plugins()
        self._job_id = ""
        """The job that runs."""
        self._busy = True
        """Whether the studio waits for this process, which then sends heartbeats, also during its start."""

    def work(self) -> None:
        """Run orders until the process ends."""
        self._plugins.discover(self._settings.plugin_names())
        self._plugins.kind("processors")  # now, while the studio is still starting
        given = json.loads(self._connection.recv_bytes())
        os.environ.update(given["variables"])
        self._settings = load()
        grant = Grant(**given["grant"])
        settle(grant, self._settings)
        confine(grant, self._settings)  # before the first thread: it holds for this one, and those that it starts
        die_with_the_studio()  # again: the kernel forgets it when rights change
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        self._plugins.add_modules([import_module(name) for name in given["modules"]])
        self._settings = self._settings.with_declared(self._plugins.kind("settings").values())
        self._shelf = WorkerShelf(self._plugins, self._settings, Gate(self._settings, self._note))
        threading.Thread(target=self._listen, name="orders", daemon=True).start()
        self._shared = SharedState(os.getcwd())
        self._busy = False
        while True:
            order = self._orders.get()
            self._busy = True
            self._serve(order)
            self._busy = False

    def _beat(self) -> None:
        """Send heartbeats during a run: the process is not stopped, and no native code holds the interpreter."""
        while True:
            time.sleep(self._settings.silent_seconds / 4)
            if self._busy:
                with contextlib.suppress(OSError), self._sending:
                    self._connection.send_bytes(b"")

    def _listen(self) -> None:
        try:
            while True:
                self._hear(json.loads(self._connection.recv_bytes()))
        except (EOFError, OSError):
            pass  # the studio has ended
        except BaseException:
            traceback.print_exc()  # without its listener, the worker must end
        finally:
            os._exit(1)

    def _hear(self, message: dict[str, Any]) -> None:
        if "cancel" in message:
            if context := self._contexts.get(message["cancel"]):
                context.cancel()
        elif "response" in message:
            self._pass_on(Response.model_validate(message["response"]))
        else:
            order = Order.model_validate(message)
            self._contexts[order.job_id] = self._context(order)
            self._orders.put(order)

    def _context(self, order: Order) -> Context:
        return Context(
            order,
            settings=self._settings,
            shelf=self._shelf,
            warm=self._warm,
            report=self._send,
            ask=lambda ask, tell: self._ask(order, ask, tell),
        )

    def _serve(self, order: Order) -> None:
        self._job_id = order.job_id
        kind = self._plugins.find("processors", order.processor)
        plugin = self._plugins.distribution_of(kind)
        name = plugin.distribution if plugin else ""
        with ThreadChanges() as changes:
            restored = lambda: [*changes.undone(), *self._shared.restored()]  # noqa: E731
            final = run_order(order, kind(self._shelf), self._contexts[order.job_id], name, restored)
        if final.kind != "done":
            self._shared.restored()
        del self._contexts[order.job_id]
        self._send(final.model_copy(update={"unclean": True}) if self._shared.unclean else final)

    def _note(self, host: str, reason: str) -> None:
        """Report a refused connection: the studio records it."""
        self._send(Report(job_id=self._job_id, kind="refused", host=host, message=reason))

    def _ask(self, order: Order, ask: Ask, tell: Tell) -> Callable[[], None]:
        """Send a request to a language model, or its cancellation, to the studio."""
        self._asked[ask.id] = tell
        self._send(Report(job_id=order.job_id, kind="ask", ask=ask))

        def give_up() -> None:
            if self._asked.pop(ask.id, None) is not None:
                self._send(Report(job_id=order.job_id, kind="give_up", ask=ask))

        return give_up

    def _pass_on(self, response: Response) -> None:
        if tell := self._asked.get(response.ask):
            if response.last:
                self._asked.pop(response.ask, None)  # it may just have been cancelled
            tell(response)

    def _send(self, report: Report) -> None:
        with self._sending:
            self._connection.send_bytes(printable(report).model_dump_json().encode())


def connected() -> Connection:
    """The worker's side of the socket. No child inherits it, so it closes when this process ends."""
    connection = Connection(int(sys.argv[1]))
    os.set_inheritable(connection.fileno(), False)
    os.register_at_fork(after_in_child=connection.close)
    return connection


def main() -> None:
    die_with_the_studio()
    os.umask(0o077)  # only the owner can read the files of runs
    gc.set_threshold(100_000)  # imports create many permanent objects; collecting garbage among them only takes time
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the studio handles Ctrl-C, and cancels cleanly
    Worker(connected()).work()


if __name__ == "__main__":
    main()
