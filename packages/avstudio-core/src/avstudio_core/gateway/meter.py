"""The metering of one call: reserved before, and settled after in every case."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import Future

from avstudio_core import tokens
from avstudio_core.chat import Delta, EmbedRequest, Reply, Usage, Vectors
from avstudio_core.errors import AVStudioError, BackendDown, EgressRefused, ModelError, PartialAnswer, PluginError
from avstudio_core.gateway.health import Health
from avstudio_core.gateway.ledger.call_facts import NewCall, Outcome, Settled
from avstudio_core.gateway.ledger.ledger import Ledger
from avstudio_core.gateway.ledger.records import Reservation
from avstudio_core.gateway.models.prices import Prices
from avstudio_core.gateway.requests import Request
from avstudio_core.gateway.thoughts import Thoughts, apart
from avstudio_core.gateway.vectors import refuse_unusable
from avstudio_core.route_decision import Candidate

LOG = logging.getLogger(__name__)

PATIENT_SECONDS = 60.0
"""A timeout shorter than this does not count as an outage of the backend."""
MOST_UNITS = 10**9
"""The most tokens, seconds or characters of one call; a report of more is wrong, and the estimate counts instead."""


class Meter:
    """Opens calls: no model is called before the highest possible cost is reserved."""

    def __init__(self, ledger: Ledger, prices: Prices, health: Health) -> None:
        self.ledger = ledger
        self.prices = prices
        self.health = health

    async def open(self, call: NewCall, request: Request, candidate: Candidate) -> Metered:
        """Reserve the cost of a call. Raises `OverBudget`."""
        reservation = await self.ledger.reserved(call)
        self.health.begin(call.backend)
        return Metered(self, reservation, request, candidate)

    async def replay(self, call: NewCall) -> None:
        """Record a call that was answered without a model, and costs nothing."""
        self.ledger.settle(await self.ledger.reserved(call), Settled("cached")).add_done_callback(_told)


class Metered:
    """A call with a reservation: run it once, with `chat`, `stream` or `embed`."""

    def __init__(self, meter: Meter, reservation: Reservation, request: Request, candidate: Candidate) -> None:
        self.model = candidate.model
        self.request_id = reservation.request_id
        self.reply = Reply()
        self.ended = True
        """Whether the server marked its answer as complete."""
        self.usage = Usage()
        self.cost_micro = 0
        self._meter = meter
        self._reservation = reservation
        self._request = request
        self._expected = candidate.estimate.output_tokens
        self._began = time.monotonic()
        self._first: float | None = None
        self._settled = False

    @property
    def left(self) -> float:
        """The remaining seconds of the request's time limit."""
        return max(0.001, self._request.timeout - (time.monotonic() - self._began))

    async def chat(self, asked: Awaitable[Reply]) -> Reply:
        """Wait for a whole answer."""
        try:
            async with asyncio.timeout(self._request.timeout):
                self.reply = apart(await asked)
        except BaseException as error:
            raise self._broken(error) from error
        self._complete(tokens.of_reply(self.reply))
        return self.reply

    async def embed(self, asked: Awaitable[Vectors]) -> Vectors:
        """Wait for vectors. Raises `BadAnswer` for unusable ones."""
        assert isinstance(self._request, EmbedRequest)
        try:
            async with asyncio.timeout(self._request.timeout):
                vectors = await asked
                self.reply.usage = vectors.usage
            refuse_unusable(vectors, len(self._request.texts), self.model.id)
        except BaseException as error:
            raise self._broken(error) from error
        self._complete(0)
        return vectors

    async def stream(self, deltas: AsyncIterator[Delta]) -> AsyncIterator[Delta]:
        """Yield pieces with text, reasoning or tool calls; `reply` is the whole answer at the end."""
        text: list[str] = []
        deadline = time.monotonic() + self._request.timeout
        thoughts = Thoughts()
        self.ended = False
        try:
            while (delta := await _next(deltas, deadline)) is not None:
                if piece := self._noted(thoughts.apart(delta), text):
                    yield piece
            if piece := self._noted(thoughts.rest(), text):
                yield piece
        except BaseException as error:
            self.reply.text = "".join(text)
            raise self._broken(error) from error
        finally:
            if close := getattr(deltas, "aclose", None):
                await close()
        self.reply.text = "".join(text)
        apart(self.reply)
        self._complete(tokens.of_reply(self.reply))

    def _noted(self, delta: Delta, text: list[str]) -> Delta | None:
        """Add a piece to the reply; return it if it has something to pass on."""
        reply = self.reply
        self.ended = self.ended or delta.finish is not None
        reply.finish = delta.finish or reply.finish
        reply.usage = delta.usage or reply.usage
        reply.model = delta.model or reply.model
        reply.warnings += delta.warnings
        if not (delta.text or delta.reasoning or delta.tool_calls):
            return None
        if self._first is None:
            self._first = time.monotonic() - self._began
        text.append(delta.text)
        reply.reasoning += delta.reasoning
        reply.tool_calls += delta.tool_calls
        return delta

    def _complete(self, written: int) -> None:
        self._meter.health.answered(self.model.backend)
        self._settle("ok", _believed(self.reply.usage) or self._estimated(written))

    def _broken(self, error: BaseException) -> BaseException:
        """Settle a call that failed or was cancelled; return the error for the caller."""
        if isinstance(error, TimeoutError):
            seconds = self._request.timeout
            message = f"'{self.model.id}' did not answer within {seconds:.3g} s."
            error = BackendDown(message, waited=seconds, worked=True)
        if isinstance(error, AVStudioError):
            return self._failed(error)
        self._meter.health.given_up(self.model.backend)  # cancelled, or the caller left a stream
        self._settle("cancelled", self._used(error), type(error).__name__)
        return error

    def _failed(self, error: AVStudioError) -> AVStudioError:
        health, backend = self._meter.health, self.model.backend
        if isinstance(error, PluginError) or (
            isinstance(error, BackendDown) and (error.waited is None or error.waited >= PATIENT_SECONDS)
        ):
            health.failed(backend)
        elif isinstance(error, EgressRefused | BackendDown):
            health.given_up(backend)
        else:
            health.answered(backend)
        self._settle("failed" if self._first is None else "partial", self._used(error), error.code)
        if self._first is None:
            return error
        message = f"'{self.model.id}' broke off in its answer: {error.message}"
        return PartialAnswer(message, hint=error.hint, text=self.reply.text)

    def _used(self, error: BaseException) -> Usage:
        """The usage of a call without an end: as the server reported it, or estimated if the server may have worked.

        If nothing has arrived, the expected answer counts: nobody knows how much of it the server has written.
        """
        if reported := _believed(self.reply.usage) or _believed(getattr(error, "used", None)):
            return reported
        if written := tokens.of_reply(self.reply):
            return self._estimated(written)
        worked = error.worked if isinstance(error, ModelError) else not isinstance(error, AVStudioError)
        return self._estimated(self._expected) if worked else Usage()

    def _settle(self, outcome: Outcome, usage: Usage, error: str | None = None) -> None:
        """Hand the settlement to the writer; until it is written, the reservation counts."""
        if self._settled:
            return
        self._settled = True
        self.usage = usage
        self.cost_micro = self._meter.prices.cost(self.model, usage) or 0
        seconds = time.monotonic() - self._began
        settled = Settled(outcome, usage, self.cost_micro, error, seconds, self._first)
        self._meter.ledger.settle(self._reservation, settled).add_done_callback(_told)

    def _estimated(self, written: int) -> Usage:
        """The estimated usage if the server reports none."""
        return Usage(input=tokens.of_request(self._request)[0], output=written, estimated=True)


def _believed(reported: object) -> Usage | None:
    """The usage that a server reported, or `None` if it reported none, or an impossible one."""
    if not isinstance(reported, Usage):
        return None
    most = max(reported.input, reported.output, reported.seconds, reported.characters)
    return reported if most <= MOST_UNITS else None


async def _next(deltas: AsyncIterator[Delta], deadline: float) -> Delta | None:
    """The next piece, or `None` at the end. Raises `TimeoutError`."""
    async with asyncio.timeout(deadline - time.monotonic()):
        return await anext(deltas, None)


def _told(future: Future[None]) -> None:
    if error := future.exception():
        LOG.error("A call could not be settled, and its reservation stands: %s", error)
