"""`video.decode` through the studio."""

from __future__ import annotations

import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import avstudio_video
from avstudio_core import Studio, TaskFailed
from avstudio_core.documents.scenes import Scene, Scenes
from avstudio_core.errors import InvalidParams
from avstudio_core.testing import ProcessorContract

Make = Callable[..., Path]
FORMATS = {"prores_ks": "yuv422p10le", "gif": "rgb8"}
CONTAINERS = ["mp4:libx264", "mkv:libx264", "ts:libx264", "h264:libx264", "avi:mpeg4", "webm:libvpx-vp9", "gif:gif"]


class TestDecode(ProcessorContract):
    plugin = avstudio_video
    processor = "video.decode"
    params = {"times": [0.1, 0.3]}  # noqa: RUF012

    @pytest.fixture
    def sample(self, write: Make) -> Path:
        return write("film.mp4", 10)


def decoded(studio: Studio, path: Path, **params: Any) -> Any:
    return studio.run("video.decode", path, **params)


def arrays(studio: Studio, path: Path, **params: Any) -> dict[str, NDArray[Any]]:
    """The frames as arrays: `frames`, `times`, `pts` and `indices`."""
    made = decoded(studio, path, format="npz", **params).frames["frames"]
    assert hashlib.sha256(made.path.read_bytes()).hexdigest() == made.sha256
    with np.load(made.path) as file:
        return dict(file)


def sequential(path: Path) -> list[NDArray[Any]]:
    """All frames of a file, as PyAV decodes them from the start."""
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("indices", [[17, 3, 29, 0, 18], [25], list(range(30))])
def test_any_frame_has_the_pixels_of_a_decoder_that_starts_at_the_first(
    shared_studio: Studio, write: Make, name: str, indices: list[int]
) -> None:
    ending, codec = name.split(":")
    path = write(f"a.{ending}", 30, codec=codec, format=FORMATS.get(codec, "yuv420p"))
    found = arrays(shared_studio, path, indices=indices)
    whole = sequential(path)
    assert found["indices"].tolist() == indices
    for number, pixels in zip(indices, found["frames"], strict=True):
        assert (pixels == whole[number]).all(), number


