"""Sound for AV-Studio: decode, separate, transcribe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_core import hookimpl

if TYPE_CHECKING:
    from avstudio_core import MemoryManager, Processor, Setting, Weights


@hookimpl
def register_settings() -> list[Setting[Any]]:
    from avstudio_audio.rack.settings import PLUGINS
    from avstudio_core import Setting

    return [
        PLUGINS,
        Setting("memory_demucs_mb", int, 8000, "Memory budget of stem separation by Demucs, in MB.", 0),
        Setting("memory_whisper_mb", int, 4000, "Memory budget of speech to text, in MB.", 0),
    ]


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    from avstudio_audio.analyze import Analyze
    from avstudio_audio.convert import Convert
    from avstudio_audio.denoise import Denoise
    from avstudio_audio.effects import Effects
    from avstudio_audio.mix import Mix
    from avstudio_audio.normalize import Normalize
    from avstudio_audio.peaks import Peaks
    from avstudio_audio.probe import Probe
    from avstudio_audio.separate import Separate
    from avstudio_audio.subtitle import Subtitle
    from avstudio_audio.transcribe import Transcribe
    from avstudio_audio.trim import Trim

    return [Analyze, Convert, Denoise, Effects, Mix, Normalize, Peaks, Probe, Separate, Subtitle, Transcribe, Trim]


@hookimpl
def register_weights() -> list[type[Weights]]:
    from avstudio_audio.weights import ALL

    return ALL


@hookimpl
def register_memory_managers() -> list[type[MemoryManager]]:
    from avstudio_audio.cuda import CudaMemory

    return [CudaMemory]
