"""Sound for AV-Studio: decode, separate, transcribe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_core import hookimpl

if TYPE_CHECKING:
    from avstudio_core import MemoryManager, Processor, Weights


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    from avstudio_audio.probe import Probe
    from avstudio_audio.separate import Separate
    from avstudio_audio.transcribe import Transcribe

    return [Probe, Separate, Transcribe]


@hookimpl
def register_weights() -> list[type[Weights]]:
    from avstudio_audio.weights import ALL

    return ALL


@hookimpl
def register_memory_managers() -> list[type[MemoryManager]]:
    from avstudio_audio.cuda import CudaMemory

    return [CudaMemory]
