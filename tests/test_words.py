"""Messages are plain English, and those of the library do not name what only one interface has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parent.parent / "packages"
OPTION, COMMAND, VARIABLE = r"(?<![\w-])--[a-z]", r"\bavstudio [a-z]+( [a-z]+)*\b", r"\bAVSTUDIO_[A-Z]"
RIDDLES = r"(?<!there )\b(?:is|are|was|were) no (?!longer\b)[a-z]+\b|\bwhich there is not\b|\bof which there\b"
ORIGINS = {"settings.py"}
"""Where the variables of settings are declared and read."""


def texts(*packages: str) -> Iterator[tuple[str, str]]:
    """Every string of the packages' sources that is not a docstring, with its place."""
    for package in packages:
        for path in sorted((PACKAGES / f"avstudio-{package}" / "src").rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            notes = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes:
                    yield f"{path.name}:{node.lineno}", node.value


@pytest.mark.parametrize("pattern", [OPTION, COMMAND, VARIABLE])
def test_the_library_names_no_option_command_or_variable(pattern: str) -> None:
    named = [(place, text) for place, text in texts("core", "audio", "llm") if re.search(pattern, text)]
    assert [(place, text) for place, text in named if place.partition(":")[0] not in ORIGINS] == []


def test_messages_have_no_riddles() -> None:
    assert [(place, text) for place, text in texts("core", "audio", "llm", "server") if re.search(RIDDLES, text)] == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (OPTION, "Add --overwrite."),
        (COMMAND, "See: avstudio tasks list"),
        (VARIABLE, "Set AVSTUDIO_HOME."),
        (RIDDLES, "'x' is no scope."),
        (RIDDLES, "It begins at line 7, which there is not."),
    ],
)
def test_the_patterns_find_what_they_look_for(pattern: str, text: str) -> None:
    assert re.search(pattern, text)
