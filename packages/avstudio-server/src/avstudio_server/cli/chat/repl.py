"""A talk with a language model on a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import AVStudioError
from avstudio_server.cli.chat.ask import heard, tell, turn
from avstudio_server.cli.exits import DONE

if TYPE_CHECKING:
    from avstudio_core.chat import Message
    from avstudio_core.studio import Studio

HISTORY = "chat-history"
LINES_KEPT = 1000
HELP = "Ctrl-D leaves, Ctrl-C stops an answer, /new begins anew."


def talk(studio: Studio, material: str, options: dict[str, Any], *, quiet: bool) -> int:
    """Ask what a person types, each time with all that was said before, until they leave."""
    print(HELP, file=sys.stderr)
    beginning = [turn("user", material)] if material else []
    turns = list(beginning)
    keep = not options.get("private")
    with _lines(studio.settings.home / HISTORY if keep else None):
        while (said := _typed()) is not None:
            if said == "/new":
                turns = list(beginning)
            elif said in ("/quit", "/exit"):
                break
            elif said:
                turns += _exchange(studio, [*turns, turn("user", said)], options, quiet=quiet)
    return DONE


def _exchange(studio: Studio, turns: list[Message], options: dict[str, Any], *, quiet: bool) -> list[Message]:
    """One question and its answer as new turns; none of both where nothing was answered."""
    began, said = time.monotonic(), list[str]()
    try:
        answer = heard(studio.stream(turns, **options), said)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
    except AVStudioError as error:
        print(f"avstudio: {error}", file=sys.stderr)
    else:
        if not quiet:
            tell(answer, time.monotonic() - began)
    return [turns[-1], turn("assistant", "".join(said))] if "".join(said).strip() else []


def _typed() -> str | None:
    """A line without the blanks around it; empty after Ctrl-C, `None` when the person leaves."""
    try:
        return input("> ").strip()
    except KeyboardInterrupt:
        print(f"\n{HELP}", file=sys.stderr)
        return ""
    except EOFError:
        print(file=sys.stderr)
        return None


@contextlib.contextmanager
def _lines(path: Path | None) -> Iterator[None]:
    """Let lines be edited, and those of earlier talks be found; a file that is its owner's alone keeps them."""
    try:
        import readline
    except ImportError:  # not everywhere
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
