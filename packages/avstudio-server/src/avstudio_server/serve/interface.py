"""The interface `serve`: a studio by HTTP."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from avstudio_core import Interface
from avstudio_core.errors import MissingDependency
from avstudio_server.serve.options import ServeOptions

if TYPE_CHECKING:
    from avstudio_core import Stop, Studio


class Serve(Interface[ServeOptions]):
    """Serve the studio by HTTP: REST, OpenAI's protocol and WebSockets.

    It listens on this machine only, unless a host is given and an API key exists. Stop it with Ctrl-C: running tasks go
    back to the queue, and continue at the next start.
    """

    name = "serve"
    options_type = ServeOptions

    def serve(self, studio: Studio, options: ServeOptions, stop: Stop) -> None:
        try:
            from avstudio_server.serve.server import serve
        except ImportError:
            raise MissingDependency.extra("The HTTP server", "avstudio-server", "rest") from None
        serve(studio, options, stop, _say)


def _say(address: str, link: str) -> None:
    print(f"AV-Studio serves at {address}", file=sys.stderr, flush=True)
    if link:
        print(
            f"Nobody has an API key yet. Open this in your browser, once: {address}{link}", file=sys.stderr, flush=True
        )