@pytest.fixture(scope="module")
def wide_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio that decodes on three threads."""
    home = tmp_path_factory.mktemp("wide")
    with Studio(home=home, executor="inline", plugins="", add=[avstudio_video], threads=3) as studio:
        yield studio


@pytest.mark.parametrize("indices", [[3, 12, 14, 38, 45, 46, 71], [79, 5], list(range(80))])
def test_threads_give_the_same_frames_in_the_same_order(wide_studio: Studio, write: Make, indices: list[int]) -> None:
    path = write("a.mp4", 80)
    found, whole = arrays(wide_studio, path, indices=indices), sequential(path)
    assert found["indices"].tolist() == indices
    assert [bool((one == whole[number]).all()) for one, number in zip(found["frames"], indices, strict=True)] == [
        True
    ] * len(indices)


@pytest.mark.parametrize("indices", [[3, 25, 38, 71], list(range(80))])
def test_threads_end_with_a_run_that_fails(wide_studio: Studio, write: Make, indices: list[int]) -> None:
    path = write("a.mp4", 80)
    assert "outside the picture" in refused(wide_studio, path, indices=indices, crop="60,0,10,10")
    assert not [one for one in threading.enumerate() if one.name == "avstudio-ahead"]


def test_a_file_that_was_replaced_has_its_own_frames(shared_studio: Studio, write: Make) -> None:
    assert decoded(shared_studio, write("a.mp4", 10), indices=[9]).index[0].time == 0.36
    assert decoded(shared_studio, write("a.mp4", 20), indices=[19]).index[0].time == 0.76


def test_a_frame_is_the_one_on_the_screen_also_at_a_variable_rate(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 5, times=[0, 1, 3, 4, 9])
    result = decoded(shared_studio, path, times=[0.0, 0.079, 0.12, 0.35, 0.36])
    assert [one.index for one in result.index] == [0, 1, 2, 3, 4]
    assert [one.time for one in result.index] == [0.0, 0.04, 0.12, 0.16, 0.36]
    assert [one.duration for one in result.index][3] == pytest.approx(0.2)


def test_a_frame_is_on_the_screen_to_its_end_also_in_a_file_that_counts_frames(
    shared_studio: Studio, write: Make
) -> None:
    path = write("a.avi", 3, codec="mpeg4", options={})
    made = shared_studio.run("video.decode", path, times=[0.03, 0.0396, 0.06, 0.119])
    assert [one.index for one in made.index] == [0, 1, 1, 2]
    one = shared_studio.run("video.decode", write("b.avi", 1, codec="mpeg4", options={}), count=1)
    assert [frame.index for frame in one.index] == [0]


def test_until_the_first_frame_is_shown_it_is_the_first_one(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", 3, times=[5, 6, 7], sound=[440])
    result = decoded(shared_studio, path, times=[0.0, 0.1, 0.25])
    assert [(one.requested, one.index, one.time) for one in result.index] == [
        (0.0, 0, 0.2),
        (0.1, 0, 0.2),
        (0.25, 1, 0.24),
    ]


def test_frames_come_in_the_order_asked_and_as_often(shared_studio: Studio, write: Make) -> None:
    result = decoded(shared_studio, write("a.mp4", 10), times=[0.3, 0.1, 0.3])
    assert [(one.name, one.index, one.requested) for one in result.index] == [
        ("frame_000001", 7, 0.3),
        ("frame_000002", 2, 0.1),
        ("frame_000003", 7, 0.3),
    ]
    assert result.frames["frame_000001"].sha256 == result.frames["frame_000003"].sha256


def test_frames_before_an_edit_list_do_not_count(shared_studio: Studio, write: Make, edited: Make) -> None:
    path = edited(write("a.mp4", 30), 13)
    found = arrays(shared_studio, path, indices=[0, 1, 16])
    whole = sequential(path)
    assert [bool((one == whole[number]).all()) for one, number in zip(found["frames"], (0, 1, 16), strict=True)] == [
        True
    ] * 3


@pytest.mark.parametrize(
    ("params", "indices"),
    [
        ({"every": 0.2}, [0, 5, 10, 15, 20, 25]),
        ({"fps": 10, "start": 0.4, "end": 0.8}, [10, 12, 15, 17]),
        ({"count": 3}, [5, 15, 25]),
        ({"keyframes": True}, [0, 10, 20]),
        ({"keyframes": True, "start": 0.1}, [10, 20]),
        ({"times": [0.39, 1.0], "snap": "keyframe"}, [0, 20]),
    ],
)
def test_frames_are_chosen_by_rate_number_and_key(
    shared_studio: Studio, write: Make, params: dict[str, Any], indices: list[int]
) -> None:
    result = decoded(shared_studio, write("a.mp4", 30), **params)
    assert [one.index for one in result.index] == indices
    assert result.backend == "pyav"
    assert [one.key for one in result.index] == [number % 10 == 0 for number in indices]


def test_one_frame_of_each_scene_is_decoded(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    path, document = write("a.mp4", 30), tmp_path / "a.scenes.json"
    spans = [(0.0, 0.8, 0, 20), (0.8, 1.2, 20, 30)]
    scenes = [Scene(id=n, start=a, end=b, start_frame=c, end_frame=d) for n, (a, b, c, d) in enumerate(spans)]
    document.write_text(Scenes(duration=1.2, scenes=scenes).written(), encoding="utf-8")
    result = decoded(shared_studio, path, scenes=shared_studio.take_in(document))
    assert [one.index for one in result.index] == [10, 25]
    document.write_text('{"scenes": 3}', encoding="utf-8")
    assert "not a document of scenes" in refused(shared_studio, path, scenes=shared_studio.take_in(document))


def test_pictures_are_upright_and_have_square_pixels(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 2, rotation=90, sample_aspect_ratio=Fraction(3, 2))
    shown = decoded(shared_studio, path, indices=[0], format="png")
    assert (shown.width, shown.height) == (48, 96)
    assert arrays(shared_studio, path, indices=[0])["frames"].shape == (1, 96, 48, 3)
    assert arrays(shared_studio, path, indices=[0], crop="8,60,40,36")["frames"].shape == (1, 36, 40, 3)
    assert shown.frames["frame_000001"].facts.height == 96
    stored = arrays(shared_studio, path, indices=[0], as_shown=False)["frames"][0]
    turned = arrays(shared_studio, write("b.mp4", 2, rotation=90), indices=[0])["frames"][0]
    assert stored.shape == (48, 64, 3)
    assert (turned == np.rot90(stored)).all()


@pytest.mark.parametrize(
    ("params", "size"),
    [
        ({"width": 32}, (32, 24)),
        ({"width": 40, "height": 40}, (40, 30)),
        ({"width": 40, "height": 40, "fit": "cover"}, (40, 40)),
        ({"width": 40, "height": 20, "fit": "stretch"}, (40, 20)),
        ({"crop": "10,6,20,30"}, (20, 30)),
        ({"crop": "10,6,20,30", "height": 15}, (10, 15)),
    ],
)
def test_sizes_are_those_asked_for(
    shared_studio: Studio, write: Make, params: dict[str, Any], size: tuple[int, int]
) -> None:
    path = write("a.mp4", 2)
    assert arrays(shared_studio, path, indices=[0], **params)["frames"].shape == (1, size[1], size[0], 3)
    result = decoded(shared_studio, path, indices=[0], **params)
    assert (result.width, result.height) == size


@pytest.mark.parametrize(("rotation", "matrix"), [(0, (-1, 0, 0, 1)), (270, (0, 1, 1, 0)), (180, (1, 0, 0, -1))])
def test_a_mirrored_picture_is_upright_and_told(
    shared_studio: Studio, write: Make, rotation: int, matrix: tuple[int, int, int, int]
) -> None:
    path, turned = write("a.mp4", 3), write("b.mp4", 3, rotation=rotation)
    data = bytearray(path.read_bytes())
    place = data.find(b"tkhd") + 44
    a, b, c, d = (65_536 * one for one in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    made = decoded(shared_studio, path, indices=[1], format="npz")
    assert [one.code for one in made.warnings] == ["mirrored"]
    upright = arrays(shared_studio, turned, indices=[1])["frames"]
    assert (arrays(shared_studio, path, indices=[1])["frames"] == upright).all()
    facts = shared_studio.run("video.probe", path).contents.video[0]
    assert (facts.mirrored, facts.rotation % 360) == (True, rotation)


def test_a_crop_has_the_pixels_of_its_place(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 2)
    [whole, part] = (
        arrays(shared_studio, path, indices=[1], **more)["frames"][0] for more in ({}, {"crop": "8,4,20,10"})
    )
    assert (part == whole[4:14, 8:28]).all()


@pytest.mark.parametrize(("format", "difference"), [("png", 0.0), ("jpeg", 3.0), ("webp", 8.0)])
def test_pictures_can_be_read_by_others(shared_studio: Studio, write: Make, format: str, difference: float) -> None:
    path = write("a.mp4", 3)
    result = decoded(shared_studio, path, indices=[2], format=format)
    picture = result.frames["frame_000001"]
    with av.open(str(picture.path)) as file:
        read = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert picture.media_type == f"image/{format}"
    assert np.abs(read - sequential(path)[2]).mean() <= difference


def test_a_lower_quality_is_smaller(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 2)
    for format in ("jpeg", "webp"):
        sizes = [
            decoded(shared_studio, path, indices=[0], format=format, quality=one).frames["frame_000001"].size
            for one in (20, 95)
        ]
        assert sizes[0] < sizes[1]


def test_arrays_and_a_sheet_leave_out_a_frame_that_cannot_be_decoded(shared_studio: Studio, write: Make) -> None:
    path = write("a.avi", 5, codec="mjpeg", format="yuvj420p")
    whole = sequential(path)
    with av.open(str(path)) as file:
        place, size = next((one.pos or 0, one.size) for one in file.demux(video=0) if one.pts == 2)
    content = path.read_bytes()
    path.write_bytes(content[:place] + bytes(size) + content[place + size :])
    found = arrays(shared_studio, path, indices=[1, 2, 4])
    assert found["indices"].tolist() == [1, 4]
    assert (found["frames"] == np.stack([whole[1], whole[4]])).all()
    result = decoded(shared_studio, path, indices=[1, 2, 4], format="sheet", columns=4)
    assert (result.frames["sheet"].facts.width, [one.code for one in result.warnings]) == (
        2 * 68 + 4,
        ["frames_missing"],
    )


def test_a_contact_sheet_has_all_frames_with_their_times(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 10)
    result = decoded(shared_studio, path, count=4, columns=2, format="sheet")
    with av.open(str(result.frames["sheet"].path)) as file:
        sheet = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert sheet.shape == (4 + 2 * (48 + 7 + 4), 4 + 2 * (64 + 4), 3)
    first = sequential(path)[result.index[0].index]
    assert (sheet[4:52, 4:68] == first).all()
    assert (sheet[52:59, 4:68] == 235).any()
    plain = decoded(shared_studio, path, count=4, columns=2, format="sheet", labels=False)
    assert plain.frames["sheet"].facts.height == 4 + 2 * (48 + 4)


def test_opencv_gives_the_same_frames(shared_studio: Studio, write: Make) -> None:
    pytest.importorskip("cv2", reason="avstudio-video[opencv] is not installed")
    path = write("a.mp4", 30, rotation=90)
    for indices in ([3, 20, 29], [11]):
        ours, theirs = (arrays(shared_studio, path, indices=indices, backend=one) for one in ("pyav", "opencv"))
        assert np.abs(ours["frames"].astype(int) - theirs["frames"]).max() <= 1
        assert (ours["times"] == theirs["times"]).all()
    assert decoded(shared_studio, path, indices=[3], backend="opencv").backend == "opencv"


def test_a_decoder_with_other_frames_is_refused(shared_studio: Studio, write: Make, edited: Make) -> None:
    pytest.importorskip("cv2", reason="avstudio-video[opencv] is not installed")
    path = edited(write("a.mp4", 30), 13)
    result = decoded(shared_studio, path, indices=[5], backend="opencv")
    same = arrays(shared_studio, path, indices=[5])["frames"][0]
    if result.backend == "pyav":
        assert [one.code for one in result.warnings] == ["backend_refused"]
    assert (arrays(shared_studio, path, indices=[5], backend="opencv")["frames"][0] == same).all()


def test_colours_of_hdr_are_converted_unless_it_is_off(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", [np.full((48, 64, 3), 120, np.uint8)], color_trc=16, color_primaries=9, colorspace=9)
    converted, kept = (
        arrays(shared_studio, path, indices=[0], tonemap=one)["frames"].mean() for one in ("auto", "off")
    )
    assert converted > kept + 20


def test_guessed_times_are_told(shared_studio: Studio, write: Make) -> None:
    result = decoded(shared_studio, write("a.h264", 10), times=[0.2])
    assert [one.code for one in result.warnings] == ["times_guessed"]
    assert result.index[0].index == 5


def test_an_interlaced_video_is_told(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 3, options={"x264-params": "tff=1"})
    assert [one.code for one in decoded(shared_studio, path, indices=[1]).warnings] == ["interlaced"]


def test_what_is_missing_of_a_file_is_told(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    whole = write("a.mkv", 100, options={"g": "10", "crf": "0"}).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    assert [one.code for one in decoded(shared_studio, tmp_path / "cut.mkv", times=[0.2]).warnings] == ["truncated"]


def refused(studio: Studio, path: Path, **params: Any) -> str:
    with pytest.raises(TaskFailed) as caught:
        decoded(studio, path, **params)
    return str(caught.value)


def test_what_is_not_in_the_file_is_refused_with_what_is(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 10)
    assert "the last one at 0.360 s, until 0.400 s" in refused(shared_studio, path, times=[0.4])
    assert "give 0 to 9" in refused(shared_studio, path, indices=[10])
    assert "No frame begins between '3' s" in refused(shared_studio, path, every=0.1, start=3)
    assert "outside the picture of 64x48" in refused(shared_studio, path, crop="60,0,10,10")
    assert "These are 10 frames, more than 5." in refused(shared_studio, path, fps=25, max_frames=5)
    assert "Its video streams: 0" in refused(shared_studio, path, stream=3)


@pytest.mark.parametrize(
    "params",
    [
        {"times": [1], "count": 3},
        {"every": 1, "fps": 2},
        {"start": 2, "end": 1},
        {"fit": "cover", "width": 10},
        {"crop": "1,2,3"},
        {"times": [-1]},
        {"crop": "0,0,8,8", "as_shown": False},
    ],
)
def test_parameters_that_make_no_sense_are_refused_at_once(
    shared_studio: Studio, write: Make, params: dict[str, Any]
) -> None:
    with pytest.raises(InvalidParams):
        decoded(shared_studio, write("a.mp4", 2), **params)


def test_frames_in_one_file_have_a_limit(write: Make, tmp_path: Path) -> None:
    with Studio(home=tmp_path / "home", executor="inline", plugins="", add=[avstudio_video], media_mb=1) as small:
        message = refused(small, write("a.mp4", 30), count=10, format="npz", width=640)
    assert "These frames take 9 MB, more than 1" in message


def test_the_real_video_has_the_frames_of_a_sequential_decoder(shared_studio: Studio, nasa: Path) -> None:
    found = arrays(shared_studio, nasa, stream=0, indices=[0, 126, 201, 202, 324])
    with av.open(str(nasa)) as file:
        whole = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert [
        bool((one == whole[number]).all()) for one, number in zip(found["frames"], found["indices"], strict=True)
    ] == [True] * 5
