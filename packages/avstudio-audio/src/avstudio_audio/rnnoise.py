"""Noise suppression for speech by RNNoise, through the library in the package pyrnnoise, which carries its model.

Valin, "A Hybrid DSP/Deep Learning Approach to Real-Time Full-Band Speech Enhancement", MMSP 2018.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import MissingDependency

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 48_000
"""In Hz."""
FRAME = 480
DELAY = 2 * FRAME
"""Samples by which the result is late, as measured."""
FULL_SCALE = 32_768.0
"""RNNoise takes floats in the range of 16-bit integers."""
LIBRARIES = ("librnnoise.so", "librnnoise.dylib", "rnnoise.dll")


class RNNoise:
    """Removes the noise from one channel at `RATE`."""

    def __init__(self) -> None:
        """Raises `MissingDependency`."""
        import numpy as np

        self._library = _library()
        self._state = self._library.rnnoise_create(None)
        self._held = np.zeros(0, np.float32)
        self._late, self._missing = DELAY, 0

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next part without noise; a little is held back."""
        self._missing += len(samples)
        clean = self._processed(samples)
        dropped = min(self._late, len(clean))
        self._late -= dropped
        given: NDArray[np.float32] = clean[dropped : dropped + self._missing]
        self._missing -= len(given)
        return given

    def rest(self) -> NDArray[np.float32]:
        """After the last part, what was held back; the total length is that of the input."""
        import numpy as np

        missing = self._missing
        return self.feed(np.zeros(DELAY + FRAME, np.float32))[:missing]

    def close(self) -> None:
        """Free its memory."""
        self._library.rnnoise_destroy(self._state)

    def _processed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np

        waiting = np.concatenate((self._held, samples))
        count = len(waiting) // FRAME
        self._held = waiting[count * FRAME :]
        given = np.ascontiguousarray(waiting[: count * FRAME] * np.float32(FULL_SCALE), np.float32)
        clean = np.empty_like(given)
        for start in range(0, given.nbytes, FRAME * given.itemsize):
            self._library.rnnoise_process_frame(self._state, clean.ctypes.data + start, given.ctypes.data + start)
        return np.asarray(clean / np.float32(FULL_SCALE), np.float32)


def require() -> None:
    """Raises `MissingDependency` without the library."""
    if _path() is None:
        raise MissingDependency.extra("Noise suppression", "avstudio-audio", "denoise")


def _path() -> Path | None:
    found = find_spec("pyrnnoise")  # found but never imported: it needs packages that RNNoise does not
    if found is None or found.origin is None:
        return None
    places = (Path(found.origin).with_name(name) for name in LIBRARIES)
    return next((place for place in places if place.is_file()), None)


@cache
def _library() -> Any:
    import ctypes

    require()
    library = ctypes.CDLL(str(_path()))
    pointer = ctypes.c_void_p
    library.rnnoise_create.restype, library.rnnoise_create.argtypes = pointer, [pointer]
    library.rnnoise_destroy.restype, library.rnnoise_destroy.argtypes = None, [pointer]
    library.rnnoise_process_frame.restype = ctypes.c_float
    library.rnnoise_process_frame.argtypes = [pointer, pointer, pointer]
    return library
