"""An exception of a run fails only its own job, and its changes do not affect other jobs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_core.errors import TaskFailed

OpenStudio = Callable[..., Studio]
WritePlugin = Callable[[str], ModuleType]

RAISING = """
class Unspeakable(Exception):
    def __str__(self):
        raise KeyError("no words")

class Odd(BaseException):
    pass

class Numbered(AVStudioError):
    code = 7

class Endless(Exception):
    def __str__(self):
        return "very " * 1_000_000

class Wordless(AVStudioError):
    def __init__(self):
        self.hint = None

class Untextual(AVStudioError):
    def __init__(self):
        self.message, self.hint = 5, b"x"

ERRORS = {
    "numbered": lambda: Numbered("seven"), "endless": Endless, "untextual": Untextual,
    "empty": lambda: AVStudioError(" "), "wordless": Wordless,
    "interrupt": KeyboardInterrupt, "generator": GeneratorExit, "exit": SystemExit, "odd": Odd,
    "unspeakable": Unspeakable,
}

class RaiseParams(Params):
    what: str = Field("", description="What to raise.")

class Raise(Processor[RaiseParams, Result]):
    "Raise something."
    name = "test.raise"
    cacheable = False
    def run(self, source, params, context):
        if params.what:
            raise ERRORS[params.what]()
        return Result()

@hookimpl
def register_processors():
    return [Raise]
"""


@pytest.fixture(params=["inline", "local"])
def raising(request: pytest.FixtureRequest, open_studio: OpenStudio, write_plugin: WritePlugin) -> Studio:
    """A studio whose runs raise what they are told to."""
    return open_studio(write_plugin(RAISING), executor=request.param)


def test_whatever_a_run_raises_is_one_failed_job(raising: Studio) -> None:
    for what, said in {
        "interrupt": "KeyboardInterrupt",
        "generator": "GeneratorExit",
        "exit": "SystemExit",
        "odd": "Odd",
        "unspeakable": r"Unspeakable: \(its message cannot be read: KeyError\)",
    }.items():
        handle = raising.submit("test.raise", what=what)
        with pytest.raises(TaskFailed, match=rf"test\.raise failed: {said}") as failed:
            handle.result(30)
        assert (failed.value.cause, handle.task().attempts) == ("processor_error", 1)
        assert "raise ERRORS[params.what]()" in failed.value.traceback
        raising.submit("test.raise").result(30)


def test_an_error_that_is_no_proper_one_is_still_one_short_message(raising: Studio) -> None:
    for what, said in {
        "numbered": "seven",
        "untextual": "5",
        "endless": "very very",
        "empty": r"^test\.raise failed: AVStudioError$",
        "wordless": r"^test\.raise failed: Wordless$",
    }.items():
        handle = raising.submit("test.raise", what=what)
        with pytest.raises(TaskFailed, match=said) as failed:
            handle.result(30)
        assert handle.task().attempts == 1
        assert len(str(failed.value)) < 5000
        assert len(failed.value.traceback) < 200_000


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_half_a_character_fails_a_result_in_plain_words_and_no_warning(
    open_studio: OpenStudio, write_plugin: WritePlugin, executor: str
) -> None:
    studio = open_studio(write_plugin(HALVES), executor=executor)
    with pytest.raises(TaskFailed, match=r"test\.halve returned text in 'words' that is not valid in UTF-8\."):
        studio.submit("test.halve", result=True).result(30)
    warned = studio.submit("test.halve").result(30).warnings
    assert [one.message for one in warned] == ["The file 'caf\\udce9' is odd."]


HALVES = """
class HalveParams(Params):
    result: bool = Field(False, description="Whether the result has half a character.")

class HalveResult(Result):
    words: str = ""

class Halve(Processor[HalveParams, HalveResult]):
    "Return half a character."
    name = "test.halve"
    def run(self, source, params, context):
        context.warn("odd", "The file 'caf\\udce9' is odd.")
        return HalveResult(words="\\udce9" if params.result else "")

