"""The server that is attacked: it prints its port and a key, and serves until its stdin ends."""

from __future__ import annotations

import sys
from typing import Any

from tests.hostile_media import plugin

from avstudio_core import Studio
from avstudio_server.testing.http_server import HttpServer


def main(home: str) -> None:
    limits: dict[str, Any] = {"media_mb": 128, "limit_seconds": 60, "upload_mb": 64, "workers": 2}
    with (
        Studio(home=home, plugins="core,audio,server,video", add=[plugin], **limits) as studio,
        HttpServer(studio, rate=10_000_000) as server,
    ):
        print(server.address.rpartition(":")[2], server.key(), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
