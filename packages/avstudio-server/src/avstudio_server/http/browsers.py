"""Browsers that may use the server: each was let in by a link that works once, and shows a cookie since."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie

from avstudio_core import Principal
from avstudio_server.http.identity import Identity

COOKIE = "avs_browser"
KEPT = "AVS_KEPT_LINK"
"""The environment variable with the secret of a server that `--reload` starts again."""
SECONDS = 12 * 3600.0
"""How long a browser stays in, in seconds."""


class Browsers:
    """Knows the links that were not used yet, and the browsers that were let in; a restart forgets both.

    With a `kept` secret, a server that is started again has the same link, and the browsers that it let in stay in.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, kept: str = "") -> None:
        self._clock = clock
        self._kept = kept
        self._links: dict[str, Principal] = {}
        self._inside: dict[str, Identity] = {}

    def link(self, principal: Principal) -> str:
        """The secret of a link that lets one browser in."""
        secret = self._kept or secrets.token_urlsafe(32)
        self._links[_hashed(secret)] = principal
        if self._kept:
            self._inside[_hashed(_hashed(secret))] = Identity(principal, self._clock() + SECONDS)
        return secret

    def let_in(self, secret: str) -> str | None:
        """The cookie's value for the first browser that shows a link's secret; `None` for others."""
        principal = self._links.pop(_hashed(secret), None)
        if principal is None:
            return None
        value = _hashed(self._kept) if self._kept else secrets.token_urlsafe(32)
        self._inside[_hashed(value)] = Identity(principal, self._clock() + SECONDS)
        return value

    def identity_of(self, headers: Iterable[tuple[bytes, bytes]]) -> Identity | None:
        """Who shows a cookie that is known here."""
        for name, value in headers:
            if name == b"cookie" and (shown := _cookie(value)):
                found = self._inside.get(_hashed(shown))
                return found if found is not None and found.until is not None and self._clock() < found.until else None
        return None


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _cookie(header: bytes) -> str | None:
    try:
        found = SimpleCookie(header.decode("latin-1")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found is not None else None
