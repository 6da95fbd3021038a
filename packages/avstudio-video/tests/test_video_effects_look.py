"""Effects of `video.effects` on colours and detail, against numpy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from avstudio_core import TaskFailed

Make = Callable[..., Path]
Pixels = NDArray[np.float64]
Picture = NDArray[np.uint8]
EXACT = {"codec": "ffv1", "format": "yuv444p"}


def planes(path: Path) -> Pixels:
    """Luma and colour of the first frame, `(3, height, width)`."""
    with av.open(str(path)) as file:
        return next(file.decode(video=0)).to_ndarray(format="yuv444p").astype(float)


LEVELS = [
    ("color brightness=0.1", lambda y: y + 21.9, 1.0),
    ("color contrast=1.5", lambda y: ((y - 16) / 219 - 0.5) * 1.5 * 219 + 109.5 + 16, 1.0),
    ("color gamma=2", lambda y: 16 + 219 * ((y - 16) / 219).clip(0, 1) ** 0.5, 1.0),
    ("color saturation=0.5", lambda y: y, 0.5),
]


@pytest.mark.parametrize(("chain", "luma", "colour"), LEVELS, ids=[one[0] for one in LEVELS])
def test_levels_are_those_of_numpy(
    films: Any, film: Path, chain: str, luma: Callable[[Pixels], Pixels], colour: float
) -> None:
    before, after = planes(film), planes(films.applied(film, chain).video.path)

    assert np.abs(after[0] - luma(before[0]).clip(16, 235)).max() <= 1
    assert np.abs(after[1:] - ((before[1:] - 128) * colour + 128)).max() <= 1


def test_hue_temperature_exposure_and_vibrance_move_colours_as_they_say(films: Any, film: Path) -> None:
    before = films.frames(film)[0][0]
    turned, warm, bright, rich = (
        films.pictures(film, f"color {one}")[0] for one in ("hue=180", "temperature=3000", "exposure=1", "vibrance=2")
    )
    chroma = planes(film)[1:] - 128
    assert np.abs(planes(films.applied(film, "color hue=180").video.path)[1:] - (128 - chroma)).max() <= 2
    assert turned.shape == before.shape
    assert (warm[..., 0] - warm[..., 2]).mean() > (before[..., 0] - before[..., 2]).mean() + 20
    assert films.psnr(bright[10:20, 10:20], (2 * before[10:20, 10:20]).clip(0, 255)) > 30
    assert rich.std(2).mean() > before.std(2).mean()


def test_a_table_of_colours_maps_each_pixel(films: Any, film: Path, tmp_path: Path) -> None:
    points = [(r / 2, g / 2, b / 2) for b in range(3) for g in range(3) for r in range(3)]
    rows = "\n".join(f"{1 - r} {g} {b * 0.5}" for r, g, b in points)
    table = tmp_path / "look.cube"
    table.write_text(f'TITLE "look"\nLUT_3D_SIZE 3\n{rows}\n')
    before = films.frames(film)[0][0]
    whole, half = (films.pictures(film, f"lut {one}", lut=table)[0] for one in (1, 0.5))

    expected = np.stack([255 - before[..., 0], before[..., 1], before[..., 2] / 2], -1)
    assert films.psnr(whole, expected) > 38
    assert films.psnr(half, (before + expected) / 2) > 38


def test_a_table_of_one_dimension_maps_each_component(films: Any, film: Path, tmp_path: Path) -> None:
    table = tmp_path / "look.cube"
    table.write_text("LUT_1D_SIZE 2\n1 1 1\n0 0 0\n")

    assert films.psnr(films.pictures(film, "lut", lut=table)[0], 255 - films.frames(film)[0][0]) > 38


@pytest.mark.parametrize(
    "text", ["", "LUT_3D_SIZE 2\n0 0 0\n", "LUT_3D_SIZE 99\n", "hello\n", "LUT_1D_SIZE 2\n0 0 nan\n1 1 1"]
)
def test_a_damaged_table_is_refused(films: Any, film: Path, tmp_path: Path, text: str) -> None:
    table = tmp_path / "look.cube"
    table.write_text(text + "\n")
    with pytest.raises(TaskFailed, match=r"'look.cube' is not a table of colours"):
        films.applied(film, "lut", lut=table)


@pytest.mark.parametrize("strength", ["light", "medium", "strong"])
def test_noise_is_removed(films: Any, write: Make, strength: str) -> None:
    clean = films.gradient(12)
    random = np.random.default_rng(1)
    noisy = [(one + random.normal(0, 8, one.shape)).clip(0, 255).astype(np.uint8) for one in clean]
    path = write("a.mkv", noisy, codec="ffv1", format="yuv444p")
    still = write("b.mkv", [noisy[0]] + [noisy[n] for n in range(11)], codec="ffv1", format="yuv444p")
    target = path if strength != "light" else still

    before, after = films.frames(target)[0][6], films.pictures(target, f"denoise {strength}")[6]
    wanted = clean[6 if strength != "light" else 5].astype(float)
    assert films.psnr(after, wanted) > films.psnr(before, wanted) + 1


def test_sharpening_makes_edges_steeper_and_blurring_flatter(films: Any, write: Make) -> None:
    edge = np.full((48, 64, 3), 80, np.uint8)
    edge[:, 32:] = 160
    path = write("a.mkv", [edge] * 3, codec="ffv1", format="yuv444p")
    plain, sharp, soft = (
        films.frames(path)[0][1],
        films.pictures(path, "sharpen 2")[1],
        films.pictures(path, "blur 4")[1],
    )

    step = [float(one[24, 32, 1] - one[24, 31, 1]) for one in (soft, plain, sharp)]
    assert step[0] < 20 < step[1] < step[2]
    x = np.arange(64) - 31.5
    kernel = np.exp(-((np.arange(-16, 17)) ** 2) / 32)
    expected = np.convolve(np.pad(np.where(x > 0, 160.0, 80.0), 16, "edge"), kernel / kernel.sum(), "valid")
    assert np.abs(soft[24, :, 1] - expected).max() < 4


@pytest.mark.parametrize("amount", [0.5, 2])
def test_sharpening_adds_the_difference_to_a_blurred_luma(films: Any, write: Make, amount: float) -> None:
    coarse = np.random.default_rng(4).integers(100, 150, (24, 32, 3))
    path = write("a.mkv", [np.kron(coarse, np.ones((2, 2, 1))).astype(np.uint8)] * 2, **EXACT)
    before, after = planes(path), planes(films.applied(path, f"sharpen {amount}").video.path)

    kernel = np.array([1, 4, 6, 4, 1]) / 16
    padded = np.pad(before[0], 2, "edge")
    rows = sum(weight * padded[n : n + 48] for n, weight in enumerate(kernel))
    blurred = sum(weight * rows[:, n : n + 64] for n, weight in enumerate(kernel))
    assert np.abs(after[0] - (before[0] + amount * (before[0] - blurred))).max() <= 1.5
    assert np.array_equal(after[1:], before[1:])


def test_vibrance_below_zero_makes_pale_colours_paler(films: Any, film: Path) -> None:
    before, after = films.frames(film)[0][2], films.pictures(film, "color vibrance=-0.8")[2]

    luma = before @ [0.2126, 0.7152, 0.0722]
    factor = 1 - 0.8 * (1 - np.ptp(before, axis=2) / 255)
    expected = luma[..., None] + (before - luma[..., None]) * factor[..., None]
    assert np.abs(after - expected).mean() < 1


def test_vibrance_above_zero_makes_pale_colours_richer(films: Any, film: Path) -> None:
    before, after = films.frames(film)[0][2], films.pictures(film, "color vibrance=0.8")[2]
    luma = before @ [0.2126, 0.7152, 0.0722]
    factor = 1 + 0.8 * (1 - np.ptp(before, axis=2) / 255)
    expected = luma[..., None] + (before - luma[..., None]) * factor[..., None]
    assert np.abs(after - expected.clip(0, 255)).mean() < 1.5


def test_steps_up_to_the_threshold_become_a_slope(films: Any, write: Make) -> None:
    steps = np.repeat(np.repeat(np.arange(60, 120, 5), 12)[None, :, None], 48, 0)
    path = write("a.mkv", [np.repeat(steps, 3, 2).astype(np.uint8)] * 2, **EXACT)
    before = films.frames(path)[0][0]
    smooth, kept = (films.pictures(path, f"deband {one}")[0] for one in (0.03, 0.003))

    highest = [float(np.abs(np.diff(one[..., 1].mean(0))[16:-16]).max()) for one in (before, smooth)]
    assert highest[1] < highest[0] / 2
    assert np.array_equal(kept, before), "The steps are higher than the threshold."


@pytest.mark.parametrize("format", ["yuv420p", "yuv444p", "yuv422p10le"])
@pytest.mark.parametrize("style", ["blur 30px", "pixelate", "fill"])
def test_a_region_at_the_edge_of_a_picture_of_odd_size_is_changed_to_the_edge(
    films: Any, write: Make, format: str, style: str
) -> None:
    y, x = np.mgrid[0:49, 0:65]
    squares = np.repeat(np.where((x // 4 + y // 4) % 2, 235, 20)[..., None], 3, 2).astype(np.uint8)
    path = write("odd.mkv", [squares] * 2, codec="ffv1", format=format)
    name, *sigma = style.split()
    made = films.pictures(path, f"blur {' '.join(sigma)} style={name} region=0.5:0.5:0.5:0.5")[0]
    assert made.shape == squares.shape
    assert np.ptp(made[32:, 40:], axis=(0, 1)).max() < 100
    assert np.array_equal(np.ptp(made[:20], axis=(0, 1)) > 150, [True] * 3)


@pytest.mark.parametrize("style", ["blur", "pixelate", "fill"])
def test_a_region_is_hidden_and_nothing_else(films: Any, write: Make, style: str) -> None:
    random = np.random.default_rng(2).integers(0, 255, (48, 64, 3), np.uint8)
    path = write("a.mkv", [random] * 3, codec="ffv1", format="yuv444p")
    before = films.frames(path)[0][0]
    after = films.pictures(path, f"blur 6px region=0.25:0.25:0.5:0.5 style={style}")[0]

    inside = np.zeros((48, 64), bool)
    inside[12:36, 16:48] = True
    assert (after[~inside] == before[~inside]).all()
    assert after[inside].std() < before[inside].std() / 2
    assert style != "fill" or after[inside].max() <= 3


def test_an_ellipse_is_hidden_within_its_edge(films: Any, film: Path) -> None:
    after = films.pictures(film, {"type": "blur", "shape": "ellipse", "style": "fill", "color": "red"})[0]
    before = films.frames(film)[0][0]

    assert (after[0, 0] == before[0, 0]).all()
    assert np.abs(after[24, 32] - [255, 0, 0]).max() <= 3
    assert (after != before).any(2).mean() == pytest.approx(np.pi / 4, abs=0.03)


def test_an_effect_works_only_within_its_time(films: Any, film: Path) -> None:
    before, after = films.frames(film)[0], films.pictures(film, "color brightness=0.3 start=0.08 end=0.16")

    assert [films.psnr(one, two) > 60 for one, two in zip(before, after, strict=True)] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]


def test_a_fade_is_linear_in_picture_and_sound(films: Any, write: Make) -> None:
    white = [np.full((48, 64, 3), 235, np.uint8)] * 50
    path = write(
        "a.mkv",
        white,
        codec="ffv1",
        format="yuv444p",
        sound=[np.full((2, 96_000), 0.5, np.float32)],
        sound_codec="flac",
    )
    result = films.applied(path, "fade 0.4 0.8", sound_codec="pcm")
    levels = [float(one.mean()) for one in films.frames(result.video.path)[0]]
    heard = films.sound(result.video.path)

    assert levels[0] == pytest.approx(0, abs=2)
    assert levels[5] == pytest.approx(235 / 2, abs=3)
    assert levels[20] == pytest.approx(235, abs=2)
    assert levels[40] == pytest.approx(235 / 2, abs=3)
    assert heard[[0, 9_600, 48_000, 76_800]] == pytest.approx([0, 0.25, 0.5, 0.25], abs=0.002)


def test_a_fade_begins_and_ends_with_its_colour(films: Any, write: Make) -> None:
    path = write("a.mkv", [np.full((48, 64, 3), 60, np.uint8)] * 26, **EXACT)
    made = films.pictures(path, "fade 0.4 0.4 color=#ff8000")

    orange = np.array([255, 128, 0])
    for number, part in ((0, 0), (5, 0.5), (12, 1), (21, 0.5)):
        assert np.abs(made[number] - (orange * (1 - part) + 60 * part)).max() <= 3


def test_a_trim_after_a_fade_keeps_its_place(films: Any, write: Make) -> None:
    path = write("a.mkv", [np.full((48, 64, 3), 235, np.uint8)] * 50, codec="ffv1", format="yuv444p")
    levels = [float(one.mean()) for one in films.pictures(path, "fade 1 0", "trim 0.48 0.6")]

    assert levels[0] == pytest.approx(235 * 0.48, abs=3)


def fields(count: int, first: int = 0) -> tuple[list[Picture], list[Picture]]:
    """The moments at which the fields of a film are seen, and its frames: two moments each, row `first` comes first.

    A bar moves over grey, and below it lies a pattern of fine rows.
    """
    rows = np.random.default_rng(5).integers(20, 220, (16, 64, 1))
    moments = []
    for number in range(2 * count):
        picture = np.full((48, 64, 3), 60, np.uint8)
        picture[:32, 3 * number + 4 : 3 * number + 16] = 200
        picture[32:] = rows
        moments.append(picture)
    frames = [one.copy() for one in moments[::2]]
    for frame, later in zip(frames, moments[1::2], strict=True):
        frame[1 - first :: 2] = later[1 - first :: 2]
    return moments, frames


def test_fields_become_frames_of_the_moment_of_the_first(films: Any, write: Make) -> None:
    moments, frames = fields(6)
    path = write("a.mkv", frames, **EXACT)
    made = films.pictures(path, "deinterlace on")

    for number in range(1, 5):
        truth = moments[2 * number].astype(float)
        assert films.psnr(films.frames(path)[0][number], truth) < 22, "It has combs."
        assert films.psnr(made[number], truth) > 30
        assert np.abs(made[number] - truth)[34:].max() <= 2, "Rows that do not move keep their detail."


@pytest.mark.parametrize("marks", ["", "tff=1"])
def test_only_frames_that_are_marked_as_interlaced_change_by_default(films: Any, write: Make, marks: str) -> None:
    moments, frames = fields(6, first=1)  # as x264 marks the frames of PyAV
    path = write("a.mkv", frames, format="yuv444p", options={"qp": "0", "x264-params": marks})
    before, after = films.frames(path)[0], films.pictures(path, "deinterlace")

    assert [np.array_equal(one, other) for one, other in zip(before, after, strict=True)] == [not marks] * 6
    assert not marks or films.psnr(after[2], moments[4].astype(float)) > 30


def test_the_outline_of_a_text_has_its_width_and_colour(films: Any, write: Make) -> None:
    pytest.importorskip("PIL.Image", reason="needs the extra 'text'")
    path = write("a.mkv", [np.full((96, 128, 3), 90, np.uint8)] * 2, **EXACT)
    plain, outlined = (
        films.pictures(path, f"text H size=40 color=white position=center {more}")[0]
        for more in ("", "stroke=3 stroke_color=#0000ff")
    )
    spans = [
        [np.flatnonzero((np.abs(one - 90).max(2) > 40).any(axis))[[0, -1]] for axis in (0, 1)]
        for one in (plain, outlined)
    ]
    assert [np.subtract(new, old).tolist() for old, new in zip(*spans, strict=True)] == [[-3, 3]] * 2
    assert plain.min() > 80, "Usual text is not outlined."
    drawn = np.abs(plain - 255).max(2) < 3
    assert np.abs(outlined[drawn] - 255).max() < 60
    blue = np.abs(outlined - [0, 0, 255]).max(2) < 20
    assert blue.sum() > 200


@pytest.mark.parametrize(
    ("away", "similarity", "part"), [(0.2, 0.1, 1), (0.2, 0.15, 2 / 3), (0.5, 0.4, 0.5), (0.5, 0.6, 0)]
)
def test_colours_near_that_of_the_screen_are_as_opaque_as_they_are_far(
    films: Any, write: Make, tmp_path: Path, away: float, similarity: float, part: float
) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs the extra 'text'")
    near = (0, 255 - round(away * 255 * 3**0.5), 0)  # 1 is the way from black to white
    image.new("RGB", (64, 48), near).save(tmp_path / "a.png")
    path = write("a.mkv", [np.full((48, 64, 3), 90, np.uint8)] * 2, **EXACT)
    chain = f"overlay width=1 x=0 y=0 key=#00ff00 similarity={similarity}"
    made = films.pictures(path, chain, overlays=[tmp_path / "a.png"])[0]
    assert np.abs(made - (np.array(near) * part + 90 * (1 - part))).max() <= 4


def test_hdr_becomes_usual_colours_for_a_codec_with_8_bits(films: Any, write: Make) -> None:
    hdr = {"codec": "libx265", "format": "yuv420p10le", "color_primaries": 9, "color_trc": 16, "colorspace": 9}
    path = write("a.mp4", 5, options={"x265-params": "log-level=none"}, **hdr)
    kept = films.applied(path, "flip", format="mp4", codec="hevc")
    made = films.applied(path, "flip", format="mp4", codec="h264")
    meant = films.applied(path, "tonemap", format="mp4", codec="h264")

    assert [one.code for one in made.warnings] == ["hdr_to_sdr"]
    assert not meant.warnings
    for result, expected in ((kept, ("yuv420p10le", 16, 9)), (made, ("yuv420p", 1, 1)), (meant, ("yuv420p", 1, 1))):
        with av.open(str(result.video.path)) as file:
            context = file.streams.video[0].codec_context
            assert (context.pix_fmt, context.color_trc, context.color_primaries) == expected


def shift_between(one: Pixels, other: Pixels) -> NDArray[Any]:
    """By how many pixels a picture is shifted to another, from the phase of their spectra (Kuglin and Hines 1975)."""
    window = np.outer(np.hanning(one.shape[0]), np.hanning(one.shape[1]))
    spectra = np.fft.fft2(one * window).conj() * np.fft.fft2(other * window)
    peak = np.abs(np.fft.ifft2(spectra / (np.abs(spectra) + 1e-9)))
    found = np.array(np.unravel_index(peak.argmax(), peak.shape))
    size = np.array(peak.shape)
    return np.where(found > size / 2, found - size, found)


def test_a_shaking_camera_is_steady_afterwards(films: Any, write: Make) -> None:
    pytest.importorskip("cv2", reason="needs the extra 'opencv'")
    random = np.random.default_rng(3)
    wall = np.kron(random.integers(30, 220, (40, 50, 3)), np.ones((6, 6, 1))).astype(np.uint8)
    places = 20 + random.integers(-5, 6, (16, 2))
    path = write("a.mkv", [wall[y : y + 144, x : x + 192] for y, x in places], codec="ffv1", format="yuv444p")
    before, after = films.frames(path)[0], films.pictures(path, "stabilize 5")

    def shake(pictures: list[Pixels]) -> float:
        middle = [one[24:-24, 24:-24, 1] for one in pictures]
        return float(np.mean([np.abs(shift_between(middle[n], middle[n + 1])).sum() for n in range(len(middle) - 1)]))

    assert len(after) == 16
    assert shake(before) > 4
    assert shake(after) < shake(before) / 4


@pytest.mark.parametrize(
    ("chain", "told"), [("{}, deinterlace", True), ("deinterlace, {}", False), ("{}, deinterlace on", False)]
)
def test_fields_that_are_no_longer_known_are_told(films: Any, write: Make, chain: str, told: bool) -> None:
    path = write("a.mkv", fields(6, first=1)[1], format="yuv444p", options={"qp": "0", "x264-params": "tff=1"})
    made = films.applied(path, *chain.format("fade 1 0").split(", "), format="mkv")
    assert ("interlaced" in [one.code for one in made.warnings]) == told
