"""The entry point of the `avstudio` command.

Start-up is a feature: `--version` is answered before anything is imported, everything else starts in `boundary`.
"""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run the command line of this process; give its exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from avstudio_core import __version__

        print(f"avstudio {__version__}")
        return 0
    gc.set_threshold(100_000)  # imports make many objects that all stay: looking for garbage there only costs time
    from avstudio_server.boundary import run

    return run(arguments)
