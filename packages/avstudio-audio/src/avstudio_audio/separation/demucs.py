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

PIECE = 300
"""Seconds separated at a time: long enough for the few chunks heard twice to cost 5 %, and that where the sound is
longer."""
MARGIN = 48_000
"""Samples; more than half a second, the most that demucs shifts by."""


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
        sound: _Normalised,
        part: range,
        options: Options,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> Tensor:
        """What one network makes of a part of the sound: `(stems, 2, samples)`.

        It hears all the chunks that reach into the part, of demucs' own grid over the whole: parts join unseen.
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

            # Each shift has a seed of its own: what demucs draws beside would make them differ from part to part.
            seed = options.seed + network + shift * len(self._bag.models)
            with _interrupted(model, cancelled), _seeded(seed):
                answer: Tensor = apply_model(
                    model, heard, shifts=min(shifts, 1), overlap=overlap, device=self._device, callback=finished
                )
            answers = answer if answers is None else answers.add_(answer)
        assert answers is not None
        return answers.div_(max(shifts, 1))[0, ..., part.start - first : part.stop - first]


class _Normalised:
    """The mix at the loudness that Demucs wants, made where it is heard: a whole copy would take the mix's room again.

    As in demucs.api, but for the deviation of a single sample, which is not a number.
    """

    def __init__(self, mix: NDArray[np.float32]) -> None:
        """`mix` is `(2, samples)`."""
        import torch

        self._mix, self.length = mix, mix.shape[1]
        loudness = torch.from_numpy(mix.mean(axis=0))
        self._mean = loudness.mean()
        self._deviation = loudness.std() + 1e-8 if self.length > 1 else torch.tensor(1e-8)

    def chunk(self, first: int, last: int) -> Any:
        """A `demucs.apply.TensorChunk` of one batch, with some sound around it: shifts look beyond its ends."""
        import torch
        from demucs.apply import TensorChunk

        begin = max(0, first - MARGIN)
        around = torch.from_numpy(self._mix[:, begin : last + MARGIN].copy())
        chunk: Any = TensorChunk  # untyped
        return chunk((around - self._mean).div_(self._deviation)[None], first - begin, last - first)

    def restored(self, stem: Tensor) -> NDArray[np.float32]:
        """A stem at the loudness that it has in the mix."""
        restored: NDArray[np.float32] = (stem * self._deviation + self._mean).numpy()
        return restored


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
