"""`avstudio llm chat`: a question to a language model, or a dialogue with it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avstudio_server.cli.chat.flags import AccountFlags, ChatFlags, WishFlags
from avstudio_server.cli.flags import DisplayFlags, spread
from avstudio_server.cli.groups import single

Prompt = Annotated[
    str | None,
    typer.Argument(metavar="PROMPT", help="The question, or - to read it from stdin. Without one, a dialogue starts."),
]


def command() -> Any:
    return single(spread(chat), "chat")


def chat(
    question: ChatFlags, wishes: WishFlags, account: AccountFlags, display: DisplayFlags, prompt: Prompt = None
) -> int:
    """Ask a language model and print its answer as it arrives; without a prompt, start a dialogue.

    The call is not a task, but budgets, the policy and the ledger apply. For a durable task, use
    avstudio pipe 'llm.chat prompt="…"'. The cost is printed on stderr.
    """
    from avstudio_server.cli.chat.ask import run

    return run(prompt, question, wishes.options() | account.options(), display)
