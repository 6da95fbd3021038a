"""API keys: why a key cannot be sent, and removing keys from texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from avstudio_core.errors import CredentialsRefused

if TYPE_CHECKING:
    from avstudio_core import Backend

PLACEHOLDER = "none"
"""Sent if the library requires a key but the server does not."""

LONGEST_TEXT = 1000
"""The most characters of a text that are kept, to limit the time of the search for asterisks."""

CREDENTIALS = ("authorization", "cookie")
"""Headers with keys, besides those whose names tell it."""
SHORTEST_WORD = 8
"""The fewest characters of a word in `Bearer KEY` that is removed without the other."""

_MASKED = re.compile(r"\S*\*{3,}\S*")


def key_obstacle(backend: Backend) -> str | None:
    """Why the server's key cannot be sent, or `None`."""
    from avstudio_core.egress import is_loopback

    variable, key = backend.key_variable, backend.key
    if variable is None or (key is None and is_loopback(backend.config.host or "")):
        return None
    if key is None:
        return f"no key: set the secret '{variable}', or the environment variable of that name"
    if not (key.isascii() and key.isprintable()) or " " in key:
        return f"the key in '{variable}' contains characters that keys cannot have: copy it again"
    return None


def key_to_send(backend: Backend) -> str:
    """The key, or a placeholder for a server without keys. Raises `CredentialsRefused` if it cannot be sent."""
    if obstacle := key_obstacle(backend):
        raise CredentialsRefused(f"Backend '{backend.config.name}' cannot be used: {obstacle}.")
    return backend.key or PLACEHOLDER


def without_key(backend: Backend, text: str) -> str:
    """The beginning of a text without the key, and without parts of the key that a server shows with asterisks."""
    for secret in _secrets(backend):
        text = text.replace(secret, "…")
    return _MASKED.sub("…", text[:LONGEST_TEXT])


def _secrets(backend: Backend) -> list[str]:
    """The key and the secret values of configured headers and queries, and their words, the longest first."""
    try:
        headers, query = backend.additions
    except CredentialsRefused:
        headers, query = {}, {}
    given = backend.config.headers | backend.config.query
    held = [value for name, value in (headers | query).items() if "$" in given[name] or _is_secret(name)]
    words = [word for value in held for word in value.split() if len(word) >= SHORTEST_WORD]
    return sorted(filter(None, [backend.key, *held, *words]), key=len, reverse=True)


def _is_secret(name: str) -> bool:
    """Whether the name of a header, or of a parameter of a query, suggests a key."""
    from avstudio_core.names import is_secret

    return name.lower() in CREDENTIALS or is_secret(name.replace("-", "_"))
