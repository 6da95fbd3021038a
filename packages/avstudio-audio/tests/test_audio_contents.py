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
