"""`audio.effects` through the studio."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile as sf

pytest.importorskip("pedalboard", reason="the extra avstudio-audio[effects] is not installed")

import pedalboard

import avstudio_audio
from avstudio_audio.loudness.meter import Meter
from avstudio_audio.media.decode import decode
from avstudio_core import Studio
from avstudio_core.errors import AVStudioError, InvalidParams, TaskFailed
from avstudio_core.testing import ProcessorContract

RATE = 8_000


class TestEffects(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.effects"
    params: ClassVar = {"chain": "highpass 80"}


Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """`save(data)`: a file of floats with `(channels, samples)`."""

    def make(data: Any, rate: int = RATE, name: str = "sound.wav") -> Path:
        sf.write(tmp_path / name, np.asarray(data).T, rate, "FLOAT")
        return tmp_path / name

    return make


def noise(seconds: float = 1.0, channels: int = 2, level: float = 0.2, rate: int = RATE) -> Any:
    return np.random.default_rng(channels).uniform(-level, level, (channels, round(seconds * rate))).astype(np.float32)


def tone(frequency: float, seconds: float = 1.0, rate: int = RATE) -> Any:
    return 0.25 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate, dtype=np.float64)[None, :]


def pulse(seconds: float = 1.0, at: int = 0) -> Any:
    data = np.zeros((1, round(seconds * RATE)))
    data[0, at] = 0.5
    return data


def played(studio: Studio, path: Path, chain: Any = "", **params: Any) -> Any:
    return studio.run("audio.effects", path, **{"format": "wav-float", "chain": chain, **params})


def data(result: Any) -> Any:
    return decode(result.sound.path).data


def decibels(sound: Any) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64))))


@pytest.mark.parametrize(("frequency", "expected"), [(1_000, -3.01), (100, -0.04)])
def test_a_lowpass_has_3_db_less_at_its_cutoff(one_studio: Studio, save: Save, frequency: int, expected: float) -> None:
    rate = 48_000
    sound = tone(frequency, rate=rate)
    result = data(played(one_studio, save(sound, rate), "lowpass 1kHz"))
    assert result.shape == sound.shape
    assert decibels(result[:, rate // 2 :]) - decibels(sound[:, rate // 2 :]) == pytest.approx(expected, abs=0.05)


def test_an_echo_comes_at_its_time_and_is_kept_after_the_end(one_studio: Studio, save: Save) -> None:
    result = played(one_studio, save(pulse(0.5)), "delay 300ms 50% mix=0.5")
    found = data(result)[0]
    (places,) = np.nonzero(found)
    assert list(places[:3]) == [0, 2_400, 4_800]
    np.testing.assert_allclose(found[places[:3]], [0.25, 0.25, 0.125])
    assert abs(found[-1]) > 10 ** (-90 / 20)  # no silence follows the last echo
    assert result.tail == pytest.approx(result.duration - 0.5)


def test_the_tail_of_a_reverb_is_kept_and_can_be_chosen(one_studio: Studio, save: Save) -> None:
    path = save(pulse(0.5, at=3_999))
    long = played(one_studio, path, "reverb 0.9")
    assert long.tail > 1
    assert decibels(data(long)[:, -100:]) < -80
    short = played(one_studio, path, "reverb 0.9", tail=0.25)
    np.testing.assert_array_equal(data(short), data(long)[:, :6_000])


def test_a_tail_may_be_long(one_studio: Studio, save: Save) -> None:
    assert played(one_studio, save(noise(0.2, 1)), "delay 0.5", tail=150).tail == 150


def test_a_tail_without_an_end_is_cut_with_a_warning(one_studio: Studio, save: Save) -> None:
    result = played(one_studio, save(noise(0.2, 1, rate=400), 400), "delay 0.5 99%")
    assert [one.code for one in result.warnings] == ["tail_cut"]
    assert 60 <= result.tail < 250


def test_a_filter_does_not_change_the_length(one_studio: Studio, save: Save) -> None:
    assert data(played(one_studio, save(noise()), "lowpass 500, peak 900 6, compressor -20 4")).shape == (2, RATE)


@pytest.mark.parametrize("chain", ["reverb bypass", "(dry)", "gain", "delay 0.1 start=5", "lowpass 200 mix=0"])
def test_what_does_nothing_is_identical_to_the_bit(one_studio: Studio, save: Save, chain: str) -> None:
    sound = noise()
    np.testing.assert_array_equal(data(played(one_studio, save(sound), chain, tail=0)), sound)


CHAINS: dict[str, Callable[[], list[Any]]] = {
    "highpass 80, compressor -20 4, peak 1000 3, gain 2": lambda: [
        pedalboard.HighpassFilter(80),
        pedalboard.Compressor(-20, 4, 5, 100),
        pedalboard.PeakFilter(1000, 3, 1),
        pedalboard.Gain(2),
    ],
    "delay 0.1 30%, chorus, phaser, reverb 0.8": lambda: [
        pedalboard.Delay(0.1, 0.3),
        pedalboard.Chorus(),
        pedalboard.Phaser(),
        pedalboard.Reverb(0.8),
    ],
    "brickwall_limiter -20 true_peak, resample 6000, bitcrush 6": lambda: [
        pedalboard.BrickwallLimiter(-20, 100, 5, True),
        pedalboard.Resample(6000),
        pedalboard.Bitcrush(6),
    ],
    "mp3": lambda: [pedalboard.MP3Compressor(2)],
    "ladder 900 0.4 2 BPF12, distortion 20, clipping -9, noise_gate -40, low_shelf 200 3, high_shelf 2k 3, limiter -9, invert": lambda: [
        pedalboard.LadderFilter(pedalboard.LadderFilter.Mode.BPF12, 900, 0.4, 2),
        pedalboard.Distortion(20),
        pedalboard.Clipping(-9),
        pedalboard.NoiseGate(-40, 10, 1, 100),
        pedalboard.LowShelfFilter(200, 3, 0.707),
        pedalboard.HighShelfFilter(2000, 3, 0.707),
        pedalboard.Limiter(-9, 100),
        pedalboard.Invert(),
    ],
}


@pytest.mark.parametrize("chain", CHAINS)
def test_the_output_is_that_of_bare_pedalboard_to_the_bit(one_studio: Studio, save: Save, chain: str) -> None:
    sound = noise(9.7, rate=RATE)  # more than two blocks
    expected = sound
    for effect in CHAINS[chain]():
        expected = effect(expected, RATE)  # the whole sound at once
    np.testing.assert_array_equal(data(played(one_studio, save(sound), chain, tail=0)), expected)


def test_parallel_branches_sum_and_stay_in_time(one_studio: Studio, save: Save) -> None:
    sound = noise(9.0)
    result = data(played(one_studio, save(sound), "(dry + brickwall_limiter + gain -6 > invert)"))
    np.testing.assert_allclose(result, sound * (2 - 10 ** (-6 / 20)), atol=1e-6)


def test_a_mix_of_an_effect_that_delays_does_not_comb(one_studio: Studio, save: Save) -> None:
    sound = noise(9.0)  # more than two blocks
    result = played(one_studio, save(sound), "brickwall_limiter mix=30%")
    np.testing.assert_allclose(data(result), sound, atol=1e-7)
    assert result.applied[0].latency > 0


def test_an_effect_works_from_its_start_to_its_end(one_studio: Studio, save: Save) -> None:
    sound = noise(3.0)
    result = data(played(one_studio, save(sound), "gain -20 start=1 end=2"))
    np.testing.assert_array_equal(result[:, :RATE], sound[:, :RATE])
    np.testing.assert_array_equal(result[:, 2 * RATE :], sound[:, 2 * RATE :])
    middle = slice(RATE + 100, 2 * RATE - 100)
    np.testing.assert_allclose(result[:, middle], sound[:, middle] / 10, atol=1e-6)


def test_the_echo_of_an_effect_that_has_ended_is_kept(one_studio: Studio, save: Save) -> None:
    sound = pulse(2.0, at=4_000) + pulse(2.0, at=12_000)
    result = data(played(one_studio, save(sound), "delay 0.75 mix=1 end=1", tail=1))
    assert list(np.nonzero(result[0])[0]) == [10_000, 12_000]  # the first pulse became an echo, the second one did not


def test_automation_reaches_its_values(one_studio: Studio, save: Save) -> None:
    sound = noise(4.0, 1)
    result = data(played(one_studio, save(sound), "gain 0@1;-40@3"))
    change = np.log10(np.abs(result / sound)[0]) * 20
    np.testing.assert_allclose(change[:RATE], 0, atol=1e-3)
    np.testing.assert_allclose(change[2 * RATE], -20, atol=0.4)
    np.testing.assert_allclose(change[3 * RATE + 128 :], -40, atol=1e-3)


AUTOMATED = {
    "lowpass": "cutoff=3000@0;100@0.5",
    "highpass": "cutoff=10@0;3000@0.5",
    "peak": "gain=0@0;20@0.5",
    "low_shelf": "frequency=10@0;2000@0.5 gain=-20",
    "high_shelf": "gain=0@0;-20@0.5",
    "ladder": "cutoff=3000@0;100@0.5",
    "compressor": "threshold=0@0;-60@0.5 ratio=20",
    "noise_gate": "threshold=-100@0;0@0.5",
    "limiter": "threshold=0@0;-30@0.5",
    "brickwall_limiter": "ceiling=0@0;-40@0.5",
    "distortion": "drive=0@0;60@0.5",
    "clipping": "threshold=0@0;-40@0.5",
    "bitcrush": "bits=32@0;2@0.5",
    "delay": "feedback=0@0;0.9@0.3 time=0.1",
    "reverb": "wet=0@0;1@0.5",
    "chorus": "depth=0@0;1@0.5",
    "phaser": "mix=0@0;1@0.5",
    "invert": "mix=0@0;1@0.5",
}


@pytest.mark.parametrize("name", AUTOMATED)
def test_every_parameter_that_moves_changes_the_sound(one_studio: Studio, save: Save, name: str) -> None:
    path, (values, _, rest) = save(noise(1.0)), AUTOMATED[name].partition(" ")
    param, _, points = values.partition("=")
    moving = data(played(one_studio, path, f"{name} {param}={points} {rest}", tail=0))
    still = data(played(one_studio, path, f"{name} {param}={points.partition('@')[0]} {rest}", tail=0))
    assert abs(decibels(moving[:, 5_000:] - still[:, 5_000:])) < 60


def test_the_result_has_the_loudness_of_the_source(one_studio: Studio, save: Save) -> None:
    sound = noise(4.0, rate=48_000)
    result = played(one_studio, save(sound, 48_000), "highpass 500, gain -9", match_loudness=True)
    meter = Meter(48_000, 2)
    meter.add(data(result))
    found = meter.finish().integrated
    assert found == pytest.approx(result.before.integrated, abs=0.1)
    assert result.after.integrated == pytest.approx(found, abs=0.001)
    assert result.gain > 9


def test_a_ceiling_holds_also_with_a_matched_loudness(one_studio: Studio, save: Save) -> None:
    sound = noise(4.0, level=0.3, rate=48_000)
    sound[:, ::24_000] = 0.9
    path = save(sound, 48_000)
    loud = played(one_studio, path, "gain 12", ceiling=-3, measure=True)
    matched = played(one_studio, path, "compressor -30 8", ceiling=-6, match_loudness=True)
    assert loud.after.true_peak <= -2.95
    assert loud.limited > 6
    assert matched.after.true_peak <= -5.95
    assert matched.after.integrated == pytest.approx(matched.before.integrated, abs=0.1)


def test_silence_has_no_loudness_to_match(one_studio: Studio, save: Save) -> None:
    result = played(one_studio, save(np.zeros((2, RATE))), "reverb", match_loudness=True)
    assert [one.code for one in result.warnings] == ["no_level"]
    assert not data(result).any()


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("length", [1, 2, 6, 32_768])
def test_any_length_and_any_channels(one_studio: Studio, save: Save, channels: int, length: int) -> None:
    sound = np.full((channels, length), 0.1, np.float32)
    result = data(played(one_studio, save(sound), "gain -6, brickwall_limiter, reverb mix=0", tail=0))
    np.testing.assert_allclose(result, sound / 10 ** (6 / 20), atol=1e-6)


def test_an_effect_that_cannot_take_so_many_channels(one_studio: Studio, save: Save) -> None:
    with pytest.raises(TaskFailed, match="The effect 'mp3' cannot play this sound"):
        played(one_studio, save(noise(0.2, 6)), "mp3")


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ("gain 60, gain 60, gain 60", r"reach more than \+30 dBFS"),
        (",".join(["gain 60"] * 12), "the effect 'gain' gives values that are not numbers, or that are too large"),
    ],
)
def test_a_chain_that_explodes_is_an_error(one_studio: Studio, save: Save, chain: str, message: str) -> None:
    with pytest.raises(TaskFailed, match=message) as caught:
        played(one_studio, save(noise()), chain)
    assert "Lower" in caught.value.hint


@pytest.mark.parametrize(
    ("chain", "message", "hint"),
    [
        ("reverv 0.5", "'reverv' is not an effect.", "Did you mean 'reverb'?"),
        ("reverb rom=1", "The effect 'reverb' does not have the parameter 'rom'.", "Did you mean 'room'?"),
        ([{"type": "delay", "feedbak": 1}], "does not have the parameter 'feedbak'.", "Did you mean 'feedback'?"),
        ([{"type": "parallel", "branches": [[{"type": "x"}]]}], "'x' is not an effect.", "Choose from: highpass"),
        ([{"gain": 3}], "has no type.", "type"),
        ("lowpass 3dB", "'cutoff' of 'lowpass' cannot be '3dB'.", "Give a number in Hz."),
        ("gain 1 2", "does not have the value '2'.", "It has: gain"),
        ("telephone 3", "The preset 'telephone' does not take '3'.", "Give its name alone."),
        ("(dry + gain", "A parenthesis is not closed.", "(dry + reverb"),
        ("(dry + )", "A branch is empty.", "'dry' for the sound itself"),
        ("gain 3 gain=2", "The effect 'gain' has two values for 'gain'.", "Give one of them."),
        (
            "lowpass cutoff=90@0;80@1 cutoff=70@0",
            "The effect 'lowpass' has two values for 'cutoff'.",
            "Give one of them.",
        ),
        ("(" * 400, "The parentheses are nested too deeply.", "at most 16"),
        (["(gain + gain + gain)"] * 17, "The chain has 68 effects.", "at most 64"),
        ("gain) x", "')' is not inside parentheses.", ""),
        ("delay 40", "should be at most 30", ""),
        ("gain start=3 end=2", "The end '2' of the effect 'gain' is not after its start '3'.", "later"),
        ("lowpass cutoff=100@2;200@1", "The times of the points of 'cutoff' do not increase.", "in order"),
        ("lowpass cutoff=5@0;200@1", "'cutoff' of 'lowpass' cannot become '5'.", "Give 10 to 100000."),
        ("mp3 quality=1@0;2@1", "cannot change over time.", "These can: mix."),
    ],
)
def test_a_wrong_chain_is_refused_with_a_hint(
    one_studio: Studio, save: Save, chain: Any, message: str, hint: str
) -> None:
    with pytest.raises(InvalidParams) as caught:
        played(one_studio, save(noise(0.1)), chain)
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_a_frequency_above_the_sound_is_lowered_with_a_warning(one_studio: Studio, save: Save) -> None:
    result = played(one_studio, save(noise()), "(high_shelf 10k 6 + lowpass 9k)")
    assert [one.code for one in result.warnings] == ["frequency_lowered"] * 2
    assert np.isfinite(data(result)).all()


def test_a_saved_chain_gives_the_same_sound(one_studio: Studio, save: Save) -> None:
    path = save(noise())
    first = played(
        one_studio, path, "lowpass cutoff=500@0;2k@1, (dry + delay 0.1 > invert)", preset="radio", save="my radio"
    )
    assert first.preset.name == "my radio.json"
    again = played(one_studio, path, [], chain_file=first.preset)
    np.testing.assert_array_equal(data(again), data(first))
    assert again.chain == first.chain


def test_a_text_file_of_effects(one_studio: Studio, save: Save, tmp_path: Path) -> None:
    file = tmp_path / "voice.txt"
    file.write_text("# my voice\nhighpass 90   # no rumble\ngain -3dB, gain -3\n")
    assert played(one_studio, save(noise(0.1)), [], chain_file=file).chain == "highpass 90, gain -3, gain -3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gaim 3", "'gaim' is not an effect"),
        ('[{"type": 1', "is not a chain"),
        ('[{"type": "gain", "gain": 99}]', "60"),
    ],
)
def test_a_wrong_file_of_effects(one_studio: Studio, save: Save, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "voice.json").write_text(text)
    with pytest.raises(AVStudioError, match=message):
        played(one_studio, save(noise(0.1)), [], chain_file=tmp_path / "voice.json")


def test_a_run_without_effects_is_refused(one_studio: Studio, save: Save) -> None:
    with pytest.raises(AVStudioError, match="The chain of effects is empty"):
        played(one_studio, save(noise(0.1)), [])


def test_an_impulse_response_is_convolved(one_studio: Studio, save: Save) -> None:
    impulse = np.zeros((1, 400))
    impulse[0, [0, 300]] = 0.5, 0.25
    result = data(played(one_studio, save(pulse()), "convolution", impulses=[save(impulse, name="room.wav")], tail=0))
    (places,) = np.nonzero(np.abs(result[0]) > 1e-6)
    assert list(places) == [0, 300]
    assert result[0, 0] == pytest.approx(2 * result[0, 300], rel=1e-4)
    with pytest.raises(AVStudioError, match="needs the impulse response '2', but 1 are given"):
        played(one_studio, save(pulse()), "convolution 2", impulses=[save(impulse, name="room.wav")])


def test_what_has_no_effect_is_told(one_studio: Studio, save: Save) -> None:
    path, other = save(pulse()), save(pulse(), name="b.wav")
    result = played(one_studio, path, "(dry + gain 3 start=2)", sidechain=other, impulses=[other])
    told = ["effect_unheard", "parameter_ignored", "parameter_ignored"]
    assert [one.code for one in result.warnings] == told
    with pytest.raises(AVStudioError, match=r"'c\.wav' is silent"):
        played(one_studio, path, "convolution", impulses=[save(0 * pulse(), name="c.wav")])


def test_music_is_lowered_under_a_voice_and_a_little_before(one_studio: Studio, save: Save) -> None:
    sound, voice = noise(6.0, 1), np.zeros((1, 3 * RATE))
    voice[0, 2 * RATE : 3 * RATE] = 0.5
    path, other = save(sound), save(voice, name="voice.wav")
    result = data(played(one_studio, path, "duck 20 attack=500 hold=200ms release=1s", sidechain=other))
    change = 20 * np.log10(np.abs(result / sound)[0])
    times = {1.4: 0, 1.75: -10, 2.0: -20, 2.5: -20, 3.15: -20, 3.7: -10, 4.3: 0, 5.9: 0}
    found = [float(np.median(change[round(time * RATE) :][:80])) for time in times]
    np.testing.assert_allclose(found, list(times.values()), atol=0.5)
    with pytest.raises(AVStudioError, match="The effect 'duck' needs a sidechain"):
        played(one_studio, path, "duck")


def test_a_plugin_that_is_not_allowed_is_refused(one_studio: Studio, save: Save, tmp_path: Path) -> None:
    plugin = tmp_path / "Room.vst3"
    plugin.write_bytes(b"not a plugin")
    with pytest.raises(AVStudioError, match=r"The plugin '.*' is not allowed") as caught:
        played(one_studio, save(noise(0.1)), [{"type": "plugin", "path": str(plugin)}])
    assert "effects_plugins" in caught.value.hint


def test_an_allowed_plugin_that_cannot_be_loaded(tmp_path: Path, save: Save) -> None:
    plugin = tmp_path / "plugins" / "Room.vst3"
    plugin.parent.mkdir()
    plugin.write_bytes(b"not a plugin")
    settings: dict[str, Any] = {"executor": "inline", "effects_plugins": str(plugin.parent)}
    with (
        Studio(home=tmp_path / "home", plugins="", add=[avstudio_audio], **settings) as studio,
        pytest.raises(AVStudioError, match="cannot be loaded"),
    ):
        played(studio, save(noise(0.1)), [{"type": "plugin", "path": str(plugin)}])


REAL = Path("/usr/lib/vst3/ZamCompX2.vst3")


@pytest.fixture
def allowing(tmp_path: Path) -> Iterator[Studio]:
    if not REAL.exists():
        pytest.skip("no VST3 plugin is installed: Debian has some in zam-plugins")
    with Studio(home=tmp_path / "home", plugins="audio", effects_plugins=str(REAL.parent)) as studio:
        yield studio


def real(**values: float) -> list[dict[str, Any]]:
    return [{"type": "plugin", "path": str(REAL), "values": values}]


def test_a_real_vst3_plugin_plays(allowing: Studio, save: Save) -> None:
    sound = save(noise(0.5))
    low, high = (decibels(data(played(allowing, sound, real(threshold_db=one)))) for one in (-60.0, 0.0))
    assert low < high - 6


@pytest.mark.parametrize(
    ("values", "message"),
    [({"treshold_db": 1.0}, "does not have the parameter 'treshold_db'"), ({"threshold_db": 9_000.0}, "out of range")],
)
def test_a_value_that_a_real_plugin_does_not_take(
    allowing: Studio, save: Save, values: dict[str, float], message: str
) -> None:
    with pytest.raises(AVStudioError, match=message) as caught:
        played(allowing, save(noise(0.1)), real(**values))
    assert "threshold_db" in str(caught.value.hint)


def test_a_search_finds_effects(one_studio: Studio, save: Save) -> None:
    result = played(one_studio, save(noise(0.1)), "ladder 777", preset="vinyl")
    (hit,) = one_studio.library.search("ladder 777").items
    assert (hit.kind, hit.artifact) == ("effects", result.sound.id)
    assert one_studio.library.search("vinyl").items[0].artifact == result.sound.id


def test_the_schema_tells_effects_units_and_bounds(one_studio: Studio) -> None:
    declared = one_studio.catalogue.processors["audio.effects"]
    items = declared.params["properties"]["chain"]["items"]["anyOf"]
    effects, text = items
    assert text["type"] == "string"
    assert effects["discriminator"]["propertyName"] == "type"
    delay = declared.params["$defs"]["Delay"]["properties"]
    assert (delay["time"]["unit"], delay["time"]["maximum"], delay["mix"]["default"]) == ("s", 30, 0.5)
    json.dumps(declared.params)


def beside(hertz: float, sound: Any) -> float:
    """The power of what is not a tone of a frequency, in dB of the whole."""
    power = np.square(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))))
    far = np.abs(np.fft.rfftfreq(len(sound), 1 / RATE) - hertz) > 4
    return float(10 * np.log10(power[far].sum() / power.sum()))


@pytest.mark.parametrize(
    ("chain", "tempo", "hertz"), [("pitch_shift -12", 1, 200), ("pitch_shift 4", 1.25, 504), ("", 0.5, 400)]
)
def test_pitch_and_speed_change_without_a_seam(
    one_studio: Studio, save: Save, chain: str, tempo: float, hertz: float
) -> None:
    result = data(played(one_studio, save(np.repeat(tone(400, 11), 2, axis=0)), chain, tempo=tempo))
    assert result.shape == (2, round(11 * RATE / tempo))
    middle = result[0, 800:-800]
    assert beside(hertz, middle) < -40
    levels = [decibels(part) for part in np.array_split(middle, 200)]
    assert max(levels) - min(levels) < 0.3  # what is joined neither fades nor swells


@pytest.mark.parametrize("effect", ["pitch_shift 5", "pitch_shift -7"])
def test_a_shifted_pitch_stays_in_time(one_studio: Studio, save: Save, effect: str) -> None:
    sound = np.zeros((1, 14 * RATE))
    sound[:, RATE :: RATE + 311] = 0.5
    (expected,) = np.nonzero(sound[0])
    result = data(played(one_studio, save(sound), effect))[0]
    near = [np.abs(result[at - 2_000 : at + 2_000]) for at in expected]
    found = [at - 2_000 + int(np.argmax(one)) for at, one in zip(expected, near, strict=True)]
    assert np.abs(found - expected).max() < 0.04 * RATE


def test_gsm_sounds_like_gsm_in_blocks_of_any_length(one_studio: Studio, save: Save) -> None:
    sound = tone(700, 9, rate=44_100) * (tone(2, 9, rate=44_100) > 0)
    found, whole = (
        data(played(one_studio, save(sound, 44_100), "gsm"))[0],
        pedalboard.GSMFullRateCompressor()(sound.astype(np.float32), 44_100)[0],
    )
    errors = [decibels(one - sound[0]) for one in (found, whole)]
    assert errors[0] < errors[1] + 1
