"""`avstudio doctor`: what is missing or broken, and how to fix it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli import groups
from avstudio_server.cli.flags import Json
from avstudio_server.cli.terminal import output
from avstudio_server.views.installed import Installed

Check = Annotated[bool, typer.Option("--check", help="Read every stored file and compare it with its sha256.")]


def command() -> Any:
    return groups.single(doctor, "doctor")


def doctor(ctx: typer.Context, check: Check = False, as_json: Json = False) -> int:
    """Show what is installed, missing or broken: plugins, extras, weights, devices, settings and the data folder.

    The exit code is 3 if a plugin is broken or failed recently, and 4 if the data folder is damaged.
    """
    from avstudio_server.cli.exits import DONE, STORAGE, UNAVAILABLE
    from avstudio_server.cli.text.diagnosis import diagnosis_text

    found = _diagnosis(ctx.obj, check=check)
    if as_json:
        output.write_json(found)
    else:
        output.write(diagnosis_text(found))
    if found["data_folder"]["flaws"]:
        return STORAGE
    broken = any(plugin["error"] or plugin["broken"] or plugin["troubles"] for plugin in found["plugins"])
    return UNAVAILABLE if broken or found["undeclared_settings"] else DONE


def _diagnosis(installed: Installed, *, check: bool) -> dict[str, Any]:
    from avstudio_core import Studio
    from avstudio_core.errors import AVStudioError
    from avstudio_server.views.diagnosis import backend_data, broken_data_folder, data_folder, installation_data
    from avstudio_server.views.secrets import secret_data

    try:
        with Studio(own=True) as studio:
            secrets = {"secrets": secret_data(studio), "secret_stores": studio.secrets.stores()}
            found = secrets | {"backends": backend_data(studio), "data_folder": data_folder(studio, check=check)}
    except AVStudioError as error:
        found = {
            "secrets": [],
            "secret_stores": {},
            "backends": [],
            "data_folder": broken_data_folder(installed.settings.home, error, check=check),
        }
    return installation_data(installed) | found  # last, so that it shows what failed in between
