"""Sound after the end that a header states is not lost without a warning."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from avstudio_audio.media.decode import decode


@pytest.mark.parametrize("name", ["a.wav", "a.rf64", "a.aiff", "a.tta", "a.m4a"])
def test_files_joined_of_which_one_is_read_give_a_warning(
    tmp_path: Path, write: Any, music: Any, heard: Any, name: str
) -> None:
    path, sound = tmp_path / name, music(2, 48_000, 1.0)
    if name in ("a.tta", "a.m4a"):
        write(name, {"a.tta": "tta", "a.m4a": "aac"}[name], sound, 48_000)
    else:
        sf.write(path, sound.T, 48_000, format=path.suffix[1:])
    decode(path, warn=heard)
    assert heard.codes == []
    path.write_bytes(2 * path.read_bytes())
    assert decode(path, warn=heard).duration < 1.1
    assert heard.codes == ["unread"]


def test_a_span_before_the_rest_needs_no_warning(tmp_path: Path, music: Any, heard: Any) -> None:
    path = tmp_path / "a.wav"
    sf.write(path, music(1, 48_000, 2.0).T, 48_000)
    path.write_bytes(2 * path.read_bytes())
    decode(path, span=(0.0, 1.0), warn=heard)
    assert heard.codes == []


def test_a_wav_whose_header_states_too_small_a_size_gives_a_warning(tmp_path: Path, heard: Any) -> None:
    path = tmp_path / "a.wav"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 96_000)
    sf.write(path, noise, 48_000)
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", 48_000)
    path.write_bytes(content)
    assert decode(path, warn=heard).duration == 0.5
    assert heard.codes == ["unread"]


@pytest.mark.parametrize("junk", [np.random.default_rng(0).bytes(3_000), bytes(200_000)])
def test_junk_after_a_wav_is_not_sound(tmp_path: Path, music: Any, heard: Any, junk: bytes) -> None:
    path = tmp_path / "a.wav"
    sf.write(path, music(1, 48_000, 1.0).T, 48_000)
    path.write_bytes(path.read_bytes() + junk)
    decode(path, warn=heard)
    assert heard.codes == []
