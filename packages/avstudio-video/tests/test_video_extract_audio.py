"""`video.extract_audio` through the studio."""

from __future__ import annotations

import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import avstudio_video
from avstudio_core import Studio, TaskFailed
from avstudio_core.errors import InvalidParams
from avstudio_core.testing import ProcessorContract

Make = Callable[..., Path]
LANGUAGES = {0: {"language": "eng"}, 1: {"language": "deu", "title": "Kommentar"}}


class TestExtractAudio(ProcessorContract):
    plugin = avstudio_video
    processor = "video.extract_audio"
    params = {"format": "m4a"}  # noqa: RUF012

    @pytest.fixture
    def sample(self, write: Make) -> Path:
        return write("film.mp4", 10, sound=[440])


def extracted(studio: Studio, path: Path, **params: Any) -> Any:
    return studio.run("video.extract_audio", path, **params)


def heard(artifact: Any) -> tuple[NDArray[np.float32], int, float]:
    """The samples of a file, its rate, and when it says that they begin."""
    with av.open(str(artifact.path)) as file:
        stream = file.streams.audio[0]
        frames = [*file.decode(stream)]
        planar = av.AudioResampler("fltp", stream.layout, stream.rate)
        blocks = [one.to_ndarray() for frame in frames for one in planar.resample(frame)]
        return np.concatenate(blocks, 1), stream.rate, frames[0].time or 0.0


