"""R1 in its smaller size; `nox -s torture` runs the larger one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(400)
def test_nothing_is_lost_or_doubled_when_studios_and_workers_are_killed() -> None:
    command = [sys.executable, "-m", "tests.torture", "--kills", "60", "--tasks", "1500"]
    ran = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True, check=False)
    print(ran.stdout)
    assert ran.returncode == 0
