"""A forked command is the command that a user runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine, Outcome


def alone(avstudio: CommandLine, *words: str | Path, stdin: str | None = None) -> Outcome:
    """The same in a process that Python has started anew: names of the time zone are left to those."""
    return avstudio(*words, stdin=stdin, TZ="UTC")


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["--help"],
        ["processors", "--json"],
        ["text", "shout", "missing.txt"],
        ["text", "shuot"],
        ["tasks", "list", "--nmae"],
        ["doctor", "--json"],
    ],
    ids=" ".join,
)
def test_a_forked_command_prints_and_ends_as_one_that_was_started(avstudio: CommandLine, words: list[str]) -> None:
    started, forked = alone(avstudio, *words), avstudio(*words)
    if words[0] == "doctor":  # its free memory changes
        started, forked = replace(started, out=""), replace(forked, out="")
    assert forked == started


def test_it_reads_its_input(avstudio: CommandLine) -> None:
    assert (
        avstudio("text", "shout", "-", stdin="hello\n").out
        == alone(avstudio, "text", "shout", "-", stdin="hello\n").out
    )
