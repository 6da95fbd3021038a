"""The studio's side of a worker process. The import is fast, so that a command can start a worker first."""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from weakref import WeakSet

from avstudio_core.confinement.cell import Cell
from avstudio_core.confinement.grant import NOTHING, Grant
from avstudio_core.confinement.limits import Excess
from avstudio_core.confinement.variables import MORE_VARIABLES, granted, of_plugins, of_the_core, passed_on
from avstudio_core.settings import Settings

JOBS = "avstudio_core.tasks.executors.worker"
"""The module that runs jobs."""
LONGEST_LINE = 500
"""The most characters of a worker's line; the rest is cut off."""
LOOK_SECONDS = 1.0
"""How often to check that a silent worker is alive: a child of a dead one can keep the socket open."""
PARTING_SECONDS = 2.0
"""How long a worker may take to exit after its socket has closed."""
AT_A_TIME = 1 << 16
MOST_AT_ONCE = 16
"""The most reads of a worker's output before its messages are handled; together more than a pipe can hold."""
PR_SET_PDEATHSIG = 1
_STARTED: WeakSet[Process] = WeakSet()


class Process:
    """The studio's side of a worker process. The process runs a module, whose argument is the descriptor of its socket.

    On Linux it ends with the thread that created it (see `die_with_the_studio`).
    """

    def __init__(self, environment: dict[str, str], module: str = JOBS) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-u", "-m", module, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                bufsize=0,
                start_new_session=True,
            )
        _STARTED.add(self)
        assert self.popen.stdout is not None
        self._lines = self.popen.stdout
        os.set_blocking(self._lines.fileno(), False)
        self._connection = Connection(ours.detach())
        self._sending = threading.Lock()
        self._either = selectors.DefaultSelector()
        self._either.register(self._connection, selectors.EVENT_READ)
        self._either.register(self._lines, selectors.EVENT_READ)
        self._unfinished = b""
        self.last_lines: deque[str] = deque(maxlen=8)
        self.killed = False
        self.cell: Cell | None = None
        self.grant = NOTHING
        self.excess: Excess | None = None
        """The limit that it exceeded, for which it was killed."""
        self._silent_seconds = 0.0
        """If the process was ended because it did not respond: for how long."""

    def send(self, message: str) -> None:
        """Send JSON from any thread; if the process has ended, waiting for its answer shows that."""
        with contextlib.suppress(OSError), self._sending:
            self._connection.send_bytes(message.encode())

    def messages(self, on_line: Callable[[str], None], patience: float = math.inf) -> Iterator[bytes]:
        """The worker's messages; each line that it wrote before a message is passed on first.

        Empty messages only show that it is alive. If nothing comes for `patience` seconds, it is killed. Raises
        `EOFError` or `OSError` when the process has ended.
        """
        self.read_lines()  # written between two jobs
        alive_at = time.monotonic()
        while True:
            ended = self.popen.poll() is not None  # checked first, so that all it sent before can be read now
            ready = [key.fileobj for key, _ in self._either.select(0 if ended else LOOK_SECONDS)]
            spoke = self._connection in ready
            if ready:
                alive_at = time.monotonic()
            elif not ended:
                self._kill_if_silent(alive_at, patience)
            try:
                message = self._connection.recv_bytes() if spoke else b""
            finally:
                if self._lines in ready or self._unfinished:  # lines written before a message are ready with it
                    for line in self.read_lines(to_the_end=spoke):
                        on_line(line)
            if message:
                yield message
            elif ended and not spoke:
                raise EOFError

    def _kill_if_silent(self, alive_at: float, patience: float) -> None:
        """Kill a process that has not responded for too long: it is stopped, or native code in it hangs."""
        if time.monotonic() > alive_at + patience:
            self._silent_seconds = patience
            self.kill(signal.SIGKILL)

    def kill(self, number: signal.Signals) -> None:
        """Kill the worker and its child processes; it can still look alive for a moment."""
        self.killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS raises the latter for a zombie
            os.killpg(self.popen.pid, number)

    def leave(self) -> None:
        """End the process and wait for it."""
        self.kill(signal.SIGKILL)
        self.popen.wait()
        self._either.close()
        self._lines.close()
        self._hang_up()
        if self.cell is not None:
            self.cell.remove()

    def obituary(self) -> str:
        """A message about how the process ended, with its last output."""
        try:
            how = _ending(self.popen.wait(PARTING_SECONDS))
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGKILL)
            self.popen.wait()
            how = "closed its socket, and was ended"
        if self._silent_seconds:
            how = f"did not respond for {self._silent_seconds:g} s, and was ended"
        self.read_lines()
        last = f" Its last output: {' / '.join(self.last_lines)}" if self.last_lines else ""
        return f"The worker process {how}.{last}"

    def read_lines(self, *, to_the_end: bool = True) -> list[str]:
        """Pass on the lines that the process has written since the last call."""
        written = []
        for _ in range(MOST_AT_ONCE):
            read = self._lines.read(AT_A_TIME)
            if read is None:  # nothing more for now
                break
            written.append(read)
            if not read:  # its end
                with contextlib.suppress(KeyError):
                    self._either.unregister(self._lines)
                break
        lines = (self._unfinished + b"".join(written)).split(b"\n")
        self._unfinished = b"" if to_the_end else lines.pop()[: 4 * LONGEST_LINE]
        texts = [line.decode(errors="replace").strip()[:LONGEST_LINE] for line in lines]
        self.last_lines.extend(filter(None, texts))
        return [text for text in texts if text]

    def _hang_up(self) -> None:
        """Close the socket while nothing is being sent: another file may get its number a moment later."""
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)  # unblocks a sender that waits for the reader
        with self._sending:
            self._connection.close()


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return "was killed by SIGKILL, perhaps for lack of memory"
    return f"exited with status {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"


