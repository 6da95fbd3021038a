"""The length of a file: estimates are marked, and missing sound gives a warning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from avstudio_audio.media.contents import probe
from avstudio_audio.media.decode import decode

JUNK = {
    "zeros": bytes(5_000),
    "noise": np.random.default_rng(0).bytes(3_000),
    "lyrics": b"LYRICSBEGIN" + b"la la la " * 300 + b"002711LYRICS200",
    "tag": b"TAG" + b" " * 125,
}


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_a_stated_length_is_not_marked(write: Any, music: Any, tmp_path: Path, name: str) -> None:
    if name == "a.ogg":
        sf.write(tmp_path / name, music(seconds=3.0).T, 44_100, format="OGG", subtype="VORBIS")
    else:
        codec = {"a.wav": "pcm_s16le", "a.mp3": "libmp3lame"}.get(name, "flac")
        write(name, codec, music(seconds=3.0), 44_100)
    found = probe(tmp_path / name)
    assert (round(found.duration or 0, 2), found.duration_estimated) == (3.0, False)


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.aac", "aac"), ("a.ac3", "ac3")])
def test_a_guessed_length_is_marked(write: Any, music: Any, name: str, codec: str) -> None:
    options = {"write_xing": "0"} if codec == "libmp3lame" else {}
    found = probe(write(name, codec, music(seconds=3.0), 44_100, options=options))
    assert (found.duration is not None, found.duration_estimated) == (True, True)


def test_the_length_of_joined_mp3_is_marked_and_their_tags_are_not_missing_sound(
    write: Any, music: Any, heard: Any
) -> None:
    path = write("a.mp3", "libmp3lame", music(1), 44_100)
    path.write_bytes(2 * path.read_bytes())
    assert probe(path).duration_estimated
    assert decode(path, warn=heard).duration == pytest.approx(4.0, abs=0.12)
    assert heard.codes == []


@pytest.mark.parametrize(("name", "codec"), [("a.opus", "libopus"), ("a.flac", "flac")])
def test_files_joined_end_to_end_are_measured(write: Any, music: Any, heard: Any, name: str, codec: str) -> None:
    first = write(name, codec, music(2, 48_000, 3.0), 48_000).read_bytes()
    path = write(name, codec, music(2, 48_000, 2.0), 48_000)
    path.write_bytes(first + path.read_bytes())
    found = probe(path)
    assert (round(found.duration or 0, 2), found.duration_estimated) == (5.0, False)
    assert decode(path, warn=heard).duration == pytest.approx(5.0, abs=0.02)
    assert heard.codes == []


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    return path


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [("a.opus", "libopus", None), ("a.ogg", "flac", "ogg"), ("a.caf", "pcm_s16le", None), ("a.w64", "pcm_s16le", None)],
)
def test_what_is_cut_short_is_reported(
    write: Any, music: Any, heard: Any, name: str, codec: str, container: str | None
) -> None:
    path = write(name, codec, music(2, 48_000, 4.0), 48_000, container=container)
    decode(path, warn=heard)
    assert heard.codes == []
    decode(cut(path), warn=heard)
    assert heard.codes == ["truncated"]


@pytest.mark.parametrize("seconds", [4.0, 15.0])
def test_vorbis_that_is_cut_short_is_reported(tmp_path: Path, music: Any, heard: Any, seconds: float) -> None:
    sf.write(tmp_path / "a.ogg", music(seconds=seconds).T, 44_100, format="OGG", subtype="VORBIS")
    decode(cut(tmp_path / "a.ogg"), warn=heard)
    assert heard.codes == ["truncated"]


def test_a_caf_of_a_recording_without_an_end_is_whole(tmp_path: Path, music: Any, heard: Any) -> None:
    sf.write(tmp_path / "a.caf", music(1).T, 44_100)
    content = bytearray((tmp_path / "a.caf").read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 8] = b"\xff" * 8
    (tmp_path / "a.caf").write_bytes(content)
    assert decode(tmp_path / "a.caf", warn=heard).duration == 2.0
    assert heard.codes == []


@pytest.mark.parametrize("junk", JUNK)
def test_data_after_an_mp3_is_not_missing_sound(write: Any, music: Any, heard: Any, junk: str) -> None:
    path = write("a.mp3", "libmp3lame", music(seconds=2.0), 44_100)
    path.write_bytes(path.read_bytes() + JUNK[junk])
    assert decode(path, warn=heard).duration == pytest.approx(2.0, abs=0.06)
    assert heard.codes == []


@pytest.mark.parametrize("size", [6_565, 6_566])
def test_the_odd_byte_of_a_gsm_wav_is_not_missing_sound(tmp_path: Path, music: Any, heard: Any, size: int) -> None:
    path = tmp_path / "a.wav"
    sf.write(path, music(1, 8_000, 320 * 101 / 8_000).T, 8_000, format="WAV", subtype="GSM610")
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = size.to_bytes(4, "little")  # some programs count the odd byte, some do not
    path.write_bytes(content)
    assert decode(path, warn=heard).length == 320 * 101
    assert heard.codes == []


@pytest.fixture
def wav_of(tmp_path: Path, music: Any) -> Any:
    """A function that writes two seconds with any size in the header, in bytes."""

    def written(size: int) -> Path:
        path = tmp_path / "a.wav"
        sf.write(path, music(1, 8_000).T, 8_000)
        content = bytearray(path.read_bytes())
        place = content.index(b"data") + 4
        content[4:8] = content[place : place + 4] = size.to_bytes(4, "little")
        path.write_bytes(content)
        return path

    return written


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_wav_that_was_written_into_a_pipe_is_whole(wav_of: Any, heard: Any, size: int) -> None:
    path = wav_of(size)
    assert decode(path, warn=heard).duration == probe(path).duration == 2.0
    assert heard.codes == []


@pytest.mark.parametrize("hours", [10, 38, 70])
def test_a_wav_of_many_hours_that_is_cut_short_is_reported(wav_of: Any, heard: Any, hours: int) -> None:
    assert decode(wav_of(hours * 3600 * 16_000), warn=heard).duration == 2.0
    assert heard.codes == ["truncated"]


def test_raw_gsm_is_known_by_its_content(tmp_path: Path, music: Any) -> None:
    sf.write(tmp_path / "a.bin", music(1, 8_000).T, 8_000, format="RAW", subtype="GSM610")
    assert decode(tmp_path / "a.bin").duration == 2.0
