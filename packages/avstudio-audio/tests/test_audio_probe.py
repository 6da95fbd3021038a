"""`audio.probe` through the studio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import avstudio_audio
from avstudio_audio.cuda import CudaMemory
from avstudio_audio.media.encode import encoder
from avstudio_audio.media.formats import AudioFormat
from avstudio_audio.media.labels import Chapter
from avstudio_core import Studio
from avstudio_core.testing import MemoryManagerContract, ProcessorContract
from avstudio_core.testing.fixtures import Tone


class TestProbe(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.probe"

    def test_it_tells_what_is_inside(self, studio: Studio, tone: Tone) -> None:
        contents = studio.run("audio.probe", tone(seconds=1.5, rate=22050, channels=1)).contents
        assert contents.audio[0].rate == 22050
        assert (contents.audio[0].channels, contents.audio[0].layout) == (1, "mono")
        assert abs(contents.duration - 1.5) < 0.01
        assert contents.video == []

    def test_its_tags_and_chapters_are_found_in_the_library(self, studio: Studio, tmp_path: Path, music: Any) -> None:
        labels: Any = {"tags": {"title": "Élan"}, "chapters": [Chapter(0, 0.5, "One"), Chapter(0.5, 1, "Zwei")]}
        with encoder(tmp_path / "a.mp3", AudioFormat.MP3, 48_000, 2, 48_000, **labels) as write:
            write(music(2, 48_000, 1.0))
        studio.run("audio.probe", tmp_path / "a.mp3")
        (title,) = studio.library.search("elan").items
        (chapter,) = studio.library.search("zwei").items
        assert (title.kind, title.name) == ("tags", "a.mp3")
        assert (chapter.kind, chapter.start, chapter.name) == ("chapter", 0.5, "a.mp3")


class TestCudaMemory(MemoryManagerContract):
    plugin = avstudio_audio
    manager = CudaMemory
