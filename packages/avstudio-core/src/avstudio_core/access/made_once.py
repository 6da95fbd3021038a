"""What requests with a key made: the same request with the same key does not make it again."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from avstudio_core.errors import InvalidParams
from avstudio_core.names import all_checked, checked
from avstudio_core.quotes import quoted
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.server_tables import made_once
from avstudio_core.twin import twin

SECONDS = 24 * 3600.0
"""How long a key is known."""


class MadeOnce:
    """The keys of one owner's requests, each known for a day, and the ids of what was made."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    def find(self, key: str, digest: str) -> list[str] | None:
        """What a request made. Raises `InvalidParams` if the key was used for a request with another digest."""
        checked(key, "key")
        with self._database.read() as connection:
            return self._known(connection, key, digest)

    def keep(self, key: str, digest: str, made: Sequence[str]) -> list[str]:
        """Remember what a request made; return what was made for its key first. Raises `InvalidParams`."""
        checked(key, "key")
        stored = json.dumps(all_checked(made, "id"))
        checked(digest, "digest of a request")

        def operation(transaction: Transaction) -> list[str]:
            transaction.execute(delete(made_once).where(made_once.c.created_at < time.time() - SECONDS))
            known = self._known(transaction, key, digest)
            if known is not None:
                return known
            row = {"owner": self._owner, "key": key, "digest": digest, "made": stored}
            transaction.execute(insert(made_once), row | {"created_at": time.time()})
            return [*made]

        return self._database.write(operation)

    def _known(self, connection: Connection | Transaction, key: str, digest: str) -> list[str] | None:
        query = select(made_once.c.digest, made_once.c.made).where(
            made_once.c.owner == self._owner,
            made_once.c.key == key,
            made_once.c.created_at >= time.time() - SECONDS,
        )
        row = connection.execute(query).first()
        if row is None:
            return None
        if row[0] != digest:
            message = f"The key {quoted(key)} was used for another request."
            raise InvalidParams(message, hint="Use a new key for each request.")
        found: list[str] = json.loads(row[1])
        return found

    afind = twin(find)
    """`find` without blocking an event loop."""
    akeep = twin(keep)
    """`keep` without blocking an event loop."""
