"""`avstudio doctor`: is everything in order, and if not, what to do."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
Check = Annotated[bool, typer.Option("--check", help="Read every stored file, and compare it with its sha256.")]


def command() -> Any:
    return groups.single(doctor, "doctor")


def doctor(check: Check = False, as_json: Json = False) -> int:
    """Show what is installed, missing or broken, the devices, weights and settings, and the data folder's state.

    It exits with 3 for a broken plugin or processor and with 4 for a damaged data folder.
    """
    from avstudio_server.cli.exits import DONE, STORAGE, UNAVAILABLE
    from avstudio_server.cli.plans.run import say_json
    from avstudio_server.cli.text.diagnosis import diagnose, diagnosis_text

    found = diagnose(check=check)
    if as_json:
        say_json(found)
    else:
        print(diagnosis_text(found))
    if found["data_folder"]["flaws"]:
        return STORAGE
    return UNAVAILABLE if any(plugin["error"] or plugin["broken"] for plugin in found["plugins"]) else DONE
