"""Hybrid Transformer Demucs and its predecessors, through demucs 4.1, without its loaders of pickles.

Rouard, Massa, Défossez, "Hybrid Transformers for Music Source Separation", ICASSP 2023.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_audio.separation.chunks import Grid, Lane, NormalisedMix
from avstudio_audio.separation.demucs_files import load_bag
from avstudio_audio.separation.engine import Engine, Options, stop_if
from avstudio_audio.separation.mix import Mix
from avstudio_audio.separation.precision import chosen, reduced
from avstudio_core.errors import InvalidParams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

PIECE = 10
"""Seconds that come in one piece; each chunk is processed only once, so short pieces cost nothing."""
LONGEST_SHIFT = 0.5
"""In seconds."""
BATCH = {"cpu": 1}
"""Chunks that the network reads at once on a device; a GPU has work for more than one."""
BATCH_OF_A_GPU = 4


class Demucs(Engine):
    """One network, or a bag of networks whose outputs are weighted for each stem."""

    def __init__(self, bag: Any, device: str = "cpu") -> None:
        """`bag` is a `demucs.apply.BagOfModels`."""
        self.rate = int(bag.samplerate)
        self.stems = tuple(bag.sources)
        self._bag = bag.to(device).eval()
        self._device = device

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Demucs:
        """Load a folder of model files; see `load_bag`, also for the errors."""
        return cls(load_bag(folder), device)

    def settle(self, options: Options) -> Options:
        longest = float(min(network.segment for network in self._bag.models))
        if options.segment is not None and options.segment > longest:
            raise InvalidParams(
                f"The segment of {options.segment:g} s is longer than the model allows.",
                hint=f"Give at most {longest:g} s.",
            )
        return replace(
            self._with_stems(options),
            shifts=1 if options.shifts is None else options.shifts,
            overlap=0.25 if options.overlap is None else options.overlap,
            segment=longest if options.segment is None else options.segment,
            batch_size=options.batch_size or BATCH.get(self._device, BATCH_OF_A_GPU),
            precision=chosen(options.precision, self._device),
        )

    def pieces(
        self,
        mix: Mix,
        options: Options,
        *,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> Iterator[dict[str, NDArray[np.float32]]]:
        settled = self.settle(options)
        sound = NormalisedMix(mix)
        shares = self._shares(settled.stems)
        grids = {network: self._grids(network, mix.length, options, settled) for network in shares}
        total, done = sum(len(grid.chunks) for each in grids.values() for grid in each), 0

        def report(chunks: int) -> None:
            nonlocal done
            done += chunks
            progress(done / total)

        lanes = [
            (self._lane(network, sound, grid, options, settled), shares[network], len(grids[network]))
            for network in shares
            for grid in grids[network]
        ]
        with _interrupted(self._bag, cancelled):
            for start in range(0, mix.length, PIECE * self.rate):
                with _seeded(settled.seed):
                    piece = self._piece(lanes, min(start + PIECE * self.rate, mix.length), sound, settled.stems, report)
                yield piece

    def _piece(
        self,
        lanes: list[tuple[Lane, dict[str, float], int]],
        stop: int,
        sound: NormalisedMix,
        stems: tuple[str, ...],
        report: Callable[[int], None],
    ) -> dict[str, NDArray[np.float32]]:
        """The next part of all stems: the weighted sum of the lanes."""
        import torch

        estimates: dict[str, Tensor] = {}
        with torch.inference_mode():
            for lane, share, shifts in lanes:
                for answer, (stem, weight) in zip(lane.read(stop, report), share.items(), strict=True):
                    estimate = answer * (weight / shifts)
                    estimates[stem] = estimates[stem].add_(estimate) if stem in estimates else estimate
            return {stem: sound.restored(estimates[stem]).numpy() for stem in stems}

    def _grids(self, network: int, length: int, options: Options, settled: Options) -> list[Grid]:
        """One grid for each shift, shifted as demucs does it."""
        segment = self._bag.models[network].segment if options.segment is None else options.segment
        size = int(self.rate * segment)
        stride = max(1, int((1 - (settled.overlap or 0.0)) * size))
        starts = [0]
        if settled.shifts:
            longest = int(LONGEST_SHIFT * self.rate)
            count = len(self._bag.models)
            seeds = [settled.seed + network + shift * count for shift in range(settled.shifts)]
            starts = [random.Random(seed).randint(0, longest) - longest for seed in seeds]
        return [Grid(start, length, size, stride) for start in starts]

    def _lane(self, network: int, sound: NormalisedMix, grid: Grid, options: Options, settled: Options) -> Lane:
        model = self._bag.models[network]
        stems = [self.stems.index(stem) for stem in self._shares(settled.stems)[network]]

        def run(chunks: Tensor) -> Tensor:
            with reduced(settled.precision, self._device):
                answer: Tensor = model(chunks.to(self._device))
            return answer

        def valid_length(size: int) -> int:
            if options.segment is not None and hasattr(model, "use_train_segment"):  # as in demucs.apply
                return grid.length
            return int(model.valid_length(size)) if hasattr(model, "valid_length") else size

        return Lane(run, valid_length, sound, grid, stems, settled.batch_size or 1)

    def _shares(self, stems: tuple[str, ...]) -> dict[int, dict[str, float]]:
        """The weights in each stem of every network that contributes to `stems`; the others need not run."""
        table = self._bag.weights
        shares: dict[int, dict[str, float]] = {}
        for stem in stems:
            column = [float(row[self.stems.index(stem)]) for row in table]
            for network, weight in enumerate(column):
                if weight:
                    shares.setdefault(network, {})[stem] = weight / sum(column)
        return shares


@contextmanager
def _interrupted(model: Any, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Check for cancellation before every layer: a chunk takes many seconds on a CPU."""
    hooks = [layer.register_forward_pre_hook(lambda *_: stop_if(cancelled)) for layer in model.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed Python's `random`, which networks of Demucs call, and restore the caller's state afterwards."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
