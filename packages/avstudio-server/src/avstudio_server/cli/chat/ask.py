"""One question to a language model."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from avstudio_core import Studio
from avstudio_server.cli.chat.answer import print_stream, print_summary
from avstudio_server.cli.chat.prompt import STDIN, prompt_text, with_files
from avstudio_server.cli.exits import DONE
from avstudio_server.cli.terminal import output

if TYPE_CHECKING:
    from avstudio_server.cli.chat.flags import ChatFlags
    from avstudio_server.cli.flags import DisplayFlags


def run(prompt: str | None, chat: ChatFlags, options: dict[str, Any], display: DisplayFlags) -> int:
    """Ask once, or start a dialogue if no prompt was given on a terminal; return the exit code."""
    options = options | ({"system": chat.system} if chat.system else {})
    files = chat.files or []
    if prompt is None and sys.stdin.isatty() and not display.as_json and STDIN not in files:
        from avstudio_server.cli.chat.repl import talk

        with Studio(own=True) as studio:
            return talk(studio, with_files(studio, "", files).strip(), options, quiet=display.quiet)
    text = prompt_text(prompt if prompt is not None else STDIN)
    with Studio(own=True) as studio:
        return _ask(studio, with_files(studio, text, files), options, display)


def _ask(studio: Studio, prompt: str, options: dict[str, Any], display: DisplayFlags) -> int:
    began = time.monotonic()
    try:
        if display.as_json:
            answer = studio.chat(prompt, **options)
            output.write_json(answer.model_dump(mode="json"))
        else:
            answer = print_stream(studio.stream(prompt, **options))
    except KeyboardInterrupt:
        output.note("Stopped.")
        raise
    if not display.quiet:
        print_summary(answer, time.monotonic() - began)
    return DONE
