"""`avstudio tasks`."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def left(avstudio: CommandLine, plan: str, source: Path | None = None) -> list[str]:
    """The tasks of a plan that a program submitted before it died."""
    code = LEAVE.format(plan=plan, source=source and str(source))
    done = subprocess.run(
        [sys.executable, "-c", code], env=avstudio.environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def listed(avstudio: CommandLine, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = avstudio("tasks", "list", "--json", *options).json
    return found


def test_an_empty_list(avstudio: CommandLine) -> None:
    assert avstudio("tasks", "list").out == "No tasks.\n"
    assert listed(avstudio) == []


def test_tasks_are_listed_by_state_and_number(avstudio: CommandLine) -> None:
    avstudio("time", "wait", "--seconds", "0")
    avstudio("time", "break", "--way", "raise")
    assert [task["processor"] for task in listed(avstudio)] == ["time.wait", "time.break"]
    assert [task["processor"] for task in listed(avstudio, "--state", "failed")] == ["time.break"]
    assert [task["processor"] for task in listed(avstudio, "--limit", "1")] == ["time.break"]
    shown = avstudio("tasks", "list").out
    assert "COMPLETED" in shown
    assert "it broke" in shown


def test_a_task_is_shown_by_its_id_or_a_part_of_it(avstudio: CommandLine, note: Path) -> None:
    done = avstudio("text", "shout", note, "--json").json
    for name in (done["task"], done["task"][-8:]):
        assert "text.shout" in avstudio("tasks", "show", name).out
    data = avstudio("tasks", "show", done["task"], "--json").json
    assert data["files"] == done["files"]
    assert [event["type"] for event in data["events"]][-1] == "task.completed"


def test_a_part_that_fits_several_or_none_is_refused(avstudio: CommandLine) -> None:
    for _ in range(2):
        avstudio("time", "wait", "--seconds", "0")
    several, none = avstudio("tasks", "show", "task"), avstudio("tasks", "show", "nowhere")
    assert (several.code, none.code) == (2, 2)
    assert "matches 2 tasks" in several.err
    assert "No task has the id 'nowhere'" in none.err


def test_tasks_that_a_killed_program_left_can_be_run(avstudio: CommandLine, note: Path) -> None:
    ids = left(avstudio, "text.shout | text.shout times=2", note)
    done = avstudio("tasks", "run", "--json")
    assert done.code == 0
    assert done.json == {"tasks": dict.fromkeys(ids, "COMPLETED")}
    assert avstudio("tasks", "run").out == "No tasks are pending.\n"


def test_working_off_ends_with_1_when_a_task_fails(avstudio: CommandLine) -> None:
    left(avstudio, "time.break way=raise")
    done = avstudio("tasks", "run")
    assert done.code == 1
    assert "1 FAILED" in done.out


def test_interrupted_work_is_put_back(avstudio: CommandLine) -> None:
    [name] = left(avstudio, "time.wait seconds=30")
    with avstudio.start("tasks", "run", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while "waiting" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert "back in the queue" in process.stderr.read()
    assert process.returncode == 130
    assert [(task["id"], task["state"]) for task in listed(avstudio)] == [(name, "PENDING")]


def test_a_one_shot_command_leaves_what_others_submitted(avstudio: CommandLine) -> None:
    left(avstudio, "time.wait seconds=0")
    avstudio("time", "wait", "--seconds", "0.2")
    assert [task["state"] for task in listed(avstudio)] == ["PENDING", "COMPLETED"]


def test_watching_ends_with_the_result(avstudio: CommandLine, note: Path) -> None:
    [name] = left(avstudio, "text.shout", note)
    with avstudio.start("tasks", "watch", name, "-o", "out", stdout=subprocess.PIPE) as watching:
        assert avstudio("tasks", "run").code == 0
        assert watching.stdout is not None
        assert "*HELLO!" in watching.stdout.read()
    assert watching.returncode == 0
    assert (avstudio.folder / "out/said.txt").read_text() == "*HELLO!"


def test_watching_a_failed_task_tells_why(avstudio: CommandLine) -> None:
    avstudio("time", "break", "--way", "missing")
    watched = avstudio("tasks", "watch", listed(avstudio)[0]["id"])
    assert watched.code == 3
    assert "pip install" in watched.err


def test_interrupted_watching_leaves_the_task_alone(avstudio: CommandLine) -> None:
    [name] = left(avstudio, "time.wait seconds=0")
    with avstudio.start("tasks", "watch", name, stderr=subprocess.PIPE) as watching:
        assert watching.stderr is not None
        for _ in range(2):  # as long as other commands take from start to end, it has started and watches
            avstudio.start("tasks", "list", stdout=subprocess.DEVNULL).wait()
        assert watching.poll() is None
        watching.send_signal(signal.SIGINT)
        assert "The tasks go on" in watching.stderr.read()
    assert watching.returncode == 130
    assert listed(avstudio)[0]["state"] == "PENDING"


def test_cancelling_a_waiting_task_and_one_that_ended(avstudio: CommandLine) -> None:
    [name] = left(avstudio, "time.wait seconds=30")
    assert avstudio("tasks", "cancel", name, "--json").json == [{"task": name, "state": "BLOCKED"}]
    again = avstudio("tasks", "cancel", name)
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


def test_a_cancelled_task_is_retried_with_its_result(avstudio: CommandLine, note: Path) -> None:
    ids = left(avstudio, "text.shout | text.shout times=2", note)
    avstudio("tasks", "cancel", ids[0])
    assert [task["state"] for task in listed(avstudio)] == ["BLOCKED", "BLOCKED"]
    done = avstudio("tasks", "retry", ids[1], "--json", "-o", "out")
    assert done.code == 0
    assert done.json["steps"]["shout2"]["result"]["text"] == "**HELLO!! **HELLO!!"


def test_a_retry_that_fails_again_exits_as_its_cause(avstudio: CommandLine) -> None:
    ids = left(avstudio, "time.break way=missing")
    avstudio("tasks", "run")
    assert avstudio("tasks", "retry", ids[0]).code == 3


def test_a_retry_shows_no_failure_of_before(avstudio: CommandLine) -> None:
    ids = left(avstudio, "time.break way=missing")
    avstudio("tasks", "run")
    retried = avstudio("tasks", "retry", ids[0]).err
    assert retried.count("started") == retried.count("failed") == 1


def test_a_plan_names_all_its_tasks(avstudio: CommandLine, note: Path) -> None:
    left(avstudio, "text.shout | text.shout times=2", note)
    plan = listed(avstudio)[0]["plan_id"]
    assert len(avstudio("tasks", "cancel", plan, "--json").json) == 2
    assert avstudio("tasks", "retry", plan).code == 0
    assert len(avstudio("tasks", "watch", plan, "-o", "out", "--json").json["steps"]) == 2
    assert len(list((avstudio.folder / "out").iterdir())) == 2


def test_tasks_tell_which_file_they_are_about(avstudio: CommandLine, note: Path) -> None:
    avstudio("pipe", "text.shout | text.shout", note)
    assert avstudio("tasks", "list").out.count("note.txt") == 2
    assert "source: note.txt" in avstudio("tasks", "show", listed(avstudio)[1]["id"]).out


def test_tasks_of_one_kind_are_told_apart(avstudio: CommandLine) -> None:
    ids = left(avstudio, "time.wait seconds=0") + left(avstudio, "time.wait seconds=0")
    shown = avstudio("tasks", "run").err
    assert all(f"time.wait {name[-6:]}: started" in shown for name in ids)


def test_several_tasks_are_watched_together(avstudio: CommandLine) -> None:
    ids = [avstudio("time", "wait", "--seconds", "0", "--json").json["task"] for _ in range(2)]
    assert set(avstudio("tasks", "watch", *ids, "--json").json["steps"]) == set(ids)


def test_a_completed_task_is_not_retried(avstudio: CommandLine) -> None:
    name = avstudio("time", "wait", "--seconds", "0", "--json").json["task"]
    refused = avstudio("tasks", "retry", name)
    assert refused.code == 5
    assert "cannot be retried: it is COMPLETED" in refused.err


def test_a_person_reviews(avstudio: CommandLine, note: Path) -> None:
    waiting = avstudio("text", "shout", note, "--review", "-o", "out")
    assert waiting.code == 5
    assert "*HELLO!" in waiting.out
    assert not (avstudio.folder / "out").exists()
    name = listed(avstudio)[0]["id"]
    assert f"avstudio tasks accept {name}" in waiting.err
    assert avstudio("tasks", "send-back", name, "--reason", "too loud", "--json").json["state"] == "PENDING"
    assert avstudio("tasks", "run").code == 0
    assert listed(avstudio)[0]["state"] == "AWAITING_REVIEW"
    assert avstudio("tasks", "accept", name, "--json").json == {"task": name, "state": "COMPLETED"}
    assert "does not wait for a person's review: it is COMPLETED" in avstudio("tasks", "accept", name).err


def test_a_pipe_stops_where_a_person_is_to_review(avstudio: CommandLine, note: Path) -> None:
    waiting = avstudio("pipe", "text.shout | text.shout times=2", note, "--review")
    assert waiting.code == 5
    first = listed(avstudio, "--state", "awaiting-review")[0]["id"]
    accepted = f"{first}: the result is accepted, and the task is COMPLETED."
    assert (
        avstudio("tasks", "accept", first).out == f"{accepted} To run the next tasks of its pipe: avstudio tasks run\n"
    )
    assert avstudio("tasks", "run").code == 0
    assert sorted(task["state"] for task in listed(avstudio)) == ["AWAITING_REVIEW", "COMPLETED"]
    last = listed(avstudio, "--state", "awaiting-review")[0]["id"]
    assert avstudio("tasks", "accept", last).out == f"{last}: the result is accepted, and the task is COMPLETED.\n"


def test_plans_are_listed_and_shown(avstudio: CommandLine, note: Path) -> None:
    assert avstudio("plans", "list").out == "No plans.\n"
    avstudio("pipe", "text.shout | text.echo", note)
    [plan] = avstudio("plans", "list", "--json").json
    assert (plan["text"], plan["state"], plan["states"]) == ("text.shout | text.echo", "COMPLETED", {"COMPLETED": 2})
    assert "text.shout | text.echo" in avstudio("plans", "show", plan["id"]).out
    assert len(avstudio("plans", "show", plan["id"], "--json").json["tasks"]) == 2
    assert avstudio("plans", "cancel", plan["id"]).code != 0
    assert "No plan has the id 'plan_0'" in avstudio("plans", "show", "plan_0").err


def test_a_plan_is_retried_and_watched_by_its_id(avstudio: CommandLine, note: Path) -> None:
    left(avstudio, "text.shout | text.shout times=2", note)
    plan = avstudio("plans", "list", "--json").json[0]["id"]
    avstudio("plans", "cancel", plan)
    assert avstudio("plans", "retry", plan).code == 0
    assert len(avstudio("plans", "watch", plan, "--json").json["steps"]) == 2