_SPARE: list[tuple[dict[str, str], Process]] = []
_SHARING = threading.Lock()
"""Held while taking a spare worker, so that each is taken once."""


@contextmanager
def early_worker(settings: Settings) -> Iterator[None]:
    """Start a worker for the first job of this process now; end it if there is no job.

    A command does this before it imports the rest, so that both happen at the same time.
    """
    if settings.executor == "local":
        environment = environment_of(settings.environment())
        _SPARE.append((environment, Process(environment)))
    try:
        yield
    finally:
        _dismiss_spares()


def hire(settings: Mapping[str, str], modules: list[str], home: Path, grant: Grant = NOTHING) -> Process:
    """A worker that was started early with these settings, or a new one; it imports `modules` as plugins.

    It is confined to a folder of its own in the data folder. Raises `OSError`.
    """
    cell, environment = Cell(home), environment_of(settings)
    try:
        process = _spare(environment) or Process(environment)
    except BaseException:
        cell.remove()
        raise
    process.cell, process.grant = cell, grant
    variables = of_plugins(settings) | granted(grant.variables, network=grant.network)
    given = replace(grant, folder=str(cell.folder)).as_json()
    process.send(json.dumps({"modules": modules, "variables": variables, "grant": given}))
    return process


def _spare(environment: dict[str, str]) -> Process | None:
    """Take a worker that was started early with this environment."""
    with _SHARING:
        fitting = [one for one in _SPARE if one[0] == environment]
        if not fitting:
            return None
        _SPARE.remove(fitting[0])
        return fitting[0][1]


def kill_workers() -> None:
    """Kill every worker of this process, before it exits without closing its studio.

    A worker notices the end of its studio, but not while a native call of a job holds the interpreter.
    """
    for process in list(_STARTED):
        if process.popen.returncode is None:
            process.kill(signal.SIGKILL)


def _dismiss_spares() -> None:
    """End the unused workers."""
    with _SHARING:
        left = [process for _, process in _SPARE]
        _SPARE.clear()
    for process in left:
        process.leave()


def environment_of(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker, with the core's settings that differ from the defaults.

    It has only variables that are known to be needed, and those that the setting 'worker_variables' names. It has no
    API keys: a run calls language models through its studio, and only the studio sends the keys.
    """
    return {
        **_kept_memory(),
        **passed_on(settings.get(MORE_VARIABLES, "")),
        **of_the_core(settings),
        "PYTHONPATH": os.pathsep.join(_module_folders()),
    }


def _kept_memory() -> dict[str, str]:
    """Variables that make glibc keep the memory that each layer of a model frees, up to 128 MB.

    Otherwise it returns to the kernel, and comes back page by page with the next layer: a third of the time of
    Whisper's encoder. Blocks over 64 MB, such as its attention, are kept only in the first arena. Before glibc 2.35, no
    blocks over 32 MB are kept.
    """
    with contextlib.suppress(AttributeError, OSError, ValueError):  # another C library
        _, version = str(os.confstr("CS_GNU_LIBC_VERSION")).split()
        megabytes = 128 if tuple(map(int, version.split("."))) >= (2, 35) else 32
        kept = str(megabytes << 20)
        return {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": kept, "MALLOC_TRIM_THRESHOLD_": kept}
    return {}


def _module_folders() -> list[str]:
    """`sys.path`, with the full path of the current folder, which is '' in an interactive Python."""
    try:
        here = os.getcwd()
    except FileNotFoundError:
        return list(filter(None, sys.path))
    return [path or here for path in sys.path]


def peak_memory_mb() -> int:
    """The peak memory of this process in MB; not from `ru_maxrss`, which a new process on Linux inherits."""
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) >> 10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)


def die_with_the_studio() -> None:
    """Make the kernel end this process with its parent: native code that holds the interpreter cannot notice it.

    The kernel watches the thread that started this process.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
