"""API keys, as data; never the keys themselves."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avstudio_core.access.keys import ApiKey


def key_data(key: ApiKey) -> dict[str, Any]:
    """What is stored about a key, and whether it is valid now."""
    return {**asdict(key), "scopes": list(key.scopes), "state": key.state(time.time())}
