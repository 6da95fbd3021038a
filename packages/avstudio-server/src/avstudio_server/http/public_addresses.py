"""Which addresses may be contacted for users: none in this machine or its networks, however they are written."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

from avstudio_core.errors import EgressRefused, InvalidInput
from avstudio_core.quotes import quoted

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAME = re.compile(r"(?=.{1,253}\.?\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z][a-z0-9-]{0,62}\.?", re.ASCII)
"""A host's name. The last part begins with a letter: `127.1`, `0x7f.1` and `2130706433` are ways to write addresses."""
TRANSLATED = tuple(
    map(ipaddress.ip_network, ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"))
)
"""Networks whose addresses contain another address."""
EVERY = "*"


class PublicHosts:
    """The hosts that a setting lists: names, addresses, networks, or `*` for every public one."""

    def __init__(self, setting: str, listed: str | None) -> None:
        self._setting = setting
        given = [one.strip().lower() for one in (listed or "").split(",") if one.strip()]
        self._names = frozenset(one for one in given if _network(one) is None)
        self._networks = [network for one in given if (network := _network(one)) is not None]

    def __bool__(self) -> bool:
        return bool(self._names or self._networks)

    def address(self, url: str) -> tuple[SplitResult, str]:
        """A checked URL, and the only address to connect to. Raises `InvalidInput`, `EgressRefused`."""
        parts, host = split(url)
        addresses = _literal(host) or _resolved(host, parts.port or 0)
        named = EVERY in self._names or host.rstrip(".") in self._names
        for address in addresses:
            listed = any(address in network for network in self._networks)
            if not (listed or (named and is_public(address))):
                message = f"The host {quoted(host)} may not be contacted."
                raise EgressRefused(message, hint=f"The setting '{self._setting}' names the hosts that are allowed.")
        return parts, str(addresses[0])


def split(url: str) -> tuple[SplitResult, str]:
    """The parts of a URL, and its host. Raises `InvalidInput` for anything but a plain `http` or `https` URL."""
    refusal = InvalidInput(f"{quoted(url)} is not a plain URL.", hint="Give 'https://host/path'.")
    if not url.isascii() or not url.isprintable() or any(sign in url for sign in ' \\"<>^`{|}'):
        raise refusal
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise refusal from None
    if parts.scheme not in ("http", "https") or parts.username is not None or parts.password is not None:
        raise refusal
    if not _literal(host) and not NAME.fullmatch(host):
        raise refusal
    return parts, host


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, and contains no other address."""
    if isinstance(address, ipaddress.IPv6Address) and any(address in network for network in TRANSLATED):
        return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    return address.is_global and not special and not getattr(address, "is_site_local", False)


def _literal(host: str) -> list[Address]:
    """The address that a host is; empty if it is a name."""
    try:
        return [] if "%" in host else [ipaddress.ip_address(host)]
    except ValueError:
        return []


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _resolved(host: str, port: int) -> list[Address]:
    """All addresses of a name, asked for once. Raises `InvalidInput`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise InvalidInput(f"The host {quoted(host)} is not known.", hint="Check the URL.") from None
    return [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
