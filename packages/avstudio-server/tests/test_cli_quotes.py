"""Messages quote what was given, shortened."""

from __future__ import annotations

from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine

LONG = "x" * 10_000
DEEP = "notes/../" * 400
"""A long path to the current folder."""


@pytest.mark.parametrize(
    "arguments",
    [
        ["tokens", f"{DEEP}binary.json"],
        ["budgets", "set", LONG],
        ["budgets", "set", "5", "--per", LONG],
        ["budgets", "set", "5", "--project", LONG, "--key", LONG],
        ["cost", "--since", LONG],
        ["tasks", "show", LONG],
        ["tasks", "list", "--state", LONG],
        ["models", "path", LONG],
        ["processors", LONG],
        ["doctor", LONG],
        ["llm", "chat", "hello", "--model", LONG],
        ["llm", "chat", "hello", "--task", LONG],
        ["llm", "chat", "hello", "--file", LONG],
        ["text", "shout", LONG],
        ["text", "twins", "note.txt", "-o", LONG],
        ["pipe", f"{LONG}.json"],
        ["pipe", f"text.shout {LONG}=1", "note.txt"],
        ["pipe", f'{{"{LONG}": 1}}'],
        ["pipe", f'{{"steps": [{{"id": "{LONG}", "processor": "{LONG}"}}]}}'],
        ["pipe", f'{{"steps": [{{"id": "a", "processor": "text.shout", "source": "{LONG}"}}]}}'],
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_a_long_value_is_shortened_in_the_message(avstudio: CommandLine, note: Path, arguments: list[str]) -> None:
    (avstudio.folder / "notes").mkdir()
    (avstudio.folder / "binary.json").write_bytes(b"\xff\xfe\xfa")
    refused = avstudio(*arguments)
    assert refused.code in (2, 4)
    assert "…" in refused.err
    assert len(refused.err) < 900
