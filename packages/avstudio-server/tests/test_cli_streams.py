"""Closed and full streams, and text that could control a terminal."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

import avstudio_server
from avstudio_server.testing.command_line import COMMAND, CommandLine, Outcome

HOSTILE = "a\x1b[31m\rb\u202ec\u200fd\x9be\n"
"""Colours, goes back to the beginning of the line, turns it around, and begins another."""


def shell(avstudio: CommandLine, words: str, redirection: str) -> Outcome:
    """A command with its streams as the shell sets them up."""
    line = f"{shlex.join(COMMAND)} {words} {redirection}"
    done = subprocess.run(
        ["bash", "-c", line], env=avstudio.environment, cwd=avstudio.folder, capture_output=True, text=True, check=False
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("words", ["--version", "processors", "processors --json", "text shout note.txt"])
@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_a_result_that_cannot_be_written_is_an_error(
    avstudio: CommandLine, note: Path, words: str, redirection: str
) -> None:
    if redirection == ">/dev/full" and not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    done = shell(avstudio, words, redirection)
    assert done.code == 4
    assert done.err.splitlines()[-1].startswith("avstudio: The output cannot be written: ")


@pytest.mark.parametrize("redirection", ["2>&-", "<&- 2>&-"])
def test_messages_that_cannot_be_written_change_nothing(avstudio: CommandLine, note: Path, redirection: str) -> None:
    assert shell(avstudio, "text shout note.txt", redirection).code == 0
    assert shell(avstudio, "text shout none.txt", redirection).code == 2


def test_no_file_takes_the_number_of_a_closed_stream(avstudio: CommandLine, note: Path) -> None:
    assert shell(avstudio, "text shout note.txt --json", "<&- 2>&-").json["result"]["text"] == "*HELLO!"


@pytest.mark.parametrize(
    "words", [["text", "shout"], ["text", "twins"], ["tasks", "show"], ["pipe"], ["models", "path"]]
)
def test_errors_show_what_a_terminal_would_obey(reading: CommandLine, words: list[str]) -> None:
    refused = reading(*words, HOSTILE)
    assert refused.code == 2
    assert not set(refused.err) & set(HOSTILE) - set("abcde[31m\n")
    assert all(line.startswith(("avstudio: ", "  ")) for line in refused.err.splitlines())


def test_names_and_texts_are_shown_harmless_and_json_gives_them_back(avstudio: CommandLine) -> None:
    path = avstudio.folder / f"{HOSTILE}.txt"
    path.write_text(HOSTILE)
    done = avstudio("text", "shout", path, "--style", "plain")
    listed = avstudio("tasks", "list")
    for shown in (done.out, done.err, listed.out, avstudio("tasks", "list", "--json").out):
        assert not set(shown) & set(HOSTILE) - set("abcde[31m\n")
    assert "*a\\x1b[31m\nb\\u202ec\\u200fd\\x9be!" in done.out
    again = avstudio("text", "shout", path, "--style", "plain", "--json")
    assert again.json["result"]["text"] == f"*{path.read_text().strip()}!"


def test_the_command_line_prints_in_one_place() -> None:
    source = Path(avstudio_server.__file__).parent / "cli"
    printing = [path.name for path in source.rglob("*.py") if " print(" in path.read_text(encoding="utf-8")]
    assert printing == ["output.py"]
