"""`video.probe` through the studio."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import avstudio_video
from avstudio_core import Studio, TaskFailed
from avstudio_core.testing import ProcessorContract
from avstudio_core.testing.fixtures import Tone

HDR = {"color_trc": 16, "color_primaries": 9, "colorspace": 9}


class TestProbe(ProcessorContract):
    plugin = avstudio_video
    processor = "video.probe"

    @pytest.fixture
    def sample(self, write: Callable[..., Path]) -> Path | None:
        return write("film.mp4")


def probed(studio: Studio, path: Path, **params: Any) -> Any:
    return studio.run("video.probe", path, **params)


FORMATS = {"prores_ks": "yuv422p10le", "gif": "rgb8"}


@pytest.mark.parametrize(
    "name",
    [
        "mp4:libx264",
        "mkv:libx264",
        "ts:libx264",
        "h264:libx264",
        "avi:mpeg4",
        "webm:libvpx-vp9",
        "gif:gif",
        "mov:prores_ks",
    ],
)
def test_frames_and_length_are_exact_in_every_container(
    shared_studio: Studio, write: Callable[..., Path], name: str
) -> None:
    ending, codec = name.split(":")
    path = write(f"a.{ending}", 30, codec=codec, format=FORMATS.get(codec, "yuv420p"))
    result = probed(shared_studio, path)
    times = result.contents.video[0].times
    assert (times.frames, times.variable_rate, times.guessed) == (30, False, ending == "h264")
    assert times.duration == pytest.approx(1.2, abs=0.001)
    assert times.start == pytest.approx(0.0, abs=0.041)  # AVI begins with a frame that is not shown
    assert result.warnings == []


def test_a_variable_rate_is_known_as_such(shared_studio: Studio, write: Callable[..., Path]) -> None:
    times = probed(shared_studio, write("a.mp4", 5, times=[0, 1, 3, 4, 9])).contents.video[0].times
    assert (times.variable_rate, times.shortest, times.longest) == (True, 0.04, 0.2)


def test_rounded_milliseconds_are_a_constant_rate(shared_studio: Studio, write: Callable[..., Path]) -> None:
    video = probed(shared_studio, write("a.mkv", 12, rate=Fraction(30000, 1001))).contents.video[0]
    assert (video.times.variable_rate, video.nominal_rate) == (False, "30000/1001")
    assert (video.times.shortest, video.times.longest) == (0.033, 0.034)


def test_milliseconds_that_were_copied_to_a_finer_unit_are_still_a_constant_rate(
    shared_studio: Studio, write: Callable[..., Path]
) -> None:
    times = [round(number * 1001 / 30) for number in range(12)]
    path = write("a.mp4", 12, rate=Fraction(30000, 1001), times=times, unit=Fraction(1, 1000))
    video = probed(shared_studio, path).contents.video[0]
    assert (video.times.variable_rate, video.times.longest) == (False, 0.034)


def test_the_size_on_the_screen_is_upright_and_has_square_pixels(
    shared_studio: Studio, write: Callable[..., Path]
) -> None:
    path = write("a.mp4", 3, rotation=90, sample_aspect_ratio=Fraction(3, 2))
    video = probed(shared_studio, path).contents.video[0]
    assert (video.width, video.height, video.pixel_aspect, video.rotation) == (64, 48, "3:2", 90)
    assert (video.display_width, video.display_height) == (48, 96)


@pytest.mark.parametrize(("transfer", "kind"), [(16, "PQ"), (18, "HLG"), (1, None)])
def test_colours_and_hdr_are_named(
    shared_studio: Studio, write: Callable[..., Path], transfer: int, kind: str | None
) -> None:
    video = probed(shared_studio, write("a.mp4", 3, **HDR | {"color_trc": transfer})).contents.video[0]
    assert (video.hdr, video.colour.primaries, video.colour.matrix) == (kind, "bt2020", "bt2020nc")


MASTER = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize(
    ("notes", "transfer", "kind"),
    [(MASTER, 16, "HDR10"), ("max-cll=1000,400", 16, "HDR10"), ("", 16, "PQ"), (MASTER, 18, "HLG"), (MASTER, 1, None)],
)
def test_hdr_with_metadata_of_a_display_is_hdr10(
    shared_studio: Studio, write: Callable[..., Path], name: str, notes: str, transfer: int, kind: str | None
) -> None:
    options = {"x265-params": f"log-level=none:{notes}"}
    how = {**HDR, "color_trc": transfer, "codec": "libx265", "format": "yuv420p10le", "options": options}
    video = probed(shared_studio, write(name, 3, **how)).contents.video[0]
    assert (video.codec, video.bits, video.hdr) == ("hevc", 10, kind)


@pytest.mark.parametrize(
    ("codec", "options"),
    [("libx264", {"x264-params": "tff=1"}), ("libx264", {"x264-params": "bff=1"}), ("mpeg2video", {"flags": "+ildct"})],
)
@pytest.mark.parametrize("name", ["a.mkv", "a.ts"])
def test_fields_of_different_times_are_told(
    shared_studio: Studio, write: Callable[..., Path], name: str, codec: str, options: dict[str, str]
) -> None:
    found = [probed(shared_studio, write(name, 5, codec=codec, options=one)).contents.video[0] for one in (options, {})]
    assert [one.interlaced for one in found] == [True, False]


def test_chapters_timecode_and_distances_of_key_frames_are_told(
    shared_studio: Studio, write: Callable[..., Path]
) -> None:
    titled = {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}
    path = write("a.mov", 30, metadata={"timecode": "01:00:00:00"}, chapters=[titled], sound=[440])
    contents = probed(shared_studio, path).contents
    assert contents.timecode == "01:00:00:00"
    assert [(one.start, one.end, one.title) for one in contents.chapters] == [(0.0, 0.4, "One")]
    assert [(hit.kind, hit.name, hit.end) for hit in shared_studio.library.search("one").items] == [
        ("chapter", "a.mov", 0.4)
    ]
    keys = contents.video[0].times.key_frames
    assert (keys.count, keys.usual) == (3, 0.4)
    assert (contents.audio[0].channels, contents.audio[0].rate) == (2, 48_000)


def test_frames_before_an_edit_list_do_not_count(
    shared_studio: Studio, write: Callable[..., Path], edited: Callable[..., Path]
) -> None:
    path = edited(write("a.mp4", 30), 13)
    times = probed(shared_studio, path).contents.video[0].times
    with av.open(str(path)) as file:
        assert times.frames == len([*file.decode(video=0)]) == 17
    assert times.start == 0.0


def test_times_count_from_the_start_of_the_file(shared_studio: Studio, write: Callable[..., Path]) -> None:
    contents = probed(shared_studio, write("a.ts", 10, sound=[440])).contents
    assert contents.start > 0
    assert contents.video[0].times.start == pytest.approx(0.0, abs=0.05)
    assert contents.duration == pytest.approx(0.4, abs=0.05)


def test_a_short_look_reads_only_headers(shared_studio: Studio, write: Callable[..., Path]) -> None:
    contents = probed(shared_studio, write("a.mp4"), scan=False).contents
    assert (contents.video[0].times, contents.duration) == (None, 1.2)


def test_a_file_that_is_cut_short_is_told(shared_studio: Studio, write: Callable[..., Path], tmp_path: Path) -> None:
    whole = write("a.mkv", 100, options={"g": "10", "crf": "0"}).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    result = probed(shared_studio, tmp_path / "cut.mkv")
    assert [one.code for one in result.warnings] == ["truncated"]
    assert result.contents.duration < result.contents.stated_duration - 1


def refused(studio: Studio, path: Path, **params: Any) -> TaskFailed:
    with pytest.raises(TaskFailed) as caught:
        probed(studio, path, **params)
    return caught.value


def test_empty_frames_of_avi_are_not_missing(shared_studio: Studio, write: Callable[..., Path]) -> None:
    path = write("a.avi", 8, codec="mpeg4", times=[0, 1, 2, 5, 6, 7, 8, 9], options={})
    for processor in ("video.probe", "video.decode"):
        assert "truncated" not in [one.code for one in shared_studio.run(processor, path).warnings]


def test_a_recording_without_video_is_refused(shared_studio: Studio, tone: Tone) -> None:
    assert refused(shared_studio, tone(seconds=0.1)).cause == "no_video_stream"


def test_a_playlist_is_refused(shared_studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "list.ts").write_text("#EXTM3U\n/etc/passwd\n")
    assert "is a playlist" in str(refused(shared_studio, tmp_path / "list.ts"))


def test_frames_and_streams_have_limits(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write("a.mkv", 3, sound=[440, 550, 660])
    with Studio(
        home=tmp_path / "home", executor="inline", plugins="", add=[avstudio_video], frame_pixels=1000
    ) as small:
        assert "64x48 pixels" in str(refused(small, path))
    with Studio(home=tmp_path / "home", executor="inline", plugins="", add=[avstudio_video], media_streams=3) as few:
        assert "more than 3 streams" in str(refused(few, path))
    with Studio(
        home=tmp_path / "home", executor="inline", plugins="", add=[avstudio_video], media_seconds=0.1
    ) as short:
        assert "more than 0.1 s" in str(refused(short, path))


def test_a_picture_of_one_pixel_is_a_video_of_one_frame(shared_studio: Studio, write: Callable[..., Path]) -> None:
    video = probed(shared_studio, write("a.mov", [np.zeros((1, 1, 3), np.uint8)], codec="png", format="rgb24")).contents
    assert (video.video[0].width, video.video[0].times.frames) == (1, 1)


def test_the_best_of_several_streams_is_the_main_one(shared_studio: Studio, nasa: Path) -> None:
    contents = probed(shared_studio, nasa).contents
    assert [(one.index, one.times.frames, one.rate) for one in contents.video] == [
        (0, 325, "25"),
        (3, 390, "30000/1001"),
    ]
    assert (contents.main, len(contents.audio), len(contents.subtitles)) == (3, 2, 2)
