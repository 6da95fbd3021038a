"""Encoded sound is read back unchanged, and a failure leaves no file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile as sf
from hypothesis import assume, given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from avstudio_audio.media.contents import probe
from avstudio_audio.media.decode import decode
from avstudio_audio.media.encode import encode, encoder
from avstudio_audio.media.formats import AudioFormat, Dither, Encoding
from avstudio_audio.media.labels import Chapter, Cover, all_tags
from avstudio_audio.media.samples import Samples
from avstudio_audio.media.traits import TRAITS
from avstudio_core.errors import Degraded, DiskFull, InvalidInput, InvalidParams, StorageError

EXACT = {
    AudioFormat.WAV: 16,
    AudioFormat.WAV24: 24,
    AudioFormat.WAV32: 32,
    AudioFormat.FLAC: 24,
    AudioFormat.AIFF: 16,
    AudioFormat.ALAC: 24,
}
LOSSY = {
    AudioFormat.MP3: 25,
    AudioFormat.OGG: 20,
    AudioFormat.OPUS: 20,
    AudioFormat.M4A: 20,
    AudioFormat.M4B: 20,
}
CODECS = {
    AudioFormat.WAV: "pcm_s16le",
    AudioFormat.WAV24: "pcm_s24le",
    AudioFormat.WAV32: "pcm_s32le",
    AudioFormat.WAV_FLOAT: "pcm_f32le",
    AudioFormat.FLAC: "flac",
    AudioFormat.MP3: "mp3",
    AudioFormat.OGG: "vorbis",
    AudioFormat.OPUS: "opus",
    AudioFormat.M4A: "aac",
    AudioFormat.M4B: "aac",
    AudioFormat.AIFF: "pcm_s16be",
    AudioFormat.ALAC: "alac",
}
sounds = st.tuples(st.sampled_from([1, 2, 6, 8]), st.sampled_from([8_000, 44_100, 96_000, 192_000])).flatmap(
    lambda shape: st.builds(
        Samples,
        arrays.arrays(
            np.float32, st.tuples(st.just(shape[0]), st.integers(1, 300)), elements=st.floats(-1, 1, width=32)
        ),
        st.just(shape[1]),
    )
)


@pytest.fixture
def target(tmp_path: Path) -> Callable[[AudioFormat], Path]:
    return lambda format: tmp_path / f"out{format.suffix}"


@settings(max_examples=50)
@given(samples=sounds, format=st.sampled_from([*EXACT, AudioFormat.WAV_FLOAT]))
def test_lossless_formats_give_back_every_sample(
    tmp_path_factory: pytest.TempPathFactory, samples: Samples, format: AudioFormat
) -> None:
    assume(samples.channels <= TRAITS[format].max_channels)
    path = tmp_path_factory.mktemp("exact") / "a"
    encode(samples, path, format)
    back = decode(path)
    half_a_step = 0.5 ** EXACT[format] if format in EXACT else 0.0
    full = 1 - 2 * half_a_step
    assert back.rate == samples.rate
    np.testing.assert_allclose(back.data, np.minimum(samples.data, full), atol=half_a_step * 1.0001, rtol=0)


@pytest.mark.parametrize("format", LOSSY)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_lossy_formats_give_back_much_the_same(
    target: Any, music: Any, snr: Any, heard: Any, format: AudioFormat, channels: int, rate: int
) -> None:
    samples = Samples(music(channels, rate, 3.0), rate)
    encode(samples, target(format), format, warn=heard)
    back = decode(target(format), rate=rate)
    assert back.channels == channels
    assert back.length == samples.length
    assert snr(back.data, samples.data) > LOSSY[format]
    assert np.abs(back.data[:, : samples.length]).mean() == pytest.approx(np.abs(samples.data).mean(), rel=0.01)
    assert heard.codes == []


@pytest.mark.parametrize("format", AudioFormat)
def test_ten_milliseconds_can_be_written(target: Any, music: Any, format: AudioFormat) -> None:
    encode(Samples(music(2, 44_100, 0.01), 44_100), target(format), format)
    assert decode(target(format), rate=44_100).length == 441


@pytest.mark.parametrize("format", AudioFormat)
def test_each_format_is_what_it_says(target: Any, music: Any, format: AudioFormat) -> None:
    encode(Samples(music(), 44_100), target(format), format)
    [sound] = probe(target(format)).audio
    assert sound.codec == CODECS[format]
    assert sound.bits == (32 if format is AudioFormat.WAV_FLOAT else EXACT.get(format))


@pytest.mark.parametrize("format", EXACT)
def test_values_beyond_full_scale_are_clipped_and_counted(target: Any, heard: Any, format: AudioFormat) -> None:
    data = np.array([[0.0, 1.0, 1.5, -1.0, -2.0, 0.5]], np.float32)
    encode(Samples(data, 8_000), target(format), format, warn=heard)
    np.testing.assert_allclose(decode(target(format)).data, [[0, 1, 1, -1, -1, 0.5]], atol=1e-4)
    assert heard.codes == ["clipped"]
    assert heard.messages[0].startswith(f"2 values are clipped in '{target(format)}', by up to 6.0 dB")


@pytest.mark.parametrize("format", AudioFormat)
def test_every_format_keeps_the_tags(target: Any, music: Any, format: AudioFormat) -> None:
    tags = {"title": "Élan", "artist": "Ann", "album": "B", "date": "2001", "genre": "Folk", "track": "3"}
    given = {**tags, "title": "É\x1blan", "encoder": "left out"}
    with encoder(target(format), format, 48_000, 2, 48_000, tags=all_tags(given)) as write:
        write(music(2, 48_000, 1.0))
    found = probe(target(format)).tags
    assert {name: found.get(name) for name in tags} == tags
    assert found.get("encoder") != "left out"


def test_clipping_that_no_one_hears_is_not_reported(target: Any, heard: Any) -> None:
    encode(Samples(np.array([[0.0, 1.005, -1.01]], np.float32), 8_000), target(AudioFormat.WAV), warn=heard)
    assert heard.codes == []
    encode(Samples(np.array([[0.0, 1.02]], np.float32), 8_000), target(AudioFormat.WAV), warn=heard)
    assert heard.codes == ["clipped"]


@pytest.mark.parametrize("format", list(AudioFormat))
def test_equal_sound_is_an_equal_file(tmp_path: Path, music: Any, format: AudioFormat) -> None:
    for name in ("one", "other"):
        encode(Samples(music(2, 48_000, 0.1), 48_000), tmp_path / name, format)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_ogg_files_joined_end_to_end_play_one_after_the_other(tmp_path: Path, music: Any) -> None:
    paths = tmp_path / "one.ogg", tmp_path / "other.ogg", tmp_path / "both.ogg"
    for path, seconds in zip(paths, (0.2, 0.3), strict=False):
        encode(Samples(music(1, 48_000, seconds), 48_000), path, AudioFormat.OGG)
    paths[2].write_bytes(b"".join(path.read_bytes() for path in paths[:2]))
    assert len({path.read_bytes()[14:18] for path in paths[:2]}) == 2  # the numbers of their streams
    assert decode(paths[2]).length == 24_000  # libsndfile leaves out pages with a wrong checksum


@pytest.mark.parametrize("seconds", [0.005, 0.01])
def test_a_short_ogg_with_chapters_has_its_length(target: Any, music: Any, seconds: float) -> None:
    path, chapters = target(AudioFormat.OGG), [Chapter(0, seconds, "One")]
    with encoder(path, AudioFormat.OGG, 44_100, 2, 44_100, chapters=chapters) as write:
        write(music(2, 44_100, seconds))
    assert probe(path).duration == pytest.approx(seconds, abs=0.003)


def test_a_file_of_floats_does_not_have_the_time_of_day(tmp_path: Path, music: Any) -> None:
    encode(Samples(music(), 44_100), tmp_path / "a.wav", AudioFormat.WAV_FLOAT)
    assert b"PEAK" not in (tmp_path / "a.wav").read_bytes()[:200]  # libsndfile writes the time into this chunk


@pytest.mark.parametrize("format", [AudioFormat.WAV_FLOAT, AudioFormat.OGG, AudioFormat.M4A])
def test_formats_of_floats_do_not_clip(target: Any, music: Any, heard: Any, format: AudioFormat) -> None:
    encode(Samples(music(2, 48_000) * np.float32(4), 48_000), target(format), format, warn=heard)
    assert np.abs(decode(target(format)).data).max() > 1.3
    assert heard.codes == []


@pytest.mark.parametrize(
    ("format", "rate", "becomes"), [(AudioFormat.MP3, 96_000, 48_000), (AudioFormat.M4A, 40_000, 44_100)]
)
def test_a_rate_that_a_format_lacks_is_changed_with_a_warning(
    target: Any, music: Any, heard: Any, snr: Any, format: AudioFormat, rate: int, becomes: int
) -> None:
    data = music(2, rate, 2.0)
    encode(Samples(data, rate), target(format), format, warn=heard)
    assert heard.codes == ["resampled"]
    assert probe(target(format)).audio[0].rate == becomes
    assert snr(decode(target(format), rate=rate).data, data) > 20


@pytest.mark.parametrize(("format", "most"), [(AudioFormat.FLAC, 8), (AudioFormat.MP3, 2), (AudioFormat.OPUS, 2)])
def test_too_many_channels_are_refused(target: Any, format: AudioFormat, most: int) -> None:
    with pytest.raises(InvalidInput, match=f"'{format}' supports {most} channels, not 9"):
        encode(Samples(np.zeros((9, 10), np.float32), 48_000), target(format), format)


def test_surround_keeps_its_order_in_m4a(target: Any) -> None:
    time = np.arange(48_000) / 48_000
    tones = np.stack([0.3 * np.sin(2 * np.pi * 40 * (1 + channel) * time) for channel in range(6)])
    encode(Samples(tones.astype(np.float32), 48_000), target(AudioFormat.M4A), AudioFormat.M4A)
    spectra = np.abs(np.fft.rfft(decode(target(AudioFormat.M4A)).data[:, :48_000]))
    assert [int(row.argmax()) for row in spectra] == [40, 80, 120, 160, 200, 240]


@pytest.mark.parametrize("format", [AudioFormat.WAV, AudioFormat.FLAC, AudioFormat.AIFF, AudioFormat.ALAC])
@pytest.mark.parametrize("bits", [16, 24])
def test_the_bits_of_a_sample_can_be_chosen(target: Any, music: Any, format: AudioFormat, bits: int) -> None:
    data = np.rint(music(2, 44_100, 0.3) * 2 ** (bits - 1)).astype(np.float32) / np.float32(2 ** (bits - 1))
    encode(Samples(data, 44_100), target(format), Encoding(format, bits))
    assert probe(target(format)).audio[0].bits == bits
    np.testing.assert_array_equal(decode(target(format)).data, data)


def test_bits_that_a_format_lacks_are_refused(target: Any, music: Any) -> None:
    with pytest.raises(InvalidParams, match=r"'flac' does not support 32 bits. It supports 24, 16"):
        encode(Samples(music(), 44_100), target(AudioFormat.FLAC), Encoding(AudioFormat.FLAC, 32))
    with pytest.raises(InvalidParams, match=r"'mp3' does not support 16 bits. It is lossy"):
        encode(Samples(music(), 44_100), target(AudioFormat.MP3), Encoding(AudioFormat.MP3, 16))


@pytest.mark.parametrize("dither", [Dither.TPDF, Dither.SHAPED])
def test_dither_replaces_distortion_by_noise(target: Any, dither: Dither) -> None:
    """A tone at −90 dBFS has the size of one step of 16 bits: rounding makes harmonics of it."""
    count, k = 1 << 17, 3_000
    tone = (10 ** (-90 / 20) * np.sin(2 * np.pi * k * np.arange(count) / count)).astype(np.float32)
    levels: dict[Dither, list[float]] = {}
    for how in (Dither.NONE, dither):
        encode(Samples(tone[None], 44_100), target(AudioFormat.WAV), Encoding(AudioFormat.WAV, 16, how))
        spectrum: NDArray[Any] = np.abs(np.fft.rfft(decode(target(AudioFormat.WAV)).data[0])) / (count / 2)
        levels[how] = [20 * np.log10(level) for level in (spectrum[k], max(spectrum[n * k] for n in (3, 5, 7)))]
    assert levels[Dither.NONE][1] > -105
    assert levels[dither][0] == pytest.approx(-90, abs=0.2)
    assert levels[dither][1] < -125


def test_shaped_noise_is_quieter_where_hearing_is_best(target: Any) -> None:
    noise = {}
    for how in (Dither.TPDF, Dither.SHAPED):
        quiet = Samples(np.full((2, 1 << 16), 1e-3, np.float32), 44_100)
        encode(quiet, target(AudioFormat.WAV), Encoding(AudioFormat.WAV, 16, how))
        spectra = np.abs(np.fft.rfft(decode(target(AudioFormat.WAV)).data, axis=1)) ** 2
        noise[how] = spectra[:, 3_000:6_000].mean()  # 2 to 4 kHz
        left, right = decode(target(AudioFormat.WAV)).data - np.float32(1e-3)
        assert abs(np.vdot(left, right)) < 0.1 * np.vdot(left, left)
    assert noise[Dither.SHAPED] < noise[Dither.TPDF] / 20


def test_shaping_that_is_not_possible_is_refused(target: Any, music: Any) -> None:
    with pytest.raises(InvalidParams, match="cannot be shaped for 16 bits, 96000 Hz and 2 channels"):
        encode(
            Samples(music(2, 96_000, 0.1), 96_000),
            target(AudioFormat.WAV),
            Encoding(AudioFormat.WAV, 16, Dither.SHAPED),
        )


@pytest.mark.parametrize(("format", "kbit"), [(AudioFormat.MP3, 64), (AudioFormat.OPUS, 48), (AudioFormat.M4A, 96)])
def test_a_bit_rate_is_kept(target: Any, music: Any, format: AudioFormat, kbit: int) -> None:
    encode(Samples(music(2, 48_000, 5.0), 48_000), target(format), Encoding(format, bit_rate=kbit * 1000))
    assert target(format).stat().st_size * 8 / 5 / 1000 == pytest.approx(kbit, rel=0.2)
    with pytest.raises(InvalidParams, match=r"Give .* kbit/s"):
        encode(Samples(music(), 48_000), target(format), Encoding(format, bit_rate=2_000))


@pytest.mark.parametrize("format", LOSSY)
def test_a_lower_quality_is_a_smaller_file(target: Any, music: Any, format: AudioFormat) -> None:
    sizes = []
    for quality in ("low", "medium", "high"):
        encode(Samples(music(2, 48_000, 2.0), 48_000), target(format), Encoding(format, quality=quality))
        sizes.append(target(format).stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2]


def test_a_cover_and_chapters_are_stored(target: Any, music: Any, cover: bytes) -> None:
    for format in (AudioFormat.MP3, AudioFormat.M4A, AudioFormat.M4B, AudioFormat.ALAC):
        chapters = [Chapter(0.0, 0.5, "One"), Chapter(0.5, 1.0, "Zwei")]
        with encoder(
            target(format), format, 44_100, 2, 44_100, cover=Cover(cover, "image/jpeg"), chapters=chapters
        ) as write:
            write(music(2, 44_100, 1.0))
        with av.open(str(target(format))) as file:
            assert [one["metadata"]["title"] for one in file.chapters()] == ["One", "Zwei"]
            assert bytes(next(file.demux(file.streams.video[0]))) == cover


@pytest.mark.parametrize("format", [AudioFormat.MP3, AudioFormat.OPUS])
def test_lossy_formats_that_clip_say_so(target: Any, music: Any, heard: Any, format: AudioFormat) -> None:
    encode(Samples(music(2, 48_000) * np.float32(4), 48_000), target(format), format, warn=heard)
    assert heard.codes == ["clipped"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_not_written(target: Any, value: float) -> None:
    data = np.zeros((1, 40_000), np.float32)
    data[0, 24_000] = value
    with pytest.raises(InvalidInput, match=r"not numbers .* 3\.000 s"):
        encode(Samples(data, 8_000), target(AudioFormat.WAV), AudioFormat.WAV)
    assert not target(AudioFormat.WAV).exists()


@pytest.mark.parametrize("format", ["opus", "mp3"])
@pytest.mark.parametrize("length", [1, 50])
def test_a_few_samples_are_resampled_and_written(tmp_path: Path, format: AudioFormat, length: int) -> None:
    path = tmp_path / f"a.{format}"
    with encoder(path, AudioFormat(format), 50_000, 1, length) as write:
        write(np.zeros((1, length), np.float32))
    assert 0 < (probe(path).duration or 0) < 0.1


def test_flac_of_an_odd_rate_is_read_again(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 96_001)).astype(np.float32)
    with encoder(tmp_path / "a.flac", AudioFormat.FLAC, 96_001, 1, sound.shape[1]) as write:
        write(sound)
    samples = decode(tmp_path / "a.flac")
    assert samples.rate == 96_001
    np.testing.assert_allclose(samples.data, sound, atol=1e-4)


def test_an_empty_sound_is_not_written(target: Any) -> None:
    with pytest.raises(InvalidInput, match="is empty"):
        encode(Samples(np.zeros((1, 0), np.float32), 8_000), target(AudioFormat.WAV))


def test_what_a_library_refuses_is_our_error_and_leaves_nothing(target: Any) -> None:
    path = target(AudioFormat.FLAC)
    with (
        pytest.raises(InvalidInput, match="cannot be written as 'flac': Error opening"),
        encoder(path, AudioFormat.FLAC, 8_000, 1, 10),
    ):
        raise sf.LibsndfileError(1, "Error opening: ")
    assert not target(AudioFormat.FLAC).exists()


def test_a_warning_made_an_error_leaves_nothing(target: Any) -> None:
    def refuse(code: str, message: str) -> None:
        raise Degraded(message)

    with pytest.raises(Degraded):
        encode(Samples(np.full((1, 10), 2, np.float32), 8_000), target(AudioFormat.WAV), warn=refuse)
    assert not target(AudioFormat.WAV).exists()


@pytest.mark.parametrize("format", AudioFormat)
def test_a_full_disk_is_reported(music: Any, format: AudioFormat) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no device that is always full")
    with pytest.raises(DiskFull, match="'/dev/full'"):
        encode(Samples(music(), 44_100), full, format)
    assert full.exists()


@contextmanager
def small_files() -> Iterator[None]:
    """The system refuses files beyond 16 kB; pytest's own log, too, so this is for one call."""
    resource = pytest.importorskip("resource", reason="this system sets no limits to files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("format", AudioFormat)
def test_a_write_that_fails_half_way_leaves_nothing(
    target: Any, music: Any, capfd: pytest.CaptureFixture[str], format: AudioFormat
) -> None:
    samples = Samples(music(2, 48_000, 5.0), 48_000)
    with pytest.raises(StorageError, match="cannot be written"), small_files():
        encode(samples, target(format), format)
    assert not target(format).exists()
    assert capfd.readouterr().err == ""


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        encode(Samples(np.zeros((1, 10), np.float32), 8_000), tmp_path / "none" / "a.wav")


def test_a_folder_in_the_place_of_the_file_stays(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Is a directory"):
        encode(Samples(np.zeros((1, 10), np.float32), 8_000), tmp_path)
    assert tmp_path.is_dir()


def test_a_long_and_foreign_path_will_do(tmp_path: Path, music: Any) -> None:
    folder = tmp_path.joinpath(*["länge" * 40] * 10)
    folder.mkdir(parents=True)
    for format in AudioFormat:
        encode(Samples(music(), 44_100), folder / f"日本語 🎵{format.suffix}", format)
    assert len(os.listdir(folder)) == len({format.suffix for format in AudioFormat})


def test_beyond_four_gigabytes_a_wav_gets_larger_sizes(
    target: Any, music: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avstudio_audio.media.sndfile_writer.WAV_LIMIT", 1_000)
    samples = Samples(music(), 44_100)
    encode(samples, target(AudioFormat.WAV), AudioFormat.WAV)
    assert target(AudioFormat.WAV).read_bytes()[:4] == b"RF64"
    assert sf.info(target(AudioFormat.WAV)).frames == decode(target(AudioFormat.WAV)).length == samples.length
