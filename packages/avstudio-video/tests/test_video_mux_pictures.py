"""Pictures that `video.mux` encodes: as players show them, with subtitles drawn on them on request."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avstudio_core import Studio
from avstudio_core.errors import InvalidParams

Make = Callable[..., Path]
SRT = "1\n00:00:00,200 --> 00:00:00,400\nHello\n\n2\n00:00:00,600 --> 00:00:00,800\nAgain\n"


@pytest.fixture
def srt(tmp_path: Path) -> Path:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    (path := tmp_path / "a.srt").write_text(SRT, encoding="utf-8")
    return path


def grey(write: Make, name: str = "grey.mp4", size: tuple[int, int] = (128, 96), **settings: Any) -> Path:
    """A second of grey."""
    return write(name, [np.full((size[1], size[0], 3), 90, np.uint8)] * 25, **settings)


def muxed(studio: Studio, path: Path, **params: Any) -> Any:
    return studio.run("video.mux", path, **params)


def drawn(pictures: list[Any]) -> list[int]:
    """The numbers of the grey pictures on which something is drawn."""
    return [number for number, one in enumerate(pictures) if np.abs(one - 90).max() > 40]


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(one) for one in file.demux(audio=0) if one.size]


@pytest.mark.parametrize("format", ["mp4", "mkv", "webm"])
def test_burned_subtitles_are_on_the_picture_at_their_times(films: Any, write: Make, srt: Path, format: str) -> None:
    path = grey(write, sound=[440], sound_codec="libopus")
    result = muxed(films.studio, path, format=format, burned=srt, subtitles=[srt], quality=80)
    made, times = films.frames(result.video.path)
    assert drawn(made) == [*range(5, 10), *range(15, 20)]
    assert times == pytest.approx([number / 25 for number in range(25)], abs=0.001)
    assert np.abs(made[6][:48] - 90).max() < 10, "The upper half stays as it was."
    assert [(one.kind, one.copied) for one in result.tracks] == [
        ("video", False), ("audio", True), ("subtitle", format == "mkv")
    ]  # fmt: skip
    assert packets(result.video.path) == packets(path)
    assert [one.code for one in result.warnings if one.code != "picture_encoded"] == []


def test_burned_subtitles_have_a_style_a_size_and_a_place(films: Any, write: Make, srt: Path) -> None:
    path = grey(write, "grey.mkv", codec="ffv1")
    look = {"burned_style": "yellow", "burned_size": 0.2, "burned_position": "top"}
    result = muxed(films.studio, path, burned=srt, video_codec="ffv1", **look)
    chain = "subtitles yellow size=0.2 position=top"
    expected = films.pictures(path, chain, subtitles=srt)
    assert all((one == other).all() for one, other in zip(films.frames(result.video.path)[0], expected, strict=True))


@pytest.mark.parametrize("format", ["mkv", "mp4", "webm"])
def test_the_subtitles_of_a_video_are_burned_in(films: Any, write: Make, srt: Path, format: str) -> None:
    with_track = muxed(films.studio, grey(write), format=format, subtitles=[srt]).video
    for made in (
        muxed(films.studio, with_track.path, burned=with_track.path, drop=["subtitles"], quality=80).video,
        films.applied(grey(write, "b.mkv"), "subtitles", subtitles=with_track.path).video,
    ):
        assert drawn(films.frames(made.path)[0]) == [*range(5, 10), *range(15, 20)]


def test_a_late_picture_stays_in_place_when_it_is_encoded(films: Any, write: Make, srt: Path) -> None:
    path = grey(write, "late.mkv", times=range(50, 75), sound=[440])
    result = muxed(films.studio, path, burned=srt, quality=80)
    made, times = films.frames(result.video.path)
    assert (len(made), times[0], times[-1]) == (25, pytest.approx(2, abs=0.001), pytest.approx(2.96, abs=0.001))
    assert drawn(made) == []


def test_an_encoded_picture_is_upright_with_square_pixels(films: Any, write: Make) -> None:
    turned = write("a.mp4", films.gradient(), rotation=90, sample_aspect_ratio=Fraction(2))
    result = muxed(films.studio, turned, format="webm", quality=80)
    with av.open(str(result.video.path)) as file:
        frame: Any = next(file.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (48, 128, 0)
        assert file.streams.video[0].sample_aspect_ratio == 1
    expected = films.pictures(turned, "flip, flip")[0]
    assert films.psnr(frame.to_ndarray(format="rgb24").astype(float), expected) > 30


def test_an_odd_size_and_one_that_changes_are_told(films: Any, write: Make, tmp_path: Path) -> None:
    odd = write("odd.mkv", [np.full((49, 65, 3), 90, np.uint8)] * 3, codec="ffv1", format="yuv444p")
    assert [one.code for one in muxed(films.studio, odd, format="mp4").warnings][1:] == ["odd_size", "detail_reduced"]
    one, other = write("a.ts", 10), grey(write, "b.ts", times=range(10, 35))
    (path := tmp_path / "c.ts").write_bytes(one.read_bytes() + other.read_bytes())
    result = muxed(films.studio, path, format="webm")
    assert "frames of 'c.ts' have another size" in str([one.message for one in result.warnings])
    assert np.abs(films.frames(result.video.path)[0][-1] - 90).max() < 10


def test_a_file_with_burned_subtitles_ends_with_its_shortest_part(films: Any, write: Make, srt: Path) -> None:
    sound = write("sound.mkv", 10, sound=[880])
    result = muxed(films.studio, grey(write), sound=[sound], burned=srt, shortest=True)
    assert result.duration == pytest.approx(0.4, abs=0.03)
    assert len(films.frames(result.video.path)[0]) in (10, 11)


def test_a_copied_picture_cannot_be_drawn_on(films: Any, write: Make, srt: Path) -> None:
    with pytest.raises(InvalidParams, match="'burned' draws on the picture, and 'video_codec' is 'copy'"):
        muxed(films.studio, grey(write), burned=srt, video_codec="copy")
