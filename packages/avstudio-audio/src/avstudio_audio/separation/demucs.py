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

from avstudio_audio.separation.demucs_files import load_bag
from avstudio_audio.separation.engine import Engine, Options, stereo, stop_if

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

PIECE = 300
"""Seconds that are separated at once: long enough that the chunks that are processed twice cost only 5 %."""
MARGIN = 48_000
"""In samples; longer than half a second, the longest shift of demucs."""


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
        return replace(
            self._with_stems(options),
            shifts=1 if options.shifts is None else options.shifts,
            overlap=0.25 if options.overlap is None else options.overlap,
        )

    def pieces(
        self,
        mix: NDArray[np.float32],
        options: Options,
        *,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> Iterator[dict[str, NDArray[np.float32]]]:
        options = self.settle(options)
        sound = _Normalised(stereo(mix))
        shares = self._shares(options.stems)
        for start in range(0, sound.length, PIECE * self.rate):
            part = range(start, min(start + PIECE * self.rate, sound.length))
            estimates: dict[str, Tensor] = {}
            for done, (network, share) in enumerate(shares.items()):

                def report(fraction: float, part: range = part, done: int = done) -> None:
                    progress((part.start + len(part) * (done + fraction) / len(shares)) / sound.length)

                answer = self._answer(network, sound, part, options, report, cancelled)
                for stem, weight in share.items():
                    estimate = answer[self.stems.index(stem)] * weight
                    estimates[stem] = estimates[stem].add_(estimate) if stem in estimates else estimate
            yield {stem: sound.restored(estimates[stem]) for stem in options.stems}

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

    def _answer(
        self,
        network: int,
        sound: _Normalised,
        part: range,
        options: Options,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> Tensor:
        """The output of one network for a part of the sound: `(stems, 2, samples)`.

        It processes all chunks of demucs' grid that overlap the part, so that parts join without a seam.
        """
        from demucs.apply import apply_model

        model = self._bag.models[network]
        overlap, shifts = options.overlap or 0.0, options.shifts or 0
        segment = int(self.rate * model.segment)
        stride = int((1 - overlap) * segment)
        first = max(0, (part.start - segment) // stride * stride)
        heard = sound.chunk(first, min(part.stop + segment, sound.length))
        answers: Tensor | None = None
        for shift in range(max(shifts, 1)):

            def finished(chunk: dict[str, Any], shift: int = shift) -> None:
                if chunk["state"] == "end":
                    fraction = min(1.0, (chunk["segment_offset"] + stride) / heard.length)
                    progress((shift + fraction) / max(shifts, 1))

            # Each shift has its own seed: other random numbers of demucs would make shifts differ between parts.
            seed = options.seed + network + shift * len(self._bag.models)
            with _interrupted(model, cancelled), _seeded(seed):
                answer: Tensor = apply_model(
                    model, heard, shifts=min(shifts, 1), overlap=overlap, device=self._device, callback=finished
                )
            answers = answer if answers is None else answers.add_(answer)
        assert answers is not None
        return answers.div_(max(shifts, 1))[0, ..., part.start - first : part.stop - first]


class _Normalised:
    """The mix at the loudness that Demucs expects, normalised chunk by chunk, which saves a copy of the mix.

    As in demucs.api, except for a single sample, whose deviation would not be a number.
    """

    def __init__(self, mix: NDArray[np.float32]) -> None:
        """`mix` is `(2, samples)`."""
        import torch

        self._mix, self.length = mix, mix.shape[1]
        loudness = torch.from_numpy(mix.mean(axis=0))
        self._mean = loudness.mean()
        self._deviation = loudness.std() + 1e-8 if self.length > 1 else torch.tensor(1e-8)

    def chunk(self, first: int, last: int) -> Any:
        """A `demucs.apply.TensorChunk` of one batch, with some sound around it: shifts reach beyond its ends."""
        import torch
        from demucs.apply import TensorChunk

        begin = max(0, first - MARGIN)
        around = torch.from_numpy(self._mix[:, begin : last + MARGIN].copy())
        chunk: Any = TensorChunk  # untyped
        return chunk((around - self._mean).div_(self._deviation)[None], first - begin, last - first)

    def restored(self, stem: Tensor) -> NDArray[np.float32]:
        """A stem at its loudness in the mix."""
        restored: NDArray[np.float32] = (stem * self._deviation + self._mean).numpy()
        return restored


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
    """Seed Python's `random`, from which Demucs draws its shifts, and restore the caller's state afterwards."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
