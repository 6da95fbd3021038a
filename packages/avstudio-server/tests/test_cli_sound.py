"""The commands on the pages about everyday sound run, one after the other in one folder, as a reader gives them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine

PAGES = Path(__file__).parents[3] / "docs" / "howto"
NEED_MODELS = ("audio separate",)


def commands(page: str) -> list[str]:
    found = re.findall(r"^avstudio (.*)$", (PAGES / page).read_text(encoding="utf-8"), re.MULTILINE)
    return [line for line in found if not line.startswith(NEED_MODELS)]


@pytest.mark.parametrize("page", ["convert.md", "cut-and-join.md", "denoise.md", "mix.md"])
def test_the_commands_of_a_page_make_files(tmp_path: Path, page: str) -> None:
    pytest.importorskip("avstudio_audio")
    if page == "denoise.md":
        pytest.importorskip("pyrnnoise", reason="the extra avstudio-audio[denoise] is not installed")
    avstudio = CommandLine(tmp_path)
    avstudio.environment["AVSTUDIO_EXECUTOR"] = "inline"
    _recordings(avstudio.folder)
    for command in commands(page):
        printed = avstudio.printed(*(words := shlex.split(command)))
        files = [*(avstudio.folder / words[-1]).iterdir()]
        assert files, printed
        assert all(file.stat().st_size > 200 for file in files), printed
        two = any(one in command for one in ("song.wav talk.wav", "split", "--transcript"))
        assert len(files) == (2 if two else 1)


def _recordings(folder: Path) -> None:
    import numpy as np

    from avstudio_audio.media.encode import encode
    from avstudio_audio.media.formats import AudioFormat
    from avstudio_audio.media.samples import Samples

    sound = Samples((np.random.default_rng(0).standard_normal((2, 44_100 * 4)) * 0.05).astype(np.float32), 44_100)
    for name in ("song", "talk", "intro", "song.vocals", "song.accompaniment", "guitar"):
        encode(sound, folder / f"{name}.wav")
    encode(sound, folder / "song.mp3", AudioFormat.MP3)
    encode(sound, folder / "voice.m4a", AudioFormat.M4A)
    _film(folder / "film.mkv")
    _transcript(folder / "talk.json")


def _transcript(path: Path) -> None:
    from avstudio_core.documents.transcript import Segment, Transcript, Word

    said = "Well, um, you know. Please cut this. All is well."
    words = [Word(start=n / 3, end=n / 3 + 0.3, text=f" {one}") for n, one in enumerate(said.split())]
    segment = Segment(id=0, start=0, end=4, text=said, words=words)
    path.write_text(Transcript(language="en", duration=4, segments=[segment]).written(), encoding="utf-8")


def _film(path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=44_100)
        stream.metadata["language"] = "eng"
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 44_100), np.float32), "fltp", "stereo")
        frame.sample_rate = 44_100
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
