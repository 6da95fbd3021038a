"""`audio.convert` through the studio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile as sf

import avstudio_audio
from avstudio_audio.media.contents import probe, read_labels
from avstudio_audio.media.decode import decode
from avstudio_audio.media.encode import encoder
from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.labels import Chapter, Cover
from avstudio_core import Studio
from avstudio_core.errors import AVStudioError, InvalidParams
from avstudio_core.testing import ProcessorContract

TAGS = {"title": "Élan", "artist": "Ann", "album": "B", "album_artist": "C", "composer": "D", "date": "2001",
        "genre": "Folk", "track": "3/10", "disc": "1/2", "lyrics": "La\nla"}  # fmt: skip
CHAPTERS = (Chapter(0.0, 1.0, "One"), Chapter(1.0, 2.0, "Zwei"))


class TestConvert(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.convert"


@pytest.fixture
def labelled(tmp_path: Path, music: Any, cover: bytes) -> Callable[[AudioFormat], Path]:
    """A file with all labels that its format takes."""

    def make(format: AudioFormat = AudioFormat.MP3) -> Path:
        path = tmp_path / f"song{format.suffix}"
        with encoder(
            path, format, 44_100, 2, 88_200, tags=TAGS, cover=Cover(cover, "image/jpeg"), chapters=CHAPTERS
        ) as write:
            write(music())
        return path

    return make


def codes(result: Any) -> list[str]:
    return [warning.code for warning in result.warnings]


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24)])
@pytest.mark.parametrize("format", ["flac", "wav", "aiff", "alac"])
def test_lossless_conversions_keep_every_bit(
    one_studio: Studio, tmp_path: Path, music: Any, subtype: str, bits: int, format: str
) -> None:
    sf.write(tmp_path / "a.wav", music(2, 44_100, 0.5).T, 44_100, subtype)
    result = one_studio.run("audio.convert", tmp_path / "a.wav", format=format)
    assert (result.bits, result.effective["dither"], result.warnings) == (bits, "none", [])
    assert probe(result.files["sound"].path).audio[0].bits == bits
    np.testing.assert_array_equal(decode(result.files["sound"].path).data, decode(tmp_path / "a.wav").data)


def test_a_wav_file_can_have_8_bits(one_studio: Studio, tmp_path: Path, music: Any, snr: Any) -> None:
    sf.write(tmp_path / "a.wav", music(1, 44_100, 0.5).T, 44_100, "PCM_16")
    small = one_studio.run("audio.convert", tmp_path / "a.wav", format="wav", bits=8)
    assert (probe(small.files["sound"].path).audio[0].codec, small.effective["dither"]) == ("pcm_u8", "tpdf")
    assert 25 < snr(decode(small.files["sound"].path).data, decode(tmp_path / "a.wav").data) < 45
    again = one_studio.run("audio.convert", small.files["sound"].path, format="wav")
    assert (again.bits, again.effective["dither"], again.warnings) == (8, "none", [])
    np.testing.assert_array_equal(decode(again.files["sound"].path).data, decode(small.files["sound"].path).data)


@pytest.mark.parametrize("format", ["mp3", "m4a", "m4b", "alac", "opus", "ogg", "flac"])
def test_tags_cover_and_chapters_are_kept(one_studio: Studio, labelled: Any, cover: bytes, format: str) -> None:
    result = one_studio.run("audio.convert", labelled(), format=format)
    found = read_labels(result.files["sound"].path)
    assert {name: found.tags.get(name) for name in TAGS} == TAGS
    assert found.cover == Cover(cover, "image/jpeg")
    assert [(round(one.start, 2), one.title) for one in found.chapters] == [(0.0, "One"), (1.0, "Zwei")]
    assert result.warnings == []
    assert result.duration == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("format", "lost"),
    [("wav", ["tag 'composer'", "the cover", "2 chapters"]), ("aiff", ["the cover picture"])],
)
def test_lost_labels_are_reported(one_studio: Studio, labelled: Any, format: str, lost: list[str]) -> None:
    result = one_studio.run("audio.convert", labelled(), format=format)
    assert codes(result) == ["labels_lost"]
    assert all(one in result.warnings[0].message for one in lost)
    assert "title" not in result.warnings[0].message


def test_labels_can_be_left_out(one_studio: Studio, labelled: Any) -> None:
    result = one_studio.run("audio.convert", labelled(), format="wav", tags=False)
    assert result.warnings == []
    assert "title" not in probe(result.files["sound"].path).tags


@pytest.mark.parametrize("format", ["mp3", "m4a", "opus", "ogg"])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_lossy_files_have_no_extra_samples(
    one_studio: Studio, tmp_path: Path, music: Any, snr: Any, format: str, rate: int
) -> None:
    data = music(2, rate, 1.2345)
    sf.write(tmp_path / "a.wav", data.T, rate, "FLOAT")
    lossy = one_studio.run("audio.convert", tmp_path / "a.wav", format=format)
    back = one_studio.run("audio.convert", lossy.files["sound"], format="wav-float", rate=rate)
    found = decode(back.files["sound"].path)
    assert 0 <= found.length - data.shape[1] <= (format == "opus" and rate != 48_000)  # whole samples at 48 kHz
    assert snr(found.data, data) > 20


def test_a_rate_that_a_format_does_not_support_is_lowered(one_studio: Studio, tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.sin(np.arange(20_000) / 50), 384_000, "PCM_16")
    for format, most in (("ogg", 192_000), ("m4a", 96_000), ("mp3", 48_000)):
        result = one_studio.run("audio.convert", tmp_path / "a.wav", format=format)
        assert (result.rate, codes(result)) == (most, ["resampled"])
        assert probe(result.files["sound"].path).audio[0].rate == most


def test_fewer_bits_are_dithered_and_more_are_not(one_studio: Studio, tmp_path: Path) -> None:
    quiet = (10 ** (-90 / 20) * np.sin(2 * np.pi * np.arange(1 << 16) * 3_000 / (1 << 17))).astype(np.float32)
    sf.write(tmp_path / "a.wav", quiet, 44_100, "PCM_24")
    result = one_studio.run("audio.convert", tmp_path / "a.wav", format="wav", bits=16)
    assert result.effective["dither"] == "tpdf"
    assert len(np.unique(decode(result.files["sound"].path).data)) >= 5
    assert one_studio.run("audio.convert", tmp_path / "a.wav", format="wav", bits=32).effective["dither"] == "none"
    none = one_studio.run("audio.convert", tmp_path / "a.wav", format="wav", bits=16, dither="none")
    assert len(np.unique(decode(none.files["sound"].path).data)) == 3


def test_floats_in_a_format_of_integers_are_reported(one_studio: Studio, tmp_path: Path, music: Any) -> None:
    sf.write(tmp_path / "a.wav", music().T, 44_100, "FLOAT")
    result = one_studio.run("audio.convert", tmp_path / "a.wav", format="flac")
    assert (result.bits, codes(result)) == (24, ["bits_reduced"])
    assert one_studio.run("audio.convert", tmp_path / "a.wav", format="wav").bits == 32


@pytest.mark.parametrize(("before", "after"), [(48_000, 44_100), (96_000, 44_100), (44_100, 16_000)])
def test_resampling_has_no_aliases(one_studio: Studio, tmp_path: Path, before: int, after: int) -> None:
    time = np.arange(before) / before
    beyond, within = 0.525 * after, 0.4 * after
    sf.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * beyond * time), before, "FLOAT")
    sf.write(tmp_path / "b.wav", 0.5 * np.sin(2 * np.pi * within * time), before, "FLOAT")
    for name, low, high in (("a.wav", -200, -100), ("b.wav", -0.01, 0.01)):
        result = one_studio.run("audio.convert", tmp_path / name, format="wav-float", rate=after)
        data = decode(result.files["sound"].path).data[0][after // 10 : -after // 10]
        window = np.blackman(len(data))
        level = np.abs(np.fft.rfft(data * window)).max() / (window.sum() / 2) / 0.5
        assert low < 20 * np.log10(level + 1e-12) < high
        assert result.rate == after


def test_channels_are_mixed_doubled_or_split(one_studio: Studio, tmp_path: Path) -> None:
    data = np.stack([np.full(4_410, 0.5, np.float32), np.full(4_410, 0.25, np.float32)])
    sf.write(tmp_path / "a.wav", data.T, 44_100, "PCM_16")
    mono = one_studio.run("audio.convert", tmp_path / "a.wav", format="wav", channels="mono", dither="none")
    np.testing.assert_allclose(decode(mono.files["sound"].path).data, 0.375, atol=1e-4)
    split = one_studio.run("audio.convert", tmp_path / "a.wav", format="wav", channels="split")
    assert [file.name for file in split.files.values()] == ["a.left.wav", "a.right.wav"]
    np.testing.assert_array_equal(decode(split.files["right"].path).data, data[1:])
    with pytest.raises(AVStudioError, match="has one channel"):
        one_studio.run("audio.convert", mono.files["sound"], channels="split")


@pytest.mark.parametrize(
    ("made", "format"),
    [("mp3", "mp3"), ("m4a", "m4a"), ("alac", "m4a"), ("opus", "opus"), ("ogg", "ogg"), ("flac", "flac"), ("wav", "wav"),
     ("aiff", "aiff"), ("m4a", "m4b")],
)  # fmt: skip
def test_a_copy_has_the_same_packets(one_studio: Studio, labelled: Any, made: str, format: str) -> None:
    path = labelled(AudioFormat(made))
    result = one_studio.run("audio.convert", path, format=format, stream_copy=True)
    assert (result.copied, result.files["sound"].name) == (True, f"song{AudioFormat(format).suffix}")
    np.testing.assert_array_equal(decode(result.files["sound"].path).data, decode(path).data)
    assert read_labels(result.files["sound"].path).tags["title"] == "Élan"

    def packets(file: Path) -> list[bytes]:
        with av.open(str(file)) as container:
            return [bytes(packet) for packet in container.demux(container.streams.audio[0])]

    assert b"".join(packets(result.files["sound"].path)) == b"".join(packets(path))


def test_the_sound_of_a_video_is_copied(one_studio: Studio, write: Any, music: Any) -> None:
    path = write("film.mkv", "aac", music(), 44_100, picture=True)
    result = one_studio.run("audio.convert", path, format="m4a", stream_copy=True)
    assert probe(result.files["sound"].path).video == []
    assert result.effective["codec"] == "aac"


def test_a_copy_that_is_not_possible_is_refused(one_studio: Studio, labelled: Any) -> None:
    with pytest.raises(AVStudioError, match=r"'m4a' does not take the codec 'mp3' as it is. Choose the format 'mp3'"):
        one_studio.run("audio.convert", labelled(), format="m4a", stream_copy=True)
    with pytest.raises(AVStudioError, match="'rate', 'bits' cannot be changed if 'stream_copy' is set"):
        one_studio.run("audio.convert", labelled(), format="mp3", stream_copy=True, rate=8_000, bits=16)


def test_late_sound_keeps_its_time(one_studio: Studio, write: Any, music: Any) -> None:
    path = write("film.mkv", "pcm_s16le", music(1, 8_000, 1.0), 8_000, picture=True, offset=1.5)
    result = one_studio.run("audio.convert", path, format="wav")
    data = decode(result.files["sound"].path).data[0]
    assert len(data) == 20_000
    assert not data[:11_900].any()
    assert data[12_000:].any()


def test_the_level_can_be_changed(one_studio: Studio, tmp_path: Path, music: Any) -> None:
    sf.write(tmp_path / "a.wav", music().T, 44_100, "FLOAT")
    result = one_studio.run("audio.convert", tmp_path / "a.wav", format="wav-float", gain=-6)
    np.testing.assert_allclose(decode(result.files["sound"].path).data, music() * 10 ** (-6 / 20), rtol=1e-5)


def test_valid_bits_are_those_of_the_sound(one_studio: Studio, tmp_path: Path) -> None:
    """WAVE_FORMAT_EXTENSIBLE with 24 valid bits in 32: the upper ones."""
    numbers = (np.random.default_rng(0).integers(-(2**23), 2**23, 999) << 8).astype("<i4")
    sf.write(tmp_path / "a.wav", numbers, 8_000, "PCM_32", format="WAVEX")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    place = content.index(b"fmt ") + 8 + 18
    content[place : place + 2] = (24).to_bytes(2, "little")
    (tmp_path / "a.wav").write_bytes(content)
    [sound] = probe(tmp_path / "a.wav").audio
    assert (sound.codec, sound.bits) == ("pcm_s32le", 24)
    result = one_studio.run("audio.convert", tmp_path / "a.wav", format="flac")
    assert (result.bits, result.warnings) == (24, [])
    np.testing.assert_array_equal(sf.read(result.files["sound"].path, dtype="int32")[0], numbers)


def test_a_wrong_combination_is_refused(one_studio: Studio, labelled: Any) -> None:
    with pytest.raises(AVStudioError, match="'flac' does not support 32 bits"):
        one_studio.run("audio.convert", labelled(), format="flac", bits=32)
    with pytest.raises(AVStudioError, match=r"'ogg' does not support 64 kbit/s. Leave it out"):
        one_studio.run("audio.convert", labelled(), format="ogg", bit_rate=64)


@pytest.mark.parametrize("params", [{"format": "mp3"}, {"format": "wav", "bits": 32}, {"format": "wav32"}])
def test_dither_is_refused_where_nothing_is_rounded(one_studio: Studio, tmp_path: Path, params: dict[str, Any]) -> None:
    sf.write(tmp_path / "a.wav", np.zeros(800), 8_000)
    with pytest.raises(InvalidParams, match="does not round samples: the dither 'shaped' has no effect") as caught:
        one_studio.run("audio.convert", tmp_path / "a.wav", dither="shaped", **params)
    assert "16 or 24 bits" in caught.value.hint


def test_dither_that_the_bits_of_the_source_make_useless_is_told(one_studio: Studio, tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.zeros(800), 8_000, "FLOAT")
    result = one_studio.run("audio.convert", tmp_path / "a.wav", format="wav", dither="tpdf")
    assert codes(result) == ["parameter_ignored"]


def test_one_channel_is_not_split_and_the_hint_says_what_to_do(one_studio: Studio, tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", np.zeros(800), 8_000)
    with pytest.raises(AVStudioError, match="has one channel, which cannot be split") as caught:
        one_studio.run("audio.convert", tmp_path / "a.wav", channels="split")
    assert "Leave out 'channels'" in str(caught.value.hint)
