"""The secrets of a studio: where each is, how old it is, and its value for a backend."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from sqlalchemy import delete, select

from avstudio_core.errors import AVStudioError, InvalidInput, NotFound, StorageError
from avstudio_core.kinds.secret_store import SecretStore
from avstudio_core.plugins import Plugins
from avstudio_core.quotes import quoted
from avstudio_core.settings import Settings
from avstudio_core.storage.database import Database
from avstudio_core.storage.expressions import upsert
from avstudio_core.storage.tables import secrets

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
LONGEST = 10_000
"""The most characters of a secret."""
SHORTEST = 8
"""A shorter value is not removed from texts, where it may be a word."""
FRESH_SECONDS = 10.0
"""How long a value, or that there is none, is remembered: a rotated secret is used after this time, in seconds."""
OLD_SECONDS = 30 * 86400.0
"""An older secret should be replaced."""
FIRST, OURS = "environment", ("keychain", "file")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is, and since when; its value is not part of it."""

    name: str
    store: str
    set_at: float

    def old(self, now: float) -> bool:
        """Whether it should be replaced."""
        return now - self.set_at > OLD_SECONDS


class Secrets:
    """Asks the environment first, then the store of the setting 'secret_store', then the others.

    Without that setting, secrets are set in the first usable of: the keychain, a file in the data folder.
    """

    def __init__(
        self, plugins: Plugins, settings: Settings, database: Database, clock: Callable[[], float] = time.time
    ) -> None:
        self._plugins = plugins
        self._settings = settings
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[str | None, float]] = {}
        self._hidden: dict[str, str] = {}
        """Why a secret that was set has no value now, by name."""
        self._given: set[str] = set()

    def get(self, name: str) -> str | None:
        """The value of a secret, or `None`. A store that fails counts as one without the secret."""
        if found := os.environ.get(name):
            self._given.add(found)
            return found
        value, until = self._known.get(name, (None, 0.0))
        now = time.monotonic()
        if now >= until:
            value = next(self._found(name), None)
            self._known[name] = value, now + FRESH_SECONDS
            self._hidden.pop(name, None)
            if value is None and (reason := self._reason(name)):
                self._hidden[name] = reason
        if value:
            self._given.add(value)
        return value

    def obstacle(self, name: str) -> str | None:
        """Why a secret that was set cannot be read; `None` if it can, or was not set."""
        return self._hidden.get(name) if self.get(name) is None else None

    def _reason(self, name: str) -> str | None:
        kept = next((one for one in self.all() if one.name == name), None)
        if kept is None:
            return None
        reason = self.stores().get(kept.store, "its store is not installed")
        return f"The secret '{name}' cannot be read: {reason.rstrip('.')}." if reason else None

    def set(self, name: str, value: str) -> Secret:
        """Keep a secret, instead of an earlier one. Raises `InvalidInput`, `StorageError`."""
        name, value = _checked_name(name), _checked_value(value)
        store, now = self._writing, self._clock()
        self._call(store, "set", lambda: store.set(name, value))
        values = {"store": store.name, "set_at": now}
        self._database.write(lambda transaction: transaction.execute(upsert(secrets, {"name": name}, values)))
        self._known.pop(name, None)
        return Secret(name, store.name, now)

    def rotate(self, name: str, value: str) -> Secret:
        """Replace a secret that was set. Raises `NotFound`, `InvalidInput`, `StorageError`."""
        self._one(name)
        return self.set(name, value)

    def delete(self, name: str) -> None:
        """Remove a secret from the store where it was set. Raises `NotFound`, `StorageError`."""
        kept = self._one(name)
        if (store := self._stores.get(kept.store)) is None:
            raise StorageError(f"The secret store '{kept.store}' is not installed.", hint="Install its plugin.")
        self._call(store, "delete", lambda: store.delete(name))
        self._database.write(lambda transaction: transaction.execute(delete(secrets).where(secrets.c.name == name)))
        self._known.pop(name, None)

    def all(self) -> list[Secret]:
        """The secrets that were set, by name; those of the environment were not set here."""
        with self._database.read() as connection:
            return [Secret(*row) for row in connection.execute(select(secrets).order_by(secrets.c.name))]

    def stores(self) -> dict[str, str | None]:
        """The names of the stores in the order in which they are asked, each with the obstacle to its use."""
        return {store.name: self._obstacle(store) for store in self._ordered()}

    def clean(self, error: BaseException) -> None:
        """Remove from the texts of an error and its causes the secrets that were given to backends."""
        seen: set[int] = set()
        following: BaseException | None = error
        while following is not None and id(following) not in seen:
            seen.add(id(following))
            following.args = tuple(self._without(one) for one in following.args)
            if isinstance(following, AVStudioError):
                following.message, following.hint = map(self._without, (following.message, following.hint))
            following = following.__cause__ or following.__context__

    def _without(self, part: T) -> T:
        """A text without the secrets that this studio has given out; any other object as it is."""
        if not isinstance(part, str):
            return part
        text: str = part
        for value in sorted(self._given, key=len, reverse=True):
            text = text.replace(value, "…") if len(value) >= SHORTEST else text
        return text  # type: ignore[return-value]

    @cached_property
    def _stores(self) -> dict[str, SecretStore]:
        made: dict[str, SecretStore] = {}
        for name, kind in self._plugins.kind("secret_stores").items():
            with suppress(AVStudioError):  # shown with its plugin
                made[name] = self._plugins.make(kind, self._settings.home)
        return made

    def _ordered(self) -> Iterator[SecretStore]:
        chosen = self._settings.secret_store
        first = [FIRST, *([chosen] if chosen else []), *OURS]
        for name in dict.fromkeys([*first, *self._stores]):
            if name in self._stores:
                yield self._stores[name]

    @property
    def _writing(self) -> SecretStore:
        """The store for new secrets. Raises `StorageError`, `NotFound`."""
        if chosen := self._settings.secret_store:
            self._plugins.find("secret_stores", chosen)
        names = [chosen] if chosen else OURS
        usable = [one for one in map(self._stores.get, names) if one and one.writable and self._obstacle(one) is None]
        if usable:
            return usable[0]
        reasons = [
            f"'{one.name}': {self._obstacle(one)}" for one in map(self._stores.get, names) if one and one.writable
        ]
        message = f"Secrets cannot be set in {' or '.join(map(quoted, names))}."
        hint = "Choose another with the setting 'secret_store'."
        raise StorageError(" ".join([message, *(f"{reason.rstrip('.')}." for reason in reasons)]), hint=hint)

    def _found(self, name: str) -> Iterator[str]:
        for store in self._ordered():
            with suppress(AVStudioError):
                if self._obstacle(store) is None and (value := self._call(store, "get", lambda: store.get(name))):  # noqa: B023
                    yield value

    def _one(self, name: str) -> Secret:
        kept = {one.name: one for one in self.all()}
        if _checked_name(name) in kept:
            return kept[name]
        raise NotFound.among("secret", name, kept, see="See the list of secrets.")

    def _obstacle(self, store: SecretStore) -> str | None:
        try:
            return self._call(store, "obstacle", store.obstacle)
        except AVStudioError as error:
            return error.message

    def _call(self, store: SecretStore, method: str, function: Callable[[], T]) -> T:
        """Call a store; an exception that is not ours is replaced, since its text may have a value."""

        def called() -> T:
            try:
                return function()
            except AVStudioError:
                raise
            except Exception as error:
                reason = f"{type(error).__name__} in '{method}'"
                raise StorageError(f"The secret store '{store.name}' failed: {reason}.") from None

        return self._plugins.guard(store).call(f"'{method}' of secret store '{store.name}'", called)


def _checked_name(name: str) -> str:
    if isinstance(name, str) and NAME.fullmatch(name):
        return name
    hint = "Give letters, digits and '_', such as OPENAI_API_KEY."
    raise InvalidInput(f"{quoted(name)} is not a valid name of a secret.", hint=hint)


def _checked_value(value: str) -> str:
    """A value without the spaces around it. Its errors do not show it."""
    value = value.strip() if isinstance(value, str) else ""
    if 0 < len(value) <= LONGEST and value.isascii() and value.isprintable():
        return value
    raise InvalidInput(
        "The secret is empty, too long, or has characters that keys cannot have.",
        hint=f"Give 1 to {LONGEST} printable ASCII characters.",
    )
