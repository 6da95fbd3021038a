"""What `audio.separate` makes of a model's stems: pairs, sums, gains, long recordings. With a tiny random network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray

from avstudio_audio.media.decode import decode
from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.traits import TRAITS
from avstudio_audio.separate_params import StemFormat
from avstudio_audio.separation.mix import MixOnDisk
from avstudio_core import Studio
from avstudio_core.errors import InvalidInput, InvalidParams, WeightsMissing

pytest.importorskip("demucs.apply", reason="the extra avstudio-audio[demucs] is not installed")

RATE = 44_100
STEMS = ["drums", "bass", "other", "vocals"]
Audio = NDArray[np.float32]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with an untrained Demucs whose chunks are half a second long."""
    import torch
    from demucs.demucs import Demucs
    from safetensors.torch import save_file

    shape = {"channels": 4, "depth": 2, "lstm_layers": 0, "dconv_mode": 0, "resample": False, "segment": 0.5}
    with torch.random.fork_rng():
        torch.manual_seed(3)
        state = Demucs(STEMS, **shape).state_dict()
    facts = {"klass": "demucs.demucs.Demucs", "args": "[]", "kwargs": json.dumps({"sources": STEMS, **shape})}
    folder = tmp_path_factory.mktemp("model")
    save_file({name: value.contiguous() for name, value in state.items()}, folder / "net.safetensors", facts)
    return str(folder)


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.5 s of noise near full scale."""
    path = tmp_path_factory.mktemp("mix") / "mix.wav"
    noise = np.random.default_rng(2).uniform(-0.95, 0.95, (3 * RATE // 2, 2))
    sf.write(path, noise.astype(np.float32), RATE, subtype="FLOAT")
    return path


def separate(studio: Studio, source: Path, model: str, **params: Any) -> tuple[Any, dict[str, Audio]]:
    result = studio.run("audio.separate", source, **{"model": model, "shifts": 0, "format": "wav-float", **params})
    return result, {name: samples(one.path) for name, one in result.stems.items()}


def samples(path: Path) -> Audio:
    data: Audio = sf.read(path, dtype="float32", always_2d=True)[0]
    return data


def test_two_stems_are_one_and_the_rest(one_studio: Studio, mix: Path, model: str) -> None:
    _, every = separate(one_studio, mix, model)
    result, minus = separate(one_studio, mix, model, two_stems="drums")
    _, added = separate(one_studio, mix, model, two_stems="drums", other_method="add")
    only, alone = separate(one_studio, mix, model, two_stems="drums", other_method="none")
    assert (list(minus), list(alone)) == (["drums", "no_drums"], ["drums"])
    np.testing.assert_allclose(minus["no_drums"], samples(mix) - every["drums"], atol=1e-6)
    np.testing.assert_allclose(added["no_drums"], sum(every[one] for one in STEMS[1:]), atol=1e-5)
    assert result.reconstruction_error_db < -120
    assert only.reconstruction_error_db is None  # one stem is not a reconstruction


def test_vocals_and_the_rest_are_a_karaoke_track(one_studio: Studio, mix: Path, model: str) -> None:
    assert list(separate(one_studio, mix, model, two_stems="vocals")[1]) == ["vocals", "accompaniment"]
    assert list(separate(one_studio, mix, model, two_stems="accompaniment")[1]) == ["accompaniment", "vocals"]


@pytest.mark.parametrize("consistency", ["residual", "project"])
def test_consistent_stems_null_against_the_mix(one_studio: Studio, mix: Path, model: str, consistency: str) -> None:
    plain, loose = separate(one_studio, mix, model, residual=True)
    result, stems = separate(one_studio, mix, model, consistency=consistency)
    assert result.reconstruction_error_db < -120 < plain.reconstruction_error_db
    assert np.abs(samples(mix) - sum(stems.values())).max() < 1e-5
    np.testing.assert_allclose(samples(plain.residual.path), samples(mix) - sum(loose.values()), atol=1e-5)
    changed = [name for name in STEMS if not np.array_equal(stems[name], loose[name])]
    assert changed == (["other"] if consistency == "residual" else STEMS)


def test_a_stem_file_has_the_mix_four_stems_and_their_names(one_studio: Studio, mix: Path, model: str) -> None:
    result = one_studio.run("audio.separate", mix, model=model, format="stem-mp4", gain=-12, shifts=0)
    assert (result.stem_file.name, result.stems, result.warnings) == ("mix.stem.mp4", {}, [])
    with av.open(str(result.stem_file.path)) as file:
        assert [(one.codec_context.name, one.metadata["handler_name"]) for one in file.streams.audio] == [
            ("aac", name) for name in ("mix", *STEMS)
        ]
        assert [bool(one.disposition) for one in file.streams.audio] == [True, False, False, False, False]
    [found] = re.findall(rb"udta(?:(?!udta).)*stem(\{.*\})", result.stem_file.path.read_bytes(), re.DOTALL)
    assert [one["name"] for one in json.loads(found)["stems"]] == ["Drums", "Bass", "Other", "Vocals"]


def test_the_tracks_of_a_stem_file_sum_to_its_mix(one_studio: Studio, mix: Path, model: str, snr: Any) -> None:
    result = one_studio.run(
        "audio.separate", mix, model=model, format="stem-mp4", gain=-12, shifts=0, consistency="project"
    )
    tracks = [decode(result.stem_file.path, track=str(number)).data for number in range(5)]
    assert {one.shape for one in tracks} == {(2, 3 * RATE // 2)}
    assert snr(sum(tracks[1:]), tracks[0]) > 10  # what AAC leaves of noise
    assert snr(tracks[0], samples(mix).T * np.float32(10 ** (-12 / 20))) > 8


def test_a_stem_file_needs_four_stems(one_studio: Studio, mix: Path, model: str) -> None:
    with pytest.raises(InvalidParams, match="has 4 stems, but this separation makes 2: drums, no_drums"):
        one_studio.run("audio.separate", mix, model=model, format="stem-mp4", two_stems="drums")
    with pytest.raises(InvalidInput, match="no place for a residual"):
        one_studio.run("audio.separate", mix, model=model, format="stem-mp4", residual=True)


@pytest.mark.parametrize(
    ("params", "fault"),
    [
        ({"residual": True, "consistency": "residual"}, "would be silent"),
        ({"residual": True, "stems": STEMS, "consistency": "project"}, "would be silent"),
        ({"residual": True, "two_stems": "vocals"}, "would be silent"),
        ({"other_method": "add"}, "without 'two_stems'"),
        ({"other_method": "none", "stems": ["accompaniment"]}, "without 'two_stems'"),
    ],
)
def test_parameters_that_cancel_each_other_are_refused(
    one_studio: Studio, mix: Path, model: str, params: dict[str, Any], fault: str
) -> None:
    with pytest.raises(InvalidParams, match=fault) as caught:
        one_studio.run("audio.separate", mix, model=model, **params)
    assert caught.value.hint


@pytest.fixture(scope="module")
def floats(one_studio: Studio, mix: Path, model: str) -> dict[str, Audio]:
    return separate(one_studio, mix, model, gain=-12)[1]


@pytest.mark.parametrize("format", sorted(set(StemFormat) - {StemFormat.STEM_MP4}))
def test_stems_can_have_every_format(
    one_studio: Studio, mix: Path, model: str, snr: Any, floats: dict[str, Audio], format: StemFormat
) -> None:
    result = one_studio.run("audio.separate", mix, model=model, format=format, gain=-12, shifts=0)
    lossy = bool(TRAITS[AudioFormat(format)].qualities)
    assert list(result.stems) == STEMS
    for name, stem in result.stems.items():
        found = decode(stem.path, rate=RATE).data
        assert stem.name == f"mix.{name}{AudioFormat(format).suffix}"
        assert found.shape[1] == pytest.approx(len(floats[name]), abs=1)
        quality = {one: snr(found[:, :RATE], meant.T[:, :RATE]) for one, meant in floats.items()}
        assert max(quality, key=quality.__getitem__) == name
        assert lossy or quality[name] > 50


def test_a_consistent_stem_alone_is_that_of_all(one_studio: Studio, mix: Path, model: str) -> None:
    _, every = separate(one_studio, mix, model, consistency="project")
    _, alone = separate(one_studio, mix, model, consistency="project", stems=["bass"])
    np.testing.assert_array_equal(alone["bass"], every["bass"])


def test_the_gain_stays_unless_another_mode_is_chosen(one_studio: Studio, mix: Path, model: str) -> None:
    made = {
        mode: separate(one_studio, mix, model, gain=30, gain_mode=mode)
        for mode in ("preserve", "shared_rescale", "per_stem_rescale", "clamp")
    }
    peaks = {mode: np.array([np.abs(stem).max() for stem in stems.values()]) for mode, (_, stems) in made.items()}
    assert peaks["preserve"].max() > 1.5
    assert peaks["clamp"].max() == peaks["shared_rescale"].max() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(peaks["shared_rescale"], peaks["preserve"] / peaks["preserve"].max(), rtol=1e-4)
    np.testing.assert_allclose(peaks["per_stem_rescale"], np.minimum(peaks["preserve"], 1.0), rtol=1e-4)
    shared = made["shared_rescale"][0]
    assert shared.gain_applied_db == pytest.approx(30 - 20 * np.log10(peaks["preserve"].max()), abs=0.01)
    assert shared.reconstruction_error_db == pytest.approx(made["preserve"][0].reconstruction_error_db, abs=0.01)
    assert made["preserve"][0].facts["bass"].gain_db == pytest.approx(30.0)


@pytest.mark.parametrize("mode", ["clamp", "per_stem_rescale", "shared_rescale"])
def test_a_gain_that_breaks_the_sum_of_consistent_stems_is_told(
    one_studio: Studio, mix: Path, model: str, mode: str
) -> None:
    loud, _ = separate(one_studio, mix, model, gain=30, gain_mode=mode, consistency="project")
    soft, _ = separate(one_studio, mix, model, gain=-30, gain_mode=mode, consistency="project")
    told = ["not_consistent" in [warning.code for warning in one.warnings] for one in (loud, soft)]
    assert told == [mode != "shared_rescale", False]


@pytest.mark.parametrize("options", [{"shifts": 2, "seed": 4}, {"overlap": 0.5, "segment": 0.3}])
def test_a_stream_equals_the_whole(one_studio: Studio, mix: Path, model: str, options: dict[str, Any]) -> None:
    whole, stream = (separate(one_studio, mix, model, long_audio=how, **options)[0] for how in ("whole", "stream"))
    assert [one.sha256 for one in whole.stems.values()] == [one.sha256 for one in stream.stems.values()]
    assert stream.effective["long_audio"] == "stream"
    assert not whole.cache_hit


def test_each_stem_has_a_loudness(one_studio: Studio, mix: Path, model: str) -> None:
    quiet, loud = (separate(one_studio, mix, model, gain=gain)[0].facts["bass"] for gain in (0, 10))
    assert loud.loudness_lufs - quiet.loudness_lufs == pytest.approx(10.0, abs=0.01)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("hf://adefossez/HTDemucs", "fetch the weights 'htdemucs'"),
        ("hf://htdemucs_ft", "fetch the weights 'htdemucs_ft'"),
        ("hf://someone/other", "not one whose files are known.*hf://adefossez/HTDemucs-6s"),
        ("mdx_extra_q", "mdx_extra_q"),
    ],
)
def test_names_of_the_hub_are_names_of_the_shelf(one_studio: Studio, mix: Path, asked: str, message: str) -> None:
    with pytest.raises((WeightsMissing, InvalidInput), match=message):
        separate(one_studio, mix, asked)


def test_parts_of_a_mix_on_the_disk_are_those_of_the_mix(tmp_path: Path) -> None:
    data = np.arange(20, dtype=np.float32).reshape(2, 10)
    mix = MixOnDisk.write(tmp_path / "mix.raw", [data[:, :3], data[:, 3:]])
    np.testing.assert_array_equal(mix.inside(2, 7), data[:, 2:7])
    np.testing.assert_array_equal(mix.part(-2, 12), np.pad(data, ((0, 0), (2, 2))))
    mono = data.mean(axis=0)
    assert mix.mean_and_deviation() == pytest.approx((mono.mean(), mono.std(ddof=1)))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"two_stems": "vocals", "stems": ["bass"]}, "'stems' and 'two_stems' exclude each other"),
        ({"two_stems": "flute"}, "No stem is named 'flute'"),
        ({"gain_mode": "louder"}, "'gain_mode' is 'louder'"),
        ({"overlap": 1.0}, "'overlap' is '1.0'"),
    ],
)
def test_contradictions_are_refused(
    one_studio: Studio, mix: Path, model: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        separate(one_studio, mix, model, **params)
