"""Keys of servers: why there is none to send, and texts without them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from avstudio_core.errors import CredentialsRefused

if TYPE_CHECKING:
    from avstudio_core import Backend

PLACEHOLDER = "none"
"""For servers that want no key, and libraries that want one."""

LONGEST_TEXT = 1000
"""Characters of a text that are kept: looking for asterisks in an endless one would take as long."""

_MASKED = re.compile(r"\S*\*{3,}\S*")


def key_obstacle(backend: Backend) -> str | None:
    """Why no key can be sent to a server that wants one, or `None`."""
    from avstudio_core.egress import is_loopback

    variable, key = backend.key_variable, backend.key
    if variable is None or (key is None and is_loopback(backend.config.host or "")):
        return None
    if key is None:
        return f"no key: set the environment variable '{variable}'"
    if not (key.isascii() and key.isprintable()) or " " in key:
        return f"the key in '{variable}' holds characters that no key has: copy it anew"
    return None


def key_to_send(backend: Backend) -> str:
    """The key, or a placeholder where none is wanted. Raises `CredentialsRefused` for one that cannot be sent."""
    if obstacle := key_obstacle(backend):
        raise CredentialsRefused(f"Backend '{backend.config.name}' cannot be asked: {obstacle}.")
    return backend.key or PLACEHOLDER


def without_key(backend: Backend, text: str) -> str:
    """The beginning of a text without the key, and without what a server shows of it between asterisks."""
    for secret in _secrets(backend):
        text = text.replace(secret, "…")
    return _MASKED.sub("…", text[:LONGEST_TEXT])


def _secrets(backend: Backend) -> list[str]:
    """The key, and what configured headers and queries hold; the longest first."""
    try:
        headers, query = backend.additions
    except CredentialsRefused:
        headers, query = {}, {}
    named = {name for name, value in (backend.config.headers | backend.config.query).items() if "$" in value}
    held = [value for name, value in (headers | query).items() if name in named]
    return sorted(filter(None, [backend.key, *held]), key=len, reverse=True)
