"""The headers of a delivery (Standard Webhooks)."""

from __future__ import annotations

import base64
import hashlib
import hmac

PREFIX = "whsec_"


def signed(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The id, the time and the signature of a message, as headers."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}
