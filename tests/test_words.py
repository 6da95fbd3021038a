"""Texts are plain English, and messages of the library do not name what only one interface has."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ROOT / "packages"
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "packages/*/README.md", "docs/**/*.md")
OPTION, COMMAND, VARIABLE = r"(?<![\w-])--[a-z]", r"\bavstudio [a-z]+( [a-z]+)*\b", r"\bAVSTUDIO_[A-Z]"
RIDDLES = r"(?<!there )\b(?:is|are|was|were) no (?!longer\b)[a-z]+\b|\b(?:of )?which there (?:is|are)\b"
DIALECT = (
    r"\b(?:anew|mended|nought|somebody|whoever|whomever)\b"
    r"|\b(?:at hand|for it is|gives? way|half of a character|in vain|set free|taken for|told of|what there is)\b"
    r"|\b(?:goes nowhere|hears? of|is told|stands? (?:against|beside)|where (?:none|there (?:is|are) no(?:ne)?))\b"
    r"|, say[:.,]"
)
GERUND = r"\A[A-Z][a-z]+ing\b"
KINDS = (tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))
"""Tokens that can be prose; from Python 3.12 on, the text of an f-string is a token of its own."""
ORIGINS = {"settings.py"}
"""Where the variables of settings are declared and read."""


Texts = tuple[tuple[str, str], ...]
"""Texts with their places."""


@cache
def texts(*packages: str) -> Texts:
    """Every string of the packages' sources that is not a docstring."""
    return tuple(strings(*packages))


def strings(*packages: str) -> Iterator[tuple[str, str]]:
    for path in sources(*packages):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        notes = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes:
                yield f"{path.name}:{node.lineno}", node.value


def sources(*packages: str) -> Iterator[Path]:
    """The modules of some packages, or of all."""
    for package in packages or ("core", "audio", "llm", "agents", "server", "video"):
        yield from sorted((PACKAGES / f"avstudio-{package}" / "src").rglob("*.py"))


@cache
def prose() -> Texts:
    """Every string and comment of the sources, and every line of the pages."""
    return (*tokens(), *lines())


def tokens() -> Iterator[tuple[str, str]]:
    for path in sources():
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
            if token.type in KINDS:
                yield f"{path.name}:{token.start[0]}", " ".join(token.string.split())


def lines() -> Iterator[tuple[str, str]]:
    for page in (page for pattern in PAGES for page in sorted(ROOT.glob(pattern))):
        if "reference" not in page.parts:  # generated from the sources
            for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
                yield f"{page.relative_to(ROOT)}:{number}", line


@pytest.mark.parametrize("pattern", [OPTION, COMMAND, VARIABLE])
def test_the_library_names_no_option_command_or_variable(pattern: str) -> None:
    named = [(place, text) for place, text in texts("core", "audio", "llm") if re.search(pattern, text)]
    assert [(place, text) for place, text in named if place.partition(":")[0] not in ORIGINS] == []


@pytest.mark.parametrize("pattern", [RIDDLES, DIALECT])
def test_texts_are_plain_english(pattern: str) -> None:
    assert [(place, text) for place, text in prose() if re.search(pattern, text)] == []


def test_a_module_is_described_by_a_noun_or_a_verb() -> None:
    documented = [(path, ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))) for path in sources()]
    assert [(path.name, text) for path, text in documented if text and re.search(GERUND, text)] == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (OPTION, "Add --overwrite."),
        (COMMAND, "See: avstudio tasks list"),
        (VARIABLE, "Set AVSTUDIO_HOME."),
        (RIDDLES, "'x' is no scope."),
        (RIDDLES, "It begins at line 7, which there is not."),
        (DIALECT, "The weights are not at hand."),
        (DIALECT, "What it holds where there is none."),
        (DIALECT, "On a full disk, say: it is tried again."),
        (DIALECT, "Plugins are told of events, and whoever asks is told."),
        (GERUND, "Running work for one command."),
    ],
)
def test_the_patterns_find_what_they_look_for(pattern: str, text: str) -> None:
    assert re.search(pattern, text)


@pytest.mark.parametrize(
    "text", ["The clip is no longer valid.", "It is empty if there is no speech.", "Separates a recording into stems."]
)
def test_the_patterns_leave_plain_english_alone(text: str) -> None:
    assert not any(re.search(pattern, text) for pattern in (RIDDLES, DIALECT, GERUND))
