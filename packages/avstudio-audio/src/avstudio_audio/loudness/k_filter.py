"""The K-weighting of ITU-R BS.1770-4: a filter that approximates how loud the ear perceives each frequency."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STEP = 32
"""Samples that one row of a matrix product filters."""
TOGETHER = 64
"""Rows in one matrix product: few, because it is faster on one thread."""
FORGOTTEN = 1e-12
"""A state that changes a later one by less than this part has no effect on it."""
SHELF = (1681.974450955533, 0.7071752369554196, 3.999843853973347)
"""Frequency in Hz, quality and gain in dB of the high shelf: the sound around a head. It gives the standard's
coefficients at 48 kHz, like the values of the high pass."""
SHELF_SLOPE = 0.4996667741545416
HIGH_PASS = (38.13547087602444, 0.5003270373238773)

Section = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Numerator and denominator of a filter of second order."""


class KFilter:
    """Filters blocks of several channels, and keeps its state between them.

    The recursion is a matrix product in each row of `STEP` samples; only the states between rows depend on each other.
    """

    def __init__(self, rate: int, channels: int) -> None:
        import numpy as np

        step, into, response, out = _matrices(sections(rate))
        self._into = into.astype(np.float32)
        self._response = np.concatenate([response, out]).astype(np.float32)
        self._step = step
        self._state = np.zeros((channels, len(step)))

    def filtered(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next `(channels, samples)`; the number of samples is a multiple of `STEP`."""
        import numpy as np

        channels, length = block.shape
        count = length // STEP
        rows = np.zeros((channels, -(-count // TOGETHER), TOGETHER, STEP + len(self._step)), np.float32)
        flat = rows.reshape(channels, -1, rows.shape[3])
        flat[:, :count, :STEP] = block.reshape(channels, count, STEP)
        inputs = rows[..., :STEP] @ self._into
        flat[:, :count, STEP:] = self._states(inputs.reshape(channels, -1, len(self._step))[:, :count])
        return (rows @ self._response).reshape(channels, -1)[:, :length]

    def _states(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """The state before each row, from what the rows add to it: sums over 1, 2, 4 … rows."""
        import numpy as np

        states = np.concatenate([self._state[:, None], inputs], axis=1, dtype=np.float64)
        reach, power = 1, self._step
        while reach < states.shape[1] and np.abs(power).max() > FORGOTTEN:
            states[:, reach:] += states[:, :-reach] @ power
            reach, power = 2 * reach, power @ power
        self._state = states[:, -1].copy()
        return states[:, :-1]


def sections(rate: int) -> list[Section]:
    """The two filters at a sample rate in Hz; a rate too low for the shelf has only the high pass."""
    w = math.tan(math.pi * HIGH_PASS[0] / rate) if rate > 2 * HIGH_PASS[0] else 1.0
    q = HIGH_PASS[1]
    norm = 1 + w / q + w * w
    high_pass = (1.0, -2.0, 1.0), (1.0, 2 * (w * w - 1) / norm, (1 - w / q + w * w) / norm)
    return [*_shelf(rate), high_pass]


def _shelf(rate: int) -> list[Section]:
    frequency, q, gain = SHELF
    if rate <= 2 * frequency:
        return []
    w = math.tan(math.pi * frequency / rate)
    high = 10 ** (gain / 20)
    middle = high**SHELF_SLOPE
    norm = 1 + w / q + w * w
    over = (high + middle * w / q + w * w, 2 * (w * w - high), high - middle * w / q + w * w)
    under = (norm, 2 * (w * w - 1), 1 - w / q + w * w)
    return [((over[0] / norm, over[1] / norm, over[2] / norm), (1.0, under[1] / norm, under[2] / norm))]


def _matrices(filters: list[Section]) -> tuple[NDArray[np.float64], ...]:
    """What `STEP` samples do: state to state, samples to state, samples to output, state to output.

    All are to be multiplied from the right. The coordinates of the state are chosen so that its effect on the output
    has orthogonal columns of length 1: otherwise, large parts of it would cancel, and single precision is not enough.
    """
    import numpy as np

    state, into, out, through = _series(filters)
    powers = [np.linalg.matrix_power(state, n) for n in range(STEP + 1)]
    basis, change = np.linalg.qr(np.stack([out @ power for power in powers[:STEP]]))
    impulse = [through, *(float(out @ power @ into) for power in powers[: STEP - 1])]
    response = np.array([[impulse[n - k] if n >= k else 0.0 for n in range(STEP)] for k in range(STEP)])
    arriving = np.stack([change @ powers[STEP - 1 - k] @ into for k in range(STEP)])
    return (change @ powers[STEP] @ np.linalg.inv(change)).T, arriving, response, basis.T


def _series(filters: list[Section]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Filters one after the other as one system of states: `s' = state·s + into·x`, `y = out·s + through·x`."""
    import numpy as np

    size = 2 * len(filters)
    state, into, out, through = np.zeros((size, size)), np.zeros(size), np.zeros(size), 1.0
    for index, ((b0, b1, b2), (_, a1, a2)) in enumerate(filters):
        here = slice(2 * index, 2 * index + 2)
        gain = np.array([b1 - a1 * b0, b2 - a2 * b0])
        state[here] = np.outer(gain, out)
        state[here, here] += np.array([[-a1, 1.0], [-a2, 0.0]])
        into[here] = gain * through
        out, through = out * b0, through * b0
        out[2 * index] += 1.0
    return state, into, out, through
