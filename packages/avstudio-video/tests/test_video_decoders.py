"""The decoders of `video.decode`: each gives the frames of the file, or says that PyAV took over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avstudio_core import Studio, TaskFailed
from avstudio_core.errors import MissingDependency
from avstudio_video.libraries import opencv, torchcodec

Make = Callable[..., Path]
WANTED = [0, 1, 7, 12, 19]
FILMS: dict[str, dict[str, Any]] = {
    "b_frames.mp4": {},
    "b_frames.mkv": {},
    "b_frames.ts": {},
    "no_times.h264": {},
    "mpeg4.avi": {"codec": "mpeg4"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "palette.gif": {"codec": "gif"},
    "variable.mp4": {"times": [number + number // 3 for number in range(20)]},
    "upside_down.mp4": {"rotation": 180},
    "on_its_side.mp4": {"rotation": 90},
    "wide_pixels.mp4": {"sample_aspect_ratio": Fraction(3, 2)},
    "with_sound.mp4": {"sound": [440]},
}


@pytest.fixture(params=["pyav", "torchcodec", "opencv"])
def backend(request: pytest.FixtureRequest) -> str:
    """A decoder whose libraries are here."""
    try:
        {"torchcodec": torchcodec, "opencv": opencv}.get(request.param, str)("This test")
    except MissingDependency as error:
        pytest.skip(f"{error} {error.hint}")
    return str(request.param)


def frames(studio: Studio, path: Path, **params: Any) -> tuple[Any, Any]:
    result: Any = studio.run("video.decode", path, format="npz", **params)
    with np.load(result.frames["frames"].path) as file:
        return result, dict(file)


@pytest.mark.parametrize("name", FILMS)
def test_every_decoder_gives_the_frames_and_times_of_the_file(
    shared_studio: Studio, write: Make, name: str, backend: str
) -> None:
    path = write(name, 20, **FILMS[name])
    result, found = frames(shared_studio, path, indices=WANTED, backend=backend, as_shown=False)
    with av.open(str(path)) as file:
        decoded = [*file.decode(video=0)]
        whole = [frame.to_ndarray(format="rgb24") for frame in decoded]
    assert found["indices"].tolist() == WANTED
    if name != "no_times.h264":
        assert found["pts"].tolist() == [decoded[number].pts for number in WANTED]
    for number, pixels in zip(WANTED, found["frames"], strict=True):
        assert np.abs(pixels.astype(int) - whole[number]).max() <= 1, number
    refused = [one.message for one in result.warnings if one.code == "backend_refused"]
    assert result.backend == ("pyav" if refused else backend)
    assert not refused or name in ("b_frames.ts", "no_times.h264", "mpeg4.avi"), refused


def test_every_decoder_shows_a_turned_video_upright(shared_studio: Studio, write: Make, backend: str) -> None:
    path = write("a.mp4", 3, rotation=90)
    found, known = (frames(shared_studio, path, indices=[2], backend=one)[1]["frames"] for one in (backend, "pyav"))
    assert np.abs(found.astype(int) - known).max() <= 1


def test_frames_before_an_edit_list_do_not_count(
    shared_studio: Studio, write: Make, edited: Make, backend: str
) -> None:
    path = edited(write("a.mp4", 30), 13)
    found, known = (frames(shared_studio, path, indices=[0, 5, 16], backend=one)[1] for one in (backend, "pyav"))
    assert found["times"].tolist() == known["times"].tolist()
    assert np.abs(found["frames"].astype(int) - known["frames"]).max() <= 1


def test_colours_of_hdr_are_converted_with_every_decoder(shared_studio: Studio, write: Make, backend: str) -> None:
    grey = [np.full((48, 64, 3), 120, np.uint8)]
    path = write("a.mp4", grey, color_trc=16, color_primaries=9, colorspace=9)
    result, found = frames(shared_studio, path, indices=[0], backend=backend)
    assert found["frames"].mean() > 140
    assert [one.code for one in result.warnings] == ([] if backend == "pyav" else ["backend_refused"])


def test_a_size_that_changes_is_told(shared_studio: Studio, write: Make, tmp_path: Path, backend: str) -> None:
    small = write("a.ts", 10)
    large = write("b.ts", [np.full((96, 128, 3), 200, np.uint8)] * 10, times=range(10, 20))
    path = tmp_path / "changes.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    result, found = frames(shared_studio, path, indices=[2, 15], backend=backend)
    assert found["frames"].shape == (2, 48, 64, 3)
    assert np.abs(found["frames"][1].astype(int) - 200).max() <= 3
    assert "size_changed" in [one.code for one in result.warnings]


@pytest.mark.parametrize("reason", ["an extra that is not installed", "needs FFmpeg's shared libraries"])
def test_a_decoder_that_is_not_here_is_told_with_what_to_install(
    shared_studio: Studio, write: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reason: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("torch", "torchcodec")]:
        monkeypatch.delitem(sys.modules, name)
    if "extra" in reason:
        monkeypatch.setitem(sys.modules, "torchcodec", None)
    else:
        for name in ("torch", "torchcodec"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").touch()
        (tmp_path / "torchcodec" / "decoders.py").write_text("raise RuntimeError('Could not load libtorchcodec')")
        monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TaskFailed, match=reason) as caught:
        frames(shared_studio, write("a.mp4", 2), indices=[0], backend="torchcodec")
    assert (caught.value.cause, "install" in caught.value.hint) == ("missing_dependency", True)


LIBRARIES = {
    "torchcodec": ("torchcodec", "class decoders:\n    def VideoDecoder(*given, **named): raise RuntimeError"),
    "opencv": (
        "cv2",
        "CAP_FFMPEG = 0\nclass VideoCapture:\n    def __init__(*given): pass\n    def isOpened(self): pass",
    ),
}
"""What is imported for a backend, and the code of one that decodes nothing."""


@pytest.mark.parametrize("backend", LIBRARIES)
@pytest.mark.parametrize("change", ["environ['AVSTUDIO_TEST'] = '1'", "environ.pop('HOME')", "environ['HOME'] = 'x'"])
def test_what_the_import_of_a_library_changes_in_the_environment_is_undone(
    shared_studio: Studio, write: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backend: str, change: str
) -> None:
    package, content = LIBRARIES[backend]
    for name in (package, f"{package}.decoders"):
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
    last = f"sys.modules[f'{package}.decoders'] = globals().get('decoders')"
    (tmp_path / f"{package}.py").write_text(f"import os, sys\nos.{change}\n{content}\n{last}")
    monkeypatch.syspath_prepend(tmp_path)
    result, _ = frames(shared_studio, write("a.mp4", 2), indices=[0], backend=backend)
    assert [one.code for one in result.warnings] == ["backend_refused"]
