"""A worker process as its studio sees it. Light to import, so that a command can start one before all else."""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import re
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
from multiprocessing.connection import Connection
from weakref import WeakSet

from avstudio_core.settings import Settings

JOBS = "avstudio_core.tasks.executors.worker"
"""The module that runs jobs."""
LONGEST_LINE = 500
"""Characters; of a longer line that a worker writes, the rest is left out."""
LOOK_SECONDS = 1.0
"""How often to look whether a silent worker lives: a dead one's socket stays open while a child of it holds it."""
PARTING_SECONDS = 2.0
"""How long a worker whose socket ended may take to end."""
AT_A_TIME = 1 << 16
MOST_AT_ONCE = 16
"""Reads of what a worker has written, before its messages have their turn: more than a pipe holds."""
KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
"""glibc's dynamic thresholds, set to their maximum. Below it, each layer of a model may return its memory to the kernel
and fetch it again page by page, which takes up to a tenth of the run."""
PR_SET_PDEATHSIG = 1
SECRET = re.compile(
    r"(^|_)(API_?)?(KEYS?|TOKENS?|PAT|PASSPHRASE|CREDENTIALS?)(_|$)|APIKEY|SECRET|PASSWORD|PASSWD", re.IGNORECASE
)
"""Names of variables that hold secrets, as those that backends declare: `OPENAI_API_KEY`, `HF_TOKEN` …"""
_STARTED: WeakSet[Process] = WeakSet()


class Process:
    """A worker process as its studio sees it; it runs a module, which is told the descriptor of its socket.

    On Linux it ends with the thread that makes it (see `die_with_the_studio`).
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
        self.said: deque[str] = deque(maxlen=8)
        self.killed = False
        self._silent_seconds = 0.0
        """How long the process had given no sign of life when it was ended for that."""

    def send(self, message: str) -> None:
        """Send JSON, whole, from any thread; a process that is gone is found out when its answer is awaited."""
        with contextlib.suppress(OSError), self._sending:
            self._connection.send_bytes(message.encode())

    def messages(self, on_line: Callable[[str], None], patience: float = math.inf) -> Iterator[bytes]:
        """What the worker sends; each line that it wrote until then is passed on first.

        Empty messages only show that it lives. Without any sign of life for `patience` seconds it is killed.
        Raises `EOFError` or `OSError` when the process is gone.
        """
        self.read_lines()  # of the time between two jobs
        alive_at = time.monotonic()
        while True:
            ended = self.popen.poll() is not None  # looked up first: what it sent before is there now
            ready = [key.fileobj for key, _ in self._either.select(0 if ended else LOOK_SECONDS)]
            spoke = self._connection in ready
            if ready:
                alive_at = time.monotonic()
            elif not ended and time.monotonic() > alive_at + patience:  # stopped, or in native code that hangs
                self._silent_seconds = patience
                self.kill(signal.SIGKILL)
            try:
                message = self._connection.recv_bytes() if spoke else b""
            finally:
                if self._lines in ready or self._unfinished:  # what was written before a message is ready with it
                    for line in self.read_lines(to_the_end=spoke):
                        on_line(line)
            if message:
                yield message
            elif ended and not spoke:
                raise EOFError

    def kill(self, number: signal.Signals) -> None:
        """Signal the worker and whatever it started; it serves no more, though it may still seem to live."""
        self.killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter is macOS's word for a zombie
            os.killpg(self.popen.pid, number)

    def leave(self) -> None:
        """End the process and wait for it."""
        self.kill(signal.SIGKILL)
        self.popen.wait()
        self._either.close()
        self._lines.close()
        self._hang_up()

    def obituary(self) -> str:
        """How the process ended, with its last words."""
        try:
            how = _ending(self.popen.wait(PARTING_SECONDS))
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGKILL)
            self.popen.wait()
            how = "closed its socket, and was ended"
        if self._silent_seconds:
            how = f"gave no sign of life for {self._silent_seconds:g} s, and was ended"
        self.read_lines()
        last = f" It said: {' / '.join(self.said)}" if self.said else ""
        return f"The worker process {how}.{last}"

    def read_lines(self, *, to_the_end: bool = True) -> list[str]:
        """The lines that the process has written since the last call, with one that has no end yet or without it."""
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
        self.said.extend(filter(None, texts))
        return [text for text in texts if text]

    def _hang_up(self) -> None:
        """Close the socket while nobody sends: its number may be that of another file a moment later."""
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)  # frees who sends, and waits for a reader
        with self._sending:
            self._connection.close()


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return "was killed by SIGKILL, perhaps for lack of memory"
    return f"exited with status {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"


_SPARE: list[tuple[dict[str, str], Process]] = []
_SHARING = threading.Lock()
"""Held to take from the spare ones: each is for one."""


@contextmanager
def early_worker(settings: Settings) -> Iterator[None]:
    """Start a worker now, which the first job of this process will find ready; end it if no job comes.

    A one-shot command does this before it imports the rest, so that both start at the same time.
    """
    if settings.executor == "local":
        environment = environment_of(settings.environment())
        _SPARE.append((environment, Process(environment)))
    try:
        yield
    finally:
        _dismiss_spares()


def hire(settings: Mapping[str, str], modules: list[str]) -> Process:
    """The worker that was started early with these settings, or a new one; it imports `modules` as plugins."""
    environment = environment_of(settings)
    process = _spare(environment) or Process(environment)
    process.send(json.dumps(modules))
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
    """End every worker of this process now, for one that leaves without closing its studio.

    A worker sees by itself that its studio is gone, but not while a native call of a job holds its interpreter.
    """
    for process in list(_STARTED):
        if process.popen.returncode is None:
            process.kill(signal.SIGKILL)


def _dismiss_spares() -> None:
    """End the workers that nobody hired."""
    with _SHARING:
        left = [process for _, process in _SPARE]
        _SPARE.clear()
    for process in left:
        process.leave()


def environment_of(settings: Mapping[str, str]) -> dict[str, str]:
    """What a worker is to find in its environment, given the settings that differ from the defaults.

    Keys are not in it: a run asks language models through its studio, which alone sends them.
    """
    own = {name: value for name, value in os.environ.items() if not is_secret(name)}
    return {**KEPT_MEMORY, **own, **settings, "PYTHONPATH": os.pathsep.join(_module_folders())}


def _module_folders() -> list[str]:
    """`sys.path`, with the current folder by its name: in an interactive Python it is ''."""
    try:
        here = os.getcwd()
    except FileNotFoundError:
        return list(filter(None, sys.path))
    return [path or here for path in sys.path]


def is_secret(variable: str) -> bool:
    """Whether an environment variable holds a key, a token or a password, by its name."""
    return bool(SECRET.search(variable))


def peak_memory_mb() -> int:
    """The most memory this process has held, in MB; a new process on Linux inherits its parent's `ru_maxrss`."""
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) >> 10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)


def die_with_the_studio() -> None:
    """Have the kernel end this process with its parent: native code that holds the interpreter hears no socket end.

    What the kernel watches is the thread that started this process.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
