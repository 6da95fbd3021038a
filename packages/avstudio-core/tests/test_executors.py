"""Worker processes that die, hang, write output and end; and studios in several processes."""

from __future__ import annotations

import io
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import NoReturn

import pytest
from pydantic import JsonValue

from avstudio_core import Needs, Studio, TaskOptions, child_process
from avstudio_core.child_process import AT_A_TIME, LONGEST_LINE, MOST_AT_ONCE, Process, hire
from avstudio_core.errors import TaskCancelled, TaskFailed
from avstudio_core.handle import Handle
from avstudio_core.names import is_secret
from avstudio_core.orders import Order, Report
from avstudio_core.tasks.executors import local
from avstudio_core.tasks.states import State
from avstudio_core.testing import until

OpenStudio = Callable[..., Studio]
WritePlugin = Callable[[str], ModuleType]

ROUGH = """
import ctypes, os, resource, signal, subprocess, sys, threading, time
from multiprocessing import connection
from pathlib import Path

class RoughParams(Params):
    way: str = Field("", description="What to do.")
    note: str = Field("", description="A file to write to.")
    number: int = Field(0, ge=0, description="To tell tasks apart.")

class RoughResult(Result):
    process: int = Field(0, description="The worker.")
    attempt: int = Field(0, description="The attempt.")
    said: str = Field("", description="Something.")

def note(params, text):
    with open(params.note, "a") as file:
        file.write(text + "\\n")

def by_signal(number):
    return lambda params, context: os.kill(os.getpid(), number)

def once(params, context):
    if context.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)

def hang(params, context):
    note(params, str(os.getpid()))
    ctypes.PyDLL(None).sleep(600)  # as native code does that keeps the interpreter's lock

def deaf(params, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(params, context)

def allocate(params, context):
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    bytearray(8 << 30)

def refused_by_the_device(params, context):
    raise RuntimeError("CUDA failed with error out of memory")  # CTranslate2's words; those of torch are similar

def talk(params, context):
    print("one"); print("two", file=sys.stderr); os.write(1, b"three\\n"); print("half", end="")

def chatter(params, context):
    for number in range(20_000):
        print("line", number, "x" * 100)

def spawn(params, context):
    child = subprocess.Popen(["sleep", "600"])
    note(params, str(child.pid))
    os._exit(1)

def close_all(params, context):
    os.closerange(3, 200)

def fork(params, context):
    if os.fork() == 0:
        time.sleep(60)
    os.kill(os.getpid(), signal.SIGKILL)

def fork_natively(params, context):
    if ctypes.PyDLL(None).fork() == 0:
        ctypes.PyDLL(None).sleep(60)
    os.kill(os.getpid(), signal.SIGKILL)

def hang_up(params, context):
    library = ctypes.PyDLL(None)
    library.shutdown(int(sys.argv[1]), 2)
    library.sleep(600)

def write_half(params, context):
    context.new_path("half.bin").write_bytes(b"x" * 1000)
    os.kill(os.getpid(), signal.SIGKILL)

def nonsense(params, context):
    connection.Connection(os.dup(int(sys.argv[1]))).send_bytes(b"nonsense")

def late(params, context):
    threading.Timer(0.3, context.progress, (0.5, "too late")).start()

def half_a_character(params, context):
    raise ValueError("The file 'caf\\udce9' is odd.")

def zero_of_zero(params, context):
    context.progress(float("nan"), "nothing of nothing")

WAYS = {
    "nonsense": nonsense, "late": late, "half": half_a_character, "nan": zero_of_zero,
    "killed": by_signal(signal.SIGKILL), "crashes": by_signal(signal.SIGSEGV), "aborts": by_signal(signal.SIGABRT),
    "exits": lambda params, context: os._exit(7), "once": once, "hangs": hang, "deaf": deaf, "allocates": allocate,
    "allocates on a device": refused_by_the_device,
    "talks": talk, "chatters": chatter, "spawns": spawn, "closes": close_all,
    "forks": fork, "forks natively": fork_natively, "hangs up": hang_up, "writes half": write_half,
    "lasts": lambda params, context: time.sleep(params.number / 10),
    "notes": lambda params, context: note(params, f"{params.number} {os.getpid()}"),
}

class Rough(Processor[RoughParams, RoughResult]):
    "Be rough."
    name = "rough.work"
    cacheable = False
    def run(self, source, params, context):
        if params.way in WAYS:
            WAYS[params.way](params, context)
        return RoughResult(process=os.getpid(), attempt=context.attempt, said=os.environ.get(params.way, ""))

class Big(Processor[RoughParams, RoughResult]):
    "Say much."
    name = "rough.big"
    def run(self, source, params, context):
        return RoughResult(said="x" * 5_000_000)

@hookimpl
def register_processors(): return [Rough, Big]
"""


