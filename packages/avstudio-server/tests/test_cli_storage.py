"""`avstudio storage`, `avstudio prune`, and the deletion of tasks and plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine
from avstudio_server.views.storage import age_seconds


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
