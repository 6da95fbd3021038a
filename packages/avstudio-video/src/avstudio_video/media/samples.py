"""Samples of sound in FFmpeg's frames, interleaved: PyAV crashes on planes of eight channels or more."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

INTERLEAVED = "flt"
"""FFmpeg's name of the sample format."""


def sound_frame(samples: Samples, layout: str, rate: int, begin: int) -> AudioFrame:
    """Samples `(channels, n)` as FFmpeg takes them; `begin` is the number of the first one."""
    import av
    import numpy as np

    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T).reshape(1, -1), INTERLEAVED, layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
    return frame


def samples_of(frame: AudioFrame) -> Samples:
    """The samples of an interleaved frame, `(channels, n)`."""
    import numpy as np

    channels, plane = frame.layout.nb_channels, frame.planes[0]
    rows = np.frombuffer(plane, np.float32, frame.samples * channels)  # type: ignore[call-overload]
    samples: Samples = rows.reshape(-1, channels).T.copy()
    return samples
