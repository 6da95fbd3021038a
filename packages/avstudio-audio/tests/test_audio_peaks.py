"""`audio.peaks` through the studio, read by a reader of its own."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings, strategies as st

import avstudio_audio
from avstudio_audio.media.decode import decode
from avstudio_audio.media.waveform import Waveform
from avstudio_core import Studio
from avstudio_core.errors import InvalidParams
from avstudio_core.testing import ProcessorContract


class TestPeaks(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.peaks"


@pytest.fixture
def recording(tmp_path: Path, music: Any) -> Path:
    sf.write(tmp_path / "a.wav", music(2, 44_100, 1.0).T, 44_100, "PCM_16")
    return tmp_path / "a.wav"


def read(content: bytes) -> tuple[dict[str, int], Any]:
    """The header and the pairs of a file, by the documented format."""
    names = ("version", "flags", "rate", "zoom", "length", "channels")
    header = dict(zip(names, struct.unpack("<iIiiIi", content[:24]), strict=True))
    values = np.frombuffer(content[24:], "<i1" if header["flags"] & 1 else "<i2")
    return header, values.reshape(header["length"], header["channels"], 2)


def plain(data: Any, zoom: int, bits: int) -> Any:
    """The pairs by a loop over the pixels."""
    numbers = np.clip(np.rint(data * 32_768), -32_768, 32_767)
    pairs = [
        [(row[at : at + zoom].min(), row[at : at + zoom].max()) for row in numbers]
        for at in range(0, data.shape[1], zoom)
    ]
    return np.trunc(np.array(pairs) / (1 if bits == 16 else 256))


@pytest.mark.parametrize("bits", [8, 16])
def test_the_binary_files_are_what_a_plain_computation_gives(one_studio: Studio, recording: Path, bits: int) -> None:
    result = one_studio.run("audio.peaks", recording, zooms=[256, 1000], bits=bits, channels="keep")
    assert list(result.files) == ["dat_256", "dat_1000"]
    data = decode(recording).data
    for zoom, pixels in zip((256, 1000), result.pixels, strict=True):
        file = result.files[f"dat_{zoom}"]
        header, pairs = read(file.path.read_bytes())
        assert header == {
            "version": 2, "flags": int(bits == 8), "rate": 44_100, "zoom": zoom, "length": pixels, "channels": 2
        }  # fmt: skip
        np.testing.assert_array_equal(pairs, plain(data, zoom, bits))
        assert file.media_type == "application/vnd.avstudio.peaks"


def test_json_has_the_same_values_and_their_means(one_studio: Studio, recording: Path) -> None:
    result = one_studio.run("audio.peaks", recording, formats=["dat", "json"], rms=True, bits=16)
    header, pairs = read(result.files["dat_256"].path.read_bytes())
    found = json.loads(result.files["json_256"].path.read_text())
    assert [found[name] for name in ("version", "channels", "sample_rate", "samples_per_pixel", "bits", "length")] == [
        2, 1, 44_100, 256, 16, header["length"]
    ]  # fmt: skip
    assert found["data"] == pairs.ravel().tolist()
    mono = decode(recording, channels=1).data[0][:256].astype(float)
    assert found["rms"][0] == pytest.approx(np.sqrt(np.mean(mono**2)) * 32_768, abs=0.6)
    assert len(found["rms"]) == header["length"]


@settings(max_examples=40)
@given(sizes=st.lists(st.integers(0, 70), max_size=8), zoom=st.integers(2, 50), channels=st.integers(1, 3))
def test_blocks_do_not_matter(sizes: list[int], zoom: int, channels: int) -> None:
    data = np.random.default_rng(0).uniform(-1.2, 1.2, (channels, sum(sizes))).astype(np.float32)
    waveform = Waveform(channels, 8_000, zoom, 16)
    for block in np.split(data, np.cumsum(sizes), axis=1):
        waveform.feed(block)
    waveform.finish()
    expected = plain(data, zoom, 16) if data.size else np.empty((0, channels, 2))
    np.testing.assert_array_equal(waveform.values(), expected)
    assert read(waveform.dat())[0]["length"] == -(-data.shape[1] // zoom)


@pytest.mark.parametrize("params", [{"zooms": []}, {"zooms": [1]}, {"zooms": [256, 0]}, {"formats": []}, {"bits": 12}])
def test_impossible_zooms_are_refused(one_studio: Studio, recording: Path, params: Any) -> None:
    with pytest.raises(InvalidParams):
        one_studio.submit("audio.peaks", recording, **params)
