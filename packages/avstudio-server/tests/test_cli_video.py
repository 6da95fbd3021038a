"""The commands on the pages about videos run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from avstudio_server.testing.command_line import CommandLine

PAGES = Path(__file__).parents[3] / "docs" / "howto"


@pytest.mark.parametrize("page", ["video", "cut-videos", "edit-videos", "mux-videos"])
def test_the_commands_of_the_page_make_files(tmp_path: Path, page: str) -> None:
    pytest.importorskip("avstudio_video")
    avstudio = CommandLine(tmp_path)
    avstudio.environment["AVSTUDIO_EXECUTOR"] = "inline"
    _film(avstudio.folder / "film.mkv")
    _documents(avstudio.folder)
    commands = re.findall(r"^avstudio (video .*)$", (PAGES / f"{page}.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert commands
    for number, command in enumerate(commands):
        printed = avstudio.printed(*shlex.split(command.replace("-o out", f"-o out{number}")))
        if "-o out" in command:
            files = [*(avstudio.folder / f"out{number}").iterdir()]
            assert files, printed
            assert all(file.stat().st_size > 10 for file in files), printed


def _film(path: Path) -> None:
    """Two scenes of a second each, with two tracks of noise, which are silent from 1.3 s to 1.7 s."""
    import av
    import numpy as np

    with av.open(str(path), "w") as file:
        picture: Any = file.add_stream("libx264", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        tracks: list[Any] = [file.add_stream("aac", rate=48_000) for _ in range(2)]
        tracks[0].metadata["language"] = "eng"
        for track in tracks:
            sound = np.random.default_rng(0).standard_normal((2, 96_000)).astype(np.float32) * 0.1
            sound[:, 62_400:81_600] = 0
            frame: Any = av.AudioFrame.from_ndarray(sound, "fltp", "stereo")
            frame.sample_rate = 48_000
            file.mux([*track.encode(frame), *track.encode(None)])
        for number in range(50):
            shown: Any = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 + 150 * (number > 24), np.uint8), "rgb24")
            file.mux(picture.encode(shown))
        file.mux(picture.encode(None))


def _documents(folder: Path) -> None:
    """Another sound, a picture, the scenes of the film, and what is said in it."""
    _voice(folder / "voice.m4a")
    _picture(folder / "cover.png")
    (folder / "film.srt").write_text("1\n00:00:00,200 --> 00:00:00,900\nAsk not why.\n")
    (folder / "look.cube").write_text("LUT_1D_SIZE 2\n0 0 0.1\n1 1 0.9\n")
    scenes = [
        {"id": n, "start": n, "end": n + 1, "start_frame": 25 * n, "end_frame": 25 * n + 25, "score": 100.0}
        for n in range(2)
    ]
    (folder / "film.scenes.json").write_text(json.dumps({"duration": 2, "rate": "25", "scenes": scenes}))
    words = [
        {"start": 0.2 * n, "end": 0.2 * n + 0.2, "text": f" {word}"}
        for n, word in enumerate(["Um,", "you", "know.", "Ask", "not", "uh", "why."])
    ]
    said = {"id": 0, "start": 0, "end": 1.4, "text": "Um, you know. Ask not uh why.", "words": words}
    document = {"language": "en", "duration": 2, "segments": [said]}
    (folder / "film.json").write_text(json.dumps(document))


def _voice(path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w") as file:
        track: Any = file.add_stream("aac", rate=48_000)
        frame: Any = av.AudioFrame.from_ndarray(np.zeros((2, 48_000), np.float32), "fltp", "stereo")
        frame.sample_rate = 48_000
        file.mux([*track.encode(frame), *track.encode(None)])


def _picture(path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w", format="image2") as file:
        stream: Any = file.add_stream("png")
        stream.width, stream.height, stream.pix_fmt = 32, 32, "rgb24"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), "rgb24")))
