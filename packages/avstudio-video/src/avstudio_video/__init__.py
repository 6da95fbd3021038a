"""Video for AV-Studio: probe, decode, extract, analyse, cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_core import hookimpl

if TYPE_CHECKING:
    from avstudio_core import Processor, Setting


@hookimpl
def register_settings() -> list[Setting[int]]:
    from avstudio_video.settings import FRAME_PIXELS

    return [FRAME_PIXELS]


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    from avstudio_video.analyze import Analyze
    from avstudio_video.apply_effects import Effects
    from avstudio_video.concat import Concat
    from avstudio_video.cut import Cut
    from avstudio_video.decode import Decode
    from avstudio_video.extract_audio import ExtractAudio
    from avstudio_video.mux import Mux
    from avstudio_video.probe import Probe

    return [Analyze, Concat, Cut, Decode, Effects, ExtractAudio, Mux, Probe]
