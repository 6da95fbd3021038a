"""The page about the command line names only commands and options that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from avstudio_server.testing import CommandLine

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "command-line.md"
EXAMPLE = re.compile(r"^\$ avstudio (.+)$", re.MULTILINE)


@pytest.fixture
def everything(tmp_path: Path) -> CommandLine:
    pytest.importorskip("avstudio_audio", reason="the examples are about audio")
    return CommandLine(tmp_path)


def test_every_example_is_a_command_with_its_options(everything: CommandLine) -> None:
    examples = [shlex.split(line) for line in EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))]
    assert len(examples) > 10
    for words in examples:
        path = words[:2] if words[0] in ("audio", "tasks") else words[:1]
        shown = everything(*path, "--help")
        assert shown.code == 0, words
        options = {word for word in words if word.startswith("-")}
        assert options <= set(re.findall(r"(?<!\S)--?[a-z-]+", shown.out)), words
