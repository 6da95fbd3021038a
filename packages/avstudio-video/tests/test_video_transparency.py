"""Transparent VP8 and VP9: drawn on other films as it is, and kept by each processor or told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import PacketSideData, packet_sidedata_type_from_literal
from numpy.typing import NDArray

from avstudio_core import Studio
from avstudio_core.errors import TaskFailed


@pytest.fixture(params=["libvpx-vp9", "libvpx"])
def clear(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """White pictures whose right half is transparent, in VP9 and VP8."""
    return clear_film(tmp_path / "clear.webm", request.param)


def clear_film(path: Path, codec: str, count: int = 25) -> Path:
    pixels = np.full((64, 128, 4), 255, np.uint8)
    pixels[:, 64:, 3] = 0
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream(codec, rate=25, options={"auto-alt-ref": "0", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuva420p"
        stream.metadata["alpha_mode"] = "1"
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(pixels, "rgba").reformat(format="yuva420p")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def opacity(path: Path, number: int = 0) -> NDArray[np.uint8]:
    """How opaque the pixels of a picture are, by the decoder of libvpx."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert {name.lower(): value for name, value in stream.metadata.items()}.get("alpha_mode") == "1"
        codec: Any = av.CodecContext.create("libvpx" if stream.codec_context.name == "vp8" else "libvpx-vp9", "r")
        frames = [frame for packet in file.demux(stream) for frame in codec.decode(packet if packet.size else None)]
        return frames[number].reformat(format="rgba").to_ndarray()[..., 3]  # type: ignore[no-any-return]


def codes(result: Any) -> list[str]:
    return [one.code for one in result.warnings]


def test_a_transparent_film_is_drawn_by_its_opacity(films: Any, write: Callable[..., Path], clear: Path) -> None:
    grey = write("grey.mp4", [np.full((96, 256, 3), 90, np.uint8)] * 25)
    made = films.pictures(grey, "overlay width=0.5 x=0 y=0", overlays=[clear])
    assert abs(made[12][20:40, 20:44].mean() - 255) < 5
    assert abs(made[12][20:40, 84:108].mean() - 90) < 5


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
def test_a_cut_keeps_transparency(shared_studio: Studio, clear: Path, mode: str) -> None:
    made = shared_studio.run("video.cut", clear, keep=["0.4-0.8"], mode=mode)
    found = opacity(made.video.path)
    assert (found[:, :56].min() > 250, found[:, 72:].max() < 5) == (True, True)
    assert codes(made) == []


@pytest.mark.parametrize(
    ("processor", "params"), [("video.mux", {"shortest": True}), ("video.concat", {"mode": "copy"})]
)
def test_a_copy_keeps_transparency(shared_studio: Studio, clear: Path, processor: str, params: Any) -> None:
    given = {"inputs": [clear]} if processor == "video.concat" else {}
    made = shared_studio.run(processor, clear, **given, **params)
    assert opacity(made.video.path)[:, 72:].max() < 5
    assert codes(made) == []


def moving(path: Path) -> Path:
    """VP8 whose colours change, and whose opaque part moves: key frames of both are at different places."""
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libvpx", rate=25, options={"auto-alt-ref": "0", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuva420p"
        stream.metadata["alpha_mode"] = "1"
        for number in range(40):
            pixels = np.full((64, 128, 4), number * 37 % 256, np.uint8)
            pixels[..., 3] = np.where(np.arange(128) < 4 + 3 * number, 255, 0)
            frame = av.VideoFrame.from_ndarray(pixels, "rgba").reformat(format="yuva420p")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
@pytest.mark.parametrize("start", [0.32, 0.6, 1.24])
def test_a_cut_begins_where_colours_and_opacity_can_be_decoded(
    shared_studio: Studio, tmp_path: Path, start: float, mode: str
) -> None:
    film = moving(tmp_path / "moving.webm")
    made = shared_studio.run("video.cut", film, keep=[f"{start}-{start + 0.2}"], mode=mode)
    first = round(made.parts[0].start * 25)
    for number in (0, 3):
        difference = opacity(made.video.path, number).astype(int) - opacity(film, first + number)
        assert abs(difference).mean() < 3, (first, number)


