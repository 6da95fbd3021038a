"""Files that are written: containers, codecs, times and sound."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avstudio_core.errors import InvalidInput, InvalidParams, StorageError
from avstudio_video.encoding.colour_tags import ColourTags
from avstudio_video.encoding.containers import CONTAINERS, ContainerName, VideoCodec, chosen_codec, chosen_sound
from avstudio_video.encoding.sound_codecs import SOUND_ENCODERS
from avstudio_video.encoding.sound_track import SoundEncoding
from avstudio_video.encoding.video_track import VideoEncoding, VideoShape
from avstudio_video.encoding.writer import open_writer

STEADY = [Fraction(number * 1001, 30000) for number in range(9)]
UNEVEN = [Fraction(ms, 1000) for ms in (0, 40, 120, 160, 300, 610, 1000, 1020, 1500)]
GREY = [20 * number for number in range(8)]
PAIRS = [(name, codec) for name, one in CONTAINERS.items() for codec in one.video]


def frame_of(level: int, size: tuple[int, int] = (64, 48)) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), level, np.uint8), "rgb24")


def written(path: Path, name: ContainerName, codec: VideoCodec, times: Sequence[Fraction], **how: Any) -> Path:
    """A file with a frame at each time but the last, which is the end, and silence as sound."""
    rate = Fraction(30000, 1001) if times is STEADY else None
    with open_writer(path, name, tags={"title": "Test"}) as writer:
        video = writer.add_video(VideoEncoding(codec, effort="fast", **how), VideoShape(64, 48, rate))
        if sounds := CONTAINERS[name].sound:
            sound = writer.add_sound(SoundEncoding(SOUND_ENCODERS[sounds[0]], 44_100, "stereo"))
            sound.write(np.zeros((2, round(44_100 * times[-1])), np.float32))
            sound.finish()
        for level, time in zip(GREY, times, strict=False):
            video.write(frame_of(level), time)
        video.finish(times[-1])
    return path


def read(path: Path) -> tuple[list[Fraction], list[int], Fraction]:
    """The times of the frames, their levels, and the end of the file."""
    with av.open(str(path)) as file:
        frames = [*file.decode(video=0)]
        times = [Fraction(one.pts or 0) * Fraction(one.time_base or 0) for one in frames]
        levels = [round(float(one.to_ndarray(format="rgb24").mean())) for one in frames]
        return times, levels, Fraction(file.duration or 0, 1_000_000)


@pytest.mark.parametrize("times", [STEADY, UNEVEN], ids=["steady", "uneven"])
@pytest.mark.parametrize(("name", "codec"), [one for one in PAIRS if one[0] != "webp"])
def test_every_codec_of_every_container_keeps_times_and_pixels(
    name: ContainerName, codec: VideoCodec, times: list[Fraction], tmp_path: Path
) -> None:
    got, levels, end = read(written(tmp_path / f"film.{name}", name, codec, times))

    tick = Fraction(1, 100) if name == "gif" else Fraction(1, 1000)
    assert len(got) == 8
    assert max(abs(a - b) for a, b in zip(got, times, strict=False)) <= tick
    assert name == "apng" or abs(end - times[-1]) <= Fraction(1, 30)
    assert np.abs(np.array(levels) - GREY).max() <= 6


def test_a_webp_shows_its_frames_for_their_time(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs the extra 'text'")
    with image.open(written(tmp_path / "film.webp", "webp", "webp", UNEVEN)) as film:
        lengths = []
        for number in range(film.n_frames):
            film.seek(number)
            film.load()
            lengths.append(film.info["duration"])

    assert lengths[:-1] == [round(1000 * (after - before)) for before, after in pairwise(UNEVEN)][:-1]


def test_each_frame_is_a_key_frame_on_request(tmp_path: Path) -> None:
    with av.open(str(written(tmp_path / "a.mov", "mov", "h264", STEADY, key_interval=0))) as file:
        assert all(one.is_keyframe for one in file.demux(video=0) if one.size)


def test_colours_bits_and_tags_are_kept(tmp_path: Path) -> None:
    path, tags = tmp_path / "hdr.mp4", ColourTags(9, 16, 9, 1)
    with open_writer(path, "mp4", tags={"title": "Test"}) as writer:
        video = writer.add_video(
            VideoEncoding("hevc"), VideoShape(64, 48, Fraction(25), tags=tags, pixels="yuv420p10le")
        )
        video.write(frame_of(100), Fraction(0))
        video.finish(Fraction(1, 25))

    with av.open(str(path)) as file:
        context = file.streams.video[0].codec_context
        assert (context.pix_fmt, ColourTags.of(context), file.metadata["title"]) == ("yuv420p10le", tags, "Test")


def test_a_frame_in_the_same_tick_replaces_the_one_before(tmp_path: Path) -> None:
    times = [Fraction(0), Fraction(1, 50), Fraction(1, 49), *UNEVEN[3:]]

    assert len(read(written(tmp_path / "a.gif", "gif", "gif", times))[0]) == 7


def test_sound_has_the_length_of_its_samples(tmp_path: Path) -> None:
    for name in ("mp4", "webm", "mov"):
        with av.open(str(written(tmp_path / f"a.{name}", name, CONTAINERS[name].video[0], UNEVEN))) as file:
            frames = [*file.decode(audio=0)]
            end = Fraction(frames[-1].pts or 0) * Fraction(frames[-1].time_base or 0)
            assert abs(float(end) + frames[-1].samples / frames[-1].sample_rate - 1.5) < 0.05


def test_a_codec_that_a_container_does_not_take_is_refused_with_one_that_does() -> None:
    with pytest.raises(InvalidParams, match="'webm' does not take the codec 'prores'") as refused:
        chosen_codec("webm", "prores")
    assert "'mov'" in refused.value.hint
    with pytest.raises(InvalidParams, match="sound codec 'aac'"):
        chosen_sound("webm", "aac")
    assert chosen_sound("gif", None) is None


def test_a_file_that_cannot_be_written_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"

    def write() -> None:
        with open_writer(path, "mp4") as writer:
            video = writer.add_video(VideoEncoding("h264"), VideoShape(64, 48))
            video.write(frame_of(0, (32, 48)), Fraction(0))

    with pytest.raises(InvalidInput, match="32x48"):
        write()
    assert not path.exists()


def test_a_file_in_a_place_that_cannot_be_written_is_an_error_of_storage(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(StorageError):
        written(tmp_path / "a.mp4", "mp4", "h264", STEADY)


def test_hardware_is_an_error_where_no_device_encodes(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'vp9' in 64x48 pixels") as refused:
        written(tmp_path / "a.webm", "webm", "vp9", STEADY, encoder="hardware")
    assert "'auto'" in refused.value.hint
    assert len(read(written(tmp_path / "b.webm", "webm", "vp9", STEADY, encoder="auto"))[0]) == 8
