"""A hostile run in a worker process is refused or contained, and the next job runs well."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_core.confinement import landlock, system_calls
from avstudio_core.confinement.cell import Cell, sweep
from avstudio_core.errors import TaskFailed

OpenStudio = Callable[..., Studio]
CANARY = "canary-5d1c"
HOSTILE = """
class HostileParams(Params):
    code: str = Field("", description="What to run.")
    network: bool = Field(False, description="Whether to declare the network.")

class HostileResult(Result):
    seen: str = Field("", description="What it found.")

class Hostile(Processor[HostileParams, HostileResult]):
    "Do anything."
    name = "hostile.do"
    cacheable = False
    variables = ("DECLARED_BY_PROCESSOR",)
    def needs(self, params, source):
        return Needs(network=params.network)
    def run(self, source, params, context):
        names = {"context": context, "home": context.settings.home, "seen": ""}
        exec(params.code, names)
        return HostileResult(seen=str(names["seen"]))

@hookimpl
def register_processors(): return [Hostile]
"""
needs_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
needs_filter = pytest.mark.skipif(not system_calls.can_filter(), reason="this system has no seccomp filter")
needs_proc = pytest.mark.skipif(
    not os.path.exists(f"/proc/self/task/{os.getpid()}/children"), reason="this system does not show child processes"
)


@pytest.fixture
def studio(
    open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> Studio:
    """A studio with one worker and small limits; its environment has keys with odd names."""
    for name in ("MY_LLM", "HF_LLM", "AVSTUDIO_OF_NO_PLUGIN", "DECLARED_BY_PROCESSOR"):
        monkeypatch.setenv(name, CANARY)
    limits = {"worker_mb": 700, "worker_processes": 20, "worker_disk_mb": 200, "max_deliveries": 1}
    return open_studio(write_plugin(HOSTILE), executor="local", workers=1, worker_folders="", offline=False, **limits)


def refused(studio: Studio, code: str, cause: str = "processor_error") -> str:
    """The message of a run that must fail, after which the next one runs well."""
    with pytest.raises(TaskFailed) as failed:
        studio.submit("hostile.do", code=code).result(60)
    assert failed.value.cause == cause
    assert studio.submit("hostile.do", code="seen = 1").result(60).seen == "1"
    return str(failed.value)


def test_keys_with_odd_names_do_not_reach_a_worker(studio: Studio) -> None:
    code = f"import os; seen = sorted(name for name, value in os.environ.items() if value == {CANARY!r})"
    assert studio.submit("hostile.do", code=code).result(60).seen == "['DECLARED_BY_PROCESSOR']"
    code = "seen = [name for name in ('MY_LLM', 'HF_LLM') if name in open('/proc/self/environ').read()]"
    if sys.platform == "linux":
        assert studio.submit("hostile.do", code=code).result(60).seen == "[]"


OF_THE_STUDIO = (
    "import os; open(f'/proc/{os.getppid()}/environ').read()",
    "import os; open(f'/proc/{os.getppid()}/mem', 'rb')",
    "open(home / 'avstudio.db', 'r+b')",
    "open(home / 'avstudio.db', 'rb')",
    "(home / 'avstudio.db').unlink()",
    "(home / 'new').write_text('x')",
    "(home / 'artifacts' / 'ab').mkdir()",
    "(home / 'staging' / 'new').mkdir()",
    "import os; os.listdir(home / 'artifacts')",
    "import os; os.listdir(home.parent)",
)
CONNECTIONS = (
    "import socket; socket.create_connection(('127.0.0.1', 9))",
    "import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    "import socket; socket.socket(socket.AF_UNIX).connect('/run/anything')",
)


@needs_landlock
def test_files_of_the_studio_are_refused(studio: Studio) -> None:
    found = {code: refused(studio, code) for code in OF_THE_STUDIO}
    assert {code: message for code, message in found.items() if "PermissionError" not in message} == {}


@needs_filter
def test_connections_are_refused(studio: Studio) -> None:
    found = {code: refused(studio, code) for code in CONNECTIONS}
    assert {code: message for code, message in found.items() if "PermissionError" not in message} == {}


def test_a_declared_network_is_there(studio: Studio) -> None:
    code = "import socket; seen = socket.socket().fileno() > 0"
    assert studio.submit("hostile.do", code=code, network=True).result(60).seen == "True"


@needs_proc
@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("many = []\nwhile True: many.append(b'x' * 10_000_000)", "out_of_memory"),
        ("many = bytearray(100 << 30)", "out_of_memory"),
        (
            "import subprocess, time\nfor _ in range(40): subprocess.Popen(['sleep', '60'])\ntime.sleep(60)",
            "process_limit",
        ),
        (
            "import time\nfor n in range(60): open(f'{n}', 'wb').write(b'x' * 10_000_000)\ntime.sleep(60)",
            "disk_limit",
        ),
        ("open('large', 'wb').write(b'x' * 300_000_000)", "processor_error"),
    ],
)
def test_a_run_that_exceeds_a_limit_fails_alone(studio: Studio, code: str, cause: str) -> None:
    refused(studio, code, cause)


def test_a_job_finds_nothing_of_the_one_before(studio: Studio) -> None:
    code = "import os, signal; open('left', 'w'); os.mkdir('more'); signal.signal(signal.SIGTERM, print); os.umask(0)"
    result = studio.submit("hostile.do", code=code).result(60)
    assert {"left_files", "changed_signals", "changed_umask"} <= {warning.code for warning in result.warnings}
    code = "import os, signal; seen = os.listdir(), signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, os.umask(0o77)"
    assert studio.submit("hostile.do", code=code).result(60).seen == "([], True, 63)"


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("import sys; sys.setrecursionlimit(80)", "__import__('sys').getrecursionlimit() > 500"),
        ("import sys; sys.stdout = None", "__import__('sys').stdout is not None"),
        ("import socket; socket.setdefaulttimeout(0.01)", "__import__('socket').getdefaulttimeout() is None"),
        ("import os, time; os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()", "__import__('time').tzname[0] != 'JST'"),
        ("import signal; signal.pthread_sigmask(0, [2])", "not __import__('signal').pthread_sigmask(0, [])"),
        (
            "import resource; resource.setrlimit(n := resource.RLIMIT_NOFILE, (9, resource.getrlimit(n)[1]))",
            "(r := __import__('resource')).getrlimit(r.RLIMIT_NOFILE)[0] > 9",
        ),
    ],
)
def test_a_job_finds_the_process_as_the_one_before_found_it(studio: Studio, code: str, read: str) -> None:
    result = studio.submit("hostile.do", code=code).result(60)
    assert "changed_process" in {warning.code for warning in result.warnings}
    assert studio.submit("hostile.do", code=f"seen = {read}").result(60).seen == "True"


def test_the_folder_of_a_worker_goes_with_it(studio: Studio) -> None:
    studio.submit("hostile.do", code="open(context.new_path('half'), 'w')").result(60)
    assert len(list((studio.settings.home / "workers").iterdir())) == 1
    studio.close()
    assert list((studio.settings.home / "workers").iterdir()) == []


def test_the_folder_of_a_dead_studios_worker_is_swept(tmp_path: Path) -> None:
    living = Cell(tmp_path)
    (tmp_path / "workers" / f"worker-{time.time_ns():x}").mkdir()
    sweep(tmp_path)
    assert list((tmp_path / "workers").iterdir()) == [living.folder]
    living.remove()