def pitch(sound: NDArray[np.float32], rate: int) -> float:
    """The loudest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(sound[0] * np.hanning(sound.shape[1])))
    return float(spectrum.argmax() * rate / sound.shape[1])


def onset(sound: NDArray[np.float32], rate: int) -> float:
    """When a sound begins, in seconds."""
    return float(np.flatnonzero(np.abs(sound[0]) > 0.1)[0] / rate)


def test_sound_is_copied_without_loss_where_possible(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 10, sound=[440])
    result = extracted(shared_studio, path)
    [track] = result.tracks
    assert (track.copied, track.codec, track.channels, result.warnings) == (True, "aac", 2, [])
    with av.open(str(path)) as source, av.open(str(result.files["sound"].path)) as copy:
        given, made = ([bytes(one) for one in file.demux(audio=0)] for file in (source, copy))
    assert made == given


def test_sound_that_no_container_stores_as_it_is_is_encoded(shared_studio: Studio, write: Make) -> None:
    path = write("a.mov", 30, sound=[440], sound_codec="pcm_alaw")
    [made] = shared_studio.run("video.extract_audio", path).files.values()
    assert made.media_type == "audio/flac"
    with pytest.raises(TaskFailed, match=r"'mka' does not take the codec 'pcm_alaw' as it is\. Allow to transcode"):
        shared_studio.run("video.extract_audio", path, mode="copy")


def test_a_late_start_stays_in_copies_and_in_encoded_sound(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 30, sound=[440], sound_start=0.5)
    copied = extracted(shared_studio, path)
    assert copied.tracks[0].copied
    assert copied.tracks[0].start == pytest.approx(0.5, abs=0.03)
    assert heard(copied.files["sound"])[2] == pytest.approx(0.5, abs=0.03)
    encoded = extracted(shared_studio, path, format="wav").files["sound"]
    assert onset(*heard(encoded)[:2]) == pytest.approx(0.5, abs=0.005)
    dropped = extracted(shared_studio, path, format="wav", offset="drop").files["sound"]
    assert onset(*heard(dropped)[:2]) == pytest.approx(0.0, abs=0.03)


def test_a_format_that_cannot_store_a_late_start_is_told(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", 30, sound=[440], sound_start=0.5, sound_codec="libmp3lame")
    copied = extracted(shared_studio, path, mode="copy", format="mp3")
    assert "offset_lost" in [one.code for one in copied.warnings]
    assert not extracted(shared_studio, path, format="mp3").tracks[0].copied


def test_all_tracks_are_extracted_at_once(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", 20, sound=[440, 880], sound_metadata=LANGUAGES)
    result = extracted(shared_studio, path, track="all", format="flac")
    assert [(one.file, one.language, one.title) for one in result.tracks] == [
        ("track_1", "eng", None),
        ("track_2", "deu", "Kommentar"),
    ]
    pitches = [pitch(*heard(result.files[name])[:2]) for name in ("track_1", "track_2")]
    assert pitches == pytest.approx([440, 880], abs=3)


@pytest.mark.parametrize(("track", "hertz"), [("2", 880), ("de", 880), ("German", 880), ("eng", 440)])
def test_a_track_is_chosen_by_number_or_language(shared_studio: Studio, write: Make, track: str, hertz: int) -> None:
    path = write("a.mkv", 20, sound=[440, 880], sound_metadata=LANGUAGES)
    result = extracted(shared_studio, path, track=track)
    assert pitch(*heard(result.files["sound"])[:2]) == pytest.approx(hertz, abs=3)
    assert result.warnings == []


def test_a_default_among_several_tracks_is_told(shared_studio: Studio, write: Make) -> None:
    result = extracted(shared_studio, write("a.mkv", 10, sound=[440, 880]))
    assert [one.code for one in result.warnings] == ["other_tracks"]


def test_presets_give_what_models_read(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 25, sound=[440])
    with wave.open(str(extracted(shared_studio, path, preset="asr").files["sound"].path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert file.getnframes() / 16_000 == pytest.approx(1.0, abs=0.03)
    samples, rate, _ = heard(extracted(shared_studio, path, preset="separation").files["sound"])
    assert (rate, samples.shape[0]) == (44_100, 2)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.03)


def test_parts_are_exact_to_the_sample(shared_studio: Studio, write: Make) -> None:
    ramp = np.linspace(-0.5, 0.5, 48_000, dtype=np.float32)[None].repeat(2, 0)
    path = write("a.mkv", 25, sound=[ramp], sound_codec="pcm_s16le", sound_format="s16")
    result = extracted(shared_studio, path, parts=["0.1-0.25", "0.5-"], format="wav")
    first, second = (heard(result.files[name])[0] for name in ("part_1", "part_2"))
    assert (first.shape[1], second.shape[1]) == (7_200, 24_000)
    assert first[0] == pytest.approx(ramp[0, 4_800:12_000], abs=2e-4)


def test_a_copied_part_says_where_it_was_cut(shared_studio: Studio, write: Make) -> None:
    result = extracted(shared_studio, write("a.mp4", 25, sound=[440]), mode="copy", start=0.5, end=0.7)
    assert [one.code for one in result.warnings] == ["cut_moved"]
    assert 0.47 < result.tracks[0].start < 0.5


def test_channels_are_split_by_their_speakers(shared_studio: Studio, write: Make) -> None:
    time = np.arange(48_000) / 48_000
    stereo = np.stack([0.4 * np.sin(2 * np.pi * hertz * time) for hertz in (300, 700)]).astype(np.float32)
    result = extracted(shared_studio, write("a.mp4", 25, sound=[stereo]), channels="split", format="flac")
    assert [pitch(*heard(result.files[name])[:2]) for name in ("left", "right")] == pytest.approx([300, 700], abs=3)


def test_channels_that_cancel_each_other_out_are_not_lost(shared_studio: Studio, write: Make) -> None:
    tone = 0.4 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 48_000).astype(np.float32)
    result = extracted(shared_studio, write("a.mp4", 12, sound=[np.stack([tone, -tone])]), preset="asr")
    assert "phase_cancelled" in [one.code for one in result.warnings]
    assert np.abs(heard(result.files["sound"])[0]).max() > 0.3


def test_a_gap_in_the_sound_becomes_silence(shared_studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "gap.mkv"
    with av.open(str(path), "w") as file:
        track: Any = file.add_stream("pcm_s16le", rate=48_000)
        track.layout = "mono"
        for start in (0, 48_000):
            frame: Any = av.AudioFrame.from_ndarray(np.full((1, 24_000), 9_000, np.int16), "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
            file.mux(track.encode(frame))
    result = extracted(shared_studio, path, format="wav", mode="transcode")
    samples = heard(result.files["sound"])[0][0]
    assert [one.code for one in result.warnings] == ["damaged"]
    assert (len(samples), np.abs(samples[24_100:47_900]).max(), samples[60_000] > 0.2) == (72_000, 0, True)


def test_a_video_without_sound_is_refused(shared_studio: Studio, write: Make) -> None:
    assert refused(shared_studio, write("a.mp4", 3)).cause == "no_audio_stream"


def refused(studio: Studio, path: Path, **params: Any) -> TaskFailed:
    with pytest.raises(TaskFailed) as caught:
        extracted(studio, path, **params)
    return caught.value


def test_what_cannot_be_done_says_what_can(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", 5, sound=[440], layout="5.1")
    assert "Choose one of these: 1" in str(refused(shared_studio, path, track="fr"))
    assert "at most 2 channels" in str(refused(shared_studio, path, format="mp3"))
    assert "'mp3' does not take the codec 'aac'" in str(refused(shared_studio, path, format="mp3", mode="copy"))
    assert "does not have sound after 5 s" in str(refused(shared_studio, path, start=5))


@pytest.mark.parametrize(
    "params",
    [
        {"start": 2, "end": 1},
        {"mode": "copy", "rate": 16_000},
        {"format": "mp3", "bits": 24},
        {"format": "flac", "bits": 32},
        {"format": "wav", "bit_rate": 128},
        {"parts": ["1-2"], "start": 1},
        {"start": 1e308},
        {"end": 1e15},
    ],
)
def test_parameters_that_exclude_each_other_are_refused_at_once(
    shared_studio: Studio, write: Make, params: dict[str, Any]
) -> None:
    with pytest.raises(InvalidParams):
        extracted(shared_studio, write("a.mp4", 3, sound=[440]), **params)


SURROUND = {"FL": 400, "FR": 600, "FC": 800, "LFE": 1000, "BL": 1200, "BR": 1400}
"""The speakers of 5.1 in their order, and a tone for each in Hz."""


def tones(artifact: Any) -> NDArray[np.float64]:
    """How loud the tones of a 5.1 source are in each channel of a file, `(channels, tones)`."""
    samples, rate, _ = heard(artifact)
    time = np.arange(samples.shape[1]) / rate
    waves = np.exp(-2j * np.pi * np.array([*SURROUND.values()])[:, None] * time)
    return np.asarray(np.abs(samples @ waves.T) * 2 / samples.shape[1])


@pytest.mark.parametrize(
    ("channels", "gains"),
    [
        ("stereo", [[1, 0, 0.5**0.5, 0, 0.5**0.5, 0], [0, 1, 0.5**0.5, 0, 0, 0.5**0.5]]),
        ("mono", [[0.5, 0.5, 0.5**0.5, 0, 0.5**1.5, 0.5**1.5]]),
    ],
)
def test_surround_is_mixed_with_the_gains_of_the_itu(
    shared_studio: Studio, write: Make, channels: str, gains: list[list[float]]
) -> None:
    time = np.arange(48_000) / 48_000
    sound = np.stack([0.5 * np.sin(2 * np.pi * hertz * time) for hertz in SURROUND.values()]).astype(np.float32)
    path = write("a.mkv", 25, sound=[sound], sound_codec="flac", layout="5.1")
    made = extracted(shared_studio, path, channels=channels, format="wav").files["sound"]
    assert tones(made) == pytest.approx(0.5 * np.array(gains) / (1 + 2 * 0.5**0.5), abs=0.002)


def test_mono_is_the_mean_of_two_channels(shared_studio: Studio, write: Make) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 48_000)).astype(np.float32)
    path = write("a.mkv", 25, sound=[noise], sound_codec="flac")
    result = extracted(shared_studio, path, channels="mono", format="flac")
    samples = heard(result.files["sound"])[0]
    assert samples.shape == (1, 48_000)
    assert np.abs(samples[0] - noise.mean(0)).max() < 1e-4


def test_the_preset_for_separation_gives_floating_point(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", 25, sound=[440], sound_codec="pcm_f32le", layout="mono")
    made = extracted(shared_studio, path, preset="separation").files["sound"]
    with av.open(str(made.path)) as file:
        codec = file.streams.audio[0].codec_context
        assert (codec.name, codec.sample_rate, codec.layout.nb_channels) == ("pcm_f32le", 44_100, 2)
    samples, rate, _ = heard(made)
    assert pitch(samples, rate) == pytest.approx(440, abs=2)
    assert np.array_equal(samples[0], samples[1])
    assert np.abs(samples * 2**15 - np.rint(samples * 2**15)).max() > 0.4, "They are not rounded to 16 bits."


def test_sound_has_the_rate_that_is_given(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", 25, sound=[440], sound_codec="flac")
    result = extracted(shared_studio, path, rate=22_050)
    samples, rate, _ = heard(result.files["sound"])
    assert (rate, result.tracks[0].rate, result.tracks[0].copied) == (22_050, 22_050, False)
    assert samples.shape[1] == pytest.approx(22_050, abs=2)
    assert pitch(samples, rate) == pytest.approx(440, abs=2)


@pytest.mark.parametrize(
    ("format", "bits", "samples"),
    [("flac", 16, "s16"), ("flac", 24, "s32"), ("wav", 16, "s16"), ("wav", 24, "s32"), ("wav", 32, "flt")],
)
def test_sound_has_the_bits_that_are_given(
    shared_studio: Studio, write: Make, format: str, bits: int, samples: str
) -> None:
    fine = np.random.default_rng(1).integers(-(2**22), 2**22, (1, 9_600)).astype(np.float32) / 2**23
    path = write("a.mkv", 5, sound=[fine], sound_codec="pcm_s24le", layout="mono")
    made = extracted(shared_studio, path, format=format, bits=bits).files["sound"]
    with av.open(str(made.path)) as file:
        assert file.streams.audio[0].codec_context.format.name == samples
    error = float(np.abs(heard(made)[0] - fine).max())
    assert error == 0 if bits > 16 else 0 < error <= 2**-15


@pytest.mark.parametrize(("format", "kilobits"), [("mp3", 64), ("mp3", 192), ("m4a", 64), ("m4a", 192)])
def test_sound_has_the_bit_rate_that_is_given(shared_studio: Studio, write: Make, format: str, kilobits: int) -> None:
    hiss = np.random.default_rng(1).uniform(-0.3, 0.3, (2, 96_000)).astype(np.float32)
    path = write("a.mkv", 50, sound=[hiss], sound_codec="flac")
    result = extracted(shared_studio, path, format=format, bit_rate=kilobits)
    with av.open(str(result.files["sound"].path)) as file:
        size = sum(one.size for one in file.demux(audio=0))
    assert size * 8 / 2 == pytest.approx(kilobits * 1000, rel=0.1)


def test_six_channels_stay_six(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", 5, sound=[440], layout="5.1")
    assert heard(extracted(shared_studio, path, mode="transcode", format="flac").files["sound"])[0].shape[0] == 6
    assert heard(extracted(shared_studio, path, format="opus", channels="stereo").files["sound"])[0].shape[0] == 2


def test_a_file_that_is_cut_short_is_told(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    whole = write("a.mkv", 100, sound=[440], options={"g": "10", "crf": "0"}).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    result = extracted(shared_studio, tmp_path / "cut.mkv")
    assert "truncated" in [one.code for one in result.warnings]
