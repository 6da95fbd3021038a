"""The loudness of sound (EBU R 128, ITU-R BS.1770): by FFmpeg's filter `ebur128`, with our own true peak.

That of the filter takes twice the time of all the rest.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from avstudio_video.media.samples import INTERLEAVED, sound_frame
from avstudio_video.sound.true_peak import TruePeak

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray

LOWEST = 4_000
"""Hz, of a sample rate at which the filters of the standard can be computed."""
QUIETEST = -70.0
"""The gate: the filter states this for sound that is silent or too short."""


class Loudness(BaseModel):
    """Measured over the whole track."""

    model_config = ConfigDict(frozen=True)

    integrated: float | None = Field(
        description="Integrated loudness; none for silence, or less than 0.4 s.", json_schema_extra={"unit": "LUFS"}
    )
    range: float = Field(description="Loudness range.", json_schema_extra={"unit": "LU"})
    true_peak: float | None = Field(description="True peak; none for silence.", json_schema_extra={"unit": "dBTP"})


class LoudnessMeter:
    """Measures block by block."""

    def __init__(self, rate: int, layout: str) -> None:
        from av import AudioLayout
        from av.filter import Graph

        self._rate, self._layout, self._place = rate, layout, 0
        self._graph, self._notes = Graph(), dict[str, str]()
        self._source = self._graph.add_abuffer(
            sample_rate=rate, format=INTERLEAVED, layout=layout, time_base=Fraction(1, rate)
        )
        meter, sink = self._graph.add("ebur128", metadata="1", framelog="quiet"), self._graph.add("abuffersink")
        self._peak = TruePeak(rate, AudioLayout(layout).nb_channels)
        self._source.link_to(meter)
        meter.link_to(sink)
        self._graph.configure()

    def feed(self, block: NDArray[np.float32], frame: AudioFrame | None = None) -> None:
        """The next samples, `(channels, n)`, and a frame with them, if there is one."""
        self._graph.push(frame or sound_frame(block, self._layout, self._rate, self._place))
        self._place += block.shape[1]
        self._peak.feed(block)
        self._pull()

    def _pull(self) -> None:
        import av

        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            self._notes = frame.metadata or self._notes

    def loudness(self) -> Loudness:
        """The loudness of all that was fed."""
        self._graph.push(None)
        self._pull()
        integrated = float(self._notes.get("lavfi.r128.I", QUIETEST))
        self._peak.finish()
        peak = self._peak.value
        return Loudness(
            integrated=integrated if integrated > QUIETEST else None,
            range=float(self._notes.get("lavfi.r128.LRA", 0)),
            true_peak=20 * math.log10(peak) if peak > 0 else None,
        )