def test_a_frame_without_its_opacity_is_told(films: Any, write: Callable[..., Path], clear: Path) -> None:
    broken = with_second_pictures(clear, lambda number, data: b"\xff" * len(data) if number >= 15 else data)
    grey = write("grey.mp4", [np.full((96, 256, 3), 90, np.uint8)] * 25)
    made = films.studio.run("video.effects", grey, chain="overlay width=0.5 x=0 y=0", overlays=[broken])
    assert codes(made) == ["damaged"]
    assert "frames_missing" in codes(films.studio.run("video.cut", broken, keep=["0-"], mode="exact"))
    shown = films.pictures(grey, "overlay width=0.5 x=0 y=0", overlays=[broken])
    assert abs(shown[20][20:40, 84:108].mean() - 90) < 5


WASTE = """
import re, sys, av
from contextlib import suppress
from avstudio_video.media.picture_decoder import picture_decoder
def peak():
    return int(re.search(r"VmHWM:\\s+([0-9]+)", open("/proc/self/status").read())[1]) // 1024
with av.open(sys.argv[1]) as file:
    packets = [*file.demux(video=0)]
    decoder = picture_decoder(file.streams.video[0])
    before = peak()
    for packet in packets:
        with suppress(av.FFmpegError):
            decoder.decode(packet if packet.size else None)
    print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc/self/status")
def test_second_pictures_of_frames_that_cannot_be_decoded_do_not_pile_up(tmp_path: Path) -> None:
    codec: Any = av.CodecContext.create("libvpx-vp9", "w")
    codec.width = codec.height = 2048
    codec.pix_fmt, codec.time_base, codec.options = "yuv420p", Fraction(1, 25), {"lag-in-frames": "0", "cpu-used": "8"}
    [large] = codec.encode(av.VideoFrame(2048, 2048, "yuv420p"))
    film = clear_film(tmp_path / "clear.webm", "libvpx-vp9", count=100)
    broken = with_second_pictures(film, lambda number, data: bytes(large), lambda picture: b"\xff" * len(picture))
    grown = subprocess.run([sys.executable, "-c", WASTE, str(broken)], capture_output=True, check=True).stdout
    assert int(grown) < 300  # MB; 600 with all 100 of them


def with_second_pictures(
    path: Path, second: Callable[[int, bytes], bytes], first: Callable[[bytes], bytes] = bytes
) -> Path:
    """A copy with other bytes of opacity, by the number of the packet, and of colours."""
    side_data: Any = PacketSideData
    with av.open(str(path)) as source, av.open(str(made := path.with_name("other.webm")), "w") as file:
        track: Any = file.add_stream_from_template(source.streams.video[0], opaque=True)
        track.metadata.update(source.streams.video[0].metadata)
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size:
                given = bytes(packet.get_sidedata("matroska_block_additional"))
                data = given[:8] + second(number, given[8:])
                beside = side_data(packet_sidedata_type_from_literal("matroska_block_additional"), len(data))
                beside.update(data)
                other: Any = av.Packet(first(bytes(packet)))
                other.pts, other.dts, other.time_base = packet.pts, packet.dts, packet.time_base
                other.stream, other.is_keyframe = track, packet.is_keyframe
                other.set_sidedata(beside)
                file.mux(other)
    return made


def without_opacity(path: Path, numbers: range) -> Path:
    """A copy in which some packets have only their picture."""
    with av.open(str(path)) as source, av.open(str(made := path.with_name("some.webm")), "w") as file:
        track: Any = file.add_stream_from_template(source.streams.video[0], opaque=True)
        track.metadata.update(source.streams.video[0].metadata)
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size:
                plain = av.Packet(bytes(packet)) if number in numbers else packet
                plain.pts, plain.dts, plain.time_base = packet.pts, packet.dts, packet.time_base
                plain.stream, plain.is_keyframe = track, packet.is_keyframe
                file.mux(plain)
    return made


def test_pictures_without_opacity_are_opaque(films: Any, write: Callable[..., Path], clear: Path) -> None:
    path = without_opacity(clear, range(10))  # up to the second key frame
    grey = write("grey.mp4", [np.full((96, 256, 3), 90, np.uint8)] * 25)
    made = films.pictures(grey, "overlay width=0.5 x=0 y=0", overlays=[path])
    assert [round(float(made[number][20:40, 84:108].mean()), -1) > 200 for number in (5, 15)] == [True, False]
    cut = films.studio.run("video.cut", path, keep=["0.08-"])
    assert (codes(cut), opacity(cut.video.path, 15)[:, 72:].max() < 5) == ([], True)
    told = films.studio.run("video.cut", path, keep=["0.4-"], format="mp4")
    assert codes(told) == ["detail_reduced"]


def test_a_tag_alone_does_not_make_a_film_transparent(shared_studio: Studio, clear: Path) -> None:
    path = without_opacity(clear, range(25))
    assert codes(shared_studio.run("video.mux", path, format="mkv")) == []
    for params in ({"keep": ["0.08-"]}, {"keep": ["0-"], "mode": "keyframe"}):
        made = shared_studio.run("video.cut", path, format="mkv", **params)
        assert "detail_reduced" not in codes(made)


def test_transparent_and_opaque_films_are_not_joined_as_they_are(shared_studio: Studio, clear: Path) -> None:
    opaque = clear.with_name("opaque.webm")
    with av.open(str(clear)) as source, av.open(str(opaque), "w") as file:
        codec = "libvpx" if source.streams.video[0].codec_context.name == "vp8" else "libvpx-vp9"
        stream: Any = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for frame in source.decode(video=0):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    for first, second in ((clear, opaque), (opaque, clear)):
        with pytest.raises(TaskFailed, match="transparent"):
            shared_studio.run("video.concat", first, inputs=[second], mode="copy")
    joined = shared_studio.run("video.concat", clear, inputs=[opaque], format="webm")
    assert [opacity(joined.video.path, number)[:, 72:].max() < 5 for number in (5, 45)] == [True, False]


def test_a_transparent_film_is_turned(films: Any, write: Callable[..., Path], tmp_path: Path) -> None:
    with av.open(str(tmp_path / "turned.mkv"), "w") as file:
        stream: Any = file.add_stream("libvpx-vp9", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuva420p"
        stream.set_display_rotation(90)
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((64, 128, 4), 255, np.uint8), "rgba").reformat(format="yuva420p")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    [found] = films.studio.run("video.probe", tmp_path / "turned.mkv").contents.video
    assert (found.rotation % 180, found.display_width, found.display_height) == (90, 64, 128)
    grey = write("grey.mp4", [np.full((128, 256, 3), 90, np.uint8)] * 10)
    [made, *_] = films.pictures(grey, "overlay width=0.25 x=0 y=0", overlays=[tmp_path / "turned.mkv"])
    assert (made[120, 32].mean() > 200, made[64, 100].mean() < 120) == (True, True)


@pytest.mark.parametrize(
    ("processor", "params"),
    [
        ("video.cut", {"keep": ["0.2-0.8"], "format": "mp4"}),
        ("video.effects", {"chain": "flip"}),
        ("video.decode", {"times": [0.4]}),
        ("video.mux", {"video_codec": "h264", "format": "mp4"}),
        ("video.concat", {"mode": "encode", "format": "mp4"}),
        ("video.concat", {"mode": "encode", "format": "mp4", "codec": "vp9"}),
        ("video.mux", {"format": "mp4"}),
    ],
)
def test_transparency_that_is_lost_is_told(shared_studio: Studio, clear: Path, processor: str, params: Any) -> None:
    given = {"inputs": [clear]} if processor == "video.concat" else {}
    made = shared_studio.run(processor, clear, **given, **params)
    assert "detail_reduced" in codes(made)


@pytest.mark.parametrize("clear", ["libvpx-vp9"], indirect=True)
@pytest.mark.parametrize(
    ("processor", "params"),
    [("video.cut", {"keep": ["0.4-0.8"], "mode": "keyframe"}), ("video.concat", {"mode": "copy"})],
)
def test_a_copy_that_loses_transparency_is_told(
    shared_studio: Studio, clear: Path, processor: str, params: Any
) -> None:
    given = {"inputs": [clear]} if processor == "video.concat" else {}
    made = shared_studio.run(processor, clear, format="mp4", **given, **params)
    assert [one.message for one in made.warnings] == ["'mp4' does not store the transparency of 'clear.webm'."]


def test_a_probe_states_transparency(shared_studio: Studio, clear: Path) -> None:
    [stream] = shared_studio.run("video.probe", clear).contents.video
    assert stream.pixel_format == "yuva420p"
