"""The commands on the page about effects run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "effects.md"


def test_the_commands_of_the_page_make_their_files(tmp_path: Path) -> None:
    audio = pytest.importorskip("avstudio_audio.media.encode")
    pytest.importorskip("pedalboard", reason="the extra avstudio-audio[effects] is not installed")
    import numpy as np

    from avstudio_audio.media.samples import Samples

    avstudio = CommandLine(tmp_path)
    avstudio.environment["AVSTUDIO_EXECUTOR"] = "inline"
    sound = (np.random.default_rng(0).standard_normal((2, 22_050)) * 0.05).astype(np.float32)
    audio.encode(Samples(sound, 22_050), avstudio.folder / "song.wav")
    audio.encode(Samples(sound, 22_050), avstudio.folder / "voice.wav")
    audio.encode(Samples(sound[:1, :500], 22_050), avstudio.folder / "room.wav")
    page = PAGE.read_text(encoding="utf-8")
    for command in re.findall(r"^avstudio ((?:audio (?:effects|mix)|presets) .*)$", page, re.MULTILINE):
        words = shlex.split(command)
        printed = avstudio.printed(*words)
        if words[0] == "presets":
            assert "old line" in printed or words[1] == "delete"
            continue
        (made,) = (avstudio.folder / words[-1]).glob("song.effects*.flac")
        assert made.stat().st_size > 500
    line, again, named = (avstudio.folder / name / "song.effects.flac" for name in ("line", "again", "named"))
    assert line.read_bytes() == again.read_bytes() == named.read_bytes()
    assert "No presets" in avstudio.printed("presets", "list")
