"""Subtitles that are pictures: of Blu-ray (PGS), DVD and DVB."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

import av
import pytest

from avstudio_core import Studio, TaskFailed

Make = Callable[..., Path]
SPANS = [(1.0, 2.0), (2.5, 3.0)]
"""When the subtitles are shown, in seconds."""
SIZE = 64, 48


def pgs(path: Path) -> Path:
    """A file of subtitles, each a bar of one colour, as a Blu-ray has them."""
    width, height, x, y = 32, 8, 16, 36
    row = bytes([0, 0x80 | width, 1, 0, 0])
    window = bytes([1, 0]) + pack(">HHHH", x, y, width, height)
    palette, rows = bytes([0, 0, 1, 235, 128, 128, 255]), row * height
    picture = pack(">HBB", 0, 0, 0xC0) + (len(rows) + 4).to_bytes(3) + pack(">HH", width, height) + rows
    shown = [(0x17, window), (0x14, palette), (0x15, picture), (0x80, b"")]
    data = b""
    for start, end in SPANS:
        first = pack(">HHBHBBBB", *SIZE, 16, 0, 0x80, 0, 0, 1) + pack(">HBBHH", 0, 0, 0, x, y)
        last = pack(">HHBHBBBB", *SIZE, 16, 1, 0, 0, 0, 0)
        for time, parts in ((start, [(0x16, first), *shown]), (end, [(0x16, last), (0x17, window), (0x80, b"")])):
            for kind, body in parts:
                data += b"PG" + pack(">IIBH", round(time * 90_000), 0, kind, len(body)) + body
    path.write_bytes(data)
    return path


def times(path: Path) -> list[float]:
    """When packets of subtitles are shown."""
    with av.open(str(path)) as file:
        return [float((one.pts or 0) * one.time_base) for one in file.demux(file.streams.subtitles[0]) if one.size]


def test_pictures_are_copied_at_their_times_and_kept(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    made = shared_studio.run("video.mux", write("a.mp4", 100), subtitles=[pgs(tmp_path / "a.sup")], format="mkv")
    again = shared_studio.run("video.mux", made.video.path)
    for one in (made, again):
        assert times(one.video.path) == pytest.approx([time for span in SPANS for time in span], abs=0.001)
        assert not one.warnings
    [known] = shared_studio.run("video.probe", made.video.path).contents.subtitles
    assert (known.codec, known.text) == ("hdmv_pgs_subtitle", False)


def test_subtitles_after_the_end_of_the_picture_do_not_make_a_file_cut_short(
    shared_studio: Studio, write: Make, tmp_path: Path
) -> None:
    made = shared_studio.run("video.mux", write("a.mp4", 25), subtitles=[pgs(tmp_path / "a.sup")], format="mkv")
    found = shared_studio.run("video.probe", made.video.path)
    assert (found.warnings, found.contents.duration) == ([], pytest.approx(1, abs=0.01))


@pytest.fixture(params=["hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"])
def film(request: pytest.FixtureRequest, write: Make, tmp_path: Path) -> Path:
    """A video with subtitles of one kind."""
    path, given = tmp_path / "film.mkv", ["-i", str(write("a.mp4", 100)), "-i", str(pgs(tmp_path / "a.sup"))]
    if not (program := shutil.which("ffmpeg")):
        pytest.skip("ffmpeg is not installed, which encodes them")
    codec = {"dvd_subtitle": "dvdsub", "dvb_subtitle": "dvbsub"}.get(request.param, "copy")
    how = ["-map", "0", "-map", "1", "-c", "copy", "-c:s", codec, "-s", "64x48", str(path)]
    subprocess.run([program, "-v", "error", *given, *how], check=True)
    return path


def test_what_cannot_have_pictures_drops_or_refuses_them(shared_studio: Studio, film: Path, write: Make) -> None:
    dropped: list[tuple[str, dict[str, Any], str]] = [
        ("video.mux", {"format": "mp4"}, "streams_dropped"),
        ("video.cut", {"keep": ["0-1"]}, "streams_left_out"),
        ("video.cut", {"keep": ["0-1"], "mode": "keyframe"}, "streams_left_out"),
        ("video.concat", {"inputs": [film]}, "streams_left_out"),
        ("video.effects", {"chain": ["flip"]}, "tracks_left_out"),
    ]
    for processor, params, code in dropped:
        warnings = shared_studio.run(processor, film, **params).warnings
        assert {one.code for one in warnings if "subtitle" in one.message} == {code}, processor
    with pytest.raises(TaskFailed, match=r"are pictures \(\w+_subtitle\), which 'mp4' does not store"):
        shared_studio.run("video.mux", write("b.mp4", 100), subtitles=[film], format="mp4")
    drawing: list[tuple[str, dict[str, Any]]] = [
        ("video.effects", {"chain": ["subtitles"], "subtitles": film}),
        ("video.mux", {"burned": film}),
    ]
    for processor, params in drawing:
        with pytest.raises(TaskFailed, match=r"are pictures \(\w+_subtitle\), which cannot be drawn"):
            shared_studio.run(processor, write("b.mp4", 100), **params)
