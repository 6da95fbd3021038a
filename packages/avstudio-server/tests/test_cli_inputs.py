"""Commands with several files, and what they would run."""

from __future__ import annotations

from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine


@pytest.fixture
def pages(tmp_path: Path) -> list[str]:
    names = ["one, two.txt", "three.txt"]
    for name in names:
        (tmp_path / name).write_text(Path(name).stem)
    return names


def test_a_file_parameter_takes_paths_and_is_repeatable(avstudio: CommandLine, note: Path, pages: list[str]) -> None:
    done = avstudio("text", "bind", note, "--pages", pages[0], "--pages", pages[1], "--cover", pages[1], "-o", "out")
    assert done.code == 0, done.err
    assert (avstudio.folder / "out/bound.txt").read_text() == "three|hello|one, two|three"
    assert "- letters: 8\n    file: one, two.txt" in done.out
    assert avstudio("plans", "list").out == "No plans.\n"


def test_a_file_parameter_takes_the_id_of_an_artifact(avstudio: CommandLine, note: Path) -> None:
    stored = avstudio("text", "echo", note, "--json").json["result"]["echo"]["id"]
    done = avstudio("text", "bind", note, "--cover", stored, "-o", "out")
    assert done.code == 0, done.err
    assert (avstudio.folder / "out/bound.txt").read_text() == "hello|hello"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cover", "missing.txt"], "missing.txt"),
        (["--cover", "art_0"], "art_0"),
        (["--pages", "song.mp3"], "'pages' cannot be 'song.mp3', whose type is 'audio/mpeg'"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(avstudio: CommandLine, note: Path, words: list[str], said: str) -> None:
    (avstudio.folder / "song.mp3").write_text("no song")
    done = avstudio("text", "bind", note, *words)
    assert done.code != 0
    assert said in done.err
    assert done.err.count("\n") <= 2


def test_the_help_tells_what_files_are_taken(reading: CommandLine) -> None:
    text = " ".join(reading("text", "bind", "--help").out.split())
    assert "--pages FILE" in text
    assert "text/*; repeat it for several" in text


def test_a_dry_run_shows_every_step_and_runs_none(avstudio: CommandLine, note: Path) -> None:
    done = avstudio("text", "bind", note, "--dry-run")
    assert [line.split() for line in done.out.splitlines()[1:]] == [
        ["bind-echo", "text.echo", "source", "echo", "bind"],
        ["bind", "text.bind", "source,", "bind-echo", "echo"],
    ]
    assert avstudio("tasks", "list").out == "No tasks.\n"


def test_a_pipe_is_explained_as_data(avstudio: CommandLine, note: Path) -> None:
    plan = "text.shout | text.bind source=@source cover=@shout"
    [plans] = avstudio("pipe", plan, note, "--explain", "--json").json["plans"]
    assert [(step["step"], step["source"], step["params"]) for step in plans["steps"]] == [
        ("shout", "source", {}),
        ("bind", "source", {"cover": "@shout"}),
    ]


def test_a_dry_run_refuses_what_a_run_refuses(reading: CommandLine, note: Path) -> None:
    assert reading("pipe", "text.shuot", note, "--dry-run").code == reading("pipe", "text.shuot", note).code != 0
    assert reading("text", "bind", note, "--cover", "missing.txt", "--dry-run").code != 0
