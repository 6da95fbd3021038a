"""What the core asks of an artifact store: content that never changes, by its sha256.

A store in a folder is in `storage/folder`. Another one, such as S3, keeps a cache on this machine: a staging folder is
always local, `link` uploads, and `verify_if_changed`, which comes before each use of a `path`, fetches what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol


class ArtifactStore(Protocol):
    """Content by its sha256, and a local staging folder for each job or ingestion.

    A file is written to its staging folder, synced, and linked before the database transaction that records it. The
    folder stays until then: in it, a sweep finds the files of a dead job; see `leftovers`.
    """

    @property
    def staging(self) -> Path:
        """Where the staging folders are."""
        ...

    def path(self, sha256: str) -> Path:
        """The place of the content on this machine, whether it is there or not: see `Artifact.path`."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """The content, to be read from any position. Raises `CorruptFile`."""
        ...

    def folder(self, name: str) -> Path:
        """A new staging folder."""
        ...

    def copy_in(self, source: Path, folder: Path) -> tuple[str, int]:
        """Copy a user's file into a staging folder under its sha256; return the sha256 and the size.

        Raises `StorageError`, `DiskFull`.
        """
        ...

    def link(self, sha256: str, folder: Path) -> None:
        """Store a staged file, instead of one that is damaged. Raises `StorageError`."""

    def link_again(self, sha256: str, folder: Path) -> None:
        """Store a staged file, in the transaction that records it, if another one has removed its content since."""

    def discard(self, folder: Path) -> None:
        """Remove a staging folder."""

    def mark(self, folder: Path, hashes: Iterable[str]) -> None:
        """Name content in a staging folder, so that the folder's sweep removes what no artifact has."""

    def leftovers(self) -> Iterator[Path]:
        """The existing staging folders, of live and dead jobs."""
        ...

    def remove(self, hashes: Iterable[str]) -> None:
        """Remove content that nothing refers to."""

    def unverified(self, sha256: str) -> int:
        """How many bytes must be read to verify content; none if it has not changed since it was verified."""
        ...

    def verify(self, sha256: str, go_on: Callable[[], bool] = ...) -> None:
        """Read the whole content and compare. Raises `CorruptFile`, and `TaskCancelled` once `go_on` returns false."""

    def verify_if_changed(self, sha256: str, go_on: Callable[[], bool]) -> None:
        """`verify`, but only if the content may have changed since."""

    def stored(self) -> Iterator[str]:
        """The sha256 of everything in the store."""
        ...

    def totals(self) -> tuple[int, int]:
        """The number of files in the store, and their bytes."""
        ...
