"""`avstudio llm chat`: a question to a language model, or a talk with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from avstudio_server.cli.commands.llm_options import WishFlags
from avstudio_server.cli.flags import SayFlags, spread
from avstudio_server.cli.groups import single

Prompt = Annotated[
    str | None, typer.Argument(metavar="PROMPT", help="The question; - reads it from stdin. Without one: a talk.")
]


@dataclass(frozen=True)
class ChatFlags:
    """What is said besides the prompt."""

    system: Annotated[
        str | None, typer.Option("--system", "-s", help="Who the model is to be, and how it is to answer.")
    ] = None
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            help="A transcript or text to talk about: a path, an artifact, -. Repeatable.",
        ),
    ] = None


def command() -> Any:
    return single(spread(chat), "chat")


def chat(said: ChatFlags, wishes: WishFlags, say: SayFlags, prompt: Prompt = None) -> int:
    """Ask a language model and read its answer as it comes; without a prompt, talk with it.

    It is asked at once, with no task: budgets, policy and the ledger hold all the same. For a durable task write
    avstudio pipe 'llm.chat prompt="…"'. What it cost is said on stderr.
    """
    from avstudio_server.cli.chat.ask import run

    return run(prompt, said, wishes, say)
