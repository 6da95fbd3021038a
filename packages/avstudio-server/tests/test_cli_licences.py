"""The licences of what is installed, in `avstudio doctor`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine
from avstudio_server.views.licences import licence_data


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed distributions: `name` in `name-1.0.dist-info`."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def installed(folder: Path, name: str, *lines: str, record: str = "") -> None:
    place = folder / f"{name}-1.0.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *lines]))
    (place / "RECORD").write_text(record)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("License-Expression: GPL-3.0-only", "GPL-3.0-only"),
        ("License-Expression: AGPL-3.0-or-later", "AGPL-3.0-or-later"),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", "v3 (GPLv3)"),
        ("License: GPL", "GPL"),
        ("License-Expression: LGPL-2.1-or-later", None),
        ("License-Expression: MIT OR GPL-2.0-only", None),
        ("Classifier: License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", None),
        (f"License: Copyright, in which much is said,{' and more,' * 9} such as GPL", None),
    ],
)
def test_a_package_under_the_gpl_is_found_among_requirements(install: Path, line: str, shown: str | None) -> None:
    installed(install, "ours", "Requires-Dist: theirs>=1; extra == 'more'")
    installed(install, "theirs", line)
    found = [one["licence"] for one in licence_data(["ours"])]
    assert [text.rpartition("License ")[2] for text in found] == ([shown] if shown else [])


@pytest.mark.parametrize(
    "file", ["theirs.libs/libx264-90b1.so.164", "theirs/.dylibs/libx264.164.dylib", "libx264-164-0f.dll"]
)
def test_a_library_inside_a_wheel_is_found(install: Path, file: str) -> None:
    record = f"theirs/__init__.py,sha256=0,0\n{file},sha256=0,9\ntheirs/x264.py,,\n"
    installed(install, "theirs", "License-Expression: BSD-3-Clause", record=record)
    assert licence_data(["theirs"]) == [
        {
            "distribution": "theirs",
            "version": "1.0",
            "licence": None,
            "contains": [{"library": "x264", "licence": "GPL-2.0-or-later"}],
        }
    ]


@pytest.mark.skipif(sys.platform != "linux" or find_spec("avstudio_video") is None, reason="PyAV's wheel is not here")
def test_the_doctor_tells_what_the_wheel_of_pyav_contains(tmp_path: Path) -> None:
    shown = CommandLine(tmp_path, plugins="video")("doctor").out
    part = shown.partition("Licences:\n")[2].partition("\n\n")[0]
    assert "contains x264 (GPL-2.0-or-later), x265 (GPL-2.0-or-later)" in part
