"""Who asks, as the parameter of a route."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from avstudio_core import Session
from avstudio_core.errors import KeyRefused


async def _session(connection: HTTPConnection) -> Session:
    """The session of the one who asks; the guard has put it there. Raises `KeyRefused`."""
    found = getattr(connection.state, "session", None)
    if not isinstance(found, Session):
        raise KeyRefused("The request has no API key.", hint="Send the header 'Authorization: Bearer avs_…'.")
    return found


CallerSession = Annotated[Session, Depends(_session)]
"""The session of the one who asks: a route that takes it is refused to those who are not known."""
