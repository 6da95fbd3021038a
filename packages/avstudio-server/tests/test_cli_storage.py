"""`avstudio storage`, `avstudio prune`, and the deletion of tasks, plans, files, projects and owners."""

from __future__ import annotations

import os
from pathlib import Path
from subprocess import PIPE

import pytest

from avstudio_server.testing.command_line import CommandLine
from avstudio_server.views.storage import age_seconds

pytestmark = pytest.mark.usefixtures("inline")


def test_the_room_is_shown_by_part_project_and_processor(avstudio: CommandLine, note: Path) -> None:
    avstudio("text", "shout", note, "--project", "song")
    data = avstudio("storage", "--json").json
    assert data["store"] == sum(share["bytes"] for share in data["shares"])
    assert {(share["project"], share["made_by"], share["files"]) for share in data["shares"]} == {
        ("song", "sources", 1),
        ("song", "text.shout", 1),
    }
    assert data["database"] > 0
    shown = avstudio("storage").out
    assert "database" in shown
    assert "text.shout" in shown


def test_prune_counts_first_and_removes_then(avstudio: CommandLine, note: Path) -> None:
    avstudio("text", "shout", note)
    counted = avstudio("prune", "--older-than", "0h", "--dry-run", "--json").json
    assert (counted["plans"], counted["tasks"], counted["files"], counted["dry_run"]) == (1, 1, 2, True)
    assert len(avstudio("tasks", "list", "--json").json) == 1
    assert avstudio("prune", "--older-than", "1d").out == "Removed 0 tasks and 0 files: 0 B.\n"
    assert avstudio("prune", "--older-than", "0h").out.startswith("Removed 1 task and 2 files: ")
    assert avstudio("tasks", "list", "--json").json == avstudio("storage", "--json").json["shares"] == []


@pytest.mark.parametrize("age", ["30", "a week", "-1d", "d"])
def test_an_age_that_cannot_be_read_is_refused(avstudio: CommandLine, age: str) -> None:
    refused = avstudio("prune", f"--older-than={age}")
    assert refused.code == 2
    assert "is not an age. Give hours, days or weeks" in refused.err


def test_ages_have_units() -> None:
    assert [age_seconds(text) for text in ("2h", "1.5d", "1W")] == [7200.0, 129_600.0, 604_800.0]


def test_tasks_and_plans_are_deleted(avstudio: CommandLine, note: Path) -> None:
    done = avstudio("text", "shout", note, "--json").json
    assert avstudio("tasks", "delete", done["task"][-8:]).out.startswith("Removed 1 task and 2 files")
    again = avstudio("tasks", "delete", done["task"])
    assert (again.code, again.out) == (2, "")
    avstudio("pipe", "text.shout | text.shout", note)
    plan = avstudio("plans", "list", "--json").json[0]["id"]
    assert avstudio("plans", "delete", plan, "--json").json["tasks"] == 2
    assert avstudio("plans", "list", "--json").json == []


def test_a_deletion_is_first_only_told(avstudio: CommandLine, note: Path) -> None:
    task = avstudio("text", "shout", note, "--json").json["task"]
    told = avstudio("tasks", "delete", task, "--dry-run").out
    assert told.startswith("Would remove 1 task and 2 files: ")
    assert avstudio("tasks", "delete", task).out == told.replace("Would remove", "Removed")


def test_files_are_listed_and_deleted(avstudio: CommandLine, note: Path) -> None:
    result = avstudio("text", "shout", note, "--json").json["result"]
    [given] = avstudio("media", "list", "--json").json
    assert (given["path"], given["project"]) == (str(note), "default")
    assert f"{given['artifact']['id']}  note.txt" in avstudio("media", "list").out
    made = next(value["id"] for value in result.values() if isinstance(value, dict) and "sha256" in value)
    told = avstudio("artifacts", "delete", made, given["artifact"]["id"], "--dry-run", "--json").json
    assert (told["files"], told["dry_run"]) == (2, True)
    unknown = avstudio("artifacts", "delete", made, "art_none")
    assert (unknown.code, unknown.err) == (2, "avstudio: No artifact has the id 'art_none'.\n")
    assert avstudio("artifacts", "delete", made).out.startswith("Removed 0 tasks and 1 file: ")
    assert avstudio("media", "delete", given["artifact"]["id"]).out.startswith("Removed 0 tasks and 1 file: ")
    assert avstudio("media", "list").out == "No files.\n"
    assert note.exists()


def test_projects_are_listed_and_deleted_if_a_person_agrees(avstudio: CommandLine, note: Path) -> None:
    for project in ("album", "song"):
        avstudio("text", "shout", note, "--project", project)
    assert avstudio("projects", "list", "--json").json[0] == {"name": "album", "tasks": 1, "media": 1}
    first = avstudio("projects", "list", "--limit", "1")
    assert (first.out.split()[-3:], "avstudio projects list --after album" in first.err) == (["album", "1", "1"], True)
    asked = avstudio("projects", "delete", "album", "song", stdin="yes\n")
    assert (asked.code, "Add --yes." in asked.err) == (2, True)
    assert avstudio("projects", "delete", "album", "none", "--yes").code == 2
    assert avstudio("projects", "delete", "album", "song", "--dry-run", "--json").json["tasks"] == 2
    assert avstudio("projects", "delete", "album", "song", "--yes").out.startswith("Removed 2 tasks and 4 files: ")
    assert avstudio("projects", "list").out == "No projects.\n"


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 130), ("\n", 130)])
def test_an_owner_is_deleted_if_the_person_at_the_terminal_agrees(
    avstudio: CommandLine, note: Path, answer: str, code: int
) -> None:
    avstudio("text", "shout", note)
    ours, theirs = os.openpty()
    os.write(ours, answer.encode())
    asked = avstudio.start("owners", "delete", "local", stdin=theirs, stdout=PIPE, stderr=PIPE)
    out, err = asked.communicate(timeout=60)
    os.close(theirs)
    os.close(ours)
    assert asked.returncode == code
    assert "Delete 'local' with 1 task and 2 files: " in err
    assert out.startswith("Removed 1 task and 2 files: ") == (code == 0)
    assert len(avstudio("tasks", "list", "--json").json) == (code != 0)


def test_an_unknown_owner_is_not_deleted(reading: CommandLine) -> None:
    refused = reading("owners", "delete", "anna", "--dry-run")
    assert (refused.code, "'anna'" in refused.err) == (2, True)
