"""The commands on the page about loudness run."""

from __future__ import annotations

import json
import re
import shlex
import wave
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "loudness.md"
COMMANDS = re.findall(r"^avstudio (audio normalize .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def write_tone(path: Path, level: int) -> None:
    """Two seconds of 1 kHz in two channels, with a peak that is three times as high."""
    values = [level * (3 if n == 9 else 1) * (1 if n % 16 < 8 else -1) for n in range(32_000)]
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"".join(2 * value.to_bytes(2, "little", signed=True) for value in values))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_reaches_its_target(tmp_path: Path, command: str) -> None:
    pytest.importorskip("avstudio_audio")
    avstudio = CommandLine(tmp_path)
    for name, level in {"talk": 2_000, "first": 1_000, "second": 1_500, "third": 1_200}.items():
        write_tone(avstudio.folder / f"{name}.wav", level)
    avstudio.environment["AVSTUDIO_EXECUTOR"] = "inline"
    printed = avstudio.printed(*shlex.split(command), *([] if "--json" in command else ["--json"]))
    result = json.loads(printed[printed.index("{\n") :])
    result = result.get("result", result)
    written = {path.name for path in avstudio.folder.glob("*.normalized.*")}
    if "--measure-only" in command:
        assert len(result["curves"]["sound"]["short_term"]) == 0
        assert (result["before"]["integrated"] < -15, written) == (True, set())
    else:
        assert result["target_reached"], printed
        assert len(written) == (3 if "first" in command else 1)
