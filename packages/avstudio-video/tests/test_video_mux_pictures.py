"""Pictures that `video.mux` encodes: as players show them, with subtitles drawn on them on request."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avstudio_core import Studio, TaskFailed
from avstudio_core.errors import InvalidParams

Make = Callable[..., Path]
FIELDS = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
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
        muxed(films.studio, with_track.path, burned=with_track.path, quality=80).video,
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


def test_a_track_of_a_video_is_chosen_drawn_and_not_kept(films: Any, write: Make, srt: Path, tmp_path: Path) -> None:
    (late := tmp_path / "b.srt").write_text(SRT.replace("200", "600").replace("400", "800"), encoding="utf-8")
    both = muxed(films.studio, grey(write), subtitles=[srt, late], subtitle_languages=["en", "de"]).video
    result = muxed(films.studio, both.path, burned=both.path, burned_track="German", quality=80)
    assert drawn(films.frames(result.video.path)[0]) == [*range(15, 20)]
    assert ([one.language for one in result.tracks if one.kind == "subtitle"], result.warnings) == (["eng"], [])
    told = muxed(films.studio, both.path, burned=both.path, burned_offset=0.08, quality=80)
    assert drawn(films.frames(told.video.path)[0]) == [*range(7, 12), *range(17, 22)]
    assert [one.code for one in told.warnings] == ["other_tracks"]
    with pytest.raises(TaskFailed, match=r"has no subtitles 'fr'. Choose one of these: 1 \(eng\), 2 \(deu\)"):
        muxed(films.studio, both.path, burned=both.path, burned_track="fr")


def test_styles_that_are_not_drawn_are_told_and_shapes_are_left_out(films: Any, write: Make, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    events = "".join(
        f"Dialogue: 0,0:00:00.{start},0:00:00.{end},Big,,0,0,0,,{text}\n"
        for start, end, text in ((20, 40, "{\\p1}m 0 0 l 9 0 9 9{\\p0}"), (60, 80, "{\\p1}m 0 0 l 9 0{\\p0}Text"))
    )
    (alpha := tmp_path / "a.ass").write_text(f"[Script Info]\nScriptType: v4.00+\n\n[Events]\n{FIELDS}\n{events}")
    result = muxed(films.studio, grey(write), burned=alpha, quality=80)
    assert drawn(films.frames(result.video.path)[0]) == [*range(15, 20)]
    assert [one.code for one in result.warnings] == ["styles_lost"]


def test_lines_that_are_given_keep_the_size_of_their_letters(films: Any, write: Make, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    heights = []
    for number in (1, 4):
        path = tmp_path / f"{number}.srt"
        path.write_text("1\n00:00:00,000 --> 00:00:01,000\n" + "H\n" * number)
        shown = films.frames(muxed(films.studio, grey(write), burned=path, burned_size=0.1, quality=90).video.path)[0][
            5
        ]
        rows = np.flatnonzero((np.abs(shown - 90) > 60).any(axis=(1, 2)))
        heights.append(int(rows[-1] - rows[0] + 1))
    assert heights[1] > 4 * heights[0]


def test_subtitles_of_which_nothing_is_drawn_are_told(films: Any, write: Make, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    (path := tmp_path / "late.srt").write_text("1\n00:00:05,000 --> 00:00:06,000\nLate\n")
    [told] = muxed(films.studio, grey(write), burned=path).warnings
    assert (told.code, told.message) == ("nothing_drawn", "No text of 'late.srt' is within the video.")


def test_a_file_that_ends_before_its_first_picture_is_refused(films: Any, write: Make) -> None:
    late, sound = grey(write, "late.mkv", times=range(75, 100), sound=[440]), write("sound.mkv", 25, sound=[440])
    with pytest.raises(TaskFailed, match=r"Nothing of 'late\.mkv' is within the new file"):
        muxed(films.studio, late, sound=[sound], shortest=True, format="webm")


def test_frames_that_avi_drops_leave_the_others_at_their_times(films: Any, write: Make) -> None:
    times = [number for number in range(60) if number % 5]
    path = write("a.avi", len(times), times=times, codec="mpeg4", options={})
    result = muxed(films.studio, path, format="webm")
    known = films.frames(path)[1]
    assert films.frames(result.video.path)[1] == pytest.approx(known, abs=0.001)
    assert len(known) == len(times)


def test_frames_out_of_order_are_told(films: Any, write: Make) -> None:
    times = [number for number in range(120) if number % 5]  # AVI does not state when frames of H.264 are shown
    options = {"bf": "2", "b-pyramid": "none", "g": "250", "sc_threshold": "0"}
    path = write("a.avi", len(times), times=times, options=options)
    told = [one.message for one in muxed(films.studio, path, format="webm").warnings if one.code == "damaged"]
    assert len(told) == 1
    assert "frames of 'a.avi' do not come in the order of their times, and are left out." in told[0]


@pytest.mark.parametrize("look", [{"burned_size": 0.1}, {"burned_track": "de"}])
def test_looks_without_subtitles_are_refused(films: Any, write: Make, look: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams, match=f"'{next(iter(look))}' is given without 'burned'"):
        muxed(films.studio, grey(write), **look)


def test_a_copied_picture_cannot_be_drawn_on(films: Any, write: Make, srt: Path) -> None:
    with pytest.raises(InvalidParams, match="'burned' draws on the picture, and 'video_codec' is 'copy'"):
        muxed(films.studio, grey(write), burned=srt, video_codec="copy")
