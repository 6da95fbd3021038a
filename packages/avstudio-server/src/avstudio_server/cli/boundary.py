"""The place where errors become messages and exit codes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer

from avstudio_core.errors import AVStudioError, InvalidInput, with_hint
from avstudio_core.nearest import did_you_mean
from avstudio_core.quotes import quoted
from avstudio_server.cli import debug, signals
from avstudio_server.cli.exits import CANCELLED, DEFECT, DONE, FAILED, INVALID, error_data, problem_data
from avstudio_server.cli.terminal import output

LONGEST_USAGE = 300
"""The most characters of a message about an invalid command line, which may quote an argument as a whole."""


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; messages go to stderr.

    `--debug` may be anywhere. With `--json`, an error is also printed as the one JSON document on stdout.
    """
    flagged = debug.FLAG in _options(arguments)
    if flagged:
        debug.begin()
    received: list[int] = []

    def receive(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt  # closes what is open; Typer turns it into an exit code and prints nothing

    signals.handle(receive)
    code = _guarded([one for one in arguments if not (flagged and one == debug.FLAG)])
    if received and code == CANCELLED:
        interrupted(arguments)
    return code


def interrupted(arguments: Sequence[str]) -> int:
    """The exit code of a command that a signal ended; with `--json`, print the JSON document."""
    if "--json" in _options(arguments):
        output.write_json(problem_data("interrupted", "The command was interrupted.", "", CANCELLED))
    return CANCELLED


def failed(error: Exception, arguments: Sequence[str]) -> int:
    """Print the message of an error and return its exit code."""
    try:
        return _reported(error, arguments)
    except (AVStudioError, BrokenPipeError):  # stdout cannot be written either
        return _reported(error, ())


def _guarded(arguments: list[str]) -> int:
    from avstudio_server.cli.root import root

    try:
        code = int(root().main(arguments, prog_name="avstudio", standalone_mode=False) or DONE)
        sys.stdout.flush()
        return code
    except Exception as error:
        return failed(error, arguments)


def _reported(error: Exception, arguments: Sequence[str]) -> int:
    if isinstance(error, BrokenPipeError):  # the reader has gone, as `head` does
        return FAILED
    traced = debug.wanted()
    if isinstance(error, AVStudioError):
        data = error_data(error)
    elif isinstance(error, typer.TyperException):
        traced = False
        data = problem_data("usage", *_usage(error), INVALID)
    elif isinstance(error, UnicodeEncodeError):  # a lone surrogate
        data = problem_data(InvalidInput.code, f"{quoted(error.object)} is not text in UTF-8.", "", INVALID)
    else:
        message = f"An error in AV-Studio or a plugin: {type(error).__name__}: {error}"
        hint = "" if traced else f"Run it again with {debug.FLAG} to see the traceback."
        data = problem_data("defect", f"{message.rstrip('.')}.", hint, DEFECT)
    output.note(f"avstudio: {with_hint(data['error']['message'], data['error']['hint'])}")
    if traced:
        output.note(getattr(error, "traceback", "") or "".join(traceback.format_exception(error)))
    if "--json" in _options(arguments):
        output.write_json(data)
        sys.stdout.flush()
    code: int = data["error"]["exit"]
    return code


def _usage(error: Any) -> tuple[str, str]:
    """The message for an invalid command line; and a hint with the nearest valid name and the command for help."""
    message, near = error.format_message().strip(), ""
    if option := getattr(error, "option_name", ""):
        message, near = f"{quoted(option)} is not an option.", did_you_mean(option, error.possibilities or ())
    elif wrong := _wrong_value(error):
        message = wrong
    message = message if len(message) <= LONGEST_USAGE else f"{message[: LONGEST_USAGE - 1]}…"
    if (context := getattr(error, "ctx", None)) is None:
        return message, near
    message = message if message.endswith((".", "?")) else f"{message}."
    return message, f"{near} See: {context.command_path} --help".lstrip()


def _wrong_value(error: Any) -> str:
    """The message for a value that an option or an argument does not take; empty for any other error."""
    if not hasattr(error.__cause__, "errors"):
        return ""
    from avstudio_core.validation import rule_of

    found = error.__cause__.errors()[0]
    named, rule = error.param.get_error_hint(), rule_of(found)
    if rule.startswith("should"):
        return f"{named} cannot be {quoted(found['input'])}: it {rule}."
    return f"{named}: {rule}."


def _options(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments before `--`, which ends the options."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments
