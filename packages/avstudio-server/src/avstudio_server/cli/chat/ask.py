"""One question to a language model, answered as it comes."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from avstudio_core.studio import Studio
from avstudio_server.cli.chat.prompt import STDIN, prompt_text, with_files
from avstudio_server.cli.exits import DONE
from avstudio_server.cli.plans.run import say_json

if TYPE_CHECKING:
    from avstudio_core.answers import ChatAnswer
    from avstudio_core.chat import Message
    from avstudio_core.gateway.streams import Stream
    from avstudio_server.cli.commands.llm_chat import ChatFlags
    from avstudio_server.cli.commands.llm_options import WishFlags
    from avstudio_server.cli.flags import SayFlags


def run(prompt: str | None, said: ChatFlags, wishes: WishFlags, say: SayFlags) -> int:
    """Ask once, or talk where there is no prompt and a person is there; give the exit code."""
    options = wishes.options() | ({"system": said.system} if said.system else {})
    files = said.files or []
    if prompt is None and sys.stdin.isatty() and not say.as_json and STDIN not in files:
        from avstudio_server.cli.chat.repl import talk

        with Studio(own=True) as studio:
            return talk(studio, with_files(studio, "", files).strip(), options, quiet=say.quiet)
    text = prompt_text(prompt if prompt is not None else STDIN)
    with Studio(own=True) as studio:
        return _ask(studio, with_files(studio, text, files), options, say)


def _ask(studio: Studio, prompt: str, options: dict[str, Any], say: SayFlags) -> int:
    began = time.monotonic()
    try:
        if say.as_json:
            answer = studio.chat(prompt, **options)
            say_json(answer.model_dump(mode="json"))
        else:
            answer = heard(studio.stream(prompt, **options))
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        raise
    if not say.quiet:
        tell(answer, time.monotonic() - began)
    return DONE


def heard(stream: Stream, kept: list[str] | None = None) -> ChatAnswer:
    """Print an answer as it comes, `kept` getting its pieces; what was said stays, whatever comes between."""
    last = "\n"
    try:
        for delta in stream:
            if delta.text:
                print(delta.text, end="", flush=True)
                last = delta.text
                if kept is not None:
                    kept.append(delta.text)
    finally:
        if not last.endswith("\n"):
            print(flush=True)
    return stream.answer


def tell(answer: ChatAnswer, seconds: float) -> None:
    """Say on stderr who answered, what it took, and what a person should know."""
    from avstudio_core.money import dollars

    for warning in answer.warnings:
        print(f"Warning ({warning.code}): {warning.message}", file=sys.stderr)
    if answer.finish == "length":
        print("Warning (cut): The answer reached its longest length. See --max-tokens.", file=sys.stderr)
    about = "about " if answer.usage.estimated else ""
    tokens = f"{about}{answer.usage.input} tokens read, {answer.usage.output} written"
    print(f"{answer.model}: {tokens}, {dollars(answer.cost_micro)}, {seconds:.1f} s", file=sys.stderr, flush=True)


def turn(role: str, text: str) -> Message:
    from avstudio_core.chat import Message

    return Message.model_validate({"role": role, "content": text})
