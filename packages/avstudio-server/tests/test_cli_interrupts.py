"""Signals that end a command, and the output on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable

import pytest

from avstudio_server.testing.command_line import CommandLine


@pytest.fixture(autouse=True)
def lives(avstudio: CommandLine) -> None:
    """A deaf run may write to the data folder: it locks a file there, which shows how long its worker lives."""
    avstudio.environment["AVSTUDIO_WORKER_FOLDERS"] = str(avstudio.home)


def on_terminal(
    avstudio: CommandLine, *arguments: str, heard: Callable[[str, int], None] = lambda seen, pid: None
) -> tuple[int, str]:
    """Run a command on a terminal; `heard` is told what has been seen so far, and the process's id."""
    ours, theirs = pty.openpty()
    with avstudio.start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = ""
        while chunk := _read(ours):
            seen += chunk
            heard(seen, process.pid)
    os.close(ours)
    return process.returncode, seen


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:  # the other end is closed
        return ""


class Sender:
    """Sends each signal once, when the text is there."""

    def __init__(self, *awaited: tuple[str, signal.Signals]) -> None:
        self.awaited = list(awaited)

    def __call__(self, seen: str, pid: int) -> None:
        if self.awaited and self.awaited[0][0] in seen:
            os.kill(pid, self.awaited.pop(0)[1])


def test_a_terminal_sees_bars_with_stage_and_end(avstudio: CommandLine) -> None:
    code, seen = on_terminal(avstudio, "time", "wait", "--seconds", "0.6")
    assert code == 0
    assert "━" in seen
    assert "waiting [a while]" in seen
    assert "100%" in seen
    assert re.search(r"done in \d+\.\d s", seen)


def test_on_a_narrow_terminal_the_words_go_before_the_bar(avstudio: CommandLine) -> None:
    avstudio.environment["COLUMNS"] = "50"
    _, seen = on_terminal(avstudio, "time", "wait", "--seconds", "0.6")
    assert "━" not in seen
    assert re.search(r"time\.wait .*100%.* done in \d+\.\d s", seen)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU])
def test_one_signal_cancels_cleanly(avstudio: CommandLine, number: signal.Signals) -> None:
    code, seen = on_terminal(avstudio, "time", "wait", "--seconds", "30", heard=Sender(("waiting", number)))
    assert code == 130
    assert "Cancelling. Press Ctrl-C again to exit at once." in seen
    assert "was cancelled" in seen
    [task] = avstudio("tasks", "list", "--json").json
    assert (task["state"], task["reason"]) == ("FAILED", "cancelled")
    assert f"avstudio tasks retry {task['id']}" in seen


def test_a_run_that_hears_no_one_is_made_to_stop(avstudio: CommandLine) -> None:
    heard = Sender(("starting", signal.SIGINT))
    code, seen = on_terminal(avstudio, "time", "wait", "--deaf", "--seconds", "30", heard=heard)
    assert (code, "was cancelled" in seen) == (130, True)


def test_a_second_signal_leaves_at_once_and_shows_the_cursor(avstudio: CommandLine) -> None:
    avstudio.environment["AVSTUDIO_CANCEL_SECONDS"] = "25"
    heard = Sender(("starting", signal.SIGINT), ("Cancelling", signal.SIGINT))
    code, seen = on_terminal(avstudio, "time", "wait", "--deaf", "--seconds", "50", heard=heard)
    assert code == 130
    assert "was cancelled" not in seen
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")


def test_a_second_signal_ends_the_worker_whatever_it_does(avstudio: CommandLine) -> None:
    avstudio.environment["AVSTUDIO_CANCEL_SECONDS"] = "25"
    lock = avstudio.home / "lives"

    def heard(seen: str, pid: int) -> None:
        if lock.exists():
            os.kill(pid, signal.SIGINT)

    code, _ = on_terminal(avstudio, "time", "wait", "--deaf", "--seconds", "50", heard=heard)
    assert code == 130
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # waits for the worker to be gone


def test_a_task_that_was_left_is_cleaned_up_by_the_next_command(avstudio: CommandLine) -> None:
    with avstudio.start("time", "wait", "--seconds", "30", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while "waiting" not in process.stderr.readline():
            pass
        process.kill()
    [task] = avstudio("tasks", "list", "--json").json
    assert task["state"] == "IN_PROGRESS"
    assert "cancelled" in avstudio("tasks", "cancel", task["id"]).out
    assert avstudio("tasks", "list", "--json").json[0]["state"] in ("FAILED", "BLOCKED")


def test_a_terminal_that_closes_cancels_what_it_waited_for(avstudio: CommandLine) -> None:
    ours, theirs = pty.openpty()
    with avstudio.start("time", "wait", "--seconds", "30", stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        while "waiting" not in _read(ours):
            pass
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 130
    [task] = avstudio("tasks", "list", "--json").json
    assert (task["state"], task["reason"]) == ("FAILED", "cancelled")
