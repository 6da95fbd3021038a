"""What may leave this machine, by the settings alone."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from avstudio_core.errors import EgressRefused
from avstudio_core.settings import Settings


def obstacle(settings: Settings, url: str, *, private: bool = False) -> str | None:
    """Why nothing may be sent to that address, or `None`. Loopback is always allowed, for it leaves nothing."""
    host = host_of(url)
    if is_loopback(host):
        return None
    if private:
        return "the data is private"
    for name in ("offline", "local_only"):
        if getattr(settings, name):
            return f"the setting '{name}' is on"
    allowed = settings.allowed_hosts
    if allowed is not None and host not in {name.strip().lower() for name in allowed.split(",")}:
        return "it is not among the allowed hosts (setting 'allowed_hosts')"
    return None


def refuse(settings: Settings, url: str) -> None:
    """Raises `EgressRefused` for an address that nothing may be sent to."""
    if reason := obstacle(settings, url):
        raise EgressRefused(f"Nothing may be sent to '{host_of(url) or url}': {reason}.")


@lru_cache(maxsize=1024)
def host_of(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".").lower()


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone: names are not looked up, for that would ask the network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
