"""The entry point of the `avstudio` command.

Start-up is a feature: `--version` is answered before anything is imported, everything else starts in `boundary`.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line of this process; give its exit code."""
    arguments = sys.argv[1:]
    try:
        if arguments == ["--version"]:
            from avstudio_core import __version__

            print(f"avstudio {__version__}")
            return 0
        from avstudio_server.boundary import run

        return run(arguments)
    except KeyboardInterrupt:  # while the command was still starting
        return 130
