"""The files of a separation's stems, written piece by piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.loudness.meter import Meter, Reading
from avstudio_audio.separation.level import Level

if TYPE_CHECKING:
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

    Piece = tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]
    """A part of the recording, and the same part of all its stems."""
    Sink = AbstractContextManager[Callable[[Sequence[NDArray[np.float32]]], None]]
    """Writes the next part of several stems."""

FULL_SCALE = 1.0
SPOOLED = 1 << 18
"""Samples that are read at once from stems on the disk."""


class GainMode(StrEnum):
    """What is done with stems that exceed full scale."""

    PRESERVE = "preserve"
    """Nothing."""
    SHARED_RESCALE = "shared_rescale"
    """All stems are lowered by the same gain, so that their balance stays."""
    PER_STEM_RESCALE = "per_stem_rescale"
    """Each stem is lowered by a gain of its own."""
    CLAMP = "clamp"
    """Values beyond full scale are cut off."""


@dataclass(frozen=True, slots=True)
class Gains:
    """Factors for the stems."""

    shared: float
    """For all stems, and for the recording with which their sum is compared."""
    each: Mapping[str, float]
    """Besides, for single stems."""
    clamp: bool = False

    @classmethod
    def plain(cls, factor: float, mode: GainMode) -> Gains:
        return cls(factor, {}, mode is GainMode.CLAMP)

    @classmethod
    def fitting(cls, factor: float, mode: GainMode, peaks: Mapping[str, float]) -> Gains:
        """Gains that keep stems with these peaks within full scale."""
        if mode is GainMode.PER_STEM_RESCALE:
            return cls(factor, {name: min(1.0, FULL_SCALE / max(peak * factor, 1e-9)) for name, peak in peaks.items()})
        loudest = max(peaks.values(), default=0.0) * factor
        return cls(factor * min(1.0, FULL_SCALE / max(loudest, 1e-9)), {})

    def of(self, stem: str) -> float:
        return self.shared * self.each.get(stem, 1.0)

    def applied(self, stem: str, data: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np

        factor = self.of(stem)
        louder = data * np.float32(factor) if factor != 1 else data
        return np.clip(louder, -FULL_SCALE, FULL_SCALE) if self.clamp else louder


class StemFiles:
    """The stems while they are written to files, and measured."""

    def __init__(self, sinks: Mapping[tuple[str, ...], Sink], covering: Sequence[str], gains: Gains, rate: int) -> None:
        """`sinks` are named by the stems that they take; the sum of the stems `covering` is compared with the mix."""
        self._sinks, self._covering, self._gains = sinks, covering, gains
        self._meters = {stem: Meter(rate, 2, true_peak=False) for stems in sinks for stem in stems}
        self.mix_level, self._left = Level(), Level()

    def write(self, pieces: Iterable[Piece]) -> None:
        """Write each piece when it arrives, and keep none in memory."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor() as beside, ExitStack() as open_files:
            writers = {stems: open_files.enter_context(sink) for stems, sink in self._sinks.items()}
            under_way: list[Future[None]] = []
            for whole, piece in pieces:  # each piece is separated while the one before is written
                for job in under_way:
                    job.result()
                made = {stem: self._gains.applied(stem, data) for stem, data in piece.items()}
                under_way = [beside.submit(self._compare, whole, [made[stem] for stem in self._covering])]
                under_way += [
                    beside.submit(self._put, stems, write, [made[stem] for stem in stems])
                    for stems, write in writers.items()
                ]
            for job in under_way:
                job.result()

    def _put(
        self,
        stems: tuple[str, ...],
        write: Callable[[Sequence[NDArray[np.float32]]], None],
        data: Sequence[NDArray[np.float32]],
    ) -> None:
        write(data)
        for stem, part in zip(stems, data, strict=True):
            self._meters[stem].add(part)

    def _compare(self, whole: NDArray[np.float32], parts: Sequence[NDArray[np.float32]]) -> None:
        import numpy as np

        shared = self._gains.shared
        louder = whole * np.float32(shared) if shared != 1 else whole
        self.mix_level.add(louder)
        self._left.add(louder - sum(parts))

    def reading(self, stem: str) -> Reading:
        """The levels of a finished stem."""
        return self._meters[stem].finish()

    @property
    def reconstruction_error_db(self) -> float | None:
        """The level of the mix minus its stems, relative to the mix, in dB; `None` for silence."""
        left, whole = self._left.energy, self.mix_level.energy
        return 10 * math.log10(max(left, whole * 1e-20) / whole) if whole else None


class Spool:
    """Stems on the disk as raw samples, until their peaks are known."""

    def __init__(self, new_path: Callable[[str], Path]) -> None:
        self._new_path = new_path
        self.peaks: dict[str, float] = {}

    def read_twice(self, pieces: Iterable[Piece]) -> Callable[[], Iterator[Piece]]:
        """Write all pieces, and return a function that reads them again."""
        from avstudio_audio.separation.mix import MixOnDisk
        from avstudio_core.errors import StorageError

        paths: dict[str, Path] = {}
        with ExitStack() as stack:
            files = {}
            for whole, piece in pieces:
                for name, data in {"": whole, **piece}.items():
                    if name not in files:
                        paths[name] = self._new_path(f"{name or 'mix'}.raw")
                        files[name] = stack.enter_context(paths[name].open("wb"))
                    try:
                        files[name].write(data.T.tobytes())
                    except OSError as error:
                        raise StorageError.of(error, paths[name]) from error
                    if name:
                        peak = float(abs(data).max(initial=0.0))
                        self.peaks[name] = max(self.peaks.get(name, 0.0), peak)

        def again() -> Iterator[Piece]:
            mixes = {name: MixOnDisk(path) for name, path in paths.items()}
            length = mixes[""].length
            for start in range(0, length, SPOOLED):
                parts = {name: mix.inside(start, min(start + SPOOLED, length)) for name, mix in mixes.items()}
                yield parts.pop(""), parts

        return again
