"""What is known about each request when it has ended: counts for metrics, and a line of the access log."""

from __future__ import annotations

import json
import logging
import re
import time
from bisect import bisect_left
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, NamedTuple

Scope = MutableMapping[str, Any]
LOG = logging.getLogger("avstudio.http.access")
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""The upper bounds of the buckets of a histogram, in seconds; a last bucket has the rest."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})
SECRET = re.compile(r"avs_\w+|eyJ[\w.\-]+")
LONGEST_PATH = 500


class Labels(NamedTuple):
    """What requests that are counted together have in common; all of it is of a bounded number."""

    method: str
    route: str
    """The template of the path; empty if the request reached no route."""
    status: str


class Tally:
    """How many requests there were, and how long they took."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0


class RequestLog:
    """Counts the requests of a server, and logs them if the access log is open."""

    def __init__(self) -> None:
        self.tallies: dict[Labels, Tally] = {}

    def ended(self, scope: Scope, status: int | str, seconds: float) -> None:
        """A request has ended. Called on the event loop only."""
        method = scope.get("method", "WEBSOCKET")
        route = getattr(scope.get("route"), "path", "")
        labels = Labels(method if method in METHODS else "other", route, str(status))
        tally = self.tallies.get(labels)
        if tally is None:
            tally = self.tallies[labels] = Tally()
        tally.buckets[bisect_left(BOUNDS, seconds)] += 1
        tally.seconds += seconds
        if LOG.isEnabledFor(logging.INFO):
            LOG.info("%s", _line(scope, labels, seconds))


def _line(scope: Scope, labels: Labels, seconds: float) -> str:
    """A request as one line of JSON, without its query, its headers and its body."""
    state = scope.get("state", {})
    principal = getattr(state.get("session"), "principal", None)
    line = {
        "time": round(time.time(), 3),
        "method": labels.method,
        "path": SECRET.sub("…", scope["path"])[:LONGEST_PATH],
        "route": labels.route or None,
        "status": int(labels.status) if labels.status.isdigit() else None,
        "seconds": round(seconds, 4),
        "request_id": state.get("request_id"),
        "key": getattr(principal, "key", None),
        "address": (scope.get("client") or (None,))[0],
    }
    return json.dumps(line)


@contextmanager
def access_log(wanted: bool) -> Iterator[None]:
    """While entered, the lines of the access log go to standard error, if they are wanted."""
    if not wanted:
        yield
        return
    handler, level = logging.StreamHandler(), LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(level)
