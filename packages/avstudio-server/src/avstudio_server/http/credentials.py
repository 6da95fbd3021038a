"""Who asks, from what a request shows: an API key, a token, or a browser's cookie."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from avstudio_core import Principal
from avstudio_core.errors import KeyRefused
from avstudio_server.http.browsers import Browsers
from avstudio_server.http.identity import Identity

REMEMBERED_SECONDS = 0.5
"""How long the answer about a key is remembered: a revoked key is refused after at most this time."""
MOST_REMEMBERED = 1024
TOKEN = "eyJ"
"""How every token begins."""
Header = tuple[bytes, bytes]
SAFE = frozenset({"GET", "HEAD"})


class LooksUpKeys(Protocol):
    def principal_of(self, key: str, /) -> Principal: ...


class LooksUpTokens(Protocol):
    def identity_of(self, token: str, /) -> Identity: ...


class Credentials:
    """Finds who makes a request. Look-ups are remembered for a moment, so that most requests read nothing."""

    def __init__(
        self, keys: LooksUpKeys, tokens: LooksUpTokens, browsers: Browsers, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._browsers = browsers
        self._clock = clock
        self._known: dict[str, tuple[float, Identity]] = {}

    async def identity_of(self, headers: Sequence[Header], method: str) -> Identity:
        """Who asks. Raises `KeyRefused`."""
        if (shown := key_in(headers)) is None:
            return self._visitor(headers, method)
        until, identity = self._known.get(shown, (0.0, None))
        if identity is not None and self._clock() < until:
            return identity
        identity = await asyncio.to_thread(self._looked_up, shown)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[shown] = (self._clock() + REMEMBERED_SECONDS, identity)
        return identity

    def _looked_up(self, shown: str) -> Identity:
        """Whose key or token it is. Raises `KeyRefused`."""
        return self._tokens.identity_of(shown) if shown.startswith(TOKEN) else Identity(self._keys.principal_of(shown))

    def _visitor(self, headers: Sequence[Header], method: str) -> Identity:
        """Whose browser it is. What changes something must come from a page of this server.

        The guard has refused other origins; a request without one may come from another program's page.
        """
        identity = self._browsers.identity_of(headers)
        if identity is None:
            raise KeyRefused("The request has no API key.", hint="Send the header 'Authorization: Bearer avs_…'.")
        if method not in SAFE and not any(name == b"origin" for name, _ in headers):
            raise KeyRefused("A browser's request lacks the header 'Origin'.", hint="Send an API key instead.")
        return identity


def key_in(headers: Iterable[Header]) -> str | None:
    """The key in the headers `Authorization: Bearer …` or `X-API-Key`. Raises `KeyRefused` if there are two."""
    found = {text for name, value in headers if (text := _key(name, value)) is not None}
    if len(found) > 1:
        raise KeyRefused("The request has several API keys.", hint="Send one.")
    return found.pop() if found else None


def _key(name: bytes, value: bytes) -> str | None:
    text = value.decode("latin-1").strip()
    if name == b"x-api-key":
        return text
    if name == b"authorization":
        scheme, _, key = text.partition(" ")
        if scheme.lower() != "bearer":
            raise KeyRefused("The header 'Authorization' is not of the scheme Bearer.", hint="Send 'Bearer avs_…'.")
        return key.strip()
    return None
