"""What has to be sent to the webhooks of all owners, in the order of the events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update

from avstudio_core.access.webhooks import Webhook
from avstudio_core.errors import DataFolderError
from avstudio_core.events import Event
from avstudio_core.names import checked
from avstudio_core.reach import Reach
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.expressions import insert_new
from avstudio_core.storage.file_lock import locked
from avstudio_core.storage.server_tables import webhook_failures, webhooks
from avstudio_core.storage.tables import runs, tasks
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.events.event_filter import EventFilter

LOCK = "webhooks.lock"


@dataclass(frozen=True)
class Delivery:
    """An event to send to a webhook next."""

    webhook: Webhook
    secret: str = field(repr=False)
    event: Event
    again: bool
    """Whether the event could not be delivered earlier, and is replayed."""

    @property
    def id(self) -> str:
        """The same for each attempt to deliver the event."""
        return f"msg_{self.event.seq}_{self.webhook.id}"


class Outbox:
    """Says what a sender has to deliver, and remembers what became of it. One sender serves all studios on a folder."""

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self._lock = home / LOCK
        self._read_to: dict[str, int] = {}
        """The number up to which the log has nothing for a webhook; after a restart it is read again."""

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Be the only sender; false if another one is. The death of its process ends this."""
        try:
            with locked(self._lock, 0.0):
                yield True
        except DataFolderError:
            yield False

    def due(self) -> list[str]:
        """The webhooks that may have events to send now."""
        query = select(webhooks.c.id).where(webhooks.c.active, webhooks.c.due_at <= time.time())
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def next(self, webhook_id: str) -> Delivery | None:
        """What has to be sent to a webhook first."""
        checked(webhook_id, "webhook id")
        with self._database.read() as connection:
            query = select(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.active)
            row = connection.execute(query).mappings().first()
            failed = webhook_failures.c.webhook_id == webhook_id, webhook_failures.c.replaying
            seqs = select(webhook_failures.c.seq).where(*failed).order_by(webhook_failures.c.seq)
            again = list(connection.execute(seqs).scalars()) if row is not None else []
        if row is None:
            return None
        webhook, secret, reach = Webhook.from_row(row), str(row["secret"]), Reach(row["owner"], row["project"])
        for seq in again:
            event = self._first(webhook, reach, seq - 1)
            if event is not None and event.seq == seq:
                return Delivery(webhook, secret, event, again=True)
            self._forget(webhook_id, seq)  # the event was deleted with its task
        newest = event_log.newest(self._database)
        after = max(row["seq"], self._read_to.get(webhook_id, 0))
        event = self._first(webhook, reach, after) if newest > after else None
        if event is None:
            self._read_to[webhook_id] = max(newest, after)
            return None
        return Delivery(webhook, secret, event, again=False)

    def delivered(self, delivery: Delivery) -> None:
        """The webhook took the event."""
        self._settle(delivery, reason=None)

    def postpone(self, delivery: Delivery, seconds: float, reason: str) -> None:
        """The webhook did not take the event; try again after some seconds."""
        attempts = delivery.webhook.attempts + 1
        self._change(delivery, attempts=attempts, due_at=time.time() + seconds, reason=reason)

    def give_up(self, delivery: Delivery, reason: str) -> None:
        """The event is not tried again unless it is replayed; the next one follows."""
        values = {"attempts": delivery.webhook.attempts + 1, "reason": reason, "failed_at": time.time()}
        self._settle(delivery, reason=reason, failure={**values, "replaying": False})

    def switch_off(self, delivery: Delivery, reason: str) -> None:
        """Send a webhook nothing more until it is replayed."""
        self._change(delivery, active=False, reason=reason)

    def _settle(self, delivery: Delivery, *, reason: str | None, failure: dict[str, Any] | None = None) -> None:
        """Go on to the next event; note a `failure`."""
        webhook_id, seq = delivery.webhook.id, delivery.event.seq
        row = (webhook_failures.c.webhook_id == webhook_id, webhook_failures.c.seq == seq)
        mine = update(webhooks).where(webhooks.c.id == webhook_id)

        def operation(transaction: Transaction) -> None:
            changed = transaction.execute(mine.values(attempts=0, due_at=0.0, reason=reason)).rowcount
            if not delivery.again:
                transaction.execute(mine.where(webhooks.c.seq < seq).values(seq=seq))
            if failure is None:
                transaction.execute(delete(webhook_failures).where(*row))
            elif changed:
                new = {"webhook_id": webhook_id, "seq": seq, **failure}
                if not transaction.execute(insert_new(webhook_failures), new).rowcount:
                    transaction.execute(update(webhook_failures).where(*row).values(**failure))

        self._database.write(operation)

    def _change(self, delivery: Delivery, **values: Any) -> None:
        mine = update(webhooks).where(webhooks.c.id == delivery.webhook.id).values(**values)
        self._database.write(lambda transaction: transaction.execute(mine))

    def _forget(self, webhook_id: str, seq: int) -> None:
        row = (webhook_failures.c.webhook_id == webhook_id, webhook_failures.c.seq == seq)
        self._database.write(lambda transaction: transaction.execute(delete(webhook_failures).where(*row)))

    def _first(self, webhook: Webhook, reach: Reach, after: int) -> Event | None:
        """The first event after a number that a webhook is notified of."""
        wanted = EventFilter.of(webhook.subjects, webhook.plan, None, webhook.types).within(reach)
        most = event_log.FIRST_PAGE
        while page := event_log.page(self._database, wanted, after, most):
            named = self._named(webhook.id, [event.subject for event in page]) if webhook.on_request else None
            for event in page:
                if named is None or event.subject in named:
                    return event
            after, most = page[-1].seq, event_log.PAGE
        return None

    def _named(self, webhook_id: str, subjects: list[str]) -> set[str]:
        """Those of some tasks whose request names a webhook."""
        query = select(tasks.c.id).join(runs, runs.c.id == tasks.c.run_id)
        query = query.where(runs.c.webhook == webhook_id, tasks.c.id.in_(subjects))
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())
