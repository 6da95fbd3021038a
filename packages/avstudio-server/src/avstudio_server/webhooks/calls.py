"""One call of a webhook: to an address that was checked, without redirects, and not for long."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import SplitResult

from avstudio_core.errors import AVStudioError
from avstudio_server.http.pinned_connection import Deadline, PinnedConnection
from avstudio_server.http.public_addresses import PublicHosts
from avstudio_server.webhooks.signature import signed

if TYPE_CHECKING:
    from avstudio_core import Delivery, Settings

GONE = 410
LONGEST_PAUSE = 12 * 3600.0
"""The longest pause between two attempts, in seconds."""


class Gate(Protocol):
    """The policy about what may leave this machine, which records refusals."""

    def leave(self, url: str) -> None: ...


class Outcome(NamedTuple):
    """What a webhook answered; a `status` of 0 stands for none."""

    status: int
    reason: str
    retry_after: float = 0.0

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300


class Calls:
    """Calls webhooks under the policies of a studio."""

    def __init__(self, settings: Settings, gate: Gate) -> None:
        self._hosts = PublicHosts("webhook_hosts", settings.webhook_hosts)
        self._seconds = float(settings.webhook_seconds)
        self._gate = gate
        self._open = set[Deadline]()
        self._lock = threading.Lock()

    def check(self, url: str) -> tuple[SplitResult, str]:
        """The parts of a URL that may be called, and the address. Raises `EgressRefused`, `InvalidInput`."""
        found = self._hosts.address(url)
        self._gate.leave(url)
        return found

    def send(self, delivery: Delivery) -> Outcome:
        """Send an event to a webhook."""
        try:
            parts, address = self.check(delivery.webhook.url)
        except AVStudioError as error:
            return Outcome(0, error.message)
        connection = PinnedConnection(parts, address, self._seconds)
        with Deadline(self._seconds) as deadline:
            self._note(self._open.add, deadline)
            try:
                return _answer(connection, parts, delivery, deadline)
            except (OSError, http.client.HTTPException) as error:
                slow = deadline.passed or isinstance(error, TimeoutError)
                reason = "it takes too long" if slow else getattr(error, "strerror", None) or type(error).__name__
                return Outcome(0, f"No answer: {reason}.")
            finally:
                connection.close()
                self._note(self._open.discard, deadline)

    def break_off(self) -> None:
        """End the calls that are under way."""
        with self._lock:
            for deadline in self._open:
                deadline.break_off()

    def _note(self, change: Callable[[Deadline], None], deadline: Deadline) -> None:
        with self._lock:
            change(deadline)


def _answer(connection: PinnedConnection, parts: SplitResult, delivery: Delivery, deadline: Deadline) -> Outcome:
    body = delivery.event.model_dump_json().encode()
    headers = {"Content-Type": "application/json", "User-Agent": "AV-Studio", "Connection": "close"}
    headers |= signed(delivery.secret, delivery.id, int(time.time()), body)
    connection.connect()
    deadline.ends(connection.sock)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    connection.request("POST", target, body, headers)
    answer = connection.getresponse()
    return Outcome(answer.status, f"It answered with {answer.status}.", _seconds(answer.getheader("Retry-After", "")))


def _seconds(retry_after: str) -> float:
    """The seconds in the header `Retry-After`: a number, or a date; 0 without one."""
    text = retry_after.strip()
    if text.isdigit() and len(text) < 10:
        return min(float(text), LONGEST_PAUSE)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    left = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(0.0, left), LONGEST_PAUSE)
