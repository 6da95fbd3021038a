"""The answer of a language model, printed as it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from avstudio_server.cli.terminal import output

if TYPE_CHECKING:
    from avstudio_core import ChatAnswer, Stream


def print_stream(stream: Stream, pieces: list[str] | None = None) -> ChatAnswer:
    """Print an answer as it arrives; its parts are appended to `pieces`, which keeps them if the stream breaks."""
    last = "\n"
    try:
        for delta in stream:
            if delta.text:
                output.write_part(delta.text)
                last = delta.text
                if pieces is not None:
                    pieces.append(delta.text)
    finally:
        if not last.endswith("\n"):
            output.write_part("\n")
    return stream.answer


def print_summary(answer: ChatAnswer, seconds: float) -> None:
    """Print which model answered, its tokens, cost and time, and every warning on stderr."""
    from avstudio_core.money import dollars

    for warning in answer.warnings:
        output.note(f"Warning ({warning.code}): {warning.message}")
    if answer.finish == "length":
        output.note("Warning (cut): The answer reached its limit of tokens. See --max-tokens.")
    about = "about " if answer.usage.estimated else ""
    tokens = f"{about}{answer.usage.input} tokens read, {answer.usage.output} written"
    output.note(f"{answer.model}: {tokens}, {dollars(answer.cost_micro)}, {seconds:.1f} s")
