"""Large files: verified beside the engine, and remembered."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Artifact, Studio
from avstudio_core.errors import StorageError, TaskFailed
from avstudio_core.handle import Handle
from avstudio_core.storage.folder.store import CLOCK_TICK_NS
from avstudio_core.tasks.states import State

OpenStudio = Callable[..., Studio]
PATIENCE = 30.0
HUGE = 64 << 30
"""The size of a file of zeros in bytes: it takes a minute to read."""

LARGE = """
class LargeParams(Params):
    size: int = Field(16 << 20, description="Its size.", json_schema_extra={"unit": "B"})

class LargeResult(Result):
    made: Artifact = Field(description="The file.")

class Large(Processor[LargeParams, LargeResult]):
    "Make a large file of zeros, which takes no room on the disk."
    name = "large.make"
    def outputs(self, params):
        return {"made": "application/octet-stream"}
    def run(self, source, params, context):
        path = context.new_path("large")
        with open(path, "wb") as file:
            file.truncate(params.size)
        return LargeResult(made=context.publish(path, "large", "application/octet-stream"))

class Glance(Processor[Params, Result]):
    "Look at a file without reading it."
    name = "large.glance"
    accepts = ("*/*",)
    cacheable = False
    def run(self, source, params, context):
        assert source.path.stat().st_size == source.size
        return Result()

@hookimpl
def register_processors():
    return [Large, Glance]
"""


@pytest.fixture
def large(write_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return write_plugin(LARGE)


def verified_at_length(studio: Studio) -> tuple[Handle, Artifact]:
    """A task whose earlier result has a file that takes a minute to read, and that file."""
    made = studio.run("large.make").made
    os.truncate(made.path, HUGE)
    handle = studio.submit("large.make")
    deadline = time.monotonic() + PATIENCE
    while handle.task().state is not State.ASSIGNED:
        assert time.monotonic() < deadline
    return handle, made


def test_no_task_waits_while_the_file_of_an_earlier_result_is_verified(
    open_studio: OpenStudio, large: ModuleType
) -> None:
    studio = open_studio(large)
    handle, _ = verified_at_length(studio)
    studio.run("exercise.wait")
    assert handle.task().state is State.ASSIGNED


def test_a_verified_file_is_not_read_again_until_it_changes(open_studio: OpenStudio, large: ModuleType) -> None:
    studio = open_studio(large)
    made = studio.run("large.make").made
    assert studio._store.unverified(made.sha256) == made.size
    while time.time_ns() - os.stat(made.path).st_ctime_ns < 2 * CLOCK_TICK_NS:
        time.sleep(0.01)  # a file that has just changed is not remembered: it may change again at the same time
    assert studio.run("large.make").cache_hit
    assert studio._store.unverified(made.sha256) == 0
    times = os.stat(made.path).st_atime_ns, os.stat(made.path).st_mtime_ns
    with made.path.open("rb+") as file:
        file.write(b"rotten")
    os.utime(made.path, ns=times)
    assert not studio.run("large.make").cache_hit


def read_so_far() -> int:
    """The bytes that this process has read, from files of any kind."""
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="Linux only: counts what is read")
def test_a_large_source_is_read_once_for_many_runs(open_studio: OpenStudio, large: ModuleType) -> None:
    studio = open_studio(large)
    made = studio.run("large.make", size=64 << 20).made
    before = read_so_far()
    for _ in range(5):
        studio.run("large.glance", made)
    assert read_so_far() - before < 2 * made.size


def test_a_large_source_that_changed_after_a_run_is_refused(open_studio: OpenStudio, large: ModuleType) -> None:
    studio = open_studio(large)
    made = studio.run("large.make").made
    studio.run("large.glance", made)
    times = os.stat(made.path).st_atime_ns, os.stat(made.path).st_mtime_ns
    with made.path.open("rb+") as file:
        file.write(b"rotten")
    os.utime(made.path, ns=times)
    with pytest.raises(TaskFailed, match="has changed since it was stored"):
        studio.run("large.glance", made)


def test_an_emptied_file_is_not_intact(open_studio: OpenStudio, large: ModuleType) -> None:
    studio = open_studio(large)
    made = studio.run("large.make", size=4 << 20).made
    os.truncate(made.path, 0)
    assert not studio.run("large.make", size=4 << 20).cache_hit


def test_a_studio_that_closes_does_not_read_on(open_studio: OpenStudio, large: ModuleType) -> None:
    studio = open_studio(large)
    handle, made = verified_at_length(studio)
    studio.close()
    assert "file checks" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(StorageError, match="is closed"):
        handle.result(PATIENCE)
    os.truncate(made.path, made.size)
    assert open_studio(large).run("large.make").cache_hit
