"""Reads pickled checkpoints, but only those whose sha256 we pinned."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import CorruptFile, MissingDependency, WeightsMissing

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A torch zip file with named float32 arrays, identified by its content."""

    name: str
    sha256: str


def load_arrays(folder: Path, checkpoint: Checkpoint, device: str) -> dict[str, Tensor]:
    """The arrays of a checkpoint as tensors on `device`.

    The bytes are hashed before any of them is unpickled, and only numpy arrays can be unpickled.
    Raises `WeightsMissing`, `CorruptFile` for any other content, `MissingDependency` without torch.
    """
    try:
        import torch
        from torch.serialization import safe_globals
    except ImportError:
        raise MissingDependency.extra("Spleeter", "avstudio-audio", "spleeter") from None
    import numpy as np

    content = _read_pinned(folder / checkpoint.name, checkpoint.sha256)
    harmless: list[Any] = [
        (np.ndarray(0).__reduce__()[0], "numpy.core.multiarray._reconstruct"),  # its name in numpy 1
        np.ndarray,
        np.dtype,
        type(np.dtype(np.float32)),
        type(np.dtype(np.int64)),
    ]
    with safe_globals(harmless):
        arrays = torch.load(BytesIO(content), weights_only=True)
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


def _read_pinned(path: Path, expected: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsMissing(f"The model file '{path}' cannot be read: {error.strerror}.") from None
    found = sha256(content).hexdigest()
    if found != expected:
        raise CorruptFile(f"'{path}' is not the expected model file: its sha256 is {found}, not {expected}.")
    return content
