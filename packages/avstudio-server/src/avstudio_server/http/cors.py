"""Answers for pages of other servers that are allowed (the Fetch standard's CORS). They use keys, never cookies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
ALLOWED = (
    b"authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, prefer, range, "
    b"upload-offset, x-api-key"
)
EXPOSED = (
    b"accept-ranges, content-range, etag, location, preference-applied, ratelimit, ratelimit-policy, retry-after, "
    b"upload-offset, x-request-id"
)
SECONDS = b"600"


def headers(origin: str) -> list[tuple[bytes, bytes]]:
    """The headers with which a page of another origin may read an answer."""
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", EXPOSED),
        (b"vary", b"Origin"),
    ]


def asks_first(scope: MutableMapping[str, Any]) -> bool:
    """Whether a browser asks what a page may do, before it sends the page's request."""
    names = {name for name, _ in scope["headers"]}
    return scope.get("method") == "OPTIONS" and b"access-control-request-method" in names


async def allow(send: Callable[[MutableMapping[str, Any]], Awaitable[None]]) -> None:
    """Tell a browser what pages may send."""
    given = [
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", ALLOWED),
        (b"access-control-max-age", SECONDS),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": given})
    await send({"type": "http.response.body", "body": b""})
