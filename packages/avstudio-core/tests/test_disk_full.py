"""A full disk of 6 MB: a clear error, nothing lost, no partial files, and work resumes with free space."""

from __future__ import annotations

import gc
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_core.chat import Account
from avstudio_core.errors import DiskFull, TaskFailed
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled
from avstudio_core.gateway.ledger.ledger import Reservation
from avstudio_core.handle import Handle
from avstudio_core.storage.sweep import check
from avstudio_core.tasks.queue import retention
from avstudio_core.testing import until

OpenStudio = Callable[..., Studio]

MB = 1 << 20
FILLS = """
class SizeParams(Params):
    size: int = Field(0, ge=0, description="Bytes.")

class SizeResult(Result):
    made: Artifact = Field(description="The file.")

class Fill(Processor[SizeParams, SizeResult]):
    "Write a big file."
    name = "disk.fill"
    def run(self, source, params, context):
        path = context.new_path("big.bin")
        path.write_bytes(bytes(params.size))
        return SizeResult(made=context.publish(path, "big.bin", "application/octet-stream"))

@hookimpl
def register_processors(): return [Fill]
"""


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={getattr(request, 'param', 6)}m", "none", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    gc.collect()  # a failed statement stays open as long as its exception
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def studio(disk: Path, write_plugin: Callable[[str], ModuleType]) -> Iterator[Studio]:
    plugin = write_plugin(FILLS)
    with Studio(add=[plugin], home=disk / "home", plugins="", executor="inline", offline=True) as made:
        yield made


def fill(disk: Path) -> Path:
    """Take all the space that is left."""
    path = disk / "ballast"
    with path.open("wb", buffering=0) as file:
        for size in (MB, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return path


def submit_all(studio: Studio, acknowledged: list[Handle] | None = None) -> None:
    """Submit tasks until one is refused."""
    for size in range(2000):
        handle = studio.submit("disk.fill", size=size)
        if acknowledged is not None:
            acknowledged.append(handle)


def assert_whole(studio: Studio) -> None:
    deadline = time.monotonic() + 10
    while list(studio._store.leftovers()) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert list(studio._store.leftovers()) == []
    assert list(check(studio._database, studio._store)) == []


def test_a_file_that_does_not_fit_is_not_taken_in(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(bytes(8 * MB))
    with pytest.raises(DiskFull, match="takes 8 MB, and"):
        studio.take_in(tmp_path / "big.bin")
    assert_whole(studio)
    (tmp_path / "small.bin").write_bytes(bytes(1000))
    assert studio.take_in(tmp_path / "small.bin").size == 1000


def test_a_result_that_does_not_fit_fails_its_task(studio: Studio) -> None:
    with pytest.raises(TaskFailed, match=r"No space is left for .* Free some") as failed:
        studio.submit("disk.fill", size=8 * MB).result(20)
    assert failed.value.cause == "disk_full"
    assert_whole(studio)
    assert studio.submit("disk.fill", size=MB).result(20).made.size == MB


def test_a_task_that_cannot_be_stored_is_refused(studio: Studio, disk: Path) -> None:
    before = studio.run("disk.fill", size=1000).made
    ballast = fill(disk)
    with pytest.raises(DiskFull, match=r"No space is left for .*avstudio\.db"):
        submit_all(studio)
    ballast.unlink()
    assert studio.submit("disk.fill", size=5).result(20).made.size == 5
    assert studio.artifact(before.id).path.stat().st_size == 1000


def test_a_studio_that_cannot_be_opened_tells_that_the_disk_is_full(disk: Path) -> None:
    Studio(home=disk / "home", plugins="", executor="inline").close()
    fill(disk)
    with pytest.raises(DiskFull, match="No space is left for"):
        Studio(home=disk / "home", plugins="", executor="inline").close()


def test_no_task_that_was_acknowledged_is_lost(studio: Studio, disk: Path) -> None:
    studio.run("disk.fill", size=1000)
    ballast = fill(disk)
    acknowledged: list[Handle] = []
    with pytest.raises(DiskFull):
        submit_all(studio, acknowledged)
    ballast.unlink()
    for handle in acknowledged:
        try:
            handle.result(30)
        except TaskFailed as error:
            assert error.cause in ("disk_full", "storage")
            studio.retry(handle.task_id)
    assert [handle.result(30).made.size for handle in acknowledged] == list(range(len(acknowledged)))


def test_an_export_to_a_full_disk_leaves_nothing(open_studio: OpenStudio, disk: Path, tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(bytes(8 * MB))
    studio = open_studio()
    artifact = studio.take_in(tmp_path / "big.bin")
    with pytest.raises(DiskFull, match=r"No space is left for .*choose another folder"):
        studio.export(artifact, disk / "out" / "big.bin")
    assert list((disk / "out").iterdir()) == []


def reserve_all(studio: Studio, granted: list[Reservation]) -> None:
    """Reserve for calls until one is refused."""
    for _ in range(10_000):
        call = NewCall("req", "chat", "openai", "gpt", Account(), 10)
        granted.append(studio.ledger.reserve(call).result())


def test_no_call_is_allowed_that_could_not_be_written_down(disk: Path, studio: Studio) -> None:
    studio.ledger.set_budget("global", "total", 1_000_000)
    ballast = fill(disk)
    granted: list[Reservation] = []
    with pytest.raises(DiskFull, match="No space is left"):
        reserve_all(studio, granted)
    ballast.unlink()
    assert studio.ledger.room(Account()) == 1_000_000 - 10 * len(granted)
    for reservation in granted:
        studio.ledger.settle(reservation, Settled("ok", cost_micro=10)).result()
    assert studio.ledger.rebuild() == []
    assert studio.ledger.room(Account()) == 1_000_000 - 10 * len(granted)


@pytest.mark.parametrize("disk", [24], indirect=True)
def test_work_can_be_deleted_on_a_full_disk(disk: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SETTLED_SECONDS", 0.0)
    old = [studio.submit("disk.fill", size=MB + n) for n in range(2)]
    for handle in old:
        handle.result(20)
    until(lambda: (disk / "home" / "reserve").exists())
    fill(disk)
    with pytest.raises(DiskFull):
        submit_all(studio)
    assert studio.tasks.delete(old[0].task_id).bytes == MB
    assert studio.submit("disk.fill", size=3).result(30).made.size == 3


def test_without_a_reserve_the_error_tells_what_deleting_needs(disk: Path, studio: Studio) -> None:
    old = studio.submit("disk.fill", size=5)
    old.result(20)
    fill(disk)
    with pytest.raises(DiskFull):
        submit_all(studio)
    with pytest.raises(DiskFull) as refused:
        studio.tasks.delete(old.task_id)
    assert "first free a few MB outside the data folder" in refused.value.hint
