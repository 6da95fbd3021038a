"""The arithmetic of a network: the precision of its numbers, and which one a device gains from."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Any

from avstudio_core.errors import Unavailable


class Precision(StrEnum):
    """The numbers with which a network multiplies; its sums stay in single precision."""

    AUTO = "auto"
    """The fastest that the device computes in its hardware."""
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


def chosen(precision: Precision, device: str) -> Precision:
    """The precision that a device will use: `auto` never chooses a slower one than `float32`.

    Raises `Unavailable` for one that the device does not compute.
    """
    if precision is Precision.AUTO:
        return fastest(device)
    if precision is Precision.FLOAT16 and device == "cpu":
        raise Unavailable("A CPU does not separate with 'float16'.", hint="Choose 'bfloat16', 'float32' or 'auto'.")
    return precision


def fastest(device: str) -> Precision:
    """The fastest precision of a device, by its instructions.

    A graphics card of NVIDIA computes `float16` in its tensor cores. A CPU gains from `bfloat16` if it has AMX or
    AVX512-BF16; others emulate it, which is slower than `float32`.
    """
    import torch

    if device.startswith("cuda"):
        return Precision.FLOAT16
    knows: Any = torch.cpu
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported") if device == "cpu" else ()
    return Precision.BFLOAT16 if any(getattr(knows, name, bool)() for name in names) else Precision.FLOAT32


def reduced(precision: Precision, device: str) -> AbstractContextManager[Any]:
    """In this context, networks on a device compute with a precision."""
    if precision is Precision.FLOAT32:
        return nullcontext()
    import torch

    types = {Precision.BFLOAT16: torch.bfloat16, Precision.FLOAT16: torch.float16}
    return torch.autocast(device.partition(":")[0], dtype=types[precision])
