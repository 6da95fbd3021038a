"""Spleeter, two stems: vocals and accompaniment, with the weights that Deezer published.

It is about sixty times faster than real time on two free cores, and the sum of its stems is always the mix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.separation import unet
from avstudio_audio.separation.checkpoint import Checkpoint, load_arrays
from avstudio_audio.separation.engine import Engine, Options, stop_if
from avstudio_audio.separation.mix import Mix
from avstudio_audio.separation.precision import Precision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

VOCALS = Checkpoint("testcheckpoint0.ckpt", "385ea3372c6a3ceee01f6ded5504bb7ee1e9f0101950ae58869dc18382deb75c")
ACCOMPANIMENT = Checkpoint("testcheckpoint1.ckpt", "3e4d6ede1ecad091468550773e77934aac3f1e039c0697fc9039aba9b935e344")

FRAME = 4096
HOP = 1024
BINS = 1024
"""How many of the 2049 bins the network reads: those below 11 kHz."""
BLOCK = 512
"""Frames that the network reads at once: 11.9 s."""
OVERHANG = FRAME - HOP
"""The number of samples by which the last frames of a block overlap the next one."""


class Spleeter(Engine):
    """Two U-Nets over the magnitudes; each estimates one stem, and their squares divide the mix between the stems."""

    rate = 44_100
    stems = ("vocals", "accompaniment")

    def __init__(self, vocals: Mapping[str, Tensor], accompaniment: Mapping[str, Tensor]) -> None:
        import torch

        self._networks = unet.prepare(vocals), unet.prepare(accompaniment)
        self._window = torch.hann_window(FRAME, device=vocals["up7.0.bias"].device)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Spleeter:
        """Load the folder with both checkpoints. Raises `WeightsMissing`, `CorruptFile`, `MissingDependency`."""
        return cls(load_arrays(folder, VOCALS, device), load_arrays(folder, ACCOMPANIMENT, device))

    def settle(self, options: Options) -> Options:
        return replace(
            self._with_stems(options),
            shifts=0,
            overlap=0.0,
            seed=0,
            segment=0.0,
            batch_size=0,
            precision=Precision.FLOAT32,
        )

    def pieces(
        self,
        mix: Mix,
        options: Options,
        *,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> Iterator[dict[str, NDArray[np.float32]]]:
        import numpy as np

        wanted = self.settle(options).stems
        begun = np.zeros((2, OVERHANG), np.float32)
        # As in the original, the first frame ends where the sound starts, so every sample is in four frames.
        starts = range(-FRAME, mix.length, BLOCK * HOP)
        for done, start in enumerate(starts, 1):
            stop_if(cancelled)
            block = self._vocals(mix.part(start, start + BLOCK * HOP + OVERHANG))
            block[:, :OVERHANG] += begun
            begun = block[:, BLOCK * HOP :]
            first, last = max(start, 0), min(start + BLOCK * HOP, mix.length)
            vocals = block[:, first - start : last - start]
            # The sum of the two masks is one, so the rest of the mix is the other stem.
            stems = {"vocals": vocals, "accompaniment": mix.inside(first, last) - vocals}
            progress(done / len(starts))
            yield {name: stems[name] for name in wanted}

    def _vocals(self, piece: NDArray[np.float32]) -> NDArray[np.float32]:
        """The vocals of one block, windowed twice, so that overlapping blocks can be added."""
        import torch

        with torch.inference_mode():
            frames = torch.from_numpy(piece).to(self._window.device).unfold(-1, FRAME, HOP)
            spectrum = torch.fft.rfft(frames * self._window)
            spectrum *= self._share_of_vocals(spectrum[..., :BINS].abs())
            # The sum of four squared Hann windows, a quarter of a frame apart, is 3/2.
            frames = torch.fft.irfft(spectrum) * (self._window * (2 / 3))
            piled = frames.new_zeros(2, BLOCK + FRAME // HOP - 1, HOP)
            for quarter, part in enumerate(frames.split(HOP, dim=-1)):
                piled[:, quarter : quarter + BLOCK] += part
            whole: NDArray[np.float32] = piled.flatten(1).cpu().numpy()
            return whole

    def _share_of_vocals(self, magnitude: Tensor) -> Tensor:
        """The soft mask `v² / (v² + a²)`, `(2, frames, 2049)`; above the networks' bins, it is the mean."""
        import torch

        vocals, accompaniment = (
            (unet.mask(network, magnitude[None])[0] * magnitude).square() + 5e-11 for network in self._networks
        )
        share = vocals / (vocals + accompaniment)
        above = share.mean(dim=-1, keepdim=True).expand(-1, -1, FRAME // 2 + 1 - BINS)
        return torch.cat((share, above), dim=-1)
