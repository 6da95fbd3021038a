"""`avstudio storage`: what takes how much room."""

from __future__ import annotations

from typing import Any

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output


def command() -> Any:
    return groups.single(storage, "storage")


def storage(as_json: Json = False) -> int:
    """Show the size of the data folder: its parts, and the stored files by project and processor."""
    from avstudio_core import Studio
    from avstudio_server.cli.text.storage import storage_text
    from avstudio_server.views.storage import storage_data

    with Studio(own=True) as studio:
        data = storage_data(studio)
    if as_json:
        output.write_json(data)
    else:
        output.write(storage_text(data))
    return 0
