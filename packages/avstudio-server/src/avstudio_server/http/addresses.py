"""The names under which a server may be addressed, and the pages that may address it.

A browser sends requests of any web page to this machine. Such a page cannot choose the headers `Host` (which has its
own name after DNS rebinding) and `Origin`, so both are checked before anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from socket import gethostname

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.\-]*[a-z0-9])?)(?::([0-9]{1,5}))?")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
NAME_IT = "Allow the names that a proxy passes on when the server is started."
ALLOW_IT = "Allow the origin of a page when the server is started."
ANY = frozenset({"0.0.0.0", "::", ""})
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Addresses:
    """The names and pages that are allowed."""

    port: int
    scheme: str = "http"
    own: frozenset[str] = LOOPBACK
    """Names that must come with the server's port."""
    named: frozenset[str] = frozenset()
    """Names of a proxy, with any port."""
    numeric: bool = False
    """Whether any IP address with the server's port will do: a page's name cannot be rebound to one."""
    origins: frozenset[str] = frozenset()
    """Pages of other servers, such as `https://app.example.com`."""
    _hosts: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        own = {f"{name}:{self.port}" for name in self.own}
        if PORTS[self.scheme] == self.port:
            own |= self.own
        object.__setattr__(self, "_hosts", frozenset(own))

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[int, str, str] | None:
        """Why a request may not come in: the status, the reason, a hint; `None` if it may."""
        hosts = [value.decode("latin-1").lower() for name, value in headers if name == b"host"]
        origins = [value.decode("latin-1").lower() for name, value in headers if name == b"origin"]
        if len(hosts) != 1 or not self.is_host(hosts[0]):
            return 421, f"This server does not answer to the name {quoted(', '.join(hosts))}.", NAME_IT
        if len(origins) > 1 or any(not self.is_origin(origin) for origin in origins):
            return 403, f"Pages of {quoted(', '.join(origins))} may not use this server.", ALLOW_IT
        sites = [value for name, value in headers if name == b"sec-fetch-site"]
        if not origins and any(site not in (b"same-origin", b"none") for site in sites):
            return 403, "Pages of other sites may not use this server.", ALLOW_IT
        return None

    def foreign(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """The page of another server that asks, and is allowed."""
        origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        return next((origin for origin in origins if origin.lower() in self.origins), None)

    def is_host(self, host: str) -> bool:
        """Whether a `Host` header, in small letters, is one of the server's names."""
        found = HOST.fullmatch(host)
        return found is not None and (
            host in self._hosts or found[1] in self.named or self._is_numeric(*found.groups())
        )

    def is_origin(self, origin: str) -> bool:
        """Whether an `Origin` header, in small letters, is the server's own or an allowed one."""
        if origin in self.origins:
            return True
        scheme, _, host = origin.partition("://")
        found = HOST.fullmatch(host)
        if scheme not in PORTS or found is None:
            return False
        own = host in self._hosts or self._is_numeric(*found.groups())
        return found[1] in self.named or (scheme == self.scheme and own)

    def _is_numeric(self, name: str, port: str | None) -> bool:
        """Whether a name is an IP address, with the server's port."""
        if not self.numeric or int(port or PORTS[self.scheme]) != self.port:
            return False
        try:
            ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True


def addresses(host: str, port: int, scheme: str, names: Iterable[str], origins: Iterable[str]) -> Addresses:
    """The addresses of a server that listens on a host; on every interface, also the machine's name and numbers.

    Raises `InvalidInput` for a name or an origin that no request can have.
    """
    every = host in ANY
    written = f"[{host}]" if ":" in host else host.lower()
    own = LOOPBACK | {gethostname().lower()} if every else LOOPBACK if written in LOOPBACK else {written}
    named, pages = frozenset(map(_name, names)), frozenset(map(_origin, origins))
    return Addresses(port, scheme, frozenset(own), named, every, pages)


def _name(given: str) -> str:
    found = HOST.fullmatch(given.lower())
    if found is None or found[2]:
        raise InvalidInput(
            f"{quoted(given)} is not the name of a server.", hint="Give one such as 'studio.example.com'."
        )
    return found[1]


def _origin(given: str) -> str:
    scheme, _, host = given.lower().partition("://")
    if scheme not in PORTS or HOST.fullmatch(host) is None:
        hint = "Give its scheme and host without a path, such as 'https://app.example.com'."
        raise InvalidInput(f"{quoted(given)} is not the origin of a page.", hint=hint)
    return f"{scheme}://{host}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on a host."""
    return (f"[{host}]" if ":" in host else host.lower()) in LOOPBACK
