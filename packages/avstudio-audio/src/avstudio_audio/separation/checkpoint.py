"""Read a pickled checkpoint that we pinned, and no other."""

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
    """A file of a torch zip with named float32 arrays, known by its content."""

    name: str
    sha256: str


def load_arrays(folder: Path, checkpoint: Checkpoint, device: str) -> dict[str, Tensor]:
    """The arrays of a checkpoint as tensors on `device`.

    The bytes are hashed before a single one is unpickled, and even then only numpy arrays can come out of them.
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
        (np.ndarray(0).__reduce__()[0], "numpy.core.multiarray._reconstruct"),  # its name since numpy 1
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
        raise CorruptFile(f"'{path}' is not the model file it should be: its sha256 is {found}, not {expected}.")
    return content
