"""The settings' rules about what may leave this machine."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlsplit

from avstudio_core.errors import EgressRefused, InvalidParams
from avstudio_core.settings import Settings

Note = Callable[[str, str], object]
"""Records a refusal: the host, empty if it is not known, and the reason."""

LOOPBACK = ("127.0.0.1", "::1")
"""The addresses for `localhost`, tried in this order; hosts files and name servers are not used."""


class Gate:
    """Checks connections before they are opened; every refusal goes to `note`."""

    def __init__(self, settings: Settings, note: Note) -> None:
        self.settings = settings
        self.note = note
        self._proxies = any(name.lower().endswith("_proxy") for name in os.environ)
        """Whether the environment may name proxies: most do not, and each request checks its address."""

    def obstacle(self, url: str, *, private: bool = False) -> str | None:
        """Why nothing may be sent to an address, or to the proxy on the way there; or `None`."""
        reason = obstacle(self.settings, url, private=private)
        proxy = proxy_of(self.settings, url) if self._proxies and reason is None else None
        if proxy and (why := obstacle(self.settings, proxy, private=private)):
            return f"its proxy '{host_of(proxy)}' cannot be used: {why}"
        return reason

    def leave(self, url: str, *, private: bool = False) -> None:
        """Check one connection. Raises `EgressRefused`, and records the refusal."""
        if reason := self.obstacle(url, private=private):
            self.note(host_of(url), reason)
            raise EgressRefused(f"Nothing may be sent to '{host_of(url) or url}': {reason}.")


def obstacle(settings: Settings, url: str, *, private: bool = False) -> str | None:
    """Why nothing may be sent to an address, or `None`. This machine is always allowed; trusted hosts unless offline.

    Raises `InvalidParams` if the setting 'trusted_hosts' contains something that is not an address.
    """
    host = host_of(url)
    if is_loopback(host):
        return None
    if settings.offline:
        return "the setting 'offline' is on"
    if is_trusted(settings, host):
        return None
    if private:
        return "the data is private"
    if settings.local_only:
        return "the setting 'local_only' is on"
    allowed = settings.allowed_hosts
    if allowed is not None and host not in {name.strip().lower() for name in allowed.split(",")}:
        return "it is not among the allowed hosts (setting 'allowed_hosts')"
    return None


def counts_as_here(settings: Settings, url: str) -> bool:
    """Whether an address is this machine, or is in the setting 'trusted_hosts'."""
    host = host_of(url)
    return is_loopback(host) or is_trusted(settings, host)


def is_trusted(settings: Settings, host: str) -> bool:
    """Whether a host is an address in the setting 'trusted_hosts'; names are never trusted, since DNS can be wrong."""
    if not settings.trusted_hosts:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _networks(settings.trusted_hosts))


@lru_cache(maxsize=8)
def _networks(listed: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        return tuple(ipaddress.ip_network(one.strip(), strict=False) for one in listed.split(",") if one.strip())
    except ValueError as error:
        hint = "Give addresses or networks, such as '192.168.1.20' or '192.168.1.0/24'."
        raise InvalidParams(f"The setting 'trusted_hosts' is '{listed}': {error}.", hint=hint) from None


def proxy_of(settings: Settings, url: str) -> str | None:
    """The proxy for an address in the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY; not those in NO_PROXY).

    Connections to this machine and to trusted hosts use none.
    """
    from urllib.request import getproxies_environment, proxy_bypass  # slow to import

    if counts_as_here(settings, url):
        return None
    proxies, parts = getproxies_environment(), urlsplit(url)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


@lru_cache(maxsize=1024)
def host_of(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".").lower()


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether a host is this machine: a loopback address, or a name that means `LOOPBACK` by definition."""
    if names_loopback(host):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_loopback(host: str) -> bool:
    """Whether a host is a name of this machine by definition (RFC 6761). Do not look it up; connect to `LOOPBACK`."""
    return host == "localhost" or host.endswith(".localhost")
