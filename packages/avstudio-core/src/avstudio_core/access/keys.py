"""API keys: as whom, and for what, a program may use a studio through an interface."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path

from sqlalchemy import Row, bindparam, insert, or_, select, update

from avstudio_core.access.key_text import SHOWN, is_key, new_key
from avstudio_core.access.principal import SCOPES, Principal, Scope
from avstudio_core.artifact import new_id
from avstudio_core.errors import InvalidInput, KeyRefused, NotFound
from avstudio_core.names import all_checked, checked
from avstudio_core.quotes import quoted
from avstudio_core.storage.database import Database, Transaction
from avstudio_core.storage.expressions import listed
from avstudio_core.storage.private_files import private_random
from avstudio_core.storage.queries import rows
from avstudio_core.storage.tables import api_keys

USED_SECONDS = 3600.0
"""The last use of a key is recorded so coarsely, in seconds, so that a request seldom writes."""
FIND = select(api_keys).where(api_keys.c.hash == bindparam("b_hash"))
VALID = select(api_keys.c.id).where(
    api_keys.c.id.in_(listed("ids")),
    api_keys.c.revoked_at.is_(None),
    or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > bindparam("now")),
)
_NAMES = tuple(column.name for column in api_keys.columns)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is stored about a key, which is not the key itself. Times are seconds since the epoch."""

    id: str
    name: str
    beginning: str
    """The first characters of the key."""
    owner: str
    scopes: tuple[str, ...]
    project: str | None
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None
    """The last use, up to an hour late."""

    def state(self, now: float) -> str:
        """`valid`, `revoked` or `expired`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"


class ApiKeys:
    """The API keys of a data folder. A key is stored as a hash that needs another file of the folder, `keys.hmac`."""

    def __init__(self, database: Database, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._home = home
        self._clock = clock

    def create(
        self,
        name: str,
        *,
        owner: str | None = None,
        scopes: Iterable[Scope] = SCOPES - {"admin"},
        project: str | None = None,
        seconds: float | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key, and its text, which cannot be shown again.

        `owner`: whose work it sees and makes, by default that of this key alone; with a `project`, only the work in it.
        `seconds`: when it expires. Raises `InvalidInput`.
        """
        made, now, text = new_id("key"), self._clock(), new_key()
        if seconds is not None and not (isinstance(seconds, int | float) and isfinite(seconds) and seconds > 0):
            raise InvalidInput(f"{quoted(seconds)} is not a valid time for a key.", hint="Give seconds above 0.")
        principal = Principal(made if owner is None else owner, made, scopes, project)
        until = None if seconds is None else now + seconds
        key = ApiKey(
            id=made,
            name=checked(name, "name of a key"),
            beginning=text[:SHOWN],
            owner=principal.owner,
            scopes=tuple(sorted(principal.scopes)),
            project=principal.project,
            created_at=now,
            expires_at=until,
            revoked_at=None,
            used_at=None,
        )
        row = {one: getattr(key, one) for one in _NAMES if one != "hash"}
        row |= {"hash": self._hash(text), "scopes": json.dumps(key.scopes)}
        self._database.write(lambda transaction: transaction.execute(insert(api_keys), row))
        return key, text

    def all(self) -> list[ApiKey]:
        """Every key, the oldest first, revoked and expired ones included."""
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.created_at))]

    def any_valid(self) -> bool:
        """Whether anybody has a key that is valid now."""
        now = self._clock()
        return any(key.state(now) == "valid" for key in self.all())

    def revoke(self, key_id: str) -> None:
        """Refuse a key from now on. Raises `NotFound`."""
        now = self._clock()
        one = update(api_keys).where(api_keys.c.id == checked(key_id, "id of a key"))

        def operation(transaction: Transaction) -> bool:
            transaction.execute(one.where(api_keys.c.revoked_at.is_(None)).values(revoked_at=now))
            return bool(transaction.execute(one.values(id=api_keys.c.id)).rowcount)

        if not self._database.write(operation):
            raise NotFound.among("API key", key_id, [key.id for key in self.all()], see="See the list of keys.")

    def refused(self, key_ids: Collection[str]) -> set[str]:
        """Those of some keys that are revoked, expired or unknown."""
        wanted = all_checked(key_ids, "id of an API key")
        with self._database.read() as connection:
            valid = rows(connection, VALID, {"ids": json.dumps(wanted), "now": self._clock()})
        return {*wanted} - {one for (one,) in valid}

    def principal_of(self, text: str) -> Principal:
        """Who asks with a key. Raises `KeyRefused`, whose message does not show the key."""
        if not is_key(text):
            raise KeyRefused("The API key is not complete, or has a typing error.", hint="Copy it again.")
        return self._principal(self._found(text))

    def principal_with(self, key_id: str) -> Principal:
        """Who asks with the key of an id. Raises `KeyRefused`."""
        with self._database.read() as connection:
            row = connection.execute(
                select(api_keys).where(api_keys.c.id == checked(key_id, "id of an API key"))
            ).first()
        return self._principal(None if row is None else _key(row))

    def _principal(self, key: ApiKey | None) -> Principal:
        """The principal of a key that was found, and whose use is recorded. Raises `KeyRefused`."""
        now = self._clock()
        if key is None:
            raise KeyRefused("The API key is not known here.", hint="Create one for this data folder.")
        if (state := key.state(now)) != "valid":
            raise KeyRefused(f"The API key '{key.id}' is {state}.", hint="Create a new one.")
        if key.used_at is None or now - key.used_at >= USED_SECONDS:
            note = update(api_keys).where(api_keys.c.id == key.id).values(used_at=now)
            self._database.write_soon(lambda transaction: transaction.execute(note), synced=False)
        not_here = {"admin"} if key.project is not None else set()  # older versions made such keys
        scopes = [scope for scope in SCOPES if scope in key.scopes and scope not in not_here]
        return Principal(key.owner, key.id, scopes, key.project)

    def _found(self, text: str) -> ApiKey | None:
        hashed = self._hash(text)
        with self._database.read() as connection:
            for row in rows(connection, FIND, {"b_hash": hashed}):
                values = dict(zip(_NAMES, row, strict=True))
                if hmac.compare_digest(values["hash"], hashed):
                    return _of(values)
        return None

    def _hash(self, text: str) -> str:
        return hmac.new(self._pepper, text.encode(), hashlib.sha256).hexdigest()

    @cached_property
    def _pepper(self) -> bytes:
        return private_random(self._home / "keys.hmac")


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    return _of(dict(row._mapping))


def _of(values: dict[str, object]) -> ApiKey:
    scopes = tuple(json.loads(str(values["scopes"])))
    named = {name: value for name, value in values.items() if name not in ("hash", "scopes")}
    return ApiKey(scopes=scopes, **named)  # type: ignore[arg-type]
