"""Transparent VP8 and VP9: drawn on other films as it is, and kept by each processor or told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from avstudio_core import Studio


@pytest.fixture(params=["libvpx-vp9", "libvpx"])
def clear(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """White pictures whose right half is transparent, in VP9 and VP8."""
    pixels = np.full((64, 128, 4), 255, np.uint8)
    pixels[:, 64:, 3] = 0
    with av.open(str(tmp_path / "clear.webm"), "w") as file:
        stream: Any = file.add_stream(request.param, rate=25, options={"auto-alt-ref": "0", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuva420p"
        stream.metadata["alpha_mode"] = "1"
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(pixels, "rgba").reformat(format="yuva420p")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return tmp_path / "clear.webm"


def opacity(path: Path) -> NDArray[np.uint8]:
    """How opaque the pixels of the first picture are, by the decoder of libvpx."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert {name.lower(): value for name, value in stream.metadata.items()}.get("alpha_mode") == "1"
        codec: Any = av.CodecContext.create("libvpx" if stream.codec_context.name == "vp8" else "libvpx-vp9", "r")
        [frame, *_] = next(frames for packet in file.demux(stream) if (frames := codec.decode(packet)))
        return frame.reformat(format="rgba").to_ndarray()[..., 3]  # type: ignore[no-any-return]


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
