"""Relays requests of runs through the studio: to language models, and for weights."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from avstudio_core.chat import Account
from avstudio_core.errors import TaskCancelled
from avstudio_core.kinds.executor import ExecutorHost
from avstudio_core.model_requests import Ask, Response, Tell, problem
from avstudio_core.orders import Order, Report

if TYPE_CHECKING:
    from avstudio_core.child_process import Process

TOKEN_SECONDS = 0.1
"""The shortest time between two events of an answer's text, in seconds."""


def relayed(
    host: ExecutorHost, order: Order, report: Callable[[Report], None], ask: Ask, tell: Tell
) -> Callable[[], None]:
    """Pass a request to the studio, on the account and under the terms of the task, and the answer back.

    Its text also becomes events of the task.
    """
    if ask.verb == "weights":
        return fetched(host, ask, tell)
    account = Account(
        owner=order.owner, project=order.project, key=order.key, task=order.task_id, run=order.run
    ).model_dump()
    request = {**ask.request, "account": account}
    if order.private:
        wishes = request.get("wishes")
        request["wishes"] = {**(wishes if isinstance(wishes, dict) else {}), "private": True}
    ask = ask.model_copy(update={"request": request})
    if ask.verb != "chat":
        return host.ask(ask, tell)
    tokens = Tokens(order.job_id, ask.id, report)

    def pass_on(response: Response) -> None:
        tokens.add(response.text, last=response.last)
        tell(response)

    return host.ask(ask, pass_on)


def fetched(host: ExecutorHost, ask: Ask, tell: Tell) -> Callable[[], None]:
    """Find the weights that a run needs, and fetch them if necessary: its worker has no network."""
    given_up = threading.Event()

    def report(fraction: float) -> None:
        if given_up.is_set():
            raise TaskCancelled("The run does not need the weights any more.")
        tell(Response(ask=ask.id, text=f"{fraction:g}"))

    def find() -> None:
        try:
            folder = host.shelf.folder(str(ask.request["name"]), report)
            tell(Response(ask=ask.id, answer={"folder": str(folder)}))
        except BaseException as error:  # a run waits for the answer
            tell(problem(ask, error))

    threading.Thread(target=find, name="weights", daemon=True).start()
    return given_up.set


class Tokens:
    """Collects an answer's text into few events."""

    def __init__(self, job_id: str, request_id: str, report: Callable[[Report], None]) -> None:
        self._job_id = job_id
        self._request_id = request_id
        self._report = report
        self._text = ""
        self._due = 0.0

    def add(self, text: str, *, last: bool) -> None:
        self._text += text
        if last or (self._text and time.monotonic() >= self._due):
            facts = {"message": self._text, "request_id": self._request_id, "complete": last}
            self._report(Report.model_validate({"job_id": self._job_id, "kind": "token", **facts}))
            self._text, self._due = "", time.monotonic() + TOKEN_SECONDS


class Relay:
    """The open requests of one worker."""

    def __init__(self, host: ExecutorHost, process: Process, order: Order, report: Callable[[Report], None]) -> None:
        self._host = host
        self._process = process
        self._order = order
        self._report = report
        self._open: dict[str, Callable[[], None]] = {}

    def ask(self, ask: Ask) -> None:
        """Start answering a request of the worker."""
        self._open[ask.id] = relayed(
            self._host, self._order, self._report, ask, lambda response: self._process.send(_wrapped(response))
        )

    def give_up(self, ask_id: str) -> None:
        if give_up := self._open.pop(ask_id, None):
            give_up()

    def close(self) -> None:
        """Cancel all requests: the run has ended, or its worker has."""
        for ask_id in list(self._open):
            self.give_up(ask_id)


def _wrapped(response: Response) -> str:
    """A message as ASCII JSON: a piece of an answer may end inside a character."""
    return json.dumps({"response": response.model_dump()})
