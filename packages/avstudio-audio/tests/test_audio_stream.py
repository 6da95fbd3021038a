"""Sound that is read block by block."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from avstudio_audio.media.decode import decode
from avstudio_audio.media.stream import open_stream
from avstudio_core.errors import InvalidParams, UnreadableMedia


@pytest.mark.parametrize("options", [{}, {"rate": 16_000, "channels": 1}, {"span": (0.5, 1.25)}])
def test_its_blocks_are_the_decoded_sound(tmp_path: Path, music: Any, options: dict[str, Any]) -> None:
    sf.write(tmp_path / "a.flac", music().T, 44_100)
    with open_stream(tmp_path / "a.flac", **options) as stream:
        joined = np.concatenate(list(stream.blocks()), axis=1)
    whole = decode(tmp_path / "a.flac", **options)
    np.testing.assert_array_equal(joined, whole.data)
    assert (stream.rate, stream.start, stream.length) == (whole.rate, whole.start, whole.length)


def test_its_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    with sf.SoundFile(tmp_path / "long.wav", "w", 44_100, 2, "PCM_16") as file:
        for _ in range(60):
            file.write(np.zeros((441_000, 2), np.float32))
    tracemalloc.start()
    with open_stream(tmp_path / "long.wav") as stream:
        assert sum(block.shape[1] for block in stream.blocks()) == 26_460_000
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_floats_in_the_range_of_integers_are_scaled_in_every_block(tmp_path: Path, music: Any, heard: Any) -> None:
    data = music(2, 16_000, 4.0)
    data[:, :20_000] *= 1e-4  # the first blocks alone would not show the range
    sf.write(tmp_path / "a.wav", (data * 32_768).T, 16_000, "FLOAT")
    with open_stream(tmp_path / "a.wav", warn=heard) as stream:
        joined = np.concatenate(list(stream.blocks()), axis=1)
    np.testing.assert_allclose(joined, data, rtol=1e-6)
    assert heard.codes == ["rescaled"]


def test_impossible_values_and_too_many_channels_are_refused(tmp_path: Path, music: Any) -> None:
    data = music(6, 16_000, 1.0)
    sf.write(tmp_path / "six.wav", data.T, 16_000)
    with pytest.raises(InvalidParams, match="6 channels"), open_stream(tmp_path / "six.wav", channels=4):
        pass
    data[0, 9_000] = 1e30
    sf.write(tmp_path / "far.wav", data.T, 16_000, "FLOAT")
    with pytest.raises(UnreadableMedia, match="impossible"), open_stream(tmp_path / "far.wav"):
        pass
