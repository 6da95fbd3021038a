"""Decoding returns the original sound in every format."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile as sf

from avstudio_audio.media.contents import probe
from avstudio_audio.media.decode import decode
from avstudio_core.errors import InvalidInput, InvalidParams

CONTAINERS = [
    ("a.wav", "pcm_s16le"),
    ("a.flac", "flac"),
    ("a.mp3", "libmp3lame"),
    ("a.m4a", "aac"),
    ("a.aac", "aac"),
    ("a.mka", "aac"),
    ("a.ts", "aac"),
    ("a.ac3", "ac3"),
    ("a.caf", "pcm_s24be"),
    ("a.aiff", "pcm_s16be"),
    ("a.avi", "libmp3lame"),
    ("a.wv", "wavpack"),
    ("a.opus", "libopus"),
    ("a.webm", "libopus"),
]
LOSSLESS = {"pcm_s16le", "flac", "pcm_s24be", "pcm_s16be"}

COARSE = ["a.mka", "a.webm", "a.ac3"]
"""Formats with time stamps in milliseconds, or rounded ones."""


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
@pytest.mark.parametrize("channels", [1, 2, 3, 8, 16])
def test_wav_of_every_number_format_is_decoded_like_libsndfile(
    tmp_path: Path, music: Any, subtype: str, channels: int
) -> None:
    path = tmp_path / "a.wav"
    sf.write(path, music(min(channels, 8), seconds=0.3).repeat(max(channels // 8, 1), axis=0).T, 44_100, subtype)
    samples = decode(path)
    assert (samples.channels, samples.rate, samples.start) == (channels, 44_100, 0.0)
    np.testing.assert_array_equal(samples.data, sf.read(path, dtype="float32", always_2d=True)[0].T)


@pytest.mark.parametrize(("channels", "rate"), [(1, 8_000), (2, 44_100), (6, 48_000), (8, 96_000), (2, 192_000)])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_flac_of_any_shape_is_decoded_like_libsndfile(
    tmp_path: Path, music: Any, channels: int, rate: int, subtype: str
) -> None:
    path = tmp_path / "a.flac"
    sf.write(path, music(channels, rate, 0.5).T, rate, subtype)
    samples = decode(path)
    assert (samples.channels, samples.rate, samples.length) == (channels, rate, rate // 2)
    np.testing.assert_array_equal(samples.data, sf.read(path, dtype="float32", always_2d=True)[0].T)


@pytest.mark.parametrize(("name", "codec"), CONTAINERS)
def test_every_container_gives_the_sound_at_its_time(
    write: Any, music: Any, heard: Any, snr: Callable[..., float], name: str, codec: str
) -> None:
    rate = 48_000 if codec == "libopus" else 44_100
    data = music(2, rate, 3.0)
    samples = decode(write(name, codec, data, rate), warn=heard)
    # These have no place to say how much silence the encoder put first.
    delay = {"a.aac": 1024, "a.ts": 1024, "a.ac3": 256, "a.avi": 1105}.get(name, 0)
    assert 0 <= samples.length - delay - data.shape[1] <= 2304
    assert snr(samples.data[:, delay:], data) > (80 if codec in LOSSLESS else 15)
    assert heard.codes == []


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("seconds", [0.01, 0.5, 3.0])
def test_short_vorbis_is_decoded_like_libsndfile(tmp_path: Path, music: Any, rate: int, seconds: float) -> None:
    path = tmp_path / "a.ogg"
    sf.write(path, music(2, rate, seconds).T, rate, format="OGG", subtype="VORBIS")
    whole = decode(path)
    assert (whole.start, whole.rate, whole.length) == (0.0, rate, round(rate * seconds))
    np.testing.assert_array_equal(whole.data, sf.read(path, dtype="float32", always_2d=True)[0].T)
    part = decode(path, span=(seconds / 2, 99.0))
    np.testing.assert_array_equal(part.data, whole.data[:, round(part.start * rate) :])


def test_the_sound_of_a_video_is_decoded(write: Any, music: Any, snr: Callable[..., float]) -> None:
    data = music(2, 44_100, 1.0)
    samples = decode(write("film.mp4", "aac", data, 44_100, picture=True))
    assert snr(samples.data, data) > 15
    assert samples.start == 0.0


def test_sound_that_starts_after_the_picture_says_when(write: Any, music: Any) -> None:
    path = write("film.mkv", "pcm_s16le", music(1, 16_000, 1.0), 16_000, picture=True, offset=0.5)
    samples = decode(path)
    assert samples.start == pytest.approx(0.5, abs=0.001)
    assert decode(path, span=(0.6, 0.8)).start == pytest.approx(0.6, abs=0.001)
    assert samples.length == 16_000


def test_eight_channels_at_96_khz_become_mono_at_16_khz(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(96_000) / 96_000)
    sf.write(tmp_path / "a.wav", np.tile(tone, (8, 1)).T, 96_000, "FLOAT")
    samples = decode(tmp_path / "a.wav", rate=16_000, channels=1)
    # All speakers at once are as loud as one: the mix never exceeds what it is made of. LFE is left out.
    meant = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(samples.data[0, 200:-200], meant[200:-200], atol=1e-3)


@pytest.mark.parametrize("channels", [1, 2])
def test_sixteen_channels_without_a_layout_can_be_mixed(tmp_path: Path, channels: int) -> None:
    sf.write(tmp_path / "a.wav", np.full((100, 16), 0.5), 8_000)
    np.testing.assert_allclose(decode(tmp_path / "a.wav", channels=channels).data, np.full((channels, 100), 0.5))


def test_mono_is_doubled_and_stereo_averaged(tmp_path: Path) -> None:
    sf.write(tmp_path / "mono.wav", np.full((100, 1), 0.5), 8_000)
    sf.write(tmp_path / "stereo.wav", np.tile([0.5, 0.25], (100, 1)), 8_000)
    np.testing.assert_array_equal(decode(tmp_path / "mono.wav", channels=2).data, np.full((2, 100), 0.5))
    np.testing.assert_array_equal(decode(tmp_path / "stereo.wav", channels=1).data, np.full((1, 100), 0.375))


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_ten_milliseconds_are_enough(tmp_path: Path, music: Any, rate: int) -> None:
    sf.write(tmp_path / "a.wav", music(2, rate, 0.01).T, rate)
    assert decode(tmp_path / "a.wav").length == rate // 100
    assert decode(tmp_path / "a.wav", rate=16_000, channels=1).length == 160


def test_values_beyond_full_scale_are_kept(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.array([0.0, 1.5, -2.0]), 8_000, "FLOAT")
    np.testing.assert_array_equal(decode(tmp_path / "a.wav").data, [[0.0, 1.5, -2.0]])


@pytest.mark.parametrize(("name", "codec"), [pair for pair in CONTAINERS if pair[0] not in COARSE])
@pytest.mark.parametrize("span", [(0.25, 0.75), (2.0, 2.5), (2.5, 99.0)])
def test_a_span_is_a_part_of_the_whole(
    write: Any, music: Any, snr: Callable[..., float], name: str, codec: str, span: tuple[float, float]
) -> None:
    rate = 48_000 if codec == "libopus" else 44_100
    path = write(name, codec, music(2, rate, 3.0), rate)
    part, whole = decode(path, span=span), decode(path)
    begin = round((part.start - whole.start) * rate)
    assert part.start == pytest.approx(span[0], abs=0.002)
    assert snr(part.data, whole.data[:, begin:]) > (30 if codec == "aac" else 60)  # AAC adds noise by chance
    assert part.duration == pytest.approx(min(span[1], whole.start + whole.duration) - span[0], abs=0.002)


@pytest.mark.parametrize("name", COARSE)
def test_a_span_is_as_exact_as_the_time_stamps(write: Any, music: Any, name: str) -> None:
    data = music(1, 48_000, 3.0)
    data[0, 120_000:] = 0
    part = decode(write(name, dict(CONTAINERS)[name], data, 48_000), span=(2.0, 2.75))
    silent_from = np.flatnonzero(np.abs(part.data[0]) > 0.05)[-1] / 48_000
    assert part.start + silent_from == pytest.approx(2.5, abs=0.035)
    assert part.duration == pytest.approx(0.75, abs=0.002)


def test_a_span_outside_of_the_file_is_refused(tmp_path: Path, music: Any) -> None:
    sf.write(tmp_path / "a.wav", music(seconds=1.0).T, 44_100)
    with pytest.raises(InvalidInput, match=r"'.*a\.wav' does not have sound between 5 s and 6 s"):
        decode(tmp_path / "a.wav", span=(5.0, 6.0))


@pytest.mark.parametrize(
    "wrong", [{"rate": 0}, {"rate": 10**7}, {"channels": 0}, {"channels": 5}, {"span": (2, 1)}, {"span": (-1, 1)}]
)
def test_what_cannot_be_asked_for_is_refused(tmp_path: Path, music: Any, wrong: dict[str, Any]) -> None:
    sf.write(tmp_path / "a.wav", music(seconds=0.1).T, 44_100)
    with pytest.raises(InvalidParams, match=str(next(iter(wrong.values()))).strip("()").split(",")[0]):
        decode(tmp_path / "a.wav", **wrong)


def test_a_stream_that_changes_on_the_way_keeps_its_first_shape(write: Any, music: Any, tmp_path: Path) -> None:
    one = write("one.aac", "aac", music(2, 44_100, 1.0), 44_100).read_bytes()
    other = write("other.aac", "aac", music(1, 48_000, 1.0), 48_000).read_bytes()
    (tmp_path / "both.aac").write_bytes(one + other)
    samples = decode(tmp_path / "both.aac")
    assert (samples.channels, samples.rate) == (2, 44_100)
    assert samples.duration == pytest.approx(2.0, abs=0.1)
    assert np.abs(samples.data[:, 50_000:80_000]).max() > 0.2


def test_progress_rises_to_one(write: Any, music: Any) -> None:
    told: list[float] = []
    decode(write("a.mp3", "libmp3lame", music(seconds=5.0), 44_100), progress=told.append)
    assert told == sorted(told)
    assert len(told) > 5
    assert told[-1] == 1.0


def test_what_progress_raises_ends_the_work(write: Any, music: Any) -> None:
    def cancel(part: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        decode(write("a.mp3", "libmp3lame", music(seconds=5.0), 44_100), progress=cancel)


def test_no_more_memory_is_taken_than_the_result_needs(write: Any, music: Any) -> None:
    path = write("a.mp3", "libmp3lame", music(seconds=60.0), 44_100)
    decode(path)
    wanted: tuple[dict[str, Any], ...] = ({}, {"rate": 48_000}, {"channels": 1})
    for options in wanted:
        tracemalloc.start()
        try:
            samples = decode(path, **options)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 1.1 * samples.data.nbytes, options


def test_a_file_without_a_length_grows_as_it_is_read(write: Any, music: Any, snr: Callable[..., float]) -> None:
    data = music(2, 44_100, 4.0)
    path = write("a.mka", "flac", data, 44_100, options={"live": "1"})
    with av.open(str(path)) as container:
        assert not container.duration
    assert snr(decode(path).data, data) > 80


def test_a_real_song_is_decoded(song: Path) -> None:
    samples = decode(song, rate=16_000, channels=1)
    assert samples.duration == pytest.approx(10.88, abs=0.01)
    assert 0.3 < np.abs(samples.data).max() <= 1.1


def test_speakers_in_an_order_of_their_own_are_read(tmp_path: Path) -> None:
    """PyAV frees such layouts twice, which ends the process."""
    with av.open(str(tmp_path / "a.aiff"), "w") as file:
        stream: Any = file.add_stream("pcm_s16be", rate=8_000)
        stream.layout = "7.1"
        levels = np.repeat(np.arange(1, 9, dtype=np.int16)[None] * 1024, 200, axis=0)
        frame = av.AudioFrame.from_ndarray(levels.reshape(1, -1), "s16", "7.1")
        frame.sample_rate = 8_000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    for _ in range(20):
        assert probe(tmp_path / "a.aiff").audio[0].channels == 8
        np.testing.assert_allclose(decode(tmp_path / "a.aiff").data[:, 0], np.arange(1, 9) / 32)
    left, right = decode(tmp_path / "a.aiff", channels=2).data[:, 0]
    assert left < right
