"""Packets that are copied: their times, key frames and joints."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avstudio_core import Studio
from avstudio_core.errors import InvalidInput
from avstudio_video.encoding.containers import VideoFormat
from avstudio_video.media.limits import USUAL
from avstudio_video.packets.join import JoinedPiece, Piece, join
from avstudio_video.packets.packet_file import packet_file

Make = Callable[..., Path]
RATE = 48_000


def joined(target: Path, format: VideoFormat, *pieces: Piece) -> list[JoinedPiece]:
    with packet_file(target, format) as file:
        return join(file, pieces, USUAL)


def shown(path: Path) -> tuple[list[float], list[Any]]:
    """The times of all frames from the start of the file, and the frames."""
    with av.open(str(path)) as file:
        start = Fraction(file.start_time or 0, 1_000_000)
        frames = [*file.decode(video=0)]
        return [(one.time or 0.0) - float(start) for one in frames], [one.to_ndarray() for one in frames]


def increasing(path: Path) -> bool:
    """Whether the times of decoding increase in all streams."""
    with av.open(str(path)) as file:
        stamps: dict[int, list[int]] = {}
        for packet in file.demux():
            if packet.dts is not None:
                stamps.setdefault(packet.stream_index, []).append(packet.dts)
    return all(sorted(set(one)) == one for one in stamps.values())


@pytest.mark.parametrize("source", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("format", ["mp4", "mov", "mkv"])
def test_a_whole_copy_has_the_same_frames_at_the_same_times(
    write: Make, tmp_path: Path, source: str, format: VideoFormat
) -> None:
    path = write(f"a.{source}", 20, sound=[440])
    [piece] = joined(tmp_path / f"b.{format}", format, Piece(path, (0, 1)))
    before, after = shown(path), shown(tmp_path / f"b.{format}")
    assert np.allclose(before[0], after[0], atol=0.0011 if format == "mkv" or source == "ts" else 0.00001)
    assert all(np.array_equal(one, other) for one, other in zip(before[1], after[1], strict=True))
    assert increasing(tmp_path / f"b.{format}")
    assert piece.at == 0
    assert piece.end == pytest.approx(before[0][-1] + 0.04, abs=0.002)


@pytest.mark.parametrize("format", ["mp4", "mkv"])
def test_a_span_begins_at_the_key_frame_before_it(write: Make, tmp_path: Path, format: VideoFormat) -> None:
    path = write(f"a.{format}", 50, sound=[440])
    target = tmp_path / f"b.{format}"
    [piece] = joined(target, format, Piece(path, (0, 1), (0.9, 1.6)))
    assert piece.begin == pytest.approx(0.8, abs=0.001)
    (times, frames), (_, all_frames) = shown(target), shown(path)
    assert len(frames) == pytest.approx((piece.end - piece.begin) * 25, abs=0.1)
    assert piece.end == pytest.approx(1.6, abs=0.09)
    assert times == pytest.approx([n / 25 for n in range(len(frames))], abs=0.03)
    assert all(np.array_equal(one, other) for one, other in zip(frames, all_frames[20:], strict=False))


OPEN_GROUPS = {
    "libx264": {"x264-params": "open-gop=1:keyint=10:min-keyint=10:bframes=3:scenecut=0"},
    "libx265": {"x265-params": "open-gop=1:keyint=10:min-keyint=10:bframes=2:b-adapt=0:scenecut=0:log-level=none"},
}
"""Key frames that are followed by frames which need those before the key frame."""


@pytest.mark.parametrize("codec", OPEN_GROUPS)
def test_open_groups_of_pictures_lose_no_frame_at_a_joint(write: Make, tmp_path: Path, codec: str) -> None:
    path = write("a.mp4", 40, codec=codec, options=OPEN_GROUPS[codec])
    spans = [(0.9, 1.3), (0.5, 0.9)]
    pieces = joined(tmp_path / "b.mp4", "mp4", *[Piece(path, (0,), span) for span in spans])
    assert pieces[0].begin == pytest.approx(0.8)
    times, frames = shown(tmp_path / "b.mp4")
    originals = shown(path)[1]
    wanted = [one for piece in pieces for one in originals[round(piece.begin * 25) : round(piece.end * 25)]]
    assert times == pytest.approx([n / 25 for n in range(len(wanted))], abs=0.001)
    assert all(np.array_equal(one, other) for one, other in zip(frames, wanted, strict=True))


def test_pieces_follow_each_other_without_a_gap_in_picture_and_sound(write: Make, tmp_path: Path) -> None:
    path = write("a.mp4", 50, sound=[440])
    pieces = joined(
        tmp_path / "b.mp4", "mp4", *[Piece(path, (0, 1), (begin, begin + 0.4)) for begin in (1.2, 0.4, 0, 0.8)]
    )
    assert [one.at for one in pieces] == pytest.approx([0.0, 0.4, 0.8, 1.2])
    times, frames = shown(tmp_path / "b.mp4")
    assert times == pytest.approx([n / 25 for n in range(40)], abs=0.001)
    originals = shown(path)[1]
    wanted = [*originals[30:40], *originals[10:20], *originals[:10], *originals[20:30]]
    assert all(np.array_equal(one, other) for one, other in zip(frames, wanted, strict=True))
    with av.open(str(tmp_path / "b.mp4")) as file:
        stamps = [(one.pts, one.pts + (one.duration or 0)) for one in file.demux(audio=0) if one.pts is not None]
    assert all(end == after for (_, end), (after, _) in pairwise(stamps))


def test_decoded_sound_does_not_drift_from_its_time_stamps_over_many_joints(write: Make, tmp_path: Path) -> None:
    path = write("a.mp4", 10, sound=[440])  # 0.4 s are 18 packets and three quarters
    joined(tmp_path / "b.mp4", "mp4", *[Piece(path, (0, 1))] * 8)
    with av.open(str(tmp_path / "b.mp4")) as file:
        frames = [*file.decode(audio=0)]
    assert all((one.pts or 0) + one.samples == after.pts for one, after in pairwise(frames))
    assert sum(one.samples for one in frames) / 48_000 == pytest.approx(3.2, abs=0.022)


def test_pieces_of_files_with_other_settings_are_not_joined(write: Make, tmp_path: Path) -> None:
    first, other = write("a.mp4", 5), write("c.mp4", [np.zeros((32, 32, 3), np.uint8)] * 5)
    with pytest.raises(InvalidInput, match="its width is 32, not 64"):
        joined(tmp_path / "b.mp4", "mp4", Piece(first, (0,)), Piece(other, (0,)))


def test_a_span_after_the_end_is_refused(write: Make, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"ends at 0\.2 s, before a part from 5 s"):
        joined(tmp_path / "b.mp4", "mp4", Piece(write("a.mp4", 5), (0,), (5, 6)))


def test_a_codec_that_a_container_does_not_take_is_refused(write: Make, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="h264 cannot be copied into 'webm'"):
        joined(tmp_path / "b.webm", "webm", Piece(write("a.mp4", 5), (0,)))


def test_frames_that_an_edit_list_hides_stay_hidden(
    write: Make, tmp_path: Path, edited: Callable[[Path, int], Path]
) -> None:
    path = edited(write("a.mp4", 30), 13)
    joined(tmp_path / "b.mp4", "mp4", Piece(path, (0,)))
    assert len(shown(tmp_path / "b.mp4")[1]) == 17
    [piece] = joined(tmp_path / "b.mkv", "mkv", Piece(path, (0,)))
    assert len(shown(tmp_path / "b.mkv")[1]) == 20
    assert piece.begin == pytest.approx(-0.12, abs=0.001)


@pytest.mark.parametrize(
    "settings",
    [{"rotation": 90}, {"sample_aspect_ratio": Fraction(4, 3)}, {"color_trc": 16, "color_primaries": 9}],
    ids=["rotation", "pixel aspect", "colour"],
)
@pytest.mark.parametrize("format", ["mp4", "mkv"])
def test_what_the_stream_states_is_kept(
    write: Make, tmp_path: Path, settings: dict[str, Any], format: VideoFormat
) -> None:
    path, target = write("a.mp4", 5, **settings), tmp_path / f"b.{format}"
    joined(target, format, Piece(path, (0,)))

    def stated(file: Path) -> Any:
        with av.open(str(file)) as opened:
            [frame, *_] = opened.decode(video=0)
            codec = opened.streams.video[0].codec_context
            return frame.rotation, codec.sample_aspect_ratio, codec.color_trc, codec.color_primaries

    assert stated(target) == stated(path)


def test_frames_of_the_same_millisecond_stay_in_order(write: Make, tmp_path: Path) -> None:
    path = write("a.mkv", 12, rate=4000, unit=Fraction(1, 4000), options={"bf": "0"})
    joined(tmp_path / "b.mp4", "mp4", Piece(path, (0,)))
    assert len(shown(tmp_path / "b.mp4")[1]) == 12
    assert increasing(tmp_path / "b.mp4")


def test_a_variable_rate_stays_variable(write: Make, tmp_path: Path) -> None:
    times = [0, 1, 2, 5, 6, 9, 10, 14]
    path = write("a.mp4", 8, times=times, unit=Fraction(1, 25))
    joined(tmp_path / "b.mkv", "mkv", Piece(path, (0,)))
    assert shown(tmp_path / "b.mkv")[0] == pytest.approx([one / 25 for one in times], abs=0.001)


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_ffprobe_reads_a_copy(write: Make, tmp_path: Path) -> None:
    joined(tmp_path / "b.mov", "mov", Piece(write("a.mkv", 20, sound=[440]), (0, 1), (0.4, 0.8)))
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(tmp_path / "b.mov")]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    streams = json.loads(done.stdout)["streams"]
    assert [(one["codec_name"], one["start_time"]) for one in streams] == [("h264", "0.000000"), ("aac", "0.000000")]
    assert (streams[0]["nb_read_frames"], done.stderr) == ("10", "")


def apart(source: Path, target: Path, first: str) -> Path:
    """The same film with all packets of one kind before the others."""
    with av.open(str(source)) as given, av.open(str(target), "w", options={"max_interleave_delta": "1"}) as file:
        copies: dict[int, Any] = {one.index: file.add_stream_from_template(one) for one in given.streams}
        for packet in sorted((one for one in given.demux() if one.size), key=lambda one: one.stream.type != first):
            packet.stream = copies[packet.stream_index]
            file.mux(packet)
    return target


def streams_of(path: Path) -> tuple[int, int]:
    """The number of frames, and of samples of the sound."""
    with av.open(str(path)) as file, av.open(str(path)) as again:
        return len([*file.decode(video=0)]), sum(one.samples for one in again.decode(audio=0))


@pytest.mark.parametrize("first", ["video", "audio"])
def test_streams_that_follow_each_other_in_the_file_are_cut_and_joined_whole(
    shared_studio: Studio, write: Make, tmp_path: Path, first: str
) -> None:
    film = write("a.mkv", 200, sound=[440], sound_codec="flac")
    path = apart(film, tmp_path / "apart.mkv", first)
    cut = shared_studio.run("video.cut", path, keep=["0.8-2.8"], mode="keyframe").video.path
    both = shared_studio.run("video.concat", path, inputs=[path]).video.path
    assert [streams_of(one)[0] for one in (cut, both)] == [50, 400]
    assert [streams_of(one)[1] for one in (cut, both)] == [pytest.approx(2 * RATE, abs=9_000), 16 * RATE]
