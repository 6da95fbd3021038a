from __future__ import annotations

import platform
from pathlib import Path

import pytest

from avstudio_core.models import memory
from avstudio_core.models.memory import AppleMemory, CpuMemory


def test_the_memory_is_at_most_that_of_the_system() -> None:
    with Path("/proc/meminfo").open() as file:
        total = int(next(line for line in file if line.startswith("MemTotal:")).split()[1]) // 1024
    assert 0 < CpuMemory().total_mb() <= total
    assert 0 < CpuMemory().available_mb() <= CpuMemory().total_mb()


@pytest.mark.parametrize(("said", "limit"), [("104857600\n", 100), ("max\n", None), (None, None)])
def test_a_container_has_what_its_group_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, limit: int | None
) -> None:
    unlimited = CpuMemory().total_mb()
    if said is not None:
        (tmp_path / "memory.max").write_text(said)
    monkeypatch.setattr(memory, "GROUP_LIMIT", tmp_path / "memory.max")
    assert CpuMemory().total_mb() == (limit or unlimited)
    assert CpuMemory().available_mb() <= CpuMemory().total_mb()


def test_apple_silicon_shares_the_machines_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert AppleMemory().present()
    assert AppleMemory.unified
    assert AppleMemory().total_mb() == CpuMemory().total_mb()


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "x86_64"), ("Linux", "aarch64")])
def test_elsewhere_there_is_no_apple_silicon(monkeypatch: pytest.MonkeyPatch, system: str, machine: str) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert (AppleMemory().present(), AppleMemory().total_mb(), AppleMemory().available_mb()) == (False, 0, 0)


def test_free_memory_on_a_mac_is_counted_in_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free: 100.\nPages active: 7.\n"
    said += "Pages inactive: 200.\nPages speculative: 50.\nPages purgeable: 34.\n"
    (tmp_path / "vm_stat").write_text(f"#!/bin/sh\nprintf '{said}'\n")
    (tmp_path / "vm_stat").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(memory, "MEMORY_INFO", tmp_path / "nothing")
    assert CpuMemory().available_mb() == (100 + 200 + 50 + 34) * 16384 // (1 << 20)
