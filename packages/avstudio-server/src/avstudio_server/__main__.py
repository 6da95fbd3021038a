"""Makes `python -m avstudio_server` run `avstudio`."""

from __future__ import annotations

from avstudio_server.main import main

if __name__ == "__main__":
    raise SystemExit(main())