@pytest.fixture
def rough(write_plugin: WritePlugin) -> ModuleType:
    return write_plugin(ROUGH)


@pytest.fixture
def studio(open_studio: OpenStudio, rough: ModuleType) -> Studio:
    return open_studio(rough, executor="local", cancel_seconds=0.2, max_deliveries=2)


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("killed", "was killed by SIGKILL, perhaps for lack of memory"),
        ("crashes", "was killed by SIGSEGV"),
        ("aborts", "was killed by SIGABRT"),
        ("exits", "exited with status 7"),
        ("closes", "was killed by SIG|exited with status|closed its socket"),
        ("forks", "was killed by SIGKILL, perhaps for lack of memory"),
        ("forks natively", "was killed by SIGKILL, perhaps for lack of memory"),
        ("hangs up", "closed its socket, and was ended"),
    ],
)
def test_a_worker_that_dies_fails_its_own_task_only(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, way: str, said: str
) -> None:
    if way in ("closes", "hangs up"):  # others exit, which a busy machine may notice later
        monkeypatch.setattr(child_process, "PARTING_SECONDS", 0.2)
    dying = studio.submit("rough.work", way=way)
    others = [studio.submit("rough.work", number=n) for n in range(4)]
    with pytest.raises(TaskFailed, match=rf"The worker process ({said}).* The task was handed out 2 times\.") as failed:
        dying.result(30)
    assert failed.value.cause == "worker_died"
    assert [other.result(30).attempt for other in others] == [1] * 4
    assert studio.submit("rough.work").result(30).process


def test_a_task_whose_worker_died_is_run_again(studio: Studio) -> None:
    handle = studio.submit("rough.work", way="once")
    assert handle.result(30).attempt == 2
    assert [event.type for event in handle.events()] == [
        *("task.submitted", "task.started", "task.failed", "task.retried", "task.started", "task.completed"),
    ]


def test_what_a_run_says_after_its_end_is_not_said_of_the_next(open_studio: OpenStudio, rough: ModuleType) -> None:
    studio = open_studio(rough, executor="local", workers=1)
    studio.run("rough.work", way="late")
    told = list(studio.submit("rough.work", way="lasts", number=8).events())
    assert [event for event in told if event.data.get("message") == "too late"] == []
    assert told[-1].type == "task.completed"


def test_a_worker_that_says_nonsense_is_ended(open_studio: OpenStudio, rough: ModuleType) -> None:
    studio = open_studio(rough, executor="local", workers=1)
    before = studio.run("rough.work").process
    with pytest.raises(TaskFailed):
        studio.run("rough.work", way="nonsense")
    assert studio.run("rough.work").process != before


def test_a_run_that_says_nonsense_harms_no_later_one(open_studio: OpenStudio, rough: ModuleType) -> None:
    studio = open_studio(rough, executor="local", workers=1)
    with pytest.raises(TaskFailed, match=r"rough\.work could not be run: ValidationError") as failed:
        studio.submit("rough.work", way="nonsense").result(30)
    assert failed.value.cause == "executor"
    handle = studio.submit("rough.work", way="nan")
    assert handle.result(30).attempt == 1
    assert [event.data["percent"] for event in handle.events() if event.type == "task.progress"] == [0.0]


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_half_a_character_in_an_error_is_written_out(open_studio: OpenStudio, rough: ModuleType, executor: str) -> None:
    studio = open_studio(rough, executor=executor)
    with pytest.raises(TaskFailed, match=r"The file 'caf\\udce9' is odd\.") as failed:
        studio.submit("rough.work", way="half").result(30)
    assert failed.value.cause == "processor_error"


