"""Text, subtitles and pictures that `video.effects` draws on the picture."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from avstudio_core import TaskFailed
from avstudio_core.errors import InvalidParams

pytest.importorskip("PIL", reason="needs the extra 'text'")

Make = Callable[..., Path]
Pixels = NDArray[np.float64]
SRT = "1\n00:00:00,200 --> 00:00:00,400\n<i>Hello</i> world\n\n2\n00:00:00,600 --> 00:00:00,800\nAgain\n"


@pytest.fixture
def grey(write: Make) -> Path:
    """A second of grey."""
    return write("grey.mkv", [np.full((96, 128, 3), 90, np.uint8)] * 25, codec="ffv1", format="yuv444p")


def drawn(pictures: list[Pixels]) -> list[bool]:
    """Whether something is drawn on each grey picture."""
    return [float(np.abs(one - 90).max()) > 30 for one in pictures]


def box_of(picture: Pixels) -> tuple[int, int, int, int]:
    """Left, upper, right and lower edge of what is drawn."""
    y, x = np.nonzero(np.abs(picture - 90).max(2) > 30)
    return int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1


def saved(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_text_has_the_pixels_of_pillow(films: Any, grey: Path) -> None:
    from PIL import Image, ImageDraw, ImageFont

    made = films.pictures(grey, 'text "Hi, you" size=30 color=#ff8000 position=center')[3]
    left, top, right, bottom = box_of(made)
    image = Image.new("RGB", (128, 96), (90, 90, 90))
    face = ImageFont.truetype("DejaVuSans.ttf", 30)
    ImageDraw.Draw(image).text((20, 20), "Hi, you", "#ff8000", face)
    expected = np.asarray(image, float)
    x, y, *_ = box_of(expected)
    expected = expected[y : y + bottom - top, x : x + right - left]

    assert films.psnr(made[top:bottom, left:right], expected) > 30
    assert abs(left - (128 - right)) <= 3
    assert abs(top - (96 - bottom)) <= 8


@pytest.mark.parametrize("position", ["top_left", "top", "right", "bottom_right", "bottom"])
def test_text_is_where_it_should_be(films: Any, grey: Path, position: str) -> None:
    left, top, right, bottom = box_of(films.pictures(grey, f"text X size=16 position={position} box=white")[0])

    assert ("left" in position) == (left < 20)
    assert ("right" in position) == (right > 108)
    assert ("top" in position) == (top < 20)
    assert ("bottom" in position) == (bottom > 76)


def test_text_and_overlays_have_their_time_and_opacity(films: Any, grey: Path, tmp_path: Path) -> None:
    from PIL import Image

    logo = tmp_path / "logo.png"
    Image.new("RGBA", (20, 10), (0, 0, 255, 255)).save(logo)
    made = films.pictures(grey, "overlay opacity=0.5 width=0.25 start=0.2 end=0.4 x=0.5 y=0.25", overlays=[logo])

    assert drawn(made) == [5 <= number < 10 for number in range(25)]
    assert box_of(made[6]) == (64, 24, 96, 40)
    assert made[6][30, 80] == pytest.approx([45, 45, 172], abs=3)


def test_a_transparent_overlay_is_blended_by_its_alpha(films: Any, grey: Path, tmp_path: Path) -> None:
    from PIL import Image

    alpha = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (32, 1))
    pixels = np.dstack([np.full((32, 64, 3), (255, 255, 255), np.uint8), alpha])
    Image.fromarray(pixels, "RGBA").save(tmp_path / "ramp.png")
    made = films.pictures(grey, "overlay width=0.5 x=0.25 y=0.25", overlays=[tmp_path / "ramp.png"])[0]

    expected = 90 + (255 - 90) * alpha[0][:, None].astype(float) / 255
    assert np.abs(made[40, 32:96] - expected).max() <= 3


def test_a_video_on_the_picture_plays_and_ends(films: Any, grey: Path, write: Make) -> None:
    small = write(
        "small.mkv", [np.full((8, 8, 3), 20 * n, np.uint8) for n in range(5)], codec="ffv1", format="yuv444p", rate=10
    )
    once = films.pictures(grey, "overlay width=0.5 x=0 y=0", overlays=[small])
    again = films.pictures(grey, "overlay width=0.5 x=0 y=0 loop", overlays=[small])

    assert [round(float(one[30, 30, 0])) for one in once[:15:5]] == pytest.approx([0, 40, 80], abs=20)
    assert once[20][30, 30, 0] == pytest.approx(90, abs=2)
    assert again[20][30, 30, 0] == pytest.approx(60, abs=3)


def test_an_overlay_that_is_cut_short_or_damaged_is_told(films: Any, grey: Path, write: Make, tmp_path: Path) -> None:
    small = write("small.mkv", 60)
    whole, third = small.read_bytes(), small.stat().st_size // 3
    small.write_bytes(whole[:third])
    result = films.applied(grey, "overlay loop, stabilize" if find_spec("cv2") else "overlay loop", overlays=[small])
    assert "'small.mkv' is cut short" in result.warnings[0].message
    assert [one.code for one in result.warnings] == ["truncated"]

    small.write_bytes(whole[:third] + bytes(300) + whole[third + 300 :])
    result = films.applied(grey, "speed 0.4, overlay", overlays=[small])
    assert {one.code for one in result.warnings} <= {"damaged", "gaps"}
    assert "'small.mkv'" in result.warnings[0].message


def test_an_overlay_is_upright_with_square_pixels(films: Any, grey: Path, write: Make) -> None:
    turned = write("turned.mp4", films.gradient(), rotation=90, sample_aspect_ratio=Fraction(2, 1))

    made = films.pictures(grey, "overlay width=0.1875 x=0 y=0", overlays=[turned])[0]

    assert box_of(made) == (0, 0, 24, 64)
    assert films.psnr(made[:64, :24], films.pictures(turned, "scale 24 64")[0]) > 30


def test_a_colour_of_an_overlay_becomes_transparent(films: Any, grey: Path, tmp_path: Path) -> None:
    from PIL import Image

    image = Image.new("RGB", (64, 48), (0, 255, 0))
    image.paste((255, 0, 0), (16, 12, 48, 36))
    image.save(tmp_path / "screen.png")
    made = films.pictures(grey, "overlay width=1 x=0 y=0 key=#00ff00", overlays=[tmp_path / "screen.png"])[0]

    assert made[5, 5] == pytest.approx([90, 90, 90], abs=2)
    assert made[48, 64] == pytest.approx([255, 0, 0], abs=3)


FILES = {
    "film.srt": SRT,
    "film.vtt": "WEBVTT\n\n00:00.200 --> 00:00.400\nHello &amp; world\n\n00:00.600 --> 00:00.800\nAgain\n",
    "film.ass": "[Script Info]\n[Events]\nDialogue: 0,0:00:00.20,0:00:00.40,Default,,0,0,0,,{\\i1}Hello\\NWorld\n"
    "Dialogue: 0,0:00:00.60,0:00:00.80,Default,,0,0,0,,Again, and again\n",
}


@pytest.mark.parametrize("name", FILES)
def test_subtitles_are_shown_at_their_time(films: Any, grey: Path, tmp_path: Path, name: str) -> None:
    made = films.pictures(grey, "subtitles", subtitles=saved(tmp_path, name, FILES[name]))

    assert drawn(made) == [5 <= number < 10 or 15 <= number < 20 for number in range(25)]
    left, top, right, bottom = box_of(made[6])
    assert top > 48, "They are at the bottom."
    assert bottom <= 96 - 5
    assert abs(left - (128 - right)) <= 3


def test_subtitles_stay_with_their_picture_in_a_trimmed_faster_film(films: Any, grey: Path, tmp_path: Path) -> None:
    srt = saved(tmp_path, "a.srt", SRT)
    made = films.pictures(grey, "trim 0.4 1, speed 2, subtitles", subtitles=srt)

    assert drawn(made) == [2 <= number < 5 for number in range(len(made))]


@pytest.mark.parametrize(
    ("style", "colour"), [("outline", (255, 255, 255)), ("yellow", (255, 255, 0)), ("box", (255, 255, 255))]
)
def test_styles_have_their_colours(
    films: Any, grey: Path, tmp_path: Path, style: str, colour: tuple[int, int, int]
) -> None:
    made = films.pictures(grey, f"subtitles {style} size=0.2 position=top", subtitles=saved(tmp_path, "a.srt", SRT))[6]

    assert np.abs(made - colour).max(2).min() < 12
    assert made.max(2).min() < 60, "The letters have an outline or a box."
    assert box_of(made)[1] < 40


def test_long_subtitles_are_broken_and_made_smaller(films: Any, grey: Path, tmp_path: Path) -> None:
    long = "1\n00:00:00,000 --> 00:00:01,000\n" + "never gonna give you up " * 2
    made = films.pictures(grey, "subtitles size=0.12", subtitles=saved(tmp_path, "a.srt", long))[0]

    left, _, right, _ = box_of(made)
    assert left >= 4
    assert right <= 124


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("東京に行きました。", ["東京に行き", "ました。"]),
        (
            "今日は、「とても」暑い",
            ["今日は、", "「とても」", "暑い"],
        ),  # no mark begins a line, and no bracket ends one
        ("ニューヨーク市", ["ニューヨー", "ク市"]),
    ],
)
def test_lines_break_between_characters_of_scripts_without_spaces(text: str, lines: list[str]) -> None:
    from avstudio_video.effects.typeface import Lettering, Letters

    lettering = Lettering(None, lambda code, message: None)
    wide = lettering._face(20).getlength("漢" * 5)
    assert lettering.lines(text, Letters(20), int(wide) + 1, 10) == (lines, Letters(20))


def test_burned_subtitles_without_spaces_keep_their_size(films: Any, grey: Path, tmp_path: Path) -> None:
    long = "1\n00:00:00,000 --> 00:00:01,000\n" + "漢" * 30
    made = films.pictures(grey, "subtitles size=0.12 max_lines=3", subtitles=saved(tmp_path, "a.srt", long))[0]
    left, upper, right, lower = box_of(made)
    assert (left >= 4, right <= 124, lower - upper > 24) == (True, True, True)


def test_characters_that_the_font_lacks_are_told(films: Any, grey: Path) -> None:
    result = films.applied(grey, "text 漢字abc")

    assert [one.code for one in result.warnings] == ["glyphs_missing"]
    assert "字漢" in result.warnings[0].message


@pytest.mark.parametrize(("chain", "name"), [("subtitles", "subtitles"), ("overlay", "overlays"), ("lut", "lut")])
def test_a_file_that_an_effect_needs_must_be_given(
    films: Any, grey: Path, tmp_path: Path, chain: str, name: str
) -> None:
    with pytest.raises(InvalidParams, match="has no file") as refused:
        films.applied(grey, chain)
    assert f"'{name}'" in refused.value.hint
    with pytest.raises(TaskFailed, match=r"has no file|does not exist"):
        films.applied(grey, chain_file=saved(tmp_path, "chain.txt", chain))


def test_files_of_another_kind_are_refused(films: Any, grey: Path, tmp_path: Path) -> None:
    text = saved(tmp_path, "notes.txt", "Just a text.")
    with pytest.raises(TaskFailed, match=r"'notes.txt' cannot be read"):
        films.applied(grey, "subtitles", subtitles=text)
    with pytest.raises(TaskFailed, match=r"'notes.ttf' is not a font"):
        films.applied(grey, "text a", font=saved(tmp_path, "notes.ttf", "Just a text."))


def test_a_word_that_is_too_long_is_broken(films: Any, grey: Path) -> None:
    made = films.pictures(grey, {"type": "text", "text": "W" * 60, "size": 10, "margin": 0.1})[0]
    width = made.shape[1]
    columns = np.flatnonzero((made > 200).any((0, 2)))
    assert columns.min() >= 0.09 * width
    assert columns.max() <= 0.91 * width


def test_a_text_that_needs_a_huge_picture_is_refused(films: Any, grey: Path) -> None:
    with pytest.raises(TaskFailed, match=r"begins with 'W+' needs a picture of \d+x\d+ pixels"):
        films.applied(grey, {"type": "text", "text": "W" * 60, "size": 2000})
