"""`video.effects` through the studio: geometry, time and sound against an independent computation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from numpy.typing import NDArray

import avstudio_video
from avstudio_core import TaskFailed
from avstudio_core.errors import InvalidParams
from avstudio_core.testing import ProcessorContract
from avstudio_video.effects.source import SoundSource
from avstudio_video.media.limits import USUAL

Make = Callable[..., Path]
Pixels = NDArray[np.float64]


class TestEffects(ProcessorContract):
    plugin = avstudio_video
    processor = "video.effects"
    params = {"chain": ["flip"]}  # noqa: RUF012

    @pytest.fixture
    def sample(self, write: Make) -> Path:
        return write("film.mp4", 10, sound=[440.0])


GEOMETRY = [
    ("crop width=32 height=24 x=8 y=4", lambda a: a[4:28, 8:40]),
    ("crop 1:1", lambda a: a[:, 8:56]),
    ("crop 1:1 anchor=left", lambda a: a[:, :48]),
    ("flip", lambda a: a[:, ::-1]),
    ("flip vertical", lambda a: a[::-1]),
    ("rotate 90", lambda a: np.rot90(a, -1)),
    ("rotate 180", lambda a: np.rot90(a, 2)),
    ("rotate -90", lambda a: np.rot90(a)),
    ("scale 32", lambda a: a.reshape(24, 2, 32, 2, 3).mean((1, 3))),
    ("scale 32 32 stretch", lambda a: a.reshape(48, 32, 2, 3).mean(2)[np.arange(32) * 48 // 32]),
    ("scale 24 48 cover", lambda a: a[:, 20:44]),
    (
        "scale 32 48 pad background=white",
        lambda a: np.pad(a.reshape(24, 2, 32, 2, 3).mean((1, 3)), ((12, 12), (0, 0), (0, 0)), constant_values=255),
    ),
    ("pad 1:1", lambda a: np.pad(a, ((8, 8), (0, 0), (0, 0)))),
    ("pad width=80 height=64 anchor=top_left background=#ff0000", lambda a: _on_red(a)),
]


def _on_red(picture: Pixels) -> Pixels:
    canvas = np.full((64, 80, 3), (255.0, 0.0, 0.0))
    canvas[:48, :64] = picture
    return canvas


@pytest.mark.parametrize(("chain", "expected"), GEOMETRY, ids=[chain for chain, _ in GEOMETRY])
def test_geometry_gives_the_pixels_of_numpy(
    films: Any, film: Path, chain: str, expected: Callable[[Pixels], Pixels]
) -> None:
    made, _ = films.frames(films.applied(film, chain).video.path)
    source, _ = films.frames(film)

    assert len(made) == len(source)
    assert made[2].shape == expected(source[2]).shape
    assert films.psnr(made[2], expected(source[2])) > 33


def test_the_sides_are_the_blurred_picture(films: Any, film: Path) -> None:
    made, _ = films.frames(films.applied(film, "scale 48 96 blur").video.path)
    source, _ = films.frames(film)

    small = source[0].reshape(48, 64, 3)[:, :, :]
    assert made[0].shape == (96, 48, 3)
    assert films.psnr(made[0][30:66, 4:44].mean((0, 1)), small.mean((0, 1))) > 30
    bars = made[0][:28]
    assert bars.mean() > 30, "The sides are not black."
    assert np.abs(np.diff(bars, axis=1)).max() < 16, "The sides are blurred."


def test_a_rotation_by_another_angle_shows_all_of_the_picture(films: Any, film: Path) -> None:
    made, _ = films.frames(films.applied(film, "rotate 45 background=white").video.path)

    assert made[0].shape == (80, 80, 3)
    assert (made[0][0, 0] > 250).all()
    assert films.psnr(made[0][40, 40], films.frames(film)[0][0][24, 32]) > 30


def test_a_turned_video_with_wide_pixels_is_upright_and_square(films: Any, write: Make) -> None:
    path = write("a.mp4", films.gradient(), rotation=90, sample_aspect_ratio=Fraction(2, 1))
    result = films.applied(path, "crop width=48 height=128", format="mp4")

    assert (result.width, result.height) == (48, 128)
    with av.open(str(result.video.path)) as file:
        frame = next(file.decode(video=0))
        assert frame.rotation == 0
        assert (file.streams.video[0].sample_aspect_ratio or 1) == 1


def test_a_trim_is_exact_also_between_frames(films: Any, write: Make) -> None:
    path = write("a.mkv", 25, sound=[np.repeat(np.linspace(0, 0.9, 48_000, dtype=np.float32)[None], 2, 0)])
    result = films.applied(path, "trim 0.4 0.8", sound_codec="pcm")
    made, times = films.frames(result.video.path)
    source, _ = films.frames(path)

    assert (result.duration, result.frames, times[0]) == (pytest.approx(0.4), 10, 0)
    assert all(films.psnr(made[n], source[n + 10]) > 40 for n in range(10))
    assert films.sound(result.video.path)[0] == pytest.approx(0.36, abs=0.01)
    assert len(films.sound(result.video.path)) == pytest.approx(0.4 * 48_000, abs=48)


def test_speed_keeps_the_rate_and_the_pitch(films: Any, write: Make) -> None:
    path = write("a.mkv", 50, sound=[440.0])
    for chain, count, pitch in (("speed 2", 25, 440), ("speed 0.5", 100, 440), ("speed 2 keep_pitch=false", 25, 880)):
        result = films.applied(path, chain, sound_codec="pcm")
        wave = films.sound(result.video.path)
        middle = wave[len(wave) // 4 : -len(wave) // 4]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        assert (result.frames, result.rate) == (count, "25")
        assert len(wave) == pytest.approx(count / 25 * 48_000, abs=48)
        assert spectrum.argmax() * 48_000 / len(middle) == pytest.approx(pitch, rel=0.02)


def test_reversed_video_is_limited_by_its_bytes(films: Any, write: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avstudio_video.effects.times.MOST_REVERSED", 6 * 64 * 48 * 3)
    plain = write("plain.mkv", films.gradient(6), codec="ffv1", format="yuv444p")
    assert films.applied(plain, "reverse").frames == 6
    with pytest.raises(TaskFailed, match="too long or too large to be reversed"):
        films.applied(write("deep.mkv", films.gradient(6), codec="ffv1", format="yuv444p10le"), "reverse")


def test_reversed_video_has_its_frames_and_its_sound_backwards(films: Any, write: Make) -> None:
    rising = np.repeat(np.linspace(0, 0.9, 11_520, dtype=np.float32)[None], 2, 0)
    path = write("a.mkv", films.gradient(6), codec="ffv1", format="yuv444p", sound=[rising], sound_codec="flac")
    result = films.applied(path, "reverse", sound_codec="pcm")

    made, source = films.frames(result.video.path)[0], films.frames(path)[0]
    assert all(films.psnr(one, other) > 40 for one, other in zip(made, source[::-1], strict=True))
    assert np.allclose(films.sound(result.video.path), rising[0][::-1], atol=0.01)


@pytest.mark.parametrize(("rate", "exact", "count"), [(50, "50", 50), (10, "10", 10), (29.97, "30000/1001", 30)])
def test_a_new_rate_repeats_and_drops_frames(films: Any, write: Make, rate: float, exact: str, count: int) -> None:
    result = films.applied(write("a.mp4", 25), f"fps {rate}")
    assert (result.rate, result.frames) == (exact, count)
    assert result.duration == pytest.approx(1.0, abs=0.04)


def test_frames_between_are_made_for_slow_motion(films: Any, write: Make) -> None:
    path = write("a.mkv", films.gradient(6), codec="ffv1", format="yuv444p")
    made, _ = films.frames(films.applied(path, "fps 50 blend").video.path)
    blue = [float(one[..., 2].mean()) for one in made]

    assert len(made) == 12
    assert len({round(one) for one in blue}) > 8, "Frames between two are neither of them."


def test_a_variable_rate_stays_variable(films: Any, write: Make) -> None:
    path = write("a.mp4", 6, times=[0, 1, 3, 4, 9, 11])
    result = films.applied(path, "flip", format="mp4")

    assert result.rate is None
    assert films.frames(result.video.path)[1] == pytest.approx([0, 0.04, 0.12, 0.16, 0.36, 0.44])


def test_sound_gets_a_gain_for_a_time(films: Any, write: Make) -> None:
    path = write("a.mkv", 25, sound=[np.full((2, 48_000), 0.5, np.float32)], sound_codec="flac")
    made = films.sound(films.applied(path, "audio -6 start=0.5", "audio mute start=0.8", sound_codec="flac").video.path)

    assert made[[1000, 30_000, 45_000]] == pytest.approx([0.5, 0.2506, 0.0], abs=0.001)


@pytest.mark.parametrize(("codec", "gain", "told"), [("flac", 12, "6.0 dB"), ("flac", 6, ""), ("aac", 12, "dB")])
def test_sound_that_is_too_loud_for_the_file_is_told(films: Any, write: Make, codec: str, gain: int, told: str) -> None:
    path = write("a.mkv", 5, sound=[np.full((2, 9_600), 0.5, np.float32)], sound_codec="flac")
    made = films.applied(path, f"audio {gain}", "audio 0", sound_codec=codec)

    assert films.sound(made.video.path).max() == pytest.approx(1, abs=0.01) or codec == "aac"
    assert [(one.code, told in one.message) for one in made.warnings] == [("clipped", True)] * bool(told)


def test_sound_reaches_a_loudness(films: Any, write: Make) -> None:
    made = films.applied(
        write("a.mkv", 75, sound=[997.0], sound_codec="flac"), "audio loudness=-20", sound_codec="flac"
    )
    wave = 0.05 * np.sin(np.arange(144_000) * 2 * np.pi * 997 / 48_000)
    wave[60_000:60_480] *= 10
    peaky = write("b.mkv", 75, sound=[np.stack([wave, wave]).astype(np.float32)], sound_codec="flac")
    limited = films.applied(peaky, "audio loudness=-5", sound_codec="flac")
    levels = [20 * np.log10(np.abs(films.sound(one.video.path)).max()) for one in (made, limited)]

    assert levels[0] == pytest.approx(-20, abs=0.1), "A sine in two channels has the LUFS of its peak in dB."
    assert -2.5 < levels[1] <= -1, "Peaks between samples are higher than samples."
    assert [one.code for one in limited.warnings] == ["target_missed"]


def test_what_is_left_out_is_told(films: Any, write: Make) -> None:
    long = write("long.mkv", 10, sound=[np.full((2, 96_000), 0.5, np.float32), 440.0], sound_codec="flac")
    warnings = films.applied(long, "flip").warnings
    assert {one.code for one in warnings} == {"sound_cut", "tracks_left_out"}
    assert "1 audio" in next(one.message for one in warnings if one.code == "tracks_left_out")


@pytest.mark.parametrize(
    ("chain", "told", "hint"),
    [
        ("crp 9:16", "'crp' is not an effect", "Did you mean 'crop'?"),
        ("crop 9/16", "'9/16' does not give proportions", "Write width and height"),
        ("crop", "does not have a size", "'aspect'"),
        ("speed 99", "at most 16", ""),
        ("rotate", "The effect 'rotate' needs 'degrees'", "It has: degrees"),
        ("flip, text", "The effect 'text' needs 'text'", "It has: "),
        ("trim 0 1; crop 1:1", "does not have a place for 'crop'", "Put commas between effects."),
        ("scale 100 100 hight=3", "does not have the parameter 'hight'", "'height'"),
        ("text 'Hello", "''Hello' cannot be read as effects", "quote"),
        ('flip, text "Hello', "'\"Hello' cannot be read as effects", "quote"),
        ("trim 5 2", "ends before it begins", "after the start"),
        ("pad 1:1 background=blak", "'blak' is not a colour", "Did you mean 'black'?"),
        (
            "pad 1:1 background=blak, pad 2:1 background=blu",
            "'chain.1.pad.background' is not valid: 'blu' is not a",
            "black",
        ),
        ("pad 1:1 background=#12", "'#12' is not a colour", "#rrggbb"),
    ],
)
def test_a_wrong_chain_is_refused_with_what_to_do(films: Any, film: Path, chain: str, told: str, hint: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        films.applied(film, chain)
    assert told in str(refused.value)
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("chain", "told"), [("trim 5 9", "outside the video"), ("crop width=65 height=48", "outside the picture")]
)
def test_an_effect_that_this_video_cannot_have_fails(films: Any, film: Path, chain: str, told: str) -> None:
    with pytest.raises(TaskFailed, match=told):
        films.applied(film, chain)


def test_nothing_to_do_is_refused(films: Any, film: Path) -> None:
    with pytest.raises(InvalidParams, match="nothing to do"):
        films.studio.run("video.effects", film)


def test_odd_sizes_are_cut_for_codecs_that_need_even_ones(films: Any, write: Make) -> None:
    path = write("a.mkv", films.gradient(4, (33, 25)), codec="ffv1", format="yuv444p")
    result = films.applied(path, format="mp4")

    assert (result.width, result.height) == (32, 24)
    assert {one.code for one in result.warnings} == {"odd_size", "detail_reduced"}


def test_a_picture_of_one_pixel_is_written_too(films: Any, write: Make) -> None:
    path = write("a.mkv", films.gradient(3, (1, 1)), codec="ffv1", format="yuv444p")
    result = films.applied(path, "flip", format="mp4")
    assert (result.width, result.height, result.frames) == (2, 2, 3)


def test_a_filter_that_fails_is_told_as_an_effect(films: Any, write: Make) -> None:
    path = write("a.mkv", films.gradient(4, (20, 20)), codec="ffv1", format="yuv444p")
    with pytest.raises(TaskFailed, match="A filter cannot be applied to a picture of 20x20 pixels"):
        films.applied(path, "fps 50 motion")


SOURCES: dict[str, dict[str, Any]] = {
    "deep.mp4": {"codec": "libx265", "format": "yuv420p10le", "options": {"x265-params": "log-level=none"}},
    "wide.mov": {"codec": "prores_ks", "format": "yuv422p10le"},
    "rgb.mkv": {"codec": "ffv1", "format": "bgr0"},
    "grey.mkv": {"codec": "ffv1", "format": "gray"},
    "palette.gif": {"codec": "gif"},
    "full.mkv": {"codec": "mjpeg", "format": "yuvj420p"},
    "transparent.mov": {"codec": "png", "format": "rgba"},
}


@pytest.mark.parametrize("name", SOURCES)
def test_pictures_of_every_kind_keep_their_colours(films: Any, write: Make, name: str) -> None:
    path = write(name, films.gradient(4), **SOURCES[name])
    made, source = films.pictures(path, "flip, color gamma=1.0001"), films.frames(path)[0]
    assert all(films.psnr(one, other[:, ::-1]) > 32 for one, other in zip(made, source, strict=True))


STEPS = st.one_of(
    st.tuples(st.integers(0, 20), st.integers(21, 50)).map(lambda span: f"trim {span[0] / 50} {span[1] / 50}"),
    st.sampled_from(["speed 2", "speed 0.5", "reverse", "flip", "fps 20", "crop 1:1", "rotate 90"]),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chain=st.lists(STEPS, min_size=1, max_size=4))
def test_the_length_of_random_chains_follows_their_times(films: Any, write: Make, chain: Sequence[str]) -> None:
    path = write("law.mkv", 25, sound=[440.0])
    low, high, pace = 0.0, 1.0, 1.0
    for step in chain:
        name, *values = step.split()
        if name == "trim":
            low, high = max(low, float(values[0])), min(high, float(values[1]))
        pace *= float(values[0]) if name == "speed" else 1
    result = films.applied(path, *chain, format="mp4", effort="fast")

    rate = float(Fraction(result.rate))
    assert result.duration == pytest.approx((high - low) / pace, abs=1 / rate)
    assert len(films.frames(result.video.path)[0]) == result.frames == round(result.duration * rate)
    assert len(films.sound(result.video.path)) / 48_000 == pytest.approx(result.duration, abs=0.05)


def test_frames_are_not_made_between_those_of_a_variable_rate(films: Any, write: Make) -> None:
    path = write("a.mkv", 4, times=[0, 1, 5, 6])
    with pytest.raises(TaskFailed, match="cannot make frames between those of a variable frame rate"):
        films.applied(path, "speed 0.5 interpolate")
    assert films.applied(path, "fps 25, speed 0.5 interpolate").frames == 14


def test_silence_before_late_sound_is_never_in_memory_as_a_whole(write: Make) -> None:
    path = write("a.mkv", 75, sound=[440.0], sound_codec="flac", sound_start=2.5)

    blocks = [*SoundSource(path, 1, USUAL, lambda: None).blocks(0.0, 3.0)]

    assert [one.samples.shape[1] for one in blocks[:3]] == [48_000, 48_000, 24_000]
    assert (blocks[2].since, blocks[2].until, blocks[-1].until) == (2.0, 2.5, 3.0)
