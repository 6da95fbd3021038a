"""The one place where errors become messages and exit codes."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer

from avstudio_core.errors import AVStudioError
from avstudio_server.cli import debug
from avstudio_server.cli.exits import CANCELLED, DEFECT, DONE, FAILED, INVALID, error_data, exit_code, problem_data


def run(arguments: Sequence[str]) -> int:
    """Run a command line to its exit code, with messages on stderr.

    `--debug` may stand anywhere. With `--json` an error is also said on stdout, as the one JSON document there.
    """
    flagged = debug.FLAG in _options(arguments)
    if flagged:
        debug.begin()
    heard: list[int] = []

    def hear(number: int, _: object) -> None:
        heard.append(number)
        raise KeyboardInterrupt  # what is open is closed; Typer makes an exit code of it, and says nothing

    for one in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, hear)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="surrogateescape" if sys.stdout.encoding == "utf-8" else "replace")
    try:
        code = _guarded([one for one in arguments if not (flagged and one == debug.FLAG)], debug.wanted())
        if heard and code == CANCELLED:
            interrupted(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


def interrupted(arguments: Sequence[str]) -> int:
    """What a command says that a signal ended, and its exit code: nothing but the one JSON document."""
    if "--json" in _options(arguments):
        _say_json(problem_data("interrupted", "The command was interrupted.", CANCELLED))
    return CANCELLED


def _guarded(arguments: list[str], traced: bool) -> int:
    from avstudio_server.cli.root import root

    try:
        return int(root().main(arguments, prog_name="avstudio", standalone_mode=False) or DONE)
    except AVStudioError as error:
        _tell(arguments, str(error), error_data(error))
        if traced:
            print(getattr(error, "traceback", "") or traceback.format_exc(), file=sys.stderr)
        return exit_code(error)
    except typer.TyperException as error:
        said = _usage(error)
        _tell(arguments, said, problem_data("usage", said, INVALID))
        return INVALID
    except BrokenPipeError:
        raise
    except Exception as error:
        said = f"An error in AV-Studio or a plugin: {type(error).__name__}: {error}"
        said = said if traced else f"{said}. Run it again with {debug.FLAG} to see where."
        _tell(arguments, said, problem_data("defect", said, DEFECT))
        if traced:
            traceback.print_exc()
        return DEFECT


def _tell(arguments: Sequence[str], said: str, data: dict[str, Any]) -> None:
    print(f"avstudio: {said}", file=sys.stderr)
    if "--json" in _options(arguments):
        _say_json(data)


def _say_json(data: dict[str, Any]) -> None:
    import json

    print(json.dumps(data, indent=2, ensure_ascii=False))


def _usage(error: Any) -> str:
    """A command line that cannot be understood, with the nearest that can, and where help is."""
    from avstudio_server.operations.nearest import nearest

    said = error.format_message().strip()
    if option := getattr(error, "option_name", ""):
        said = f"There is no option '{option}'. {nearest(option, error.possibilities or ())}".strip()
    context = getattr(error, "ctx", None)
    ended = said if said.endswith((".", "?")) else f"{said}."
    return f"{ended} See: {context.command_path} --help" if context is not None else said


def _options(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments before `--`, which ends the options."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments
