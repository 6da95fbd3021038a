"""R1, the size for every test run: 12 kills while clients submit 300 tasks. `nox -s torture` is the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(400)
def test_nothing_is_lost_or_published_twice() -> None:
    command = [sys.executable, "-m", "tests.torture", "--kills", "12", "--tasks", "300"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=380, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 faults" in ran.stdout
