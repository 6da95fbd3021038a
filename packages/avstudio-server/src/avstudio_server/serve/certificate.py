"""The TLS certificate of a server."""

from __future__ import annotations

import ssl
from pathlib import Path

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted


def check_certificate(certificate: Path | None, private_key: Path | None) -> None:
    """Raises `InvalidInput` for one file without the other, and for files that no server can use."""
    if certificate is None and private_key is None:
        return
    if certificate is None or private_key is None:
        raise InvalidInput("TLS needs a certificate and its private key.", hint="Give both files.")
    for path in (certificate, private_key):
        if not path.is_file():
            raise InvalidInput(f"{quoted(path)} is not a file.", hint="Give PEM files for TLS.")
    _load(certificate, private_key)


def _load(certificate: Path, private_key: Path) -> None:
    """Raises `InvalidInput` if no server can use the files."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key, password="")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        message = f"TLS cannot use {quoted(certificate)} with the key {quoted(private_key)}: {reason}."
        raise InvalidInput(message, hint="Give PEM files that belong together; the key has no password.") from error