@hookimpl
def register_processors():
    return [Halve]
"""

CARELESS = """
import os, re, threading, time

class CarelessParams(Params):
    way: str = Field("", description="What to leave behind.")

class CarelessResult(Result):
    process: int
    state: list[str]

def idle():
    time.sleep(60)

class Careless(Processor[CarelessParams, CarelessResult]):
    "Leave something behind."
    name = "test.leave"
    cacheable = False
    def run(self, source, params, context):
        threads = [thread.name for thread in threading.enumerate() if thread.name == "left"]
        mask = os.umask(0o77)
        os.umask(mask)
        places = [re.sub("workers/[^/]+", "workers/own", place) for place in (os.getcwd(), os.environ["HOME"])]
        state = [*places, os.environ.get("LEFT", ""), oct(mask), *threads]
        if "mask" in params.way:
            os.umask(0)
        if "folder" in params.way:
            os.chdir("/")
        if "environment" in params.way:
            os.environ["LEFT"] = "x"
            os.environ["HOME"] = "/nowhere"
        if "thread" in params.way:
            threading.Thread(target=idle, name="left", daemon=True).start()
        if "file" in params.way:
            open("left.txt", "w").close()
            open("gone.txt", "w").close()
            os.remove("gone.txt")
            context.new_path("own.txt").write_text("")
        if "fail" in params.way:
            raise ValueError("on purpose")
        return CarelessResult(process=os.getpid(), state=state)

@hookimpl
def register_processors():
    return [Careless]
"""


@pytest.fixture
def careless(open_studio: OpenStudio, write_plugin: WritePlugin) -> Studio:
    return open_studio(write_plugin(CARELESS), executor="local", workers=1)


@pytest.mark.parametrize(
    ("way", "codes"),
    [
        ("folder", ["changed_folder"]),
        ("environment", ["changed_environment"]),
        ("mask", ["changed_umask"]),
        ("thread", ["left_threads"]),
        ("folder environment thread", ["changed_folder", "changed_environment", "left_threads"]),
    ],
)
def test_what_a_run_leaves_behind_meets_no_later_one(careless: Studio, way: str, codes: list[str]) -> None:
    before = careless.submit("test.leave").result(30)
    left = careless.submit("test.leave", way=way).result(30)
    after = careless.submit("test.leave").result(30)
    assert [one.code for one in left.warnings] == codes
    assert (before.state, after.state, after.warnings) == (left.state, left.state, [])
    assert (after.process == before.process) == ("thread" not in way)


def test_what_a_failed_run_leaves_behind_meets_no_later_one(careless: Studio) -> None:
    before = careless.submit("test.leave").result(30)
    with pytest.raises(TaskFailed, match="on purpose"):
        careless.submit("test.leave", way="fail folder environment mask thread").result(30)
    after = careless.submit("test.leave").result(30)
    assert (after.state, after.warnings) == (before.state, [])


@pytest.mark.parametrize("way", ["folder environment", "fail folder environment"])
def test_what_a_run_changes_in_the_users_process_is_undone(
    open_studio: OpenStudio, write_plugin: WritePlugin, way: str
) -> None:
    before = os.getcwd(), dict(os.environ)
    handle = open_studio(write_plugin(CARELESS), executor="inline").submit("test.leave", way=way)
    if "fail" in way:
        with pytest.raises(TaskFailed, match="on purpose"):
            handle.result(30)
    else:
        assert [one.code for one in handle.result(30).warnings] == ["changed_folder", "changed_environment"]
    assert (os.getcwd(), dict(os.environ)) == before


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_file_that_a_run_leaves_in_the_working_folder_is_reported(
    open_studio: OpenStudio,
    write_plugin: WritePlugin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    executor: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = open_studio(write_plugin(CARELESS), executor=executor).submit("test.leave", way="file").result(30)
    assert [(one.code, one.message) for one in result.warnings] == [
        ("left_files", "The run wrote to the working folder: 'left.txt'.")
    ]


WAITING = """
from threading import Event

