"""`audio.probe` through the studio."""

from __future__ import annotations

import avstudio_audio
from avstudio_audio.cuda import CudaMemory
from avstudio_core import Studio
from avstudio_core.testing import MemoryManagerContract, ProcessorContract
from avstudio_core.testing.fixtures import Tone


class TestProbe(ProcessorContract):
    plugin = avstudio_audio
    processor = "audio.probe"

    def test_it_tells_what_is_inside(self, studio: Studio, tone: Tone) -> None:
        contents = studio.run("audio.probe", tone(seconds=1.5, rate=22050, channels=1)).contents
        assert contents.audio[0].rate == 22050
        assert contents.audio[0].channels == 1
        assert abs(contents.duration - 1.5) < 0.01
        assert contents.video == []


class TestCudaMemory(MemoryManagerContract):
    plugin = avstudio_audio
    manager = CudaMemory
