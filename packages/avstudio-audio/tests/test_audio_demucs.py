"""Demucs through its real loader: equal to the library, seeded, cancellable, and without foreign classes."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from avstudio_audio.separation.engine import Options
from avstudio_audio.separation.mix import MixInMemory
from avstudio_audio.separation.precision import Precision, fastest
from avstudio_core.errors import (
    CorruptFile,
    InvalidInput,
    MissingDependency,
    NotFound,
    TaskCancelled,
    Unavailable,
    WeightsMissing,
)

torch = pytest.importorskip("torch", reason="the extra avstudio-audio[demucs] is not installed")
pytest.importorskip("demucs.apply", reason="the extra avstudio-audio[demucs] is not installed")
from demucs.apply import BagOfModels, apply_model  # noqa: E402
from demucs.htdemucs import HTDemucs  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from avstudio_audio.separation.demucs import Demucs  # noqa: E402
from avstudio_audio.separation.demucs_files import stems_in  # noqa: E402

Audio = NDArray[np.float32]
STEMS = ["drums", "bass", "other", "vocals"]
SHAPE = {"channels": 8, "depth": 3, "t_layers": 1, "bottom_channels": 16, "t_heads": 2, "nfft": 512}


EXACT = Options(shifts=0, precision=Precision.FLOAT32)


def save_network(path: Path, seed: int, klass: str = "demucs.htdemucs.HTDemucs", **metadata: str) -> Any:
    """A small HTDemucs with random weights, in a file as demucs publishes them."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = HTDemucs(STEMS, segment=Fraction(1, 2), **SHAPE)
    half = {"_type": "fraction", "numerator": 1, "denominator": 2}
    kwargs = json.dumps({"sources": STEMS, "segment": half, **SHAPE})
    facts = {"klass": klass, "args": "[]", "kwargs": kwargs, **metadata}
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path, facts)
    return network.eval()


@pytest.fixture(scope="module")
def network(single: Path) -> Any:
    return save_network(single / "aa.safetensors", 1)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("single")


@pytest.fixture(scope="module")
def engine(single: Path, network: Any) -> Demucs:
    return Demucs.load(single)


def save_bag(folder: Path, weights: list[list[float]]) -> Any:
    """A bag with one network for each row of weights."""
    names = [f"net{i}" for i in range(len(weights))]
    networks = [save_network(folder / f"{name}.safetensors", seed) for seed, name in enumerate(names)]
    (folder / "bag.yaml").write_text(json.dumps({"models": names, "weights": weights, "segment": 0.4}))
    return BagOfModels(networks, weights, 0.4).eval()


def noise(samples: int, channels: int = 2) -> Audio:
    return 0.1 + 0.2 * np.random.default_rng(samples).standard_normal((channels, samples)).astype(np.float32)


def separate(
    engine: Demucs,
    mix: Audio,
    options: Options = EXACT,
    progress: Callable[[float], None] = lambda part: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Audio]:
    return engine.separate(mix, options, progress=progress, cancelled=cancelled)


def reference(model: Any, mix: Audio, **options: Any) -> dict[str, Audio]:
    """What `demucs.api.Separator.separate_tensor` does, with a model at hand."""
    sound = torch.from_numpy(mix)
    mean, deviation = sound.mean(0).mean(), sound.mean(0).std() + 1e-8
    found = apply_model(model, ((sound - mean) / deviation)[None], **options)[0] * deviation + mean
    return dict(zip(STEMS, found.numpy(), strict=True))


def assert_equal(found: dict[str, Audio], expected: dict[str, Audio]) -> None:
    for name, audio in found.items():
        np.testing.assert_allclose(audio, expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.6])
def test_it_equals_the_library(engine: Demucs, network: Any, overlap: float) -> None:
    mix = noise(66_150)
    found = separate(engine, mix, replace(EXACT, overlap=overlap))
    assert list(found) == STEMS
    assert_equal(found, reference(network, mix, shifts=0, overlap=overlap))


def test_seeded_shifts_equal_the_library_seeded_alike(engine: Demucs, network: Any) -> None:
    mix = noise(30_000)
    runs = []
    for seed in (11, 12):
        random.seed(seed)
        runs.append(reference(network, mix, shifts=1))
    expected = {stem: np.float32(0.5) * (runs[0][stem] + runs[1][stem]) for stem in STEMS}
    assert_equal(separate(engine, mix, replace(EXACT, shifts=2, seed=11)), expected)


