"""The types of events that may be published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from avstudio_core.errors import InvalidInput, NotFound
from avstudio_core.events import EventType
from avstudio_core.names import checked
from avstudio_core.plugins import Plugins
from avstudio_core.quotes import quoted

MOST_DATA = 1 << 20
"""The most bytes of the data of an event: up to 1,000 events wait for each listener, in memory."""


def json_of(plugins: Plugins, kind: str, data: Mapping[str, Any]) -> str:
    """The data of an event that an interface or a plugin publishes, as JSON.

    Raises `NotFound` for a type that no plugin has registered, `InvalidInput` for one that only the studio publishes,
    or for data that is not JSON, or larger than `MOST_DATA`.
    """
    known: dict[str, EventType] = plugins.kind("event_types")
    if checked(kind, "type of events") not in known:
        hint = "A plugin registers its types of events with the hook 'register_event_types'."
        raise NotFound.among("type of events", kind, known, see=hint)
    if known[kind].reserved:
        free = ", ".join(sorted(name for name, one in known.items() if not one.reserved))
        raise InvalidInput(f"Only the studio itself publishes '{kind}'.", hint=f"You can publish: {free}.")
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{quoted(data)} is not the data of an event.", hint="Give names and values.")
    try:
        written = json.dumps(dict(data), allow_nan=False, ensure_ascii=False)
        size = len(written.encode())
    except UnicodeEncodeError:
        message = f"The data of the event '{kind}' contains half a character."
        raise InvalidInput(message, hint="Decode the text as UTF-8, with errors='replace'.") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"The data of the event '{kind}' is not JSON: {error}.") from None
    if size > MOST_DATA:
        hint = "Store it as a file, and publish the id of the artifact."
        raise InvalidInput(f"The data of the event '{kind}' has {size} bytes, and the most is {MOST_DATA}.", hint=hint)
    return written
