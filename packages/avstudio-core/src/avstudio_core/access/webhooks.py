"""The webhooks of an owner or a project: addresses that are notified of events."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import time
from collections.abc import Callable, Collection
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, RowMapping, delete, func, insert, select, update

from avstudio_core.artifact import new_id
from avstudio_core.errors import InUse, InvalidInput, NotFound
from avstudio_core.names import checked
from avstudio_core.quotes import quoted
from avstudio_core.reach import Reach
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.owned_rows import within
from avstudio_core.storage.server_tables import webhook_failures, webhooks
from avstudio_core.tasks.events import event_log
from avstudio_core.tasks.events.event_filter import EventFilter
from avstudio_core.tasks.queue.known_names import KnownNames
from avstudio_core.twin import twin

MOST = 50
"""The most webhooks of an owner or a project."""
LONGEST_URL = 2000
ENDS = ("task.blocked", "task.completed", "task.failed")
"""The events that a webhook is notified of, unless it names others."""
PREFIX = "whsec_"
SECRET_BYTES = (24, 64)
"""The least and the most bytes of a secret (Standard Webhooks)."""


class Webhook(BaseModel):
    """An address that is notified of events."""

    model_config = ConfigDict(frozen=True)

    id: str
    url: str
    types: list[str] = Field(description="The types of events that it is notified of.")
    subjects: list[str] | None = Field(description="Only events about these.")
    plan: str | None = Field(description="Only events of this plan's tasks.")
    on_request: bool = Field(description="Only events of the work of requests that name it.")
    active: bool
    reason: str | None = Field(description="Why it is not active, or why its last delivery failed.")
    attempts: int = Field(description="How often the next event could not be delivered so far.")
    created_at: float

    @classmethod
    def from_row(cls, row: RowMapping) -> Self:
        texts = {name: json.loads(row[name]) if row[name] else None for name in ("types", "subjects")}
        return cls.model_validate({**{name: row[name] for name in cls.model_fields}, **texts})


class WebhookFailure(BaseModel):
    """An event that could not be delivered, and is not tried again unless it is replayed."""

    model_config = ConfigDict(frozen=True)

    seq: int = Field(description="The number of the event.")
    attempts: int
    reason: str
    failed_at: float
    replaying: bool = Field(description="Whether it is being delivered again.")


class OwnedWebhooks:
    """The webhooks of one owner, or those of a project. They are notified of what is within its reach."""

    def __init__(self, database: Database, reach: Reach, known: KnownNames, allow: Callable[[], None]) -> None:
        self._database = database
        self._reach = reach
        self._own = within(reach, webhooks)
        self._known = known
        self._allow = allow

    def create(
        self,
        url: str,
        *,
        types: Collection[str] = ENDS,
        subjects: Collection[str] | None = None,
        plan: str | None = None,
        on_request: bool = False,
        secret: str | None = None,
    ) -> tuple[Webhook, str]:
        """A new webhook, which is notified of events from now on, and its secret.

        Raises `InvalidInput`, `InUse`, and `NotFound` for a type, a plan or a task that is not known.
        """
        self._allow()
        wanted = EventFilter.of(subjects, plan, None, types)
        types = wanted.types or ()
        self._known.check(event_type=types, plan=plan, subject=wanted.subjects)
        if not types or len(checked(url, "address of a webhook")) > LONGEST_URL:
            message = f"{quoted(url)} is not a valid webhook."
            raise InvalidInput(message, hint=f"Give an address of at most {LONGEST_URL} characters, and a type.")
        text = made_secret() if secret is None else checked_secret(secret)
        values: dict[str, Any] = {"id": new_id("hook"), **self._reach._asdict(), "url": url, "plan": plan}
        values |= {
            "types": json.dumps(sorted(types)),
            "subjects": _json(wanted.subjects),
            "on_request": bool(on_request),
        }
        values |= {"secret": text, "active": True, "attempts": 0, "due_at": 0.0, "created_at": time.time()}
        values["seq"] = event_log.newest(self._database)
        self._database.write(lambda transaction: self._add(transaction, values))
        return self.get(values["id"]), text

    def _add(self, transaction: Transaction, values: dict[str, Any]) -> None:
        count = transaction.execute(select(func.count()).select_from(webhooks).where(*self._own)).scalar_one()
        if count >= MOST:
            whose = self._reach.project or self._reach.owner
            raise InUse(f"'{whose}' has {count} webhooks.", hint="Delete some first.")
        transaction.execute(insert(webhooks), values)

    def get(self, webhook_id: str) -> Webhook:
        """The webhook of that id. Raises `NotFound`."""
        with self._database.read() as connection:
            row = connection.execute(select(webhooks).where(*self._one(webhook_id))).mappings().first()
        if row is None:
            raise NotFound(f"No webhook has the id {quoted(webhook_id)}.", hint="See the list of webhooks.")
        return Webhook.from_row(row)

    def secret(self, webhook_id: str) -> str:
        """The secret of a webhook. Raises `NotFound`."""
        self._allow()
        found = self.get(webhook_id)
        with self._database.read() as connection:
            return str(connection.execute(select(webhooks.c.secret).where(*self._one(found.id))).scalar_one())

    def all(self) -> list[Webhook]:
        """The webhooks, in the order of their creation."""
        query = select(webhooks).where(*self._own).order_by(webhooks.c.id)
        with self._database.read() as connection:
            return [Webhook.from_row(row) for row in connection.execute(query).mappings()]

    def delete(self, webhook_id: str) -> None:
        """Remove a webhook, with what it did not take. Raises `NotFound`."""
        self._allow()
        found = self.get(webhook_id)

        def operation(transaction: Transaction) -> None:
            transaction.execute(delete(webhook_failures).where(webhook_failures.c.webhook_id == found.id))
            transaction.execute(delete(webhooks).where(*self._one(found.id)))

        self._database.write(operation)

    def failures(self, webhook_id: str) -> list[WebhookFailure]:
        """The first events that could not be delivered, at most 1000. Raises `NotFound`."""
        found = self.get(webhook_id)
        query = select(webhook_failures).where(webhook_failures.c.webhook_id == found.id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(webhook_failures.c.seq).limit(1000)).mappings()
            return [WebhookFailure.model_validate(dict(row)) for row in rows]

    def replay(self, webhook_id: str) -> Webhook:
        """Deliver what could not be delivered, before new events; a webhook that is off is active again.

        Raises `NotFound`.
        """
        self._allow()
        found = self.get(webhook_id)
        failed = update(webhook_failures).where(webhook_failures.c.webhook_id == found.id).values(replaying=True)
        active = update(webhooks).where(*self._one(found.id))

        def operation(transaction: Transaction) -> None:
            transaction.execute(failed)
            transaction.execute(active.values(active=True, reason=None, attempts=0, due_at=0.0))

        self._database.write(operation)
        return self.get(webhook_id)

    def _one(self, webhook_id: str) -> tuple[ColumnElement[bool], ...]:
        return webhooks.c.id == checked(webhook_id, "id of a webhook"), *self._own

    acreate = twin(create)
    """`create` without blocking an event loop."""
    aget = twin(get)
    """`get` without blocking an event loop."""
    asecret = twin(secret)
    """`secret` without blocking an event loop."""
    aall = twin(all)
    """`all` without blocking an event loop."""
    adelete = twin(delete)
    """`delete` without blocking an event loop."""
    afailures = twin(failures)
    """`failures` without blocking an event loop."""
    areplay = twin(replay)
    """`replay` without blocking an event loop."""


def made_secret() -> str:
    """A new secret, as text."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def checked_secret(text: str) -> str:
    """A secret unchanged. Raises `InvalidInput`, which does not show it."""
    try:
        size = len(base64.b64decode(text.removeprefix(PREFIX), validate=True)) if str(text).startswith(PREFIX) else 0
    except (binascii.Error, ValueError):
        size = 0
    least, most = SECRET_BYTES
    if not least <= size <= most:
        hint = f"Give '{PREFIX}' and {least} to {most} random bytes in Base64; or none, and one is made."
        raise InvalidInput("The secret of the webhook is not valid.", hint=hint)
    return text


def _json(names: Collection[str] | None) -> str | None:
    return None if names is None else json.dumps(sorted(names))
