"""The commands on the pages about subtitles run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine

PAGES = Path(__file__).parents[3] / "docs" / "howto"
WORDS = "We went to the harbour by bus. Nobody was there, so we walked home again, along the river."


def commands(page: str, begin: str) -> list[str]:
    text = (PAGES / page).read_text(encoding="utf-8")
    return [line for line in re.findall(r"^avstudio (.*)$", text, re.MULTILINE) if line.startswith(begin)]


def test_the_commands_of_the_page_make_their_files(tmp_path: Path) -> None:
    pytest.importorskip("avstudio_audio")
    avstudio = CommandLine(tmp_path)
    words = [{"text": f" {word}", "start": n * 0.4, "end": n * 0.4 + 0.4} for n, word in enumerate(WORDS.split())]
    said = {"language": "en", "duration": 12, "segments": [{"start": 0, "end": 7.6, "text": WORDS, "words": words}]}
    (avstudio.folder / "talk.json").write_text(json.dumps(said))
    (avstudio.folder / "scenes.json").write_text('{"scenes": [{"start": 2.9}]}')
    avstudio.environment["AVSTUDIO_EXECUTOR"] = "inline"
    for command in commands("subtitles.md", "audio subtitle"):
        printed = avstudio.printed(*(given := shlex.split(command)))
        [format] = re.findall(r"--format (\w+)", command) or ["srt"]
        assert (avstudio.folder / given[-1] / f"talk.{format}").stat().st_size > 100, printed


def test_the_commands_of_the_page_about_calls_run(tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper", reason="avstudio-audio[whisper,whisper-base] is not installed")
    numpy, soundfile = pytest.importorskip("numpy"), pytest.importorskip("soundfile")
    avstudio = CommandLine(tmp_path)
    avstudio.environment |= {"AVSTUDIO_EXECUTOR": "inline", "AVSTUDIO_THREADS": "1"}
    soundfile.write(tmp_path / "call.wav", numpy.zeros((16_000, 2)), 16_000)
    for command in commands("calls.md", "audio"):
        printed = avstudio.printed(*shlex.split(command))
        assert "failed" not in printed.lower(), printed
    late = avstudio.printed("audio", "transcribe", "call.wav", "--clip", "0:20-30")
    assert "'call.wav' ends at 1 s: 'clip' begins after it. Give earlier spans." in late
    assert {"call.json", "call.srt", "call.txt", "call.vtt"} <= {path.name for path in tmp_path.iterdir()}
