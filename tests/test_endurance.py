"""R5 and R6, the size for every test run; `nox -s soak` and `nox -s chaos` are the long ones."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from tests.chaos import chaos
from tests.soak import soak

for library in ("fastapi", "httpx2", "websockets"):
    pytest.importorskip(library)


@pytest.mark.torture
@pytest.mark.timeout(400)
def test_no_end_is_missed_while_clients_drop_and_the_server_is_killed(tmp_path: Path) -> None:
    assert asyncio.run(chaos(tmp_path, clients=20, kills=1, seed=11)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_server_under_load_keeps_its_files_and_threads(tmp_path: Path) -> None:
    found = soak(tmp_path, seconds=5.0)
    assert (found.requests > 7, found.refused) == (True, 0), found
    assert found.gained("files") <= 4, found
    assert found.gained("threads") <= 4, found
    assert found.gained("mb") <= 40, found
