"""The contents of a file, from its headers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile as sf

from avstudio_audio.media.contents import probe
from avstudio_audio.media.encode import encode, encoder
from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.labels import Chapter, Cover, replay_gain
from avstudio_audio.media.samples import Samples
from avstudio_core.artifact import MediaFacts


def test_a_video_is_described_stream_by_stream(write: Any, music: Any) -> None:
    found = probe(write("film.mp4", "aac", music(2, 44_100, 2.0), 44_100, picture=True))
    [picture], [sound] = found.video, found.audio
    assert (picture.codec, picture.width, picture.height, picture.fps) == ("mpeg4", 64, 48, 25.0)
    assert (sound.codec, sound.rate, sound.channels, sound.layout) == ("aac", 44_100, 2, "stereo")
    assert (sound.index, sound.default, sound.bits) == (found.main, True, None)
    assert "mp4" in found.container
    assert found.duration == pytest.approx(2.0, abs=0.05)
    assert found.facts() == MediaFacts(duration=found.duration, rate=44_100, channels=2, width=64, height=48)


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_U8", 8), ("PCM_16", 16), ("PCM_24", 24), ("FLOAT", 32)])
def test_pcm_tells_its_bits(tmp_path: Path, subtype: str, bits: int) -> None:
    sf.write(tmp_path / "a.wav", np.zeros((96, 8)), 96_000, subtype)
    [sound] = probe(tmp_path / "a.wav").audio
    assert (sound.bits, sound.channels, sound.rate) == (bits, 8, 96_000)


@pytest.mark.parametrize("bits", [16, 24])
def test_flac_tells_its_bits(tmp_path: Path, bits: int) -> None:
    sf.write(tmp_path / "a.flac", np.zeros((96, 2)), 48_000, f"PCM_{bits}")
    [sound] = probe(tmp_path / "a.flac").audio
    assert (sound.codec, sound.bits) == ("flac", bits)


def test_languages_tags_and_the_main_stream_are_reported(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mka"), "w") as container:
        container.metadata["TITLE"] = "Élan"
        for language in ("deu", "eng"):
            container.add_stream("flac", rate=8_000).metadata["language"] = language
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1_600), np.int16), "s16", "stereo")
        frame.sample_rate, frame.time_base, frame.pts = 8_000, Fraction(1, 8_000), 0
        for stream in container.streams.audio:
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    found = probe(tmp_path / "a.mka")
    assert [sound.language for sound in found.audio] == ["deu", "eng"]
    assert found.tags["title"] == "Élan"
    assert found.main in (0, 1)


def test_sound_alone_has_no_picture(write: Any, music: Any) -> None:
    found = probe(write("a.mp3", "libmp3lame", music(1, 16_000, 1.0), 16_000))
    assert found.video == []
    assert found.facts() == MediaFacts(duration=1.0, rate=16_000, channels=1)
    assert found.audio[0].codec == "mp3"


def test_a_cover_is_not_a_video(tmp_path: Path, music: Any) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        sound, cover = container.add_stream("aac", rate=44_100), container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
        container.mux(cover.encode(picture))
        frame = av.AudioFrame.from_ndarray(music(2, 44_100, 0.5), "fltp", "stereo")
        frame.sample_rate = 44_100
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    found = probe(tmp_path / "a.mp4")
    assert (len(found.audio), found.video) == (1, [])


@pytest.mark.parametrize("format", [AudioFormat.MP3, AudioFormat.M4A, AudioFormat.FLAC, AudioFormat.OPUS])
def test_labels_are_reported(tmp_path: Path, music: Any, cover: bytes, format: AudioFormat) -> None:
    tags = {"title": "T", "replaygain_track_gain": "-6.50 dB", "replaygain_track_peak": "0.98"}
    chapters = [Chapter(0, 0.5, "One"), Chapter(0.5, 1, "Zwei")]
    with encoder(
        tmp_path / "a", format, 48_000, 2, 48_000, tags=tags, cover=Cover(cover, "image/jpeg"), chapters=chapters
    ) as write:
        write(music(2, 48_000, 1.0))
    found = probe(tmp_path / "a")
    assert found.cover is not None
    assert (found.cover.media_type, found.cover.width, found.cover.height) == ("image/jpeg", 32, 24)
    assert [(one.start, one.title) for one in found.chapters] == [(0.0, "One"), (0.5, "Zwei")]
    assert found.replaygain == ({} if format is AudioFormat.M4A else {"track_gain": -6.5, "track_peak": 0.98})
    assert found.bit_rate
    assert found.video == []


@pytest.mark.parametrize(("format", "delay"), [(AudioFormat.MP3, 576), (AudioFormat.OPUS, 312)])
def test_the_samples_of_the_encoder_are_reported(tmp_path: Path, music: Any, format: AudioFormat, delay: int) -> None:
    encode(Samples(music(2, 48_000, 1.0), 48_000), tmp_path / "a", format)
    [sound] = probe(tmp_path / "a").audio
    assert sound.delay is not None
    assert delay <= sound.delay < 1_200
    if format is AudioFormat.MP3:
        assert sound.padding is not None
        assert (sound.delay + 48_000 + sound.padding) % 1_152 == 0


def test_gains_of_opus_are_in_the_same_unit() -> None:
    assert replay_gain({"r128_track_gain": "-512"}) == {"track_gain": 3.0}
    assert replay_gain({"replaygain_track_gain": "loud"}) == {}


def test_profile_title_and_use_of_a_track_are_reported(tmp_path: Path, music: Any) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream: Any = container.add_stream("aac", rate=44_100)
        stream.layout = "stereo"
        stream.metadata.update({"language": "ger", "title": "Kommentar"})
        stream.disposition = av.stream.Disposition.comment | av.stream.Disposition.default
        frame = av.AudioFrame.from_ndarray(music(2, 44_100, 0.5), "fltp", "stereo")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    [sound] = probe(tmp_path / "a.mkv").audio
    assert (sound.profile, sound.title, sound.language, sound.dispositions) == (
        "LC", "Kommentar", "ger", ["default", "comment"]
    )  # fmt: skip