def test_the_seed_decides_and_the_state_of_the_caller_stays(engine: Demucs) -> None:
    mix, state = noise(20_000), random.getstate()
    one, again, other = (separate(engine, mix, Options(seed=seed))["bass"] for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert random.getstate() == state


def test_half_the_precision_differs_by_less_than_is_heard(engine: Demucs, snr: Any) -> None:
    mix = noise(44_100)
    exact, rough = (
        separate(engine, mix, replace(EXACT, precision=one)) for one in (Precision.FLOAT32, Precision.BFLOAT16)
    )
    levels = [snr(rough[stem], exact[stem]) for stem in STEMS]
    assert min(levels) > 45, levels
    assert max(levels) < 80  # it does compute in another way
    with pytest.raises(Unavailable, match="A CPU does not separate with 'float16'"):
        engine.settle(Options(precision=Precision.FLOAT16))


@pytest.mark.parametrize("options", [Options(shifts=2, seed=5), Options(shifts=0, overlap=0.6)])
def test_a_long_mix_comes_in_pieces_that_equal_the_whole(
    engine: Demucs, monkeypatch: pytest.MonkeyPatch, options: Options
) -> None:
    mix, told = noise(60_000), list[float]()
    whole = separate(engine, mix, options)
    monkeypatch.setattr("avstudio_audio.separation.demucs.PIECE", 1)
    pieces = list(engine.pieces(MixInMemory(mix), options, progress=told.append, cancelled=lambda: False))
    assert [piece["bass"].shape[1] for piece in pieces] == [44_100, 15_900]
    assert told == sorted(told)
    assert_equal({stem: np.concatenate([piece[stem] for piece in pieces], axis=1) for stem in STEMS}, whole)


def test_a_bag_equals_the_library(tmp_path: Path) -> None:
    bag = save_bag(tmp_path, [[1.0, 0.5, 0.0, 2.0], [1.0, 0.5, 3.0, 1.0]])
    mix = noise(40_000)
    assert_equal(separate(Demucs.load(tmp_path), mix), reference(bag, mix, shifts=0))


def test_one_stem_of_a_bag_of_specialists_runs_its_network_alone(tmp_path: Path) -> None:
    save_bag(tmp_path, np.eye(4).tolist())
    engine, mix = Demucs.load(tmp_path), noise(20_000)
    everything = separate(engine, mix, Options())
    ran = [0] * 4
    for index, network in enumerate(engine._bag.models):
        network.register_forward_hook(lambda *_, index=index: ran.__setitem__(index, 1))
    vocals = separate(engine, mix, Options(stems=("vocals",)))
    assert ran == [0, 0, 0, 1]
    assert np.array_equal(vocals["vocals"], everything["vocals"])


def test_stems_come_in_the_order_of_the_model(engine: Demucs) -> None:
    assert list(separate(engine, noise(500), Options(stems=("vocals", "bass"), shifts=0))) == ["bass", "vocals"]
    with pytest.raises(NotFound, match="Did you mean 'drums'"):
        separate(engine, noise(500), Options(stems=("drum",)))


def test_mono_is_separated_like_two_equal_channels(engine: Demucs) -> None:
    mono = noise(9_000, channels=1)
    assert_equal(separate(engine, mono), separate(engine, np.repeat(mono, 2, axis=0)))


@pytest.mark.parametrize("samples", [1, 2, 441])
def test_the_shortest_sounds_give_finite_stems(engine: Demucs, samples: int) -> None:
    stems = separate(engine, noise(samples), Options())
    assert all(stem.shape == (2, samples) and np.isfinite(stem).all() for stem in stems.values())


def test_empty_samples_are_refused(engine: Demucs) -> None:
    with pytest.raises(InvalidInput, match="channels with samples"):
        separate(engine, np.zeros((2, 0), np.float32))


@pytest.mark.parametrize("shifts", [0, 2])
def test_progress_rises_to_one_over_all_networks(tmp_path: Path, shifts: int) -> None:
    save_bag(tmp_path, np.eye(4)[:2].tolist())
    parts: list[float] = []
    separate(Demucs.load(tmp_path), noise(50_000), Options(("drums", "bass"), shifts=shifts), parts.append)
    assert len(parts) > 4
    assert parts == sorted(parts)
    assert parts[-1] == pytest.approx(1.0)


def test_cancelling_stops_within_a_chunk_and_leaves_the_engine_usable(engine: Demucs, network: Any) -> None:
    looks = iter(range(10))
    parts: list[float] = []
    with pytest.raises(TaskCancelled):
        separate(engine, noise(200_000), progress=parts.append, cancelled=lambda: next(looks) == 9)
    assert not parts  # not one chunk was completed
    mix = noise(3_000)
    assert_equal(separate(engine, mix), reference(network, mix, shifts=0))


def test_defaults_are_those_of_demucs(engine: Demucs) -> None:
    settled = Options(("bass",), shifts=1, overlap=0.25, seed=3, segment=0.5, batch_size=1, precision=fastest("cpu"))
    assert engine.settle(Options(stems=("bass",), seed=3)) == settled


@pytest.mark.parametrize("segment", [0.3, 0.5])
def test_a_segment_and_a_batch_equal_the_library(engine: Demucs, network: Any, segment: float) -> None:
    mix = noise(40_000)
    found = separate(engine, mix, replace(EXACT, segment=segment, batch_size=3))
    assert_equal(found, reference(network, mix, shifts=0, segment=segment))
    with pytest.raises(InvalidInput, match=r"segment of 0\.51 s is longer than the model allows\. Give at most 0\.5 s"):
        engine.settle(Options(segment=0.51))


@pytest.mark.parametrize("klass", ["os.system", "demucs.htdemucs.spectro", "HTDemucs", ""])
def test_a_file_that_names_another_class_is_refused(tmp_path: Path, klass: str) -> None:
    save_network(tmp_path / "bad.safetensors", 0, klass)
    with pytest.raises(InvalidInput, match=rf"bad\.safetensors.*names the network '{klass}'"):
        Demucs.load(tmp_path)


def test_a_packed_state_which_may_name_classes_is_refused(tmp_path: Path) -> None:
    save_network(tmp_path / "bad.safetensors", 0, structure='{"_class": "os.system"}')
    with pytest.raises(InvalidInput, match="quantised"):
        Demucs.load(tmp_path)


def test_files_that_do_not_fit_are_corrupt(tmp_path: Path) -> None:
    save_network(tmp_path / "bad.safetensors", 0, kwargs=json.dumps({"sources": STEMS, **SHAPE, "channels": 16}))
    with pytest.raises(CorruptFile, match=r"bad\.safetensors.*not a usable Demucs model"):
        Demucs.load(tmp_path)
    (tmp_path / "bad.safetensors").write_bytes(b"not a safetensors file")
    with pytest.raises(CorruptFile, match=r"bad\.safetensors"):
        Demucs.load(tmp_path)


def test_a_folder_without_one_clear_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.th").write_bytes(b"a pickle is not even opened")
    with pytest.raises(WeightsMissing, match="does not contain exactly one Demucs model"):
        Demucs.load(tmp_path)
    (tmp_path / "bag.yaml").write_text("models: [gone]")
    with pytest.raises(WeightsMissing, match=r"'gone\.safetensors' is not beside it"):
        Demucs.load(tmp_path)
    (tmp_path / "bag.yaml").write_text("models: 7")
    with pytest.raises(CorruptFile, match="does not describe a bag"):
        Demucs.load(tmp_path)


def test_without_the_library_the_extra_is_named(single: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "demucs.apply", None)
    with pytest.raises(MissingDependency, match=r"avstudio-audio\[demucs\]"):
        Demucs.load(single)


def test_the_stems_of_a_model_are_known_without_loading_it(single: Path, network: Any, tmp_path: Path) -> None:
    assert stems_in(single) == tuple(network.sources)
    named = {"args": json.dumps([STEMS[:2]]), "kwargs": json.dumps(SHAPE)}
    (tmp_path / "bag.yaml").write_text("models: [one]")
    save_file({"any": torch.zeros(1)}, tmp_path / "one.safetensors", named)
    assert stems_in(tmp_path) == ("drums", "bass")
    save_file({"any": torch.zeros(1)}, tmp_path / "one.safetensors", {"args": "[]", "kwargs": "{}"})
    with pytest.raises(CorruptFile, match="does not name stems"):
        stems_in(tmp_path)
