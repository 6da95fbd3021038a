"""The export of result files into the output folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_core.errors import InvalidInput, OutputExists, StorageError
from avstudio_core.names import file_name, stem
from avstudio_core.quotes import quoted
from avstudio_server.views.task_names import source_name

if TYPE_CHECKING:
    from avstudio_core import Artifact, Studio
    from avstudio_server.cli.flags import FileFlags
    from avstudio_server.views.results import StepResult


def export(studio: Studio, results: list[StepResult], flags: FileFlags, *, prefix: str = "") -> None:
    """Copy every artifact into the output folder, if one was given; if a file is in the way, copy none.

    A name that does not begin with `prefix` gets it. An existing file with the same content is kept. If the output is
    the name of a file, only that is written. Raises `StorageError`, and `InvalidInput` if no file can have that name.
    """
    if flags.folder is None:
        return
    targets = _targets(studio, results, flags.folder, prefix)
    if flags.file:
        targets = [_named(targets, flags.folder / flags.file)]
    placed = [(one.artifacts[name], path) for one, name, path in targets]
    wanted = [(artifact, path) for artifact, path in placed if not _same(path, artifact)]
    _refuse_taken([path for _, path in wanted], overwrite=flags.overwrite)
    if wanted:
        _copy(studio, wanted, flags.folder, overwrite=flags.overwrite)
    for one, name, path in targets:
        one.files[name] = path


def _targets(
    studio: Studio, results: list[StepResult], folder: Path, prefix: str
) -> list[tuple[StepResult, str, Path]]:
    """The path of each artifact: named after the first source, by its own name, or by its step and output."""
    outputs = [(one, name) for one in results for name in one.artifacts]
    own = [one.artifacts[name].name for one, name in outputs]
    first = [_after_first_source(studio, one, name, results) for one, name in outputs]
    taken = Counter(name.casefold() for name in first)
    chosen = [new if taken[new.casefold()] == 1 else old for new, old in zip(first, own, strict=True)]
    files = [file_name(name if name.startswith(prefix) else f"{prefix}-{name}") for name in chosen]
    times = Counter(file.casefold() for file in files)
    return [
        (one, name, folder / (file if times[file.casefold()] == 1 else file_name(f"{one.task.step}-{name}-{file}")))
        for (one, name), file in zip(outputs, files, strict=True)
    ]


def _named(targets: list[tuple[StepResult, str, Path]], wanted: Path) -> tuple[StepResult, str, Path]:
    """The only file with the ending of `wanted` of the last step that has some, at that path."""
    found = [one for one in targets if one[2].suffix.casefold() == wanted.suffix.casefold()]
    last = [one for one in found if one[0] is found[-1][0]]
    if len(last) != 1:
        listed = ", ".join(path.name for _, _, path in last or targets) or "nothing"
        message = f"{quoted(wanted)} cannot be the name for what was made: {listed}. It is kept in the data folder."
        raise InvalidInput(message, hint="Name a folder, or one file with the same ending.")
    [(one, name, _)] = last
    return one, name, wanted


def _after_first_source(studio: Studio, one: StepResult, name: str, results: list[StepResult]) -> str:
    """A file's name with the stem of the first source, where players look for it.

    The source `song.mp3`, the input `song.vocals.flac` and the output `song.vocals.srt` give `song.srt`.
    """
    own, source = one.artifacts[name].name, one.task.source or {}
    before = next((other.artifacts for other in results if other.task.id == source.get("task")), {})
    if (given := before.get(str(source.get("output")))) is None:
        return own
    middle, first = stem(given.name), stem(source_name(studio, one.task))
    return first + own.removeprefix(middle) if own.startswith(middle) and middle.startswith(first) else own


def _refuse_taken(paths: list[Path], *, overwrite: bool) -> None:
    """Refuse to overwrite existing files without permission. Raises `StorageError`, `OutputExists`."""
    taken = [path for path in paths if path.exists()]
    if folder := next((path for path in taken if path.is_dir()), None):
        raise StorageError(
            f"{quoted(folder)} is a folder, but a file must go there.", hint="Give another with --output."
        )
    if taken and not overwrite:
        more = f", and {len(taken) - 1} more" if taken[1:] else ""
        raise OutputExists(
            f"{quoted(taken[0])} already exists{more}. The result is kept in the data folder.",
            hint="Allow overwriting.",
        )


def _copy(studio: Studio, wanted: list[tuple[Artifact, Path]], folder: Path, *, overwrite: bool) -> None:
    """Copy artifacts into a temporary folder, and move them to their places when all copies are complete."""
    import shutil
    import tempfile

    from avstudio_core.storage.exports import put

    path, placed = folder, list[Path]()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".avstudio-", dir=folder) as beside:
            for artifact, path in wanted:
                studio.verify(artifact)
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


def _same(path: Path, artifact: Artifact) -> bool:
    import hashlib

    if not path.is_file() or path.stat().st_size != artifact.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == artifact.sha256
