"""A snapshot: what a backup has of a data folder at one moment, written last, with the sha256 of everything."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from avstudio_core.errors import CorruptFile, NotFound
from avstudio_core.quotes import quoted
from avstudio_core.storage.backup.content import Content, inside
from avstudio_core.storage.digest import regular_file

CHUNK = 1 << 20
"""The bytes of a chunk of the database: a chunk without changes is the same content as before."""
SMALL = ("keys.hmac", "settings.toml", "models.toml")
"""What a snapshot has besides the database and the stored files. What the secret stores keep is never in it."""
ID = r"\d{8}T\d{9}Z-[0-9a-f]{4}"
FILE = re.compile(rf"{ID}\.(?P<digest>[0-9a-f]{{32}}).*\.json")
"""A snapshot's file: a service that finds a conflict adds something before the ending."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Piece(BaseModel):
    """Content: its sha256, and its size in bytes."""

    model_config = ConfigDict(frozen=True)

    sha256: Sha256
    size: int


class DatabaseChunks(BaseModel):
    """The database: the sha256 and size of the whole, and its chunks in order, each of `CHUNK` bytes but the last."""

    model_config = ConfigDict(frozen=True)

    sha256: Sha256
    size: int
    revision: str
    chunks: tuple[Sha256, ...]

    def pieces(self) -> Iterator[Piece]:
        """The chunks with their sizes."""
        for number, sha256 in enumerate(self.chunks):
            yield Piece(sha256=sha256, size=min(CHUNK, self.size - number * CHUNK))


class Snapshot(BaseModel):
    """Everything that a data folder had at one moment."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    id: str
    made_at: float
    version: str
    origin: str
    """The machine and the data folder: snapshots of several folders can lie beside each other."""
    database: DatabaseChunks
    small: dict[Literal["keys.hmac", "settings.toml", "models.toml"], Piece]
    files: dict[Sha256, int]
    """The size of each stored file by its sha256."""
    absent: tuple[Sha256, ...] = ()
    """Stored files that the database names, but that the data folder itself had lost."""

    def pieces(self) -> Iterator[Piece]:
        """All content of this snapshot."""
        yield from self.database.pieces()
        yield from self.small.values()
        for sha256, size in self.files.items():
            yield Piece(sha256=sha256, size=size)

    @property
    def bytes(self) -> int:
        """The size of all content."""
        return sum(piece.size for piece in self.pieces())


class Flawed(NamedTuple):
    """A snapshot's file that cannot be used, and why."""

    path: Path
    flaw: str


def new_name() -> str:
    """A name for a snapshot that is made now; names sort by their time."""
    now = time.time_ns() // 1_000_000
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now // 1000))}{now % 1000:03}Z-{secrets.token_hex(2)}"


def write(content: Content, snapshot: Snapshot) -> None:
    """Write a snapshot, when all its content is there. Raises `StorageError`."""
    text = snapshot.model_dump_json().encode()
    content.put(text, content.snapshots / f"{snapshot.id}.{_digest(text)}.json")


def read(content: Content) -> tuple[dict[Path, Snapshot], list[Flawed]]:
    """The snapshots of a folder, the oldest first, and the files that cannot be used.

    When a service finds a conflict, there may be several equal files of one snapshot.
    """
    found, flawed = {}, []
    for path in inside(content.snapshots):
        if not re.match(rf"\.?{ID}", path.name):  # a file of the system, such as .DS_Store
            continue
        try:
            found[path] = _read(path)
        except CorruptFile as error:
            flawed.append(Flawed(path, error.message))
    return found, flawed


def choose(content: Content, name: str | None) -> Snapshot:
    """The snapshot of that id, or the newest. Raises `NotFound`."""
    found, flawed = read(content)
    known = {snapshot.id: snapshot for snapshot in found.values()}
    if name is not None and name not in known:
        raise NotFound.among("snapshot", name, known)
    if not known:
        said = f" {quoted(flawed[0].path)} {flawed[0].flaw}." if flawed else ""
        raise NotFound(f"{quoted(content.folder)} has no usable backup.{said}", hint="Wait until it is synced.")
    return known[name or max(known)]


def _read(path: Path) -> Snapshot:
    """Raises `CorruptFile`, whose message continues a sentence about the file."""
    if path.name.startswith("."):
        raise CorruptFile("is not on this machine, but only in the cloud")
    if (name := FILE.fullmatch(path.name)) is None:
        raise CorruptFile("does not have the name of a snapshot")
    try:
        with regular_file(path) as file:
            text = file.read()
    except OSError as error:
        raise CorruptFile(f"cannot be read: {error.strerror or error}") from error
    if _digest(text) != name["digest"]:
        raise CorruptFile("is damaged")
    try:
        return Snapshot.model_validate_json(text)
    except ValidationError:
        raise CorruptFile("was made by a newer AV-Studio") from None


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:32]