begun, released = Event(), Event()

class Wait(Processor[Params, Result]):
    "Wait until the test goes on."
    name = "test.wait"
    def run(self, source, params, context):
        begun.set()
        released.wait(60)
        return Result()

@hookimpl
def register_processors():
    return [Wait]
"""


def test_what_the_user_changes_during_a_run_stays(
    open_studio: OpenStudio, write_plugin: WritePlugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = write_plugin(WAITING)
    handle = open_studio(waiting, executor="inline").submit("test.wait")
    assert waiting.begun.wait(60)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINE", "x")
    waiting.released.set()
    assert handle.result(30).warnings == []
    assert (os.getcwd(), os.environ["MINE"]) == (str(tmp_path), "x")


ENDLESS = """
import ctypes, os, signal, time
from pathlib import Path

class EndlessParams(Params):
    way: str = Field(description="How not to end.")
    limit: float | None = Field(None, description="The declared limit.")
    note: str = Field("", description="A file that tells a second run from a first.")

class Endless(Processor[EndlessParams, Result]):
    "Take for ever."
    name = "test.take"
    cacheable = False
    def needs(self, params, source):
        return Needs(limit_seconds=params.limit)
    def run(self, source, params, context):
        if params.note and Path(params.note).exists():
            return Result()
        if params.note:
            Path(params.note).touch()
        if params.way == "stops":
            os.kill(os.getpid(), signal.SIGSTOP)
        if params.way == "hangs":
            ctypes.PyDLL(None).sleep(600)  # as native code does that keeps the interpreter's lock
        for _ in range(6000 if params.way == "loops" else 35):
            context.check()
            time.sleep(0.1)
        return Result()

@hookimpl
def register_processors():
    return [Endless]
"""


@pytest.mark.parametrize(("executor", "way"), [("inline", "loops"), ("local", "loops"), ("local", "hangs")])
@pytest.mark.parametrize(("declared", "set_to", "said"), [(0.4, 60.0, r"0\.4 s, and"), (60.0, 0.4, "'limit_seconds'")])
def test_a_run_that_never_ends_is_stopped(
    open_studio: OpenStudio,
    write_plugin: WritePlugin,
    executor: str,
    way: str,
    declared: float,
    set_to: float,
    said: str,
) -> None:
    settings = {"executor": executor, "limit_seconds": set_to, "cancel_seconds": 0.2}
    studio = open_studio(write_plugin(ENDLESS), **settings)
    handle = studio.submit("test.take", way=way, limit=declared)
    with pytest.raises(TaskFailed, match=rf"test\.take took longer than its limit of .*{said}") as failed:
        handle.result(40)
    assert (failed.value.cause, handle.task().attempts) == ("time_limit", 1)


@pytest.mark.parametrize("way", ["stops", "hangs"])
def test_a_worker_that_gives_no_sign_of_life_is_replaced(
    open_studio: OpenStudio, write_plugin: WritePlugin, tmp_path: Path, way: str
) -> None:
    studio = open_studio(write_plugin(ENDLESS), executor="local", silent_seconds=3.0)
    handle = studio.submit("test.take", way=way, note=str(tmp_path / "note"))
    handle.result(40)
    failed = [event.data for event in handle.events() if event.type == "task.failed"]
    assert failed  # more than once, if the next worker starts too slowly
    assert {one["code"] for one in failed} == {"worker_died"}
    assert "did not respond for 3 s" in str(failed[0]["error"])


def test_a_worker_that_only_takes_its_time_is_left_alone(open_studio: OpenStudio, write_plugin: WritePlugin) -> None:
    studio = open_studio(write_plugin(ENDLESS), executor="local", silent_seconds=3.0)
    handle = studio.submit("test.take", way="lasts")
    handle.result(40)
    assert handle.task().attempts == 1
