"""Films at their limits: pictures of 8K, a hundred streams, and a header that states a wrong length."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avstudio_core import Studio, TaskFailed

Make = Callable[..., Path]
WIDTH, HEIGHT = 7680, 4320


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two key frames of 8K: the left half is dark, then the right one."""
    path = tmp_path_factory.mktemp("large") / "8k.mp4"
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "35", "g": "1"}
        for number, levels in enumerate(((40, 200), (200, 40))):
            planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
            planes[:HEIGHT] = np.repeat(np.array(levels, np.uint8), WIDTH // 2)
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def test_a_film_of_8k_is_probed_and_decoded(shared_studio: Studio, large: Path) -> None:
    video = shared_studio.run("video.probe", large).contents.video[0]
    assert (video.width, video.height, video.display_width, video.display_height) == (WIDTH, HEIGHT, WIDTH, HEIGHT)
    assert (video.times.frames, video.times.duration, video.times.key_frames.count) == (2, 0.08, 2)
    found = shared_studio.run("video.decode", large, indices=[0, 1], width=320, format="npz")
    with np.load(found.frames["frames"].path) as file:
        pictures = file["frames"]
    assert (found.width, found.height, pictures.shape) == (320, 180, (2, 180, 320, 3))
    assert (pictures[0, :, :150].max(), pictures[0, :, 170:].min()) < (60, 180)
    assert (pictures[1, :, 170:].max(), pictures[1, :, :150].min()) < (60, 180)


def test_a_film_of_8k_is_analyzed(shared_studio: Studio, large: Path) -> None:
    pytest.importorskip("cv2", reason="avstudio-video[opencv] is not installed")
    params: dict[str, Any] = {"analyses": ["scenes", "keyframes"], "detectors": ["content"], "min_scene": 0}
    result = shared_studio.run("video.analyze", large, thumbnails=1, exports=["fcpxml"], **params)
    assert [(one.start, one.end) for one in result.scenes] == [(0.0, 0.04), (0.04, 0.08)]
    assert (result.frames, result.duration, result.keyframes) == (2, 0.08, [0.0, 0.04])
    assert f'width="{WIDTH}" height="{HEIGHT}"' in result.exports["fcpxml"].path.read_text()
    with av.open(str(result.thumbnails["scene_0002"].path)) as file:
        picture = next(file.decode(video=0)).to_ndarray(format="gray")
    assert picture.shape == (180, 320)
    assert picture[:, 170:].max() < 60 < 180 < picture[:, :150].min()


USES: dict[str, dict[str, Any]] = {
    "video.analyze": {"analyses": ["black", "silence"]},
    "video.decode": {"count": 1},
    "video.extract_audio": {"track": "all"},
    "video.mux": {"format": "mkv"},
}


def test_a_hundred_streams_are_read_and_one_more_is_refused(shared_studio: Studio, write: Make) -> None:
    path = write("hundred.mkv", 3, sound=[440.0] * 99)
    contents = shared_studio.run("video.probe", path).contents
    assert (len(contents.video), len(contents.audio)) == (1, 99)
    for processor, params in USES.items():
        result = shared_studio.run(processor, path, **params)
        if processor == "video.mux":
            assert len(shared_studio.run("video.probe", result.video).contents.audio) == 99
    more = write("more.mkv", 3, sound=[440.0] * 100)
    for processor, params in ({"video.probe": {}} | USES).items():
        with pytest.raises(TaskFailed, match="more than 100 streams") as refused:
            shared_studio.run(processor, more, **params)
        assert refused.value.cause == "unreadable_media"


@pytest.fixture
def endless(write: Make) -> Path:
    """A film of 1.6 s that states a length of ten hours, which is more than the limit."""
    path = write("a.mkv", 40, options={"bf": "0", "g": "10", "sc_threshold": "0"}, sound=[440])
    data = bytearray(path.read_bytes().replace(b"00:00:01.6", b"10:00:00.0"))
    place = data.index(b"\x44\x89\x88") + 3  # Matroska's element Duration
    assert struct.unpack(">d", data[place : place + 8])[0] < 1700
    data[place : place + 8] = struct.pack(">d", 36_000_000.0)
    path.write_bytes(data)
    return path


def test_a_film_is_as_long_as_its_frames_whatever_its_header_says(shared_studio: Studio, endless: Path) -> None:
    probed = shared_studio.run("video.probe", endless)
    contents, times = probed.contents, probed.contents.video[0].times
    assert (contents.stated_duration, contents.duration) == (36_000, pytest.approx(1.6, abs=0.03))
    assert (times.frames, times.duration) == (40, 1.6)
    found = shared_studio.run("video.analyze", endless, analyses=["black", "silence"])
    assert (found.frames, found.duration, found.events) == (40, 1.6, [])
    for one in (probed, found):
        assert [told.code for told in one.warnings] == ["truncated"]
        assert one.warnings[0].message.endswith("s of 36000.00 s.")


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
@pytest.mark.parametrize(("keep", "end", "frames"), [("0.4-0.8", 0.8, 10), ("0.4-", 1.6, 30), ("0.4-3", 1.6, 30)])
def test_a_film_is_cut_by_its_frames_whatever_its_header_says(
    shared_studio: Studio, endless: Path, mode: str, keep: str, end: float, frames: int
) -> None:
    result = shared_studio.run("video.cut", endless, keep=[keep], mode=mode)
    assert [(one.start, one.end) for one in result.parts] == [(0.4, end)]
    assert result.duration == pytest.approx(end - 0.4)
    assert ("span_shortened" in [one.code for one in result.warnings]) == (keep == "0.4-3")
    assert shared_studio.run("video.probe", result.video).contents.video[0].times.frames == frames
