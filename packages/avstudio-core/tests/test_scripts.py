"""Programs that embed a studio, each in a process of its own: code of a script, forks, Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

SETTINGS = "home=sys.argv[1], plugins='', offline=True"
PLUGIN = f"""
import sys
from avstudio_core import Params, Processor, Result, Studio, hookimpl
from avstudio_core.errors import InvalidInput
from avstudio_core.tasks.executors.inline import InlineExecutor

class Greet(Processor[Params, Result]):
    "Say hello."
    name = "text.greet"
    def run(self, source, params, context):
        return Result()

class Own(InlineExecutor):
    name = "own"
    apart = False

class Apart(InlineExecutor):
    name = "apart"
    apart = True

@hookimpl
def register_processors():
    return [Greet]

@hookimpl
def register_executors():
    return [Own, Apart]

try:
    with Studio(add=[sys.modules["__main__"]], {SETTINGS}, executor=sys.argv[2]) as studio:
        print(studio.run("text.greet").provenance.processor)
except InvalidInput as error:
    print(error)
"""


def ran(code: str, *arguments: str | Path, stdin: bool = False) -> str:
    """What a program prints."""
    given = ["-"] if stdin else ["-c", dedent(code)]
    command = [sys.executable, *given, *map(str, arguments)]
    text = dedent(code) if stdin else None
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@pytest.mark.parametrize(("executor", "stdin"), [("local", False), ("local", True), ("apart", False)])
def test_code_of_a_script_is_refused_because_workers_cannot_import_it(
    tmp_path: Path, executor: str, stdin: bool
) -> None:
    said = ran(PLUGIN, tmp_path, executor, stdin=stdin)
    assert "'__main__' cannot be added: worker processes cannot import" in said
    assert "Put it into a module of its own" in said
    assert "'inline'" in said


@pytest.mark.parametrize("executor", ["inline", "own"])
def test_code_of_a_script_runs_in_its_own_process(tmp_path: Path, executor: str) -> None:
    assert ran(PLUGIN, tmp_path, executor) == "text.greet"


def test_an_unknown_executor_of_a_script_is_named(tmp_path: Path) -> None:
    assert "No executor is named 'other'." in ran(PLUGIN, tmp_path, "other")


@pytest.mark.parametrize("call", ["studio.chat('Hi')", "studio.llm.embed('Hi')", "[*studio.stream('Hi')]"])
@pytest.mark.parametrize("before", ["studio.chat('Hello')", "None"])
def test_a_language_model_is_not_called_in_a_fork(tmp_path: Path, call: str, before: str) -> None:
    code = f"""
        import os, sys, warnings
        from avstudio_core import Studio
        from avstudio_core.errors import StorageError
        from avstudio_core.testing import scripted
        warnings.simplefilter("ignore")
        with Studio(add=[scripted], {SETTINGS}) as studio:
            {before}
            child = os.fork()
            if not child:
                try:
                    {call}
                except StorageError as error:
                    print(error, flush=True)
                studio.close()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert studio.chat("Hello").text == "Yes."
    """
    assert "opened before this process was forked" in ran(code, tmp_path)


@pytest.mark.parametrize("call", ["run('exercise.wait', seconds=60)", "run_plan('exercise.wait seconds=60')"])
def test_an_interrupt_cancels_the_task(tmp_path: Path, call: str) -> None:
    code = f"""
        import os, signal, sys, threading, time
        from avstudio_core import State, Studio, TaskCancelled
        from avstudio_core.testing import exercises

        def press():
            while not studio.tasks.find(states=[State.IN_PROGRESS]):
                time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGINT)

        with Studio(add=[exercises], {SETTINGS}) as studio:
            threading.Thread(target=press, daemon=True).start()
            try:
                studio.{call}
            except KeyboardInterrupt:
                [task] = studio.tasks.find()
                try:
                    studio.handle(task.id).result(20)
                except TaskCancelled:
                    print("cancelled")
    """
    assert ran(code, tmp_path) == "cancelled"
