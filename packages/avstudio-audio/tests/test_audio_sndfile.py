"""Files that FFmpeg alone would read wrongly without an error."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from avstudio_audio.media.contents import probe
from avstudio_audio.media.decode import decode

PCM = bytes.fromhex("0100000000001000800000aa00389b71")
"""The GUID of integer samples."""


def extensible(path: Path, data: Any, rate: int, container: int, valid: int) -> Path:
    """A WAVE_FORMAT_EXTENSIBLE file whose samples have `valid` bits, in the upper part of `container` bits."""
    channels, size = len(data), container // 8
    numbers = np.rint(data.T * (2 ** (valid - 1) - 1)).astype("<i8") << (64 - valid)
    body = numbers.reshape(-1, 1).view(np.uint8)[:, 8 - size :].tobytes()
    form = struct.pack("<HHIIHH", 0xFFFE, channels, rate, rate * channels * size, channels * size, container)
    form += struct.pack("<HHI", 22, valid, 0) + PCM
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(body))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(head) + len(body)) + head + body)
    return path


@pytest.mark.parametrize(("container", "valid"), [(24, 16), (32, 16), (32, 20), (32, 24), (24, 20), (16, 12)])
@pytest.mark.parametrize("channels", [1, 2])
def test_fewer_valid_bits_than_the_container_holds(
    tmp_path: Path, music: Any, snr: Callable[..., float], container: int, valid: int, channels: int
) -> None:
    data = music(channels, 16_000, 1.0)
    path = extensible(tmp_path / "a.wav", data, 16_000, container, valid)
    samples = decode(path)
    assert (samples.rate, samples.length) == (16_000, 16_000)
    assert snr(samples.data, data) > 50
    np.testing.assert_array_equal(samples.data, sf.read(path, dtype="float32", always_2d=True)[0].T)
    np.testing.assert_array_equal(decode(path, span=(0.25, 0.5)).data, samples.data[:, 4_000:8_000])
    assert probe(path).duration == 1.0
    [sound] = probe(path).audio
    assert sound.bits == (valid if -(-valid // 8) < container // 8 else container)
    assert sound.codec == f"pcm_s{container}le"


@pytest.mark.parametrize("seconds", [(5.0, 5.0), (0.5, 3.0, 1.25), (12.0, 5.0)])
def test_all_links_of_chained_vorbis_are_read(
    tmp_path: Path, music: Any, heard: Any, seconds: tuple[float, ...]
) -> None:
    whole, links = b"", []
    for number, length in enumerate(seconds):
        sf.write(tmp_path / "link.ogg", music(2, 22_050, length).T * (1 - 0.2 * number), 22_050)
        links.append(sf.read(tmp_path / "link.ogg", dtype="float32", always_2d=True)[0])
        whole += (tmp_path / "link.ogg").read_bytes()
    (tmp_path / "chain.ogg").write_bytes(whole)
    samples = decode(tmp_path / "chain.ogg", warn=heard)
    np.testing.assert_array_equal(samples.data, np.concatenate(links).T)
    middle = (seconds[0] - 0.1, seconds[0] + 0.1)
    part = decode(tmp_path / "chain.ogg", span=middle)
    begin = round(part.start * 22_050)
    np.testing.assert_array_equal(part.data, samples.data[:, begin : begin + part.length])
    assert probe(tmp_path / "chain.ogg").duration == pytest.approx(sum(seconds), abs=0.001)
    assert heard.codes == []


def test_a_chain_that_is_cut_short_says_so(tmp_path: Path, music: Any, heard: Any) -> None:
    sf.write(tmp_path / "link.ogg", music(2, 22_050, 6.0).T, 22_050)
    link = (tmp_path / "link.ogg").read_bytes()
    (tmp_path / "chain.ogg").write_bytes(link + link[: len(link) * 6 // 10])
    assert 6.5 < decode(tmp_path / "chain.ogg", warn=heard).duration < 11
    assert heard.codes == ["truncated"]


LINKS = {
    "rates": [("VORBIS", 2, 22_050), ("VORBIS", 2, 44_100)],
    "channels": [("VORBIS", 1, 44_100), ("VORBIS", 2, 44_100)],
    "opus": [("OPUS", 1, 48_000), ("OPUS", 2, 48_000)],
    "codecs": [("OPUS", 1, 48_000), ("VORBIS", 2, 44_100)],
}


@pytest.mark.parametrize("name", LINKS)
def test_links_that_differ_are_all_read(
    tmp_path: Path, music: Any, heard: Any, snr: Callable[..., float], name: str
) -> None:
    whole = b""
    for codec, channels, rate in LINKS[name]:
        sf.write(tmp_path / "link.ogg", music(channels, rate, 2.0).T, rate, format="OGG", subtype=codec)
        whole += (tmp_path / "link.ogg").read_bytes()
    (tmp_path / "chain.ogg").write_bytes(whole)
    samples = decode(tmp_path / "chain.ogg", warn=heard)
    rate = max(rate for _, _, rate in LINKS[name])
    assert (samples.rate, samples.length, heard.codes) == (rate, 4 * rate, [])
    assert samples.data.shape[0] == 2
    for half in np.split(samples.data, 2, axis=1):
        assert snr(half[:1], music(1, rate, 2.0)) > 10
    part = decode(tmp_path / "chain.ogg", span=(1.5, 2.5))
    np.testing.assert_array_equal(part.data, samples.data[:, rate * 3 // 2 : rate * 5 // 2])
    assert probe(tmp_path / "chain.ogg").duration == 4.0


def test_alac_in_caf_keeps_its_end(tmp_path: Path, music: Any, heard: Any) -> None:
    sf.write(tmp_path / "a.caf", music(2, 16_000, 4.0).T, 16_000, subtype="ALAC_16")
    assert decode(tmp_path / "a.caf", warn=heard).length == 64_000
    assert heard.codes == []


def test_floats_with_fewer_valid_bits(tmp_path: Path, music: Any) -> None:
    data = music(1, 16_000, 1.0)
    sf.write(tmp_path / "a.wav", data.T, 16_000, format="WAVEX", subtype="FLOAT")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[38:40] = (24).to_bytes(2, "little")
    (tmp_path / "a.wav").write_bytes(content)
    np.testing.assert_array_equal(decode(tmp_path / "a.wav").data, data)
