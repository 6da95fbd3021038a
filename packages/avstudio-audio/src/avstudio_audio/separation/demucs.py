"""Hybrid Transformer Demucs and its older sisters, through demucs 4.1, without its loaders of pickles.

Rouard, Massa, Défossez, "Hybrid Transformers for Music Source Separation", ICASSP 2023.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_audio.separation.demucs_files import load_bag
from avstudio_audio.separation.engine import Engine, Options, stereo, stop_if

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class Demucs(Engine):
    """One network, or a bag of them whose answers are weighted stem by stem."""

    def __init__(self, bag: Any, device: str = "cpu") -> None:
        """`bag` is a `demucs.apply.BagOfModels`."""
        self.rate = int(bag.samplerate)
        self.stems = tuple(bag.sources)
        self._bag = bag.to(device).eval()
        self._device = device

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Demucs:
        """From a folder of model files, as `load_bag` reads them and with the errors that it raises."""
        return cls(load_bag(folder), device)

    def settle(self, options: Options) -> Options:
        return replace(
            self._with_stems(options),
            shifts=1 if options.shifts is None else options.shifts,
            overlap=0.25 if options.overlap is None else options.overlap,
        )

    def separate(
        self,
        mix: NDArray[np.float32],
        options: Options,
        *,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> dict[str, NDArray[np.float32]]:
        import torch

        options = self.settle(options)
        sound = torch.from_numpy(stereo(mix).copy())
        loudness = sound.mean(0)
        # As in demucs.api, but for the deviation of a single sample, which is not a number.
        mean, deviation = loudness.mean(), loudness.std() + 1e-8 if len(loudness) > 1 else torch.tensor(1e-8)
        sound = (sound - mean) / deviation
        estimates: dict[str, Tensor] = {}
        shares = self._shares(options.stems)
        for done, (network, share) in enumerate(shares.items()):

            def report(part: float, done: int = done) -> None:
                progress((done + part) / len(shares))

            answer = self._answer(network, sound, options, report, cancelled)
            for stem, weight in share.items():
                part = answer[self.stems.index(stem)] * weight
                estimates[stem] = estimates[stem].add_(part) if stem in estimates else part
        return {stem: (estimates[stem] * deviation + mean).numpy() for stem in options.stems}

    def _shares(self, stems: tuple[str, ...]) -> dict[int, dict[str, float]]:
        """For each network that has a say in `stems`, its part in each; the others need not run."""
        table = self._bag.weights
        shares: dict[int, dict[str, float]] = {}
        for stem in stems:
            column = [float(row[self.stems.index(stem)]) for row in table]
            for network, weight in enumerate(column):
                if weight:
                    shares.setdefault(network, {})[stem] = weight / sum(column)
        return shares

    def _answer(
        self,
        network: int,
        sound: Tensor,
        options: Options,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> Tensor:
        """What one network makes of the sound: `(stems, 2, samples)`."""
        from demucs.apply import apply_model

        model = self._bag.models[network]
        overlap, shifts = options.overlap or 0.0, options.shifts or 0
        stride = (1 - overlap) * float(model.segment) * self.rate

        def finished(chunk: dict[str, Any]) -> None:
            if chunk["state"] == "end":
                part = min(1.0, (chunk["segment_offset"] + stride) / sound.shape[-1])
                progress((chunk["shift_idx"] + part) / max(shifts, 1))

        with _interrupted(model, cancelled), _seeded(options.seed + network):
            answer: Tensor = apply_model(
                model, sound[None], shifts=shifts, overlap=overlap, device=self._device, callback=finished
            )
        return answer[0]


@contextmanager
def _interrupted(model: Any, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Look before every layer whether to go on: a chunk takes many seconds on a CPU."""
    hooks = [layer.register_forward_pre_hook(lambda *_: stop_if(cancelled)) for layer in model.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Demucs draws its shifts from Python's `random`: seed it, then give the caller's state back."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
