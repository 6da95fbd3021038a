"""Deezer's Spleeter network: a U-Net that computes a mask from 512 × 1024 magnitudes.

Architecture: Hennequin, Khlif, Voituret, Moussallam, "Spleeter: a fast and efficient music source separation tool
with pre-trained models", JOSS 5(50), 2020; after Jansson et al., ISMIR 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = range(1, 7)
EPSILON = 1e-3  # of all batch normalisations


def prepare(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights for `mask`: channels last, which makes convolutions fast, and each transposed convolution replaced by
    an ordinary one that computes the four output pixels of an input pixel as four channels."""
    import torch

    ready = dict(weights)
    for level in LEVELS:
        name = f"up{level}.0"
        ready[f"{name}.weight"] = _four_phases(weights[f"{name}.weight"])
        ready[f"{name}.bias"] = weights[f"{name}.bias"].repeat_interleave(4)
    return {
        name: value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
        for name, value in ready.items()
    }


def _four_phases(weight: Tensor) -> Tensor:
    """A stride-2 transposed kernel `(in, out, 5, 5)` as an ordinary one `(4 · out, in, 3, 3)`.

    Every output pixel of one parity uses only every second tap. Convolving once for each parity and interleaving the
    four results (a pixel shuffle) skips the zeros between the inputs, and crops as TensorFlow's "same" padding does.
    """
    from torch.nn.functional import pad

    inputs, outputs = weight.shape[:2]
    taps = pad(weight, (1, 0, 1, 0)).flip(2, 3).reshape(inputs, outputs, 3, 2, 3, 2).flip(3, 5)
    return taps.permute(1, 3, 5, 0, 2, 4).reshape(4 * outputs, inputs, 3, 3)


def mask(weights: Mapping[str, Tensor], magnitude: Tensor) -> Tensor:
    """The mask, 0 to 1, over magnitudes `(batch, 2, frames, bins)`; frames and bins are multiples of 64."""
    import torch
    from torch.nn import functional as F

    def normalised(x: Tensor, name: str) -> Tensor:
        mean, variance, scale, shift = (
            weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, scale, shift, eps=EPSILON)

    def convolved(x: Tensor, name: str, **how: int) -> Tensor:
        return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], **how)

    skips: list[Tensor] = []
    x = magnitude
    for level in LEVELS:
        if skips:
            x = F.leaky_relu_(normalised(x, f"down{level - 1}_act.0"), 0.2)
        x = convolved(F.pad(x, (1, 2, 1, 2)), f"down{level}_conv.1", stride=2)
        skips.append(x)
    x = skips.pop()
    for level in LEVELS:
        x = F.pixel_shuffle(convolved(x, f"up{level}.0", padding=1), 2)
        x = normalised(F.relu_(x), f"up{level}.3")
        if skips:
            x = torch.cat((skips.pop(), x), dim=1)
    return torch.sigmoid_(convolved(x, "up7.0", dilation=2, padding=3))
