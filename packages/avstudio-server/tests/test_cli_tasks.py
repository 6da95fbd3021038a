"""`avstudio tasks`."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avstudio_core import Studio
from avstudio_server.testing.command_line import CommandLine

LEAVE = """
import os
from avstudio_core import Studio
studio = Studio(own=True, executor="inline")
studio.start = lambda: None
plan = studio.submit_plan({plan!r}, {source!r})
print(*[handle.task_id for handle in plan.steps.values()], flush=True)
os._exit(0)
"""


def left_by_a_killed_program(avstudio: CommandLine, plan: str, source: Path | None = None) -> list[str]:
    """The tasks of a plan that a program submitted before it died."""
    code = LEAVE.format(plan=plan, source=source and str(source))
    done = subprocess.run(
        [sys.executable, "-c", code], env=avstudio.environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


Submit = Callable[..., list[str]]


@pytest.fixture
def submitted(avstudio: CommandLine, sketch: Path, monkeypatch: pytest.MonkeyPatch) -> Submit:
    """Submit a plan that nobody runs yet, and get its tasks: `submitted("text.shout", note)`."""
    monkeypatch.syspath_prepend(str(sketch))

    def submit(plan: str, source: Path | None = None) -> list[str]:
        with Studio(home=avstudio.home, plugins="core,sketch", executor="inline", own=True) as studio:
            monkeypatch.setattr(studio, "start", lambda: None)
            return [handle.task_id for handle in studio.submit_plan(plan, source).steps.values()]

    return submit


def listed(avstudio: CommandLine, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = avstudio("tasks", "list", "--json", *options).json
    return found


def test_an_empty_list(inline: CommandLine) -> None:
    assert inline("tasks", "list").out == "No tasks.\n"
    assert listed(inline) == []


def test_tasks_are_listed_by_state_and_number(inline: CommandLine) -> None:
    inline("time", "wait", "--seconds", "0")
    inline("time", "break", "--way", "raise")
    assert [task["processor"] for task in listed(inline)] == ["time.wait", "time.break"]
    assert [task["processor"] for task in listed(inline, "--state", "failed")] == ["time.break"]
    assert [task["processor"] for task in listed(inline, "--limit", "1")] == ["time.break"]
    shown = inline("tasks", "list").out
    assert "COMPLETED" in shown
    assert "it broke" in shown


def test_a_task_is_shown_by_its_id_or_a_part_of_it(avstudio: CommandLine, note: Path) -> None:
    done = avstudio("text", "shout", note, "--json").json
    for name in (done["task"], done["task"][-8:]):
        assert "text.shout" in avstudio("tasks", "show", name).out
    data = avstudio("tasks", "show", done["task"], "--json").json
    assert data["files"] == done["files"]
    assert [event["type"] for event in data["events"]][-1] == "task.completed"


def test_a_part_that_fits_several_or_none_is_refused(inline: CommandLine) -> None:
    for _ in range(2):
        inline("time", "wait", "--seconds", "0")
    several, none = inline("tasks", "show", "task"), inline("tasks", "show", "nowhere")
    assert (several.code, none.code) == (2, 2)
    assert "matches 2 tasks" in several.err
    assert "No task has the id 'nowhere'" in none.err


def test_tasks_that_a_killed_program_left_can_be_run(avstudio: CommandLine, note: Path) -> None:
    ids = left_by_a_killed_program(avstudio, "text.shout | text.shout times=2", note)
    done = avstudio("tasks", "run", "--json")
    assert done.code == 0
    assert done.json == {"tasks": dict.fromkeys(ids, "COMPLETED")}
    assert avstudio("tasks", "run").out == "No tasks are pending.\n"


def test_working_off_ends_with_1_when_a_task_fails(avstudio: CommandLine, submitted: Submit) -> None:
    submitted("time.break way=raise")
    done = avstudio("tasks", "run")
    assert done.code == 1
    assert "1 FAILED" in done.out


def test_interrupted_work_is_put_back(avstudio: CommandLine) -> None:
    [name] = left_by_a_killed_program(avstudio, "time.wait seconds=30")
    with avstudio.start("tasks", "run", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while "waiting" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert "back in the queue" in process.stderr.read()
    assert process.returncode == 130
    assert [(task["id"], task["state"]) for task in listed(avstudio)] == [(name, "PENDING")]


def test_a_one_shot_command_leaves_what_others_submitted(inline: CommandLine, submitted: Submit) -> None:
    submitted("time.wait seconds=0")
    inline("time", "wait", "--seconds", "0.2")
    assert [task["state"] for task in listed(inline)] == ["PENDING", "COMPLETED"]


def test_watching_ends_with_the_result(avstudio: CommandLine, submitted: Submit, note: Path) -> None:
    [name] = submitted("text.shout", note)
    with avstudio.start("tasks", "watch", name, "-o", "out", stdout=subprocess.PIPE) as watching:
        assert avstudio("tasks", "run").code == 0
        assert watching.stdout is not None
        assert "*HELLO!" in watching.stdout.read()
    assert watching.returncode == 0
    assert (avstudio.folder / "out/said.txt").read_text() == "*HELLO!"


def test_watching_a_failed_task_tells_why(inline: CommandLine) -> None:
    inline("time", "break", "--way", "missing")
    watched = inline("tasks", "watch", listed(inline)[0]["id"])
    assert watched.code == 3
    assert "pip install" in watched.err


def test_interrupted_watching_leaves_the_task_alone(inline: CommandLine, submitted: Submit) -> None:
    ended = inline("time", "wait", "--seconds", "0", "--json").json["task"]
    [name] = submitted("time.wait seconds=0")
    with inline.start("tasks", "watch", ended, name, stderr=subprocess.PIPE) as watching:
        assert watching.stderr is not None
        while "done" not in (line := watching.stderr.readline()):  # of the first: it watches
            assert line
        watching.send_signal(signal.SIGINT)
        assert "The tasks go on" in watching.stderr.read()
    assert watching.returncode == 130
    assert listed(inline, "--state", "pending")[0]["id"] == name


def test_cancelling_a_waiting_task_and_one_that_ended(inline: CommandLine, submitted: Submit) -> None:
    [name] = submitted("time.wait seconds=30")
    assert inline("tasks", "cancel", name, "--json").json == [{"task": name, "state": "BLOCKED"}]
    again = inline("tasks", "cancel", name)
    assert again.code == 5
    assert "cannot be cancelled: it is BLOCKED" in again.err


def test_cancelling_from_another_terminal(avstudio: CommandLine) -> None:
    with avstudio.start("time", "wait", "--seconds", "30", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while "waiting" not in process.stderr.readline():
            pass
        name = listed(avstudio)[0]["id"]
        assert avstudio("tasks", "cancel", name).out == f"{name}: cancelled\n"
        process.stderr.read()
    assert process.returncode == 130


def test_a_cancelled_task_is_retried_with_its_result(inline: CommandLine, submitted: Submit, note: Path) -> None:
    ids = submitted("text.shout | text.shout times=2", note)
    inline("tasks", "cancel", ids[0])
    assert [task["state"] for task in listed(inline)] == ["BLOCKED", "BLOCKED"]
    done = inline("tasks", "retry", ids[1], "--json", "-o", "out")
    assert done.code == 0
    assert done.json["steps"]["shout2"]["result"]["text"] == "**HELLO!! **HELLO!!"


def test_a_retry_that_fails_again_exits_as_its_cause(inline: CommandLine, submitted: Submit) -> None:
    ids = submitted("time.break way=missing")
    inline("tasks", "run")
    assert inline("tasks", "retry", ids[0]).code == 3


def test_a_retry_shows_no_failure_of_before(inline: CommandLine, submitted: Submit) -> None:
    ids = submitted("time.break way=missing")
    inline("tasks", "run")
    retried = inline("tasks", "retry", ids[0]).err
    assert retried.count("started") == retried.count("failed") == 1


def test_a_plan_names_all_its_tasks(inline: CommandLine, submitted: Submit, note: Path) -> None:
    submitted("text.shout | text.shout times=2", note)
    plan = listed(inline)[0]["plan_id"]
    assert len(inline("tasks", "cancel", plan, "--json").json) == 2
    assert inline("tasks", "retry", plan).code == 0
    assert len(inline("tasks", "watch", plan, "-o", "out", "--json").json["steps"]) == 2
    assert len(list((inline.folder / "out").iterdir())) == 2


def test_tasks_tell_which_file_they_are_about(inline: CommandLine, note: Path) -> None:
    inline("pipe", "text.shout | text.shout", note)
    assert inline("tasks", "list").out.count("note.txt") == 2
    assert "source: note.txt" in inline("tasks", "show", listed(inline)[1]["id"]).out


def test_tasks_of_one_kind_are_told_apart(inline: CommandLine, submitted: Submit) -> None:
    ids = submitted("time.wait seconds=0") + submitted("time.wait seconds=0")
    endings = re.findall(r"time\.wait (\w+): started", inline("tasks", "run").err)
    assert sorted(name for ending in endings for name in ids if name.endswith(ending)) == ids


def test_several_tasks_are_watched_together(inline: CommandLine) -> None:
    ids = [inline("time", "wait", "--seconds", "0", "--json").json["task"] for _ in range(2)]
    assert set(inline("tasks", "watch", *ids, "--json").json["steps"]) == set(ids)


def test_a_completed_task_is_not_retried(inline: CommandLine) -> None:
    name = inline("time", "wait", "--seconds", "0", "--json").json["task"]
    refused = inline("tasks", "retry", name)
    assert refused.code == 5
    assert "cannot be retried: it is COMPLETED" in refused.err


def test_a_person_reviews(inline: CommandLine, note: Path) -> None:
    waiting = inline("text", "shout", note, "--review", "-o", "out")
    assert waiting.code == 5
    assert "*HELLO!" in waiting.out
    assert not (inline.folder / "out").exists()
    name = listed(inline)[0]["id"]
    assert f"avstudio tasks accept {name}" in waiting.err
    assert inline("tasks", "send-back", name, "--reason", "too loud", "--json").json["state"] == "PENDING"
    assert inline("tasks", "run").code == 0
    assert listed(inline)[0]["state"] == "AWAITING_REVIEW"
    assert inline("tasks", "accept", name, "--json").json == {"task": name, "state": "COMPLETED"}
    assert "does not wait for a person's review: it is COMPLETED" in inline("tasks", "accept", name).err


def test_a_pipe_stops_where_a_person_is_to_review(inline: CommandLine, note: Path) -> None:
    waiting = inline("pipe", "text.shout | text.shout times=2", note, "--review")
    assert waiting.code == 5
    first = listed(inline, "--state", "awaiting-review")[0]["id"]
    accepted = f"{first}: the result is accepted, and the task is COMPLETED."
    assert inline("tasks", "accept", first).out == f"{accepted} To run the next tasks of its pipe: avstudio tasks run\n"
    assert inline("tasks", "run").code == 0
    assert sorted(task["state"] for task in listed(inline)) == ["AWAITING_REVIEW", "COMPLETED"]
    last = listed(inline, "--state", "awaiting-review")[0]["id"]
    assert inline("tasks", "accept", last).out == f"{last}: the result is accepted, and the task is COMPLETED.\n"


def test_plans_are_listed_and_shown(inline: CommandLine, note: Path) -> None:
    assert inline("plans", "list").out == "No plans.\n"
    inline("pipe", "text.shout | text.echo", note)
    [plan] = inline("plans", "list", "--json").json
    assert (plan["text"], plan["state"], plan["states"]) == ("text.shout | text.echo", "COMPLETED", {"COMPLETED": 2})
    assert "text.shout | text.echo" in inline("plans", "show", plan["id"]).out
    assert len(inline("plans", "show", plan["id"], "--json").json["tasks"]) == 2
    first = inline("plans", "show", plan["id"], "--json", "--limit", "1")
    assert [task["step"] for task in first.json["tasks"]] == ["shout"]
    assert "the first 1 of 2 tasks" in first.err
    assert inline("plans", "cancel", plan["id"]).code != 0
    assert "No plan has the id 'plan_0'" in inline("plans", "show", "plan_0").err


def test_a_plan_is_retried_and_watched_by_its_id(inline: CommandLine, submitted: Submit, note: Path) -> None:
    submitted("text.shout | text.shout times=2", note)
    plan = inline("plans", "list", "--json").json[0]["id"]
    inline("plans", "cancel", plan)
    assert inline("plans", "retry", plan).code == 0
    assert len(inline("plans", "watch", plan, "--json").json["steps"]) == 2


def test_a_plan_is_cancelled_as_a_whole_and_a_task_is_no_plan(
    inline: CommandLine, submitted: Submit, note: Path
) -> None:
    first, last = submitted("text.shout | text.shout times=2", note)
    plan = inline("plans", "list", "--json").json[0]["id"]
    for verb in ("cancel", "retry", "watch", "delete"):
        assert f"No plan has the id '{first}'. See them: avstudio plans list" in inline("plans", verb, first).err
    cancelled = inline("tasks", "cancel", plan, last, "--json").json
    assert cancelled == [{"task": first, "state": "BLOCKED"}, {"task": last, "state": "BLOCKED"}]
    assert "it is BLOCKED" in inline("plans", "cancel", plan).err
