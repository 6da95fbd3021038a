"""The meter, with the test signals of EBU Tech 3341 and Tech 3342, and beside other meters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from avstudio_audio.loudness.gates import lufs
from avstudio_audio.loudness.meter import Meter, Reading, joined
from avstudio_core.errors import InvalidInput

RATE = 48_000
Sound = NDArray[np.float32]


def tone(*parts: tuple[float, float], rate: int = RATE, channels: int = 2) -> Sound:
    """A sine of 1 kHz with parts of (level in dBFS, seconds)."""
    level = np.concatenate([np.full(round(seconds * rate), 10 ** (dbfs / 20)) for dbfs, seconds in parts])
    wave = level * np.sin(2 * np.pi * 1000 / rate * np.arange(len(level)))
    return np.tile(wave.astype(np.float32), (channels, 1))


def measured(sound: Sound, rate: int = RATE, speakers: Sequence[str] = (), block: int = 16_384) -> Reading:
    meter = Meter(rate, len(sound), speakers)
    for begin in range(0, sound.shape[1], block):
        meter.add(sound[:, begin : begin + block])
    return meter.finish()


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([(-23, 20)], id="1"),
        pytest.param([(-36, 10), (-23, 60), (-36, 10)], id="3"),
        pytest.param([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], id="4"),
        pytest.param([(-26, 20), (-20, 20.1), (-26, 20)], id="5"),
    ],
)
def test_the_integrated_loudness_of_tech_3341(parts: list[tuple[float, float]]) -> None:
    assert measured(tone(*parts)).integrated == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_a_tone_has_its_loudness_at_any_rate(rate: int) -> None:
    found = measured(tone((-33, 4), rate=rate), rate)
    assert found.integrated == pytest.approx(-33.0, abs=0.1)
    assert found.max_momentary == pytest.approx(-33.0, abs=0.1)
    assert found.max_short_term == pytest.approx(-33.0, abs=0.1)


def test_surround_channels_count_more_and_the_effects_channel_does_not() -> None:
    """Tech 3341, case 6, with a loud effects channel."""
    levels = {"FL": -28, "FR": -28, "FC": -24, "LFE": -3, "BL": -30, "BR": -30}
    sound = np.concatenate([tone((level, 10), channels=1) for level in levels.values()])
    assert measured(sound, speakers=list(levels)).integrated == pytest.approx(-23.0, abs=0.1)


def test_the_speakers_at_the_back_are_front_ones_beside_those_at_the_side() -> None:
    one = tone((-23, 1), channels=1)
    sides = Meter(RATE, 4, ["SL", "SR", "BL", "BR"])
    sides.add(np.tile(one, (4, 1)))
    expected = -26.0 + 10 * math.log10(1.41 + 1.41 + 1 + 1)
    assert sides.finish().integrated == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("shift", range(0, 20, 3))
def test_the_highest_windows_of_tech_3341_are_found_at_any_time(shift: int) -> None:
    short = tone((-200, 0.15 * shift), (-23, 3), (-200, 1))
    assert measured(short).max_short_term == pytest.approx(-23.0, abs=0.1)
    momentary = tone((-200, 0.02 * shift), (-23, 0.4), (-200, 1))
    assert measured(momentary).max_momentary == pytest.approx(-23.0, abs=0.1)


def test_the_curves_of_tech_3341_are_level() -> None:
    """Cases 9 and 12."""
    meter = Meter(RATE, 2)
    meter.add(tone(*[(-20, 1.34), (-30, 1.66)] * 5))
    meter.finish()
    short = [lufs(energy) for energy in meter.short_term()]
    assert short == pytest.approx([-23.0] * len(short), abs=0.1)
    meter = Meter(RATE, 2)
    meter.add(tone(*[(-20, 0.18), (-30, 0.22)] * 25))
    meter.finish()
    momentary = [lufs(energy) for energy in meter.momentary()]
    assert momentary == pytest.approx([-23.0] * len(momentary), abs=0.1)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [([-20, -30], 10), ([-20, -15], 5), ([-40, -20], 20), ([-50, -35, -20, -35, -50], 15)],
)
def test_the_loudness_range_of_tech_3342(levels: list[float], expected: float) -> None:
    assert measured(tone(*[(level, 20) for level in levels])).range == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("divisor", "phase", "level", "expected"),
    [(4, 0, 0.5, -6), (4, 45, 0.5, -6), (6, 60, 0.5, -6), (8, 67.5, 0.5, -6), (4, 45, 1.41, 3)],
)
def test_the_true_peak_of_tech_3341(divisor: int, phase: float, level: float, expected: float) -> None:
    """Cases 15 to 19: no sample of the sine is at its peak. It is faded, because an abrupt start has peaks of its own."""
    time = np.arange(RATE)
    fade = np.clip(np.minimum(time, time[::-1]) / 2000, 0, 1)
    wave = level * np.sin(2 * np.pi * time / divisor + math.radians(phase)) * fade
    assert -0.4 <= (measured(np.tile(wave.astype(np.float32), (2, 1))).true_peak or 0) - expected <= 0.2


@pytest.mark.parametrize("offset", [0, 1, 2, 3])
def test_the_true_peak_of_a_short_sound_between_its_samples(offset: int) -> None:
    """Cases 20 to 23: a peak at 0 dBTP that is 0 to 3 quarters of a sample after a sample."""
    time = np.arange(-480, 480) - offset / 4
    wave = np.cos(2 * np.pi * time / 5) * np.exp(-((time / 40) ** 2))
    peak = measured(wave.astype(np.float32)[None]).true_peak
    assert peak is not None
    assert -0.4 <= peak <= 0.2


@pytest.mark.parametrize("block", [1, 777, 100_000])
def test_the_size_of_the_blocks_changes_nothing(block: int) -> None:
    noise = np.random.default_rng(3).normal(0, 0.1, (2, 40_000)).astype(np.float32)
    assert measured(noise, 16_000, block=block) == measured(noise, 16_000)


@pytest.mark.parametrize("rate", [11_025, 44_100, 96_000])
def test_pyloudnorm_measures_the_same(rate: int) -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm")
    random = np.random.default_rng(1)
    noise = random.normal(0, 0.1, (2, 8 * rate)) * np.repeat(random.uniform(0.01, 1, 8), rate)
    expected = pyloudnorm.Meter(rate, "DeMan").integrated_loudness(noise.T)
    assert measured(noise.astype(np.float32), rate).integrated == pytest.approx(expected, abs=0.05)


def test_ffmpeg_measures_the_same() -> None:
    random = np.random.default_rng(2)
    noise = random.normal(0, 0.1, (2, 12 * RATE)) * np.repeat(random.uniform(0.01, 1, 12), RATE)
    found, (loudness, range, peak) = measured(noise.astype(np.float32)), _by_ffmpeg(noise.astype(np.float32))
    assert found.integrated == pytest.approx(loudness, abs=0.05)
    assert found.range == pytest.approx(range, abs=0.5)
    assert 10 ** ((found.true_peak or 0) / 20) == pytest.approx(peak, rel=0.05)


def _by_ffmpeg(sound: Sound) -> tuple[float, float, float]:
    """Integrated loudness, loudness range and true peak (as a factor) of FFmpeg's filter `ebur128`."""
    import av
    import av.filter

    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="flt", layout="stereo")
    graph.link_nodes(source, graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")).configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T).reshape(1, -1), "flt", "stereo")
    frame.sample_rate = RATE
    graph.push(frame)
    graph.push(None)
    last: dict[str, str] = {}
    while True:
        try:
            last = dict(graph.pull().metadata)
        except (av.BlockingIOError, av.EOFError):
            peaks = (float(last[f"lavfi.r128.true_peaks_ch{channel}"]) for channel in (0, 1))
            return float(last["lavfi.r128.I"]), float(last["lavfi.r128.LRA"]), max(peaks)


def test_an_album_counts_all_its_parts_together() -> None:
    parts = [Meter(RATE, 2), Meter(RATE, 2)]
    for meter, level in zip(parts, (-20, -26), strict=True):
        meter.add(tone((level, 5)))
        meter.finish()
    assert joined(parts).integrated == pytest.approx(10 * math.log10((10**-2 + 10**-2.6) / 2), abs=0.1)


def test_one_channel_that_will_be_heard_from_two_speakers_is_louder() -> None:
    meter = Meter(RATE, 1, dual_mono=True)
    meter.add(tone((-23, 2), channels=1))
    assert meter.finish().integrated == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("sound", [np.zeros((2, RATE), np.float32), np.zeros((1, 0), np.float32)])
def test_silence_has_no_level(sound: Sound) -> None:
    assert measured(sound) == Reading(None, None, None, None, None, None, None, None)


def test_a_short_sound_has_peaks_but_no_loudness() -> None:
    found = measured(tone((-6, 0.1)))
    assert (found.integrated, found.range, found.max_momentary) == (None, None, None)
    assert found.sample_peak == pytest.approx(-6, abs=0.1)
    assert found.rms == pytest.approx(-9, abs=0.1)
    assert measured(np.full((1, 1), 0.5, np.float32)).sample_peak == pytest.approx(-6.02, abs=0.01)


def test_a_constant_value_is_not_loud() -> None:
    found = measured(np.concatenate([np.linspace(0, 0.5, RATE), np.full(9 * RATE, 0.5)]).astype(np.float32)[None])
    assert found.integrated is None or found.integrated < -50
    assert found.sample_peak == pytest.approx(-6.02, abs=0.01)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30])
def test_values_that_are_not_numbers_are_refused(value: float) -> None:
    sound = tone((-23, 2))
    sound[1, 5000] = value
    with pytest.raises(InvalidInput, match=r"not numbers|too large"):
        measured(sound)
