"""Packages that are installed while a server runs: it says that it has the earlier code."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from avstudio_core import Studio
from avstudio_server.serve.updates import watched
from avstudio_server.testing.command_line import CommandLine
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
LATER = "before the installation of 'late_plugin 2.0'"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages, without any."""
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


def install(site: Path, moment: float) -> None:
    facts = site / "late_plugin-2.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: late_plugin\nVersion: 2.0\n")
    (facts / "entry_points.txt").write_text("[avstudio]\nlate = late_plugin\n")
    os.utime(facts, (moment, moment))


def test_a_server_says_that_it_has_earlier_code(
    server: HttpServer, studio: Studio, site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install(site, time.time() + 1)
    with caplog.at_level(logging.WARNING), watched(studio, every=0.01):
        while not caplog.messages:
            time.sleep(0.01)
        time.sleep(0.05)
    assert [f"This server was started {LATER}" in line for line in caplog.messages] == [True]
    found = server.client(server.key()).get("/api/v1/system/health").json()
    assert (found["status"], found["components"]["packages"]["facts"]) == (
        "ready",
        {"warning": "packages_changed", "installed": ["late_plugin 2.0"]},
    )


@pytest.mark.parametrize("later", [True, False])
def test_the_doctor_tells_which_process_has_earlier_code(tmp_path: Path, site: Path, later: bool) -> None:
    avstudio = CommandLine(tmp_path, [site], "core")
    with Studio(home=avstudio.home, executor="inline", plugins=""):
        install(site, time.time() + (1 if later else -3600))
        shown = avstudio("doctor").out
    assert (f"The process {os.getpid()} was started {LATER}" in shown) is later