def test_the_files_of_a_dead_worker_are_removed(studio: Studio) -> None:
    with pytest.raises(TaskFailed):
        studio.submit("rough.work", way="writes half").result(30)
    assert list(studio._store.leftovers()) == []


def test_child_processes_of_a_worker_die_with_it(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(TaskFailed):
        studio.submit("rough.work", way="spawns", note=str(tmp_path / "note")).result(30)
    for pid in (tmp_path / "note").read_text().split():
        until(partial(_is_gone, int(pid)))


@pytest.mark.parametrize("way", ["allocates", "allocates on a device"])
def test_a_run_out_of_memory_fails_alone(studio: Studio, way: str) -> None:
    with pytest.raises(TaskFailed, match=r"rough\.work ran out of memory\.") as failed:
        studio.submit("rough.work", way=way).result(30)
    assert failed.value.cause == "out_of_memory"
    assert studio.submit("rough.work").result(30).process


def test_a_kill_that_comes_late_hits_no_later_job(
    open_studio: OpenStudio, rough: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill_late(worker: Process, number: signal.Signals) -> None:
        time.sleep(0.5 if number == signal.SIGTERM else 0)
        kill(worker, number)

    kill = Process.kill
    monkeypatch.setattr(Process, "kill", kill_late)
    studio = open_studio(rough, executor="local", workers=1, cancel_seconds=0.0)
    studio.submit("rough.work").result(30)
    first, second = (studio.submit("rough.work", way="lasts", number=number) for number in (2, 6))
    until(lambda: first.task().state in (State.IN_PROGRESS, State.COMPLETED))  # it may have ended already
    first.cancel()
    assert second.result(30).attempt == 1


@pytest.mark.parametrize(("cancelled", "ends"), [("earlier", "done"), ("this", "cancelled")])
def test_a_worker_cancels_the_job_that_is_named(tmp_path: Path, cancelled: str, ends: str) -> None:
    worker = hire({"AVSTUDIO_PLUGINS": ""}, ["avstudio_core.testing.exercises"], tmp_path)
    worker.send(_order("this", tmp_path, "exercise.wait", seconds=0.3 if ends == "done" else 60).model_dump_json())
    told = worker.messages(print)
    assert b"waiting" in next(told)
    worker.send(json.dumps({"cancel": cancelled}))
    assert Report.model_validate_json(next(told)).kind == ends
    worker.leave()


@pytest.mark.parametrize("way", ["hangs", "deaf"])
def test_a_native_loop_that_does_not_stop_is_killed(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(local, "TERM_SECONDS", 0.2)
    handle = studio.submit("rough.work", way=way, note=str(tmp_path / "note"))
    worker = int(until(partial(_text, tmp_path / "note")))
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(30)
    assert handle.task().attempts == 1
    assert not _alive(worker)
    assert studio.submit("rough.work").result(30).process


def test_closing_does_not_wait_for_a_native_loop(studio: Studio, tmp_path: Path) -> None:
    handle = studio.submit("rough.work", way="hangs", note=str(tmp_path / "note"))
    worker = int(until(partial(_text, tmp_path / "note")))
    studio.close()
    assert not _alive(worker)
    assert handle.task_id


def test_workers_stay_warm(open_studio: OpenStudio, rough: ModuleType) -> None:
    studio = open_studio(rough, executor="local", workers=1)
    first, second = (studio.submit("rough.work").result(30).process for _ in range(2))
    assert first == second


def test_workers_leave_when_idle(open_studio: OpenStudio, rough: ModuleType) -> None:
    studio = open_studio(rough, executor="local", workers=1, idle_seconds=0.1)
    first = studio.submit("rough.work").result(30).process
    until(partial(_is_gone, first))
    assert studio.submit("rough.work").result(30).process != first


def test_workers_may_stay_for_ever(open_studio: OpenStudio, rough: ModuleType) -> None:
    studio = open_studio(rough, executor="local", idle_seconds=1e12)
    assert studio.submit("rough.work").result(30).process


def test_what_a_run_writes_is_logged_as_events(studio: Studio) -> None:
    handle = studio.submit("rough.work", way="talks")
    handle.result(30)
    told = [event.data["message"] for event in handle.events() if event.type == "task.log"]
    assert told == ["one", "two", "three", "half"]


def test_one_that_chatters_is_cut_short_and_not_held_up(studio: Studio) -> None:
    handle = studio.submit("rough.work", way="chatters")
    handle.result(30)
    assert len([event for event in handle.events() if event.type == "task.log"]) == local.LOG_LINES


def test_a_big_result_comes_whole(studio: Studio) -> None:
    assert len(studio.submit("rough.big").result(30).said) == 5_000_000


def test_workers_have_the_studios_settings(open_studio: OpenStudio, rough: ModuleType) -> None:
    studio = open_studio(rough, executor="local", threads=3)
    assert studio.submit("rough.work", way="AVSTUDIO_THREADS").result(30).said == "3"
    assert studio.submit("rough.work", way="AVSTUDIO_OFFLINE").result(30).said == "True"


def test_an_interrupt_is_the_studios_to_handle(studio: Studio) -> None:
    worker = studio.submit("rough.work").result(30).process
    os.kill(worker, signal.SIGINT)
    assert worker in {studio.submit("rough.work", number=n).result(30).process for n in range(4)}


def test_a_worker_that_cannot_be_started_holds_no_memory(
    open_studio: OpenStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = open_studio(executor="local", memory_mb=1000)
    errors = [OSError(11, "Resource temporarily unavailable")]
    monkeypatch.setattr(local, "hire", lambda *given: _raise(errors.pop()) if errors else hire(*given))
    with suppress(TaskFailed):  # or it is tried again
        studio.submit("exercise.load", memory_mb=700).result(20)
    studio.submit("exercise.load", memory_mb=700).result(20)
    studio.submit("exercise.load", model="other", memory_mb=700).result(20)
    assert [(model.lane, model.memory_mb) for model in studio.pool.loaded()] == [("exercise/other@cpu", 700)]


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_thread_that_cannot_be_started_stops_no_lane(
    open_studio: OpenStudio, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    def start_unless_refused(thread: Thread) -> None:
        if thread.name == "lane general" and refusals:
            refusals.pop()
            raise RuntimeError("can't start new thread")
        start(thread)

    start, refusals = Thread.start, [1]
    monkeypatch.setattr(Thread, "start", start_unless_refused)
    studio = open_studio(executor=executor)
    with suppress(TaskFailed):  # or it is tried again
        studio.submit("exercise.wait").result(20)
    assert studio.submit("exercise.wait").result(20)
    assert refusals == []


def test_an_urgent_task_does_not_wait_for_tasks_claimed_ahead(open_studio: OpenStudio) -> None:
    studio = open_studio(workers=2)
    for _ in range(60):  # so short that many are taken ahead
        studio.submit("exercise.wait").result(20)
    long = [studio.submit("exercise.wait", seconds=0.5) for _ in range(20)]
    until(lambda: long[0].task().state not in (State.PENDING, State.ASSIGNED))
    urgent = studio.submit("exercise.wait", options=TaskOptions(priority=100))
    urgent.result(30)
    told = list(studio.events(after=0, types=["task.submitted", "task.started"]).stored())
    submitted, began = (event.seq for event in told if event.subject == urgent.task_id)
    assert sum(submitted < event.seq < began for event in told) < 10


def test_a_worker_that_was_killed_while_idle_is_replaced(open_studio: OpenStudio, rough: ModuleType) -> None:
    studio = open_studio(rough, executor="local", workers=1)
    worker = studio.submit("rough.work").result(30).process
    os.kill(worker, signal.SIGKILL)
    handle = studio.submit("rough.work")
    assert handle.result(30).process != worker


ECHO = """
import json, sys
from multiprocessing.connection import Connection

studio = Connection(int(sys.argv[1]))
for _ in range(40):
    studio.send_bytes(str(len(json.loads(studio.recv_bytes()))).encode())
"""


def test_messages_of_several_threads_come_whole(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(ECHO)
    worker = Process({**os.environ, "PYTHONPATH": str(tmp_path)}, "echo")
    threads = [Thread(target=_send, args=(worker, 20, json.dumps("x" * length))) for length in (3, 2_000_000)]
    for thread in threads:
        thread.start()
    told = worker.messages(print)
    assert Counter(int(next(told)) for _ in range(40)) == {3: 20, 2_000_000: 20}
    worker.leave()


def test_a_worker_that_cannot_read_a_message_ends(rough: ModuleType, tmp_path: Path) -> None:
    worker = hire({"AVSTUDIO_PLUGINS": ""}, [rough.__name__], tmp_path)
    worker.send("nonsense")
    with pytest.raises(EOFError):
        next(worker.messages(print))
    assert "exited with status 1. Its last output: " in worker.obituary()
    worker.leave()


def test_one_that_writes_without_end_is_read_a_little_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Process(dict(os.environ), "this")
    endless = io.BytesIO(b"x" * 100_000_000)
    with monkeypatch.context() as patched:
        patched.setattr(worker, "_lines", endless)
        assert worker.read_lines(to_the_end=False) == []
        assert worker.read_lines() == ["x" * LONGEST_LINE]
    assert endless.tell() <= 2 * MOST_AT_ONCE * AT_A_TIME
    worker.leave()


def test_workers_go_when_their_studio_is_killed(rough: ModuleType, tmp_path: Path) -> None:
    with _elsewhere(rough, tmp_path / "home", "print(studio.run('rough.work').process, flush=True)") as other:
        assert other.stdout is not None
        worker = int(other.stdout.readline())
        assert _alive(worker)
        other.kill()
    until(partial(_is_gone, worker))


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_two_studios_in_two_processes_run_every_task_once(
    open_studio: OpenStudio, rough: ModuleType, tmp_path: Path, executor: str
) -> None:
    note = tmp_path / "note"
    studio = open_studio(rough, executor=executor)
    handles: list[Handle] = []
    with _elsewhere(rough, studio.settings.home, "studio.start(); print('ready', flush=True)", executor) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        while len(handles) < 150 or len({process for _, process in _noted(note)}) < 2:  # the quicker may leave no work
            more = range(len(handles), len(handles) + 50)
            handles += [studio.submit("rough.work", way="notes", note=str(note), number=n) for n in more]
            for handle in handles[-50:]:
                handle.result(60)
        other.kill()
    assert Counter(number for number, _ in _noted(note)) == Counter(map(str, range(len(handles))))
    assert {handle.task().attempts for handle in handles} == {1}


def test_a_task_of_a_studio_that_was_killed_is_finished_by_another(
    open_studio: OpenStudio, rough: ModuleType, tmp_path: Path
) -> None:
    studio = open_studio(rough, executor="inline")
    note = tmp_path / "note"
    code = f"studio.submit('rough.work', way='hangs', note={str(note)!r})"
    with _elsewhere(rough, studio.settings.home, code) as other:
        until(note.exists)
        other.kill()
    (task,) = studio.tasks.find()
    studio.tasks.cancel(task.id)
    studio.start()
    with pytest.raises(TaskCancelled):
        studio.handle(task.id).result(30)
    assert studio.tasks.get(task.id).state is State.FAILED


def _send(worker: Process, times: int, message: str) -> None:
    for _ in range(times):
        worker.send(message)


def _order(job_id: str, folder: Path, processor: str, **params: JsonValue) -> Order:
    return Order(
        job_id=job_id, task_id="task", processor=processor, version="1", params=params, needs=Needs(), folder=folder
    )


def test_a_worker_finds_a_plugin_beside_an_interactive_python(rough: ModuleType, tmp_path: Path) -> None:
    """There, the current folder is '' on the path of modules, and a worker has a current folder of its own."""
    assert rough.__file__ is not None
    code = (
        f"import {rough.__name__} as rough; from avstudio_core import Studio\n"
        f"with Studio(home={str(tmp_path / 'home')!r}, executor='local', plugins='', add=[rough]) as studio:\n"
        f"    studio.run('rough.work')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(rough.__file__).parent, check=True, timeout=60)


def _raise(error: Exception) -> NoReturn:
    raise error


def _noted(note: Path) -> list[list[str]]:
    """The number of each task that ran, and the process that ran it."""
    return [line.split() for line in note.read_text().splitlines()]


LAST = """
import io, os
from avstudio_core.tasks.executors import thread_changes

class Last:
    module = thread_changes
    def __del__(self, open=io.open, nowhere=os.devnull):
        open(nowhere).close()

with thread_changes.ThreadChanges():
    thread_changes.last = Last()
"""
"""A file is opened when Python has emptied the modules already."""


def test_the_end_of_a_process_is_quiet() -> None:
    done = subprocess.run([sys.executable, "-c", LAST], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""


def _elsewhere(rough: ModuleType, home: Path, code: str, executor: str = "local") -> subprocess.Popen[bytes]:
    """A studio in a process of its own, which does something and then stays."""
    assert rough.__file__ is not None
    lines = (
        f"import sys; sys.path.insert(0, {str(Path(rough.__file__).parent)!r})\n"
        f"import {rough.__name__} as rough; from avstudio_core import Studio\n"
        f"studio = Studio(home={str(home)!r}, executor={executor!r}, plugins='', add=[rough])\n"
        f"{code}\nsys.stdin.read()"
    )
    return subprocess.Popen([sys.executable, "-c", lines], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _is_gone(pid: int) -> bool:
    return not _alive(pid)


def _text(path: Path) -> str:
    """What has been written to a file; a new one is empty for a moment."""
    return path.read_text() if path.exists() else ""


def test_workers_never_see_keys(open_studio: OpenStudio, rough: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SOME_API_KEY", "AWS_SECRET_ACCESS_KEY", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, "1")
    studio = open_studio(rough, executor="local")
    assert studio.submit("rough.work", way="SOME_API_KEY").result(30).said == ""
    assert studio.submit("rough.work", way="AWS_SECRET_ACCESS_KEY").result(30).said == ""
    assert studio.submit("rough.work", way="TOKENIZERS_PARALLELISM").result(30).said == "1"


def test_workers_get_only_the_variables_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "GITHUB_ACTOR", "HF_TOKEN", "HF_HOME", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "1")
    found = child_process.environment_of({})
    assert {"HF_HOME", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "PATH", "PYTHONPATH"} <= found.keys()
    assert not {"DATABASE_URL", "GITHUB_ACTOR", "HF_TOKEN"} & found.keys()
    named = child_process.environment_of({"AVSTUDIO_WORKER_VARIABLES": "DATABASE_URL, HF_TOKEN"})
    assert named["DATABASE_URL"] == named["HF_TOKEN"] == "1"


LARGE_BLOCKS = """
import ctypes, resource, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
def layers(count):
    for _ in range(count):
        block = ctypes.c_void_p(libc.malloc(ctypes.c_size_t(80 << 20)))
        ctypes.memset(block, 1, 80 << 20)
        libc.free(block)
def run():
    layers(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    layers(4)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


@pytest.mark.skipif(platform.libc_ver() < ("glibc", "2.35"), reason="this C library returns large blocks")
def test_a_worker_keeps_the_memory_that_one_layer_of_a_model_leaves_to_the_next() -> None:
    ours = subprocess.run(
        [sys.executable, "-c", LARGE_BLOCKS], env=child_process.environment_of({}), capture_output=True, check=True
    )
    assert int(ours.stdout) < 1000  # pages that came back from the kernel, of 81,920


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "HF_TOKEN", "my_key", "DB_PASSWORD", "GITHUB_PAT", "MyApiKey", "X_SECRETS"]
)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert is_secret(name)
    assert not any(map(is_secret, ["PATH", "KEYBOARD", "TOKENIZERS_PARALLELISM", "AVSTUDIO_HOME"]))
