"""Files that are fetched from URLs, if the setting 'fetch_hosts' allows any."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urljoin

from avstudio_core.errors import EgressRefused, NotAllowed, UnreadableMedia
from avstudio_core.quotes import quoted
from avstudio_server.http.pinned_connection import Deadline, PinnedConnection
from avstudio_server.http.public_addresses import PublicHosts

if TYPE_CHECKING:
    from avstudio_core import Artifact, Session, Settings

MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
BLOCK = 1 << 20
SILENT_SECONDS = 30.0
"""How long a server may send nothing."""


class Gate(Protocol):
    """The policy about what may leave this machine, which records refusals."""

    def leave(self, url: str) -> None: ...


class RemoteFiles:
    """Fetches files: each connection goes to the address that was checked, also after a redirect."""

    def __init__(self, settings: Settings, gate: Gate) -> None:
        self._hosts = PublicHosts("fetch_hosts", settings.fetch_hosts)
        self._seconds = float(settings.fetch_seconds)
        self._gate = gate

    def fetch(self, session: Session, url: str) -> Artifact:
        """The artifact of a file on the network. Raises `NotAllowed`, `EgressRefused`, `InvalidInput`, `TooLarge`."""
        if not self._hosts:
            hint = "Send the file; or allow hosts with the setting 'fetch_hosts'."
            raise NotAllowed(f"{quoted(url)} is a URL, and fetching is not allowed.", hint=hint)
        session.principal.require("run")
        with Deadline(self._seconds) as deadline:
            for _ in range(MOST_REDIRECTS + 1):
                with self._answer(url, deadline) as answer:
                    if answer.status not in REDIRECTS:
                        return _received(session, url, answer)
                    url = _next(url, answer.headers.get("Location", ""))
        raise UnreadableMedia(f"{quoted(url)} is reached by more than {MOST_REDIRECTS} redirects.")

    @contextmanager
    def _answer(self, url: str, deadline: Deadline) -> Iterator[HTTPResponse]:
        """The answer to one request. Raises `EgressRefused`, `UnreadableMedia`."""
        parts, address = self._hosts.address(url)
        self._gate.leave(url)
        connection = PinnedConnection(parts, address, SILENT_SECONDS)
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        try:
            connection.connect()
            deadline.ends(connection.sock)
            headers = {"User-Agent": "AV-Studio", "Accept-Encoding": "identity", "Connection": "close"}
            connection.request("GET", target, headers=headers)
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            reason = "it takes too long" if deadline.passed else getattr(error, "strerror", None) or str(error)
            raise UnreadableMedia(f"{quoted(url)} cannot be fetched: {reason}.") from None
        finally:
            connection.close()


def _next(url: str, location: str) -> str:
    """Where a redirect leads. Raises `UnreadableMedia`, and `EgressRefused` if that is less safe."""
    try:
        found = urljoin(url, location)
    except ValueError:
        raise UnreadableMedia(f"{quoted(url)} leads to {quoted(location)}, which is not a URL.") from None
    if url.startswith("https:") and not found.startswith("https:"):
        raise EgressRefused(f"{quoted(url)} leads to {quoted(found)}, which is not encrypted.")
    return found


def _received(session: Session, url: str, answer: HTTPResponse) -> Artifact:
    """Receive the body of an answer. Raises `UnreadableMedia`, `TooLarge`."""
    if answer.status != 200:
        raise UnreadableMedia(f"{quoted(url)} cannot be fetched: its server answers with {answer.status}.")
    name = PurePosixPath(unquote(url.partition("?")[0].partition("#")[0])).name or "download"
    length, size = answer.length, 0
    with session.receive(name, trust="web") as incoming:
        while piece := answer.read(BLOCK):
            incoming.write(piece)
            size += len(piece)
        if length is not None and size != length:
            raise UnreadableMedia(f"{quoted(url)} cannot be fetched: its server ended too early.")
        return incoming.take()
