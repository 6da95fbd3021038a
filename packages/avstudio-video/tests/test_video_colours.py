"""The colours of joined videos, in all pixel formats that a source may have, against an independent computation."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from avstudio_core import Studio
from avstudio_video.media.hdr_notes import HdrNotes

Floats = NDArray[np.float64]
BT601, BT709, BT2020, UNKNOWN = 6, 1, 9, 2
LUMA = {BT601: (0.299, 0.114), BT709: (0.2126, 0.0722), BT2020: (0.2627, 0.0593)}
"""Shares of red and blue in luma (ITU-R BT.601, BT.709, BT.2020)."""
CHROMATICITIES = {
    BT601: ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    BT709: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
}
WHITE = np.array([0.3127, 0.3290, 0.3583])


def to_yuv(rgb: Floats, matrix: int, *, full: bool, bits: int) -> Floats:
    """Levels of luma and colour of RGB from 0 to 1."""
    red, blue = LUMA[matrix]
    luma = rgb @ [red, 1 - red - blue, blue]
    parts = [luma, (rgb[..., 2] - luma) / 2 / (1 - blue), (rgb[..., 0] - luma) / 2 / (1 - red)]
    step = 2 ** (bits - 8)
    spans, lows = ((255, 255, 255), (0, 128, 128)) if full else ((219, 224, 224), (16, 128, 128))
    return np.stack([part * span * step + low * step for part, span, low in zip(parts, spans, lows, strict=True)])


def moved(rgb: Floats, given: int, wanted: int) -> Floats:
    """The same light in other primaries."""

    def to_xyz(primaries: int) -> Floats:
        columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in CHROMATICITIES[primaries]]).T
        return np.asarray(columns * np.linalg.solve(columns, WHITE / WHITE[1]))

    light = np.where(rgb < 0.081, rgb / 4.5, ((rgb + 0.099) / 1.099) ** (1 / 0.45))
    other = light @ np.linalg.solve(to_xyz(wanted), to_xyz(given)).T
    return np.asarray(np.where(other < 0.018, other * 4.5, 1.099 * other**0.45 - 0.099))


def patches(seed: int = 0, size: tuple[int, int] = (64, 48)) -> Floats:
    """RGB of `(height, width, 3)` in squares of 16 pixels, of colours that all primaries have."""
    colours = np.random.default_rng(seed).uniform(0.42, 0.6, (size[1] // 16, size[0] // 16, 3))
    return np.repeat(np.repeat(colours, 16, 0), 16, 1)


def coded(path: Path, yuv: Floats, pixels: str, *, matrix: int = UNKNOWN, **tags: Any) -> Path:
    """A video of four equal frames without loss."""
    frame = av.VideoFrame(yuv.shape[2], yuv.shape[1], pixels)
    for plane, levels in zip(frame.planes, np.rint(yuv), strict=True):
        stored = np.zeros(
            (plane.height, plane.line_size // (2 if "10" in pixels else 1)), f"u{2 if '10' in pixels else 1}"
        )
        stored[:, : plane.width] = levels
        plane.update(stored.tobytes())
    return stored_as(path, frame, "ffv1", matrix=matrix, **tags)


def stored_as(
    path: Path,
    frame: Any,
    codec: str,
    *,
    matrix: int,
    full: bool = False,
    primaries: int = UNKNOWN,
    transfer: int = UNKNOWN,
    options: dict[str, str] | None = None,
) -> Path:
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
        for tagged in (stream.codec_context, frame):
            tagged.colorspace, tagged.color_range = matrix, 2 if full else 1
            tagged.color_primaries, tagged.color_trc = primaries, transfer
        for number in range(4):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def joined(studio: Studio, *files: Path, **params: Any) -> Any:
    how = {"format": "mkv", "codec": "ffv1", "mode": "encode", **params}
    return studio.run("video.concat", files[0], inputs=[*files[1:]], **how)


def levels(path: Path, number: int) -> Floats:
    """The planes of a frame, with components of their own for each pixel."""
    with av.open(str(path)) as file:
        frame = [*file.decode(video=0)][number]
        kind = np.uint16 if "10" in frame.format.name else np.uint8
        rows = [np.frombuffer(one, kind).reshape(one.height, -1)[:, : one.width] for one in frame.planes]  # type: ignore[call-overload]
        return np.stack(rows).astype(float)


SPACES = [(BT601, False, 8), (BT601, True, 8), (BT709, True, 8), (BT2020, False, 10), (BT709, False, 10)]


@pytest.mark.parametrize("target", SPACES)
def test_colours_become_those_of_the_first_video(shared_studio: Studio, tmp_path: Path, target: Any) -> None:
    files, wanted = [], []
    for number, (matrix, full, bits) in enumerate([target, *SPACES]):
        rgb = patches(number)
        yuv = to_yuv(rgb, matrix, full=full, bits=bits)
        pixels = "yuv444p10le" if bits == 10 else "yuv444p"
        files.append(coded(tmp_path / f"{number}.mkv", yuv, pixels, matrix=matrix, full=full, primaries=matrix))
        wanted.append(to_yuv(moved(rgb, matrix, target[0]), target[0], full=target[1], bits=target[2]))
    made = joined(shared_studio, *files)
    for number, expected in enumerate(wanted):
        off = levels(made.video.path, 4 * number + 1) - expected
        means = np.abs(off.reshape(3, 3, 16, 4, 16).mean((2, 4)))  # of each square, since 8 bits are dithered
        assert means.max() < (1 if target[2] == 8 else 2.5)  # half a level of a source with 8 bits is 2 of 10 bits
    with av.open(str(made.video.path)) as file:
        codec: Any = file.streams.video[0].codec_context
        assert (codec.colorspace, codec.color_primaries, codec.color_range) == (
            target[0],
            target[0],
            2 if target[1] else 1,
        )


def test_an_untagged_picture_has_the_colours_that_players_assume_for_its_size(
    shared_studio: Studio, tmp_path: Path
) -> None:
    rgb = np.full((720, 960, 3), (0.2, 0.5, 0.8))
    small = coded(tmp_path / "a.mkv", to_yuv(patches(), BT601, full=False, bits=8), "yuv444p")
    large = coded(tmp_path / "b.mkv", to_yuv(rgb, BT709, full=False, bits=8), "yuv444p")
    frame = av.VideoFrame.from_ndarray(np.rint(rgb * 255).astype(np.uint8), "rgb24").reformat(format="bgr0")
    coloured = stored_as(tmp_path / "c.mkv", frame, "ffv1", matrix=0)
    made = joined(shared_studio, small, large, coloured).video.path
    expected = to_yuv(rgb, BT601, full=False, bits=8).mean((1, 2))
    for number in (5, 9):
        assert levels(made, number).mean((1, 2)) == pytest.approx(expected, abs=1.2)


FORMATS = "yuyv422 uyvy422 rgb24 bgra argb gray gray10le yuv420p yuv411p yuv440p nv12 nv21 yuv422p10le yuv444p12le"
MORE = "gbrp gbrp12le rgb48be rgb565le yuva420p ya8 yuv420p16be rgb8 y210le"


def test_a_picture_in_any_pixel_format_fades_into_the_next(shared_studio: Studio, tmp_path: Path) -> None:
    files, colours = [], []
    for number, pixels in enumerate(["yuv444p", *FORMATS.split(), *MORE.split()]):
        rgb = np.full((48, 64, 3), (250, 90, 20) if number % 2 else (10, 60, 200), np.uint8)
        frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pixels, dst_colorspace=BT601)
        files.append(stored_as(tmp_path / f"{number}.nut", frame, "rawvideo", matrix=BT601))
        colours.append(av.VideoFrame.reformat(frame, format="rgb24").to_ndarray().mean((0, 1)))
    made = joined(shared_studio, *files, crossfade=0.08)
    with av.open(str(made.video.path)) as file:
        shown = [one.to_ndarray(format="rgb24").mean((0, 1)) for one in file.decode(video=0)]
    assert len(shown) == 2 * len(files) + 2
    for number, (before, after) in enumerate(pairwise(colours)):
        for step in (1, 2):
            expected = before + (after - before) * step / 3
            assert np.abs(shown[2 * number + 1 + step] - expected).max() < 6, files[number + 1]


@pytest.mark.parametrize(
    "pixels", ["bgra", "gray", "ya8", "gray10le", "gbrp12le", "yuva420p", "yuv422p16le", "gbrp16le"]
)
def test_pixel_formats_that_a_codec_keeps_fade_as_they_are(shared_studio: Studio, tmp_path: Path, pixels: str) -> None:
    files = []
    for number, rgb in enumerate([(250, 90, 20), (10, 60, 200), (250, 90, 20)]):
        given = "yuv420p" if number == 2 else pixels  # which becomes like the others
        picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), rgb, np.uint8), "rgb24")
        frame = picture.reformat(format=given, dst_colorspace=BT601)
        files.append(stored_as(tmp_path / f"{number}.mkv", frame, "ffv1", matrix=BT601))
    made = joined(shared_studio, *files, codec="auto", crossfade=0.04)
    with av.open(str(made.video.path)) as file:
        frames = [*file.decode(video=0)]
    assert {one.format.name for one in frames} == {pixels}
    shown = [one.to_ndarray(format="rgb24").mean((0, 1)) for one in frames]
    for low, half, high in ((0, 3, 4), (4, 6, 7)):
        assert np.abs(shown[half] - (shown[low] + shown[high]) / 2).max() < 3
    assert np.abs(shown[-1] - shown[0]).max() < 5


def test_a_video_fits_a_moving_image_of_an_odd_size(shared_studio: Studio, tmp_path: Path) -> None:
    files = []
    for name, codec, size, pixels in (("a.gif", "gif", (33, 25), "bgr8"), ("b.mkv", "ffv1", (64, 48), "yuv420p")):
        picture = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 120, np.uint8), "rgb24")
        files.append(stored_as(tmp_path / name, picture.reformat(format=pixels), codec, matrix=UNKNOWN))
    made = shared_studio.run("video.concat", files[0], inputs=[files[1]])
    assert (made.video.media_type, made.video.facts.width, made.video.facts.height) == ("image/gif", 33, 25)


def pq(light: float) -> float:
    """The level of light in cd/m2 (SMPTE ST 2084)."""
    power = (light / 10_000) ** (2610 / 16384)
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def white(path: Path, *, hdr: bool) -> Path:
    """White of 10 bits, in the light that it has in HDR (ITU-R BT.2408), or without HDR."""
    space, level = (BT2020, pq(203)) if hdr else (BT709, 1.0)
    yuv = to_yuv(np.full((48, 64, 3), level), space, full=False, bits=10)
    return coded(path, yuv, "yuv444p10le", matrix=space, primaries=space, transfer=16 if hdr else BT709)


def test_a_video_without_hdr_becomes_as_bright_beside_one_with_it(shared_studio: Studio, tmp_path: Path) -> None:
    made = joined(shared_studio, white(tmp_path / "a.mkv", hdr=True), white(tmp_path / "b.mkv", hdr=False))
    assert [one.code for one in made.warnings] == ["sdr_to_hdr"]
    one, other = levels(made.video.path, 1), levels(made.video.path, 5)
    assert np.abs(one - other).max() <= 8  # of 1023


LIGHTS = (10.0, 100.0, 203.0, 400.0)
"""cd/m2."""


def on_a_screen(light: float, peak: float) -> float:
    """The level of light without HDR, after the EETF of ITU-R BT.2390, with white at 203 cd/m2."""
    most = pq(peak)
    level, white = pq(light) / most, pq(203) / most
    knee = 1.5 * white - 0.5
    if level > knee:
        t = (level - knee) / (1 - knee)
        slope = (1 - knee) * (t**3 - 2 * t**2 + t)
        level = (2 * t**3 - 3 * t**2 + 1) * knee + slope + (3 * t**2 - 2 * t**3) * white
    power = (level * most) ** (1 / 78.84375)
    shown = 10_000 * (max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (16384 / 2610)
    return float((shown / 203) ** (1 / 2.4))


def lit(path: Path, codec: str = "ffv1", options: dict[str, str] | None = None) -> Path:
    """A video of HDR: each quarter is grey of another light."""
    columns = np.repeat([pq(light) for light in LIGHTS], 16)
    yuv = to_yuv(np.repeat(np.tile(columns, (48, 1))[..., None], 3, 2), BT2020, full=False, bits=10)
    frame = av.VideoFrame(64, 48, "yuv444p10le")
    for plane, values in zip(frame.planes, np.rint(yuv).astype(np.uint16), strict=True):
        plane.update(np.ascontiguousarray(values).tobytes())
    return stored_as(path, frame, codec, matrix=BT2020, primaries=BT2020, transfer=16, options=options)


def greys(path: Path) -> Floats:
    """The levels of the quarters from 0 to 1, of luma with the limited range."""
    with av.open(str(path)) as file:
        luma = next(file.decode(video=0)).to_ndarray()[:48]
    return np.asarray((luma.reshape(48, 4, 16).mean((0, 2)) - 16) / 219)


@pytest.mark.parametrize(
    ("processor", "params"),
    [
        ("video.cut", {"keep": ["0-0.08"], "format": "mp4", "codec": "h264"}),
        ("video.effects", {"chain": ["flip vertical"], "format": "mp4", "codec": "h264"}),
        ("video.mux", {"format": "mp4", "video_codec": "h264"}),
    ],
)
def test_highlights_of_hdr_are_compressed_for_a_codec_of_8_bits_and_told(
    shared_studio: Studio, tmp_path: Path, processor: str, params: dict[str, Any]
) -> None:
    made = shared_studio.run(processor, lit(tmp_path / "a.mkv"), **params)
    assert "hdr_to_sdr" in [one.code for one in made.warnings]
    assert shared_studio.run("video.probe", made.video.path).contents.video[0].colour.transfer == "bt709"
    assert greys(made.video.path) == pytest.approx([on_a_screen(light, 1000) for light in LIGHTS], abs=0.012)


def test_the_light_that_a_file_states_decides_how_highlights_are_compressed(
    shared_studio: Studio, tmp_path: Path
) -> None:
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(40000000,50)"
    for stated, peak in ((f"master-display={display}", 4000), (f"master-display={display}:max-cll=600,100", 600)):
        path = lit(tmp_path / f"{peak}.mp4", "libx265", {"x265-params": f"log-level=none:lossless=1:{stated}"})
        made = shared_studio.run("video.decode", path, indices=[1], format="png")
        with av.open(str(made.frames["frame_000001"].path)) as file:
            levels = next(file.decode(video=0)).to_ndarray(format="gray")[24, 8::16] / 255
        assert levels == pytest.approx([on_a_screen(light, peak) for light in LIGHTS], abs=0.012)


MASTERED = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=600,100"


@pytest.mark.parametrize("codec", ["hevc", "av1", "ffv1"])
@pytest.mark.parametrize(
    ("processor", "params"),
    [
        ("video.cut", {"keep": ["0-0.12"], "mode": "exact"}),
        ("video.effects", {"chain": ["flip vertical"]}),
        ("video.mux", {}),
    ],
)
def test_metadata_of_hdr10_is_kept_or_told(
    shared_studio: Studio, tmp_path: Path, codec: str, processor: str, params: dict[str, Any]
) -> None:
    path = lit(tmp_path / "a.mp4", "libx265", {"x265-params": f"log-level=none:{MASTERED}"})
    wanted = {"video_codec": codec} if processor == "video.mux" else {"codec": codec}
    made = shared_studio.run(processor, path, format="mkv", **wanted, **params)
    told = ["hdr_metadata_lost"] if codec == "ffv1" else []
    assert [one.code for one in made.warnings if one.code.startswith("hdr")] == told
    with av.open(str(made.video.path)) as file:
        notes = HdrNotes.of(next(file.decode(video=0)))
    points = 13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450
    assert notes == (HdrNotes() if told else HdrNotes(points, (10_000_000, 50), (600, 100)))


def test_hlg_and_thumbnails_of_hdr_have_the_light_of_usual_screens(shared_studio: Studio, tmp_path: Path) -> None:
    yuv = to_yuv(np.full((48, 64, 3), 0.75), BT2020, full=False, bits=10)  # white paper (ITU-R BT.2408)
    path = coded(tmp_path / "a.mkv", yuv, "yuv444p10le", matrix=BT2020, primaries=BT2020, transfer=18)
    made = shared_studio.run("video.analyze", path, thumbnails=1, min_scene=0.04)
    [thumbnail] = made.thumbnails.values()
    with av.open(str(thumbnail.path)) as file:
        level = next(file.decode(video=0)).to_ndarray(format="gray").mean() / 255
    assert level == pytest.approx(on_a_screen(203, 1000), abs=0.012)


def test_a_colour_that_usual_screens_do_not_have_becomes_paler(shared_studio: Studio, tmp_path: Path) -> None:
    colour = 4.0, 60.0, 12.0
    yuv = to_yuv(np.full((48, 64, 3), [pq(one) for one in colour]), BT2020, full=False, bits=10)
    path = coded(tmp_path / "a.mkv", yuv, "yuv444p10le", matrix=BT2020, primaries=BT2020, transfer=16)
    made = shared_studio.run("video.decode", path, indices=[1], format="npz")
    with np.load(made.frames["frames"].path) as file:
        light = (file["frames"][0, 24, 32] / 255) ** 2.4 * 203
    luminance = np.dot([0.2627, 0.678, 0.0593], colour)
    away = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]) @ colour
    paler = luminance + (away - luminance) * luminance / (luminance - away[0])  # so much that red is not below 0
    assert light == pytest.approx(paler, abs=1.5)


def test_hdr_and_detail_that_a_codec_of_8_bits_does_not_keep_are_told(shared_studio: Studio, tmp_path: Path) -> None:
    path = white(tmp_path / "a.mkv", hdr=True)
    made = shared_studio.run("video.cut", path, keep=["0-0.08"], format="mp4", codec="h264")
    assert [one.code for one in made.warnings] == ["hdr_to_sdr", "detail_reduced"]
    assert shared_studio.run("video.probe", made.video.path).contents.video[0].colour.transfer == "bt709"
    with av.open(str(made.video.path)) as file:
        assert next(file.decode(video=0)).to_ndarray(format="gray").mean() > 225
