"""A dialogue with a language model on a terminal."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import AVStudioError
from avstudio_server.cli import hints
from avstudio_server.cli.chat.answer import print_stream, print_summary
from avstudio_server.cli.exits import DONE
from avstudio_server.cli.terminal import output

if TYPE_CHECKING:
    from avstudio_core import Studio
    from avstudio_core.chat import Message

HISTORY = "chat-history"
LINES_KEPT = 1000
HELP = "Ctrl-D exits, Ctrl-C stops an answer, /new starts a new dialogue."


def talk(studio: Studio, material: str, options: dict[str, Any], *, quiet: bool) -> int:
    """Send each line that is typed, with all earlier turns, until the user exits; return the exit code."""
    output.note(HELP)
    beginning = [_turn("user", material)] if material else []
    turns = list(beginning)
    with _line_history(None if options.get("private") else studio.settings.home / HISTORY):
        while (line := _typed()) is not None:
            if line == "/new":
                turns = list(beginning)
            elif line in ("/quit", "/exit"):
                break
            elif line:
                turns += _exchange(studio, [*turns, _turn("user", line)], options, quiet=quiet)
    return DONE


def _exchange(studio: Studio, turns: list[Message], options: dict[str, Any], *, quiet: bool) -> list[Message]:
    """Ask one question; return it and its answer as turns, or no turns if there was no answer."""
    began, pieces = time.monotonic(), list[str]()
    try:
        answer = print_stream(studio.stream(turns, **options), pieces)
    except KeyboardInterrupt:
        output.note("Stopped.")
    except AVStudioError as error:
        output.note(f"avstudio: {hints.shown(error)}")
    else:
        if not quiet:
            print_summary(answer, time.monotonic() - began)
    text = "".join(pieces)
    return [turns[-1], _turn("assistant", text)] if text.strip() else []


def _turn(role: str, text: str) -> Message:
    from avstudio_core.chat import Message

    return Message.model_validate({"role": role, "content": text})


def _typed() -> str | None:
    """A line, stripped; empty after Ctrl-C, `None` after Ctrl-D."""
    try:
        return input("> ").strip()
    except KeyboardInterrupt:
        output.note("")
        output.note(HELP)
        return ""
    except EOFError:
        output.note("")
        return None


@contextlib.contextmanager
def _line_history(path: Path | None) -> Iterator[None]:
    """Line editing with a history across dialogues, kept in a file that only its owner can read."""
    try:
        import readline
    except ImportError:  # some builds of Python lack it
        yield
        return
    if path is not None and path.exists():
        with contextlib.suppress(OSError):
            readline.read_history_file(path)
    readline.set_history_length(LINES_KEPT)
    try:
        yield
    finally:
        if path is not None:
            with contextlib.suppress(OSError):
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
                readline.write_history_file(path)
