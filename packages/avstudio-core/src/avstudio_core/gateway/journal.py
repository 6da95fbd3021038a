"""The answers that a task has got from language models: if it is handed out again, it does not pay for them again."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import NamedTuple

from pydantic import JsonValue
from sqlalchemy import bindparam, select

from avstudio_core.model_requests import Ask
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.expressions import insert_new
from avstudio_core.storage.queries import rows
from avstudio_core.storage.tables import model_answers, tasks

FIND = select(model_answers.c.answer).where(
    model_answers.c.task_id == bindparam("task_id"),
    model_answers.c.request_hash == bindparam("request_hash"),
    model_answers.c.number == bindparam("number"),
)
OPEN = select(tasks.c.id).where(tasks.c.id == bindparam("task_id"), tasks.c.finished_at.is_(None))


class Entry(NamedTuple):
    """A request of a task: `number` counts the equal requests of one run."""

    task_id: str
    request_hash: str
    number: int


class Journal:
    """Keeps the answers of each task until it ends."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entry(self, ask: Ask) -> Entry | None:
        """The entry of a request; `None` if it is not one of a task to a model."""
        account = ask.request.get("account")
        task_id = account.get("task") if isinstance(account, dict) else None
        if ask.verb == "route" or not isinstance(task_id, str):
            return None
        return Entry(task_id, request_hash(ask.verb, ask.request), ask.number)

    def find(self, entry: Entry) -> dict[str, JsonValue] | None:
        """The answer to an equal request of an earlier delivery."""
        with self._database.read() as connection:
            found = rows(connection, FIND, entry._asdict())
        return json.loads(found[0][0]) if found else None

    async def add(self, entry: Entry, answer: dict[str, JsonValue]) -> None:
        """Keep an answer, if its task has not ended in the meantime."""

        def operation(transaction: Transaction) -> None:
            transaction.flush()
            if transaction.run(OPEN, {"task_id": entry.task_id}).fetchone() is not None:
                values = {**entry._asdict(), "answer": json.dumps(answer)}
                transaction.execute(insert_new(model_answers), values)

        await asyncio.wrap_future(self._database.write_soon(operation, synced=False))


def request_hash(verb: str, request: dict[str, JsonValue]) -> str:
    """The content of a request, without its account."""
    content = {name: value for name, value in request.items() if name != "account"}
    return hashlib.sha256(json.dumps([verb, content], sort_keys=True).encode()).hexdigest()
