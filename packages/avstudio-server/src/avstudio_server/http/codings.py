"""The coding of a request's body: it has to come as it is, since a coded file would be stored as something else."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from avstudio_core.quotes import quoted

CODINGS = {"content-encoding": "identity", "transfer-encoding": "chunked"}
"""The coding that each header may name."""


def check_coding(asked: Headers) -> None:
    """Raises `HTTPException` 415 for a body that is compressed, for example."""
    for name, plain in CODINGS.items():
        given = ", ".join(asked.getlist(name)).strip().lower()
        if given not in ("", plain):
            detail = f"The coding {quoted(given)} of the body is not known"
            raise HTTPException(415, detail, {"Accept-Encoding": "identity"})
