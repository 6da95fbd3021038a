"""Copying the files of results to where they are wanted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_core.errors import OutputExists, StorageError
from avstudio_core.names import file_name

if TYPE_CHECKING:
    from avstudio_core.artifact import Artifact
    from avstudio_core.studio import Studio
    from avstudio_server.cli.flags import FileFlags
    from avstudio_server.views.results import StepResult


def export(studio: Studio, results: list[StepResult], flags: FileFlags, *, stem: str = "") -> None:
    """Copy every artifact into the output folder, if there is one: all of them or, where one is in the way, none.

    Each name begins with `stem`, if need be after a change. A file that is there already with the very same
    content is left as it is. Raises `StorageError`.
    """
    if flags.folder is None:
        return
    targets = _targets(results, flags.folder, stem)
    placed = [(one.artifacts[name], path) for one, name, path in targets]
    wanted = [(artifact, path) for artifact, path in placed if not _same(path, artifact)]
    _refuse_taken([path for _, path in wanted], overwrite=flags.overwrite)
    if wanted:
        _copy(studio, wanted, flags.folder, overwrite=flags.overwrite)
    for one, name, path in targets:
        one.files[name] = path


def _targets(results: list[StepResult], folder: Path, stem: str) -> list[tuple[StepResult, str, Path]]:
    """Where each artifact goes: under its own name, or, where two share one, with its output and step before it."""
    named = [
        (one, name, file_name(_begun(artifact.name, stem)))
        for one in results
        for name, artifact in one.artifacts.items()
    ]
    names = Counter(file.casefold() for _, _, file in named)
    return [
        (one, name, folder / (file if names[file.casefold()] == 1 else file_name(f"{one.task.step}-{name}-{file}")))
        for one, name, file in named
    ]


def _refuse_taken(paths: list[Path], *, overwrite: bool) -> None:
    """Refuse places where something is that is not to be overwritten. Raises `StorageError`, `OutputExists`."""
    taken = [path for path in paths if path.exists()]
    if folder := next((path for path in taken if path.is_dir()), None):
        raise StorageError(f"'{folder}' is a folder, and a file is to be there. Give another with --output.")
    if taken and not overwrite:
        raise OutputExists(
            f"'{taken[0]}' exists already{f', and {len(taken) - 1} more' if taken[1:] else ''}. The result is kept: "
            "run this again with --overwrite, or with another folder, and it is there at once."
        )


def _copy(studio: Studio, wanted: list[tuple[Artifact, Path]], folder: Path, *, overwrite: bool) -> None:
    """Copy artifacts to a folder beside their places, and move them there when all are whole."""
    import shutil
    import tempfile

    from avstudio_core.storage.exports import put

    path, placed = folder, list[Path]()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".avstudio-", dir=folder) as beside:
            for artifact, path in wanted:
                studio.store.verify(artifact.sha256)
                shutil.copyfile(artifact.path, Path(beside, path.name))
            for _, path in wanted:
                new = [] if path.exists() else [path]
                put(Path(beside, path.name), path, overwrite=overwrite)
                placed += new
    except BaseException as error:
        for one in placed:
            one.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StorageError.of(error, path) from error
        raise


def _begun(name: str, stem: str) -> str:
    return name if name.startswith(stem) else f"{stem}-{name}"


def _same(path: Path, artifact: Artifact) -> bool:
    import hashlib

    if not path.is_file() or path.stat().st_size != artifact.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == artifact.sha256
