"""The entry point of the `avstudio` command.

Start-up must be fast: `--version` is answered before anything is imported; everything else starts in `boundary`.
"""

from __future__ import annotations

import gc
import sys

from avstudio_server.cli import streams


def main() -> int:
    """Run the command line of this process and return its exit code."""
    arguments = sys.argv[1:]
    streams.prepare()
    gc.set_threshold(100_000)  # imports create many permanent objects, so collecting garbage then is wasted time
    try:
        if arguments in (["--version"], ["-V"]):
            from avstudio_core import __version__

            print(f"avstudio {__version__}", flush=True)
            return 0
        import signal

        from avstudio_server.cli import signals

        signals.handle(signal.default_int_handler)  # closes what is open
        from avstudio_server.cli.boundary import run

        return run(arguments)
    except KeyboardInterrupt:
        from avstudio_server.cli.boundary import interrupted

        return interrupted(arguments)
    except Exception as error:
        from avstudio_server.cli.boundary import failed

        return failed(error, arguments)
