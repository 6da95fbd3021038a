"""The pages about commands name only commands and options that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from avstudio_server.testing import CommandLine

HOWTO = Path(__file__).parents[3] / "docs" / "howto"
EXAMPLE = re.compile(r"^\$ avstudio (.+)$", re.MULTILINE)


@pytest.fixture
def everything(tmp_path: Path) -> CommandLine:
    pytest.importorskip("avstudio_audio", reason="the examples are about audio")
    return CommandLine(tmp_path)


@pytest.mark.parametrize(("page", "least"), [("command-line.md", 10), ("budgets.md", 7)])
def test_every_example_is_a_command_with_its_options(everything: CommandLine, page: str, least: int) -> None:
    examples = [shlex.split(line) for line in EXAMPLE.findall((HOWTO / page).read_text(encoding="utf-8"))]
    assert len(examples) >= least
    for words in examples:
        path = words[:2] if words[0] in ("audio", "budgets", "tasks") else words[:1]
        shown = everything(*path, "--help")
        assert shown.code == 0, words
        options = {word for word in words if word.startswith("-")}
        assert options <= set(re.findall(r"(?<!\S)--?[a-z-]+", shown.out)), words
