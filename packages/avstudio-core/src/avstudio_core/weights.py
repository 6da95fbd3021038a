"""Declarations of model files: sources, hashes, licences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One file of a model. Without a pinned `sha256` it is never fetched, but only used from the user's folder."""

    name: str
    sha256: str | None = None
    size: int | None = None
    """Size in bytes, if known."""
    carried_by: tuple[str, ...] = ()
    """Resources of installed packages (`package:path`) whose concatenation is the file."""


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
    """Ranks the weights of one family, 0 to 1: `auto` chooses the best that are installed."""
    repository: ClassVar[str | None] = None
    """`owner/name` on the model hub."""
    revision: ClassVar[str | None] = None
    """The pinned commit on the hub; without one, nothing is fetched."""
    requires: ClassVar[str | None] = None
    """The package to install with pip to get the weights."""
    options: ClassVar[dict[str, str]] = {}
    """Facts for the engine that loads the weights."""


class Shelf(ABC):
    """The weights that a studio knows, for its processors."""

    fetches: ClassVar[bool] = True
    """Whether it fetches weights itself; a worker's studio does that for it."""

    @abstractmethod
    def known(self, family: str) -> list[type[Weights]]:
        """All declared weights of a family, the best first."""

    @abstractmethod
    def at_hand(self, name: str) -> bool:
        """Whether a run could use them without fetching."""

    @abstractmethod
    def require(self, name: str) -> None:
        """Raise `WeightsMissing`, with the ways to get them, if they are not installed and cannot be fetched."""

    @abstractmethod
    def digest(self, name: str) -> str:
        """The digest of the content, for cache keys and provenance. `name` may be a folder or a file."""

    @abstractmethod
    def folder(self, name: str, progress: Callable[[float], None] = lambda fraction: None) -> Path:
        """A folder with all files, verified; fetched if the settings allow. `progress` is called with the fraction.

        Raises `WeightsMissing`, and `CorruptFile` for files that are not the pinned ones.
        """
