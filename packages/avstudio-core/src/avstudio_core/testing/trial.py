"""Monitored runs of a processor: which models it loads, which files it writes, and what it changes."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from avstudio_core.context import Context, Warm
from avstudio_core.errors import NotFound
from avstudio_core.inputs import input_files

if TYPE_CHECKING:
    from avstudio_core.artifact import Artifact
    from avstudio_core.kinds.processor import Processor
    from avstudio_core.orders import Order
    from avstudio_core.results import Needs, Result
    from avstudio_core.studio import Studio

T = TypeVar("T")

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_MAKING = {"open": 0, "os.mkdir": 0, "os.rename": 1, "os.link": 1, "os.symlink": 1}
"""The audit events for new files, each with the position of the path in its arguments."""
_watchers: list[list[str]] = []
"""The current receivers of written paths; a list, because an audit hook of the interpreter cannot be removed."""


@dataclass(frozen=True)
class Watched:
    """The effects of one run."""

    result: dict[str, Any]
    """The result, with its files replaced by their content, because their ids differ between runs."""
    params: tuple[Any, Any]
    """The source's content before and after the run."""
    loads: int
    """How often it loaded a model."""
    used_model: bool
    """Whether it used a model that stays loaded, or weights."""
    left: list[str]
    """Files that it left outside its folder."""
    changed: list[str]
    """What it changed in its process: the current folder, variables of the environment, threads that still run."""
    source: str


class Trial:
    """A processor with one source and one set of parameters, run as a worker would run it."""

    def __init__(
        self,
        studio: Studio,
        processor: Processor[Any, Any],
        sample: Path | None,
        params: Mapping[str, Any],
        folder: Path,
    ) -> None:
        self.studio = studio
        self.processor = processor
        self.params = processor.params_type(**params)
        self.source = studio.take_in(sample) if sample else None
        self.source_sha256 = self.source.sha256 if self.source else ""
        self._folder = folder
        self._runs = count(1)
        self._warm = _CountingWarm()

    def needs(self) -> Needs:
        """The needs of a run, with the digest of a declared model."""
        needs: Needs = self.processor.needs(self.params, self.source)
        if needs.model and not needs.model_digest:
            with suppress(NotFound):
                needs = needs.model_copy(update={"model_digest": self.studio.shelf.digest(needs.model)})
        return needs

    def order(self, folder: Path) -> Order:
        """The order that a worker would get."""
        from avstudio_core.orders import Order

        files = input_files(self.params)
        return Order(
            job_id="job",
            task_id="task",
            processor=self.processor.name,
            version=self.processor.version,
            params=self.params.model_dump(mode="json"),
            source=self.source,
            source_path=self.source.path if self.source else Path(),
            files=tuple(files),
            paths={file.sha256: file.path for file in files},
            needs=self.needs(),
            folder=folder,
        )

    def context(self, name: str) -> _WatchedContext:
        """The context of a run, with a folder of that name."""
        order, studio = self.order(self._folder / name / "job"), self.studio
        return _WatchedContext(order, settings=studio.settings, shelf=studio.shelf, warm=self._warm, ask=studio.ask)

    def run(self) -> Watched:
        """One run, in its own current folder and with its own temporary folder."""
        name = str(next(self._runs))
        folder, given = self._folder / name, self.params.model_copy(deep=True)
        before = given.model_dump()
        context, loads, uses = self.context(name), self._warm.loads, self._warm.uses
        with _watched(folder, self.source, (folder / "job", self.studio.settings.home)) as left:
            state = _process()
            result = self.processor.run(self.source, given, context)
            changed = sorted(_process() - state)
        return Watched(
            result=_by_content(result),
            params=(before, given.model_dump()),
            loads=self._warm.loads - loads,
            used_model=self._warm.uses > uses or context.asked_for_weights,
            left=left,
            changed=changed,
            source=self.source_sha256,
        )


def _process() -> set[str]:
    """The parts of this process's state that a run must leave as they are."""
    variables = {f"the variable '{name}' is '{value}'" for name, value in os.environ.items()}
    threads = {f"the thread '{one.name}' runs" for one in threading.enumerate()}
    return {f"the current folder is '{os.getcwd()}'"} | variables | threads


class _CountingWarm(Warm):
    def __init__(self) -> None:
        super().__init__()
        self.loads = self.uses = 0

    def get(self, key: str, load: Callable[[], T]) -> T:
        def counted() -> T:
            self.loads += 1
            return load()

        self.uses += 1
        return super().get(key, counted)


class _WatchedContext(Context):
    asked_for_weights = False

    def weights(self, name: str) -> Path:
        self.asked_for_weights = True
        return super().weights(name)


def _by_content(result: Result) -> dict[str, Any]:
    from avstudio_core.artifact import Artifact, with_artifacts

    def plain(artifact: Artifact) -> Artifact:
        return Artifact(
            id="", name=artifact.name, media_type=artifact.media_type, sha256=artifact.sha256, size=artifact.size
        )

    alike = with_artifacts(result, plain)
    return {name: getattr(alike, name) for name in type(result).model_fields}


@contextmanager
def _watched(folder: Path, source: Artifact | None, own: tuple[Path, ...]) -> Iterator[list[str]]:
    """Collect the files that are made outside `own` and remain after the block.

    Python reports all files that it opens. Files of C libraries are found in the current folder, the temporary folder,
    and the source's folder.
    """
    left: list[str] = []
    beside = source.path.parent if source else None
    known = _files(beside)
    with _elsewhere(folder) as places, _written() as written:
        yield left
    for place in places:
        left += sorted(name for name, _ in _files(place))
    left += sorted(name for name, _ in _files(beside) - known)
    left += sorted({name for name in written if _stays(name) and not _inside(name, *places, *own)})


@contextmanager
def _elsewhere(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Change to an empty current folder, with another one for temporary files."""
    here, temporary = folder / "here", folder / "temporary"
    for one in (here, temporary):
        one.mkdir(parents=True)
    was, old = os.getcwd(), tempfile.tempdir
    os.chdir(here)
    tempfile.tempdir = str(temporary)
    try:
        yield here, temporary
    finally:
        tempfile.tempdir = old
        os.chdir(was)


@contextmanager
def _written() -> Iterator[list[str]]:
    """Collect the files that this process opens for writing."""
    written: list[str] = []
    if _hear not in _installed:
        sys.addaudithook(_hear)
        _installed.append(_hear)
    _watchers.append(written)
    try:
        yield written
    finally:
        _watchers.remove(written)


_installed: list[Callable[..., None]] = []


def _hear(event: str, given: tuple[Any, ...]) -> None:
    """The interpreter's audit hook, which receives the files that Python code creates."""
    if not _watchers or event not in _MAKING:
        return
    if event == "open" and not (isinstance(given[2], int) and given[2] & WRITES):
        return
    made = given[_MAKING[event]]
    if isinstance(made, str | bytes | os.PathLike):
        for written in _watchers:
            written.append(os.path.abspath(os.fsdecode(made)))


def _files(folder: Path | None) -> set[tuple[str, int]]:
    """The files in a folder, with the times of their last changes."""
    return {(one.path, one.stat().st_mtime_ns) for one in os.scandir(folder)} if folder else set()


def _stays(name: str) -> bool:
    """Whether it is a regular file, and not a cache file of the interpreter."""
    try:
        mode = os.lstat(name).st_mode
    except OSError:
        return False
    return "__pycache__" not in name and (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def _inside(name: str, *places: Path) -> bool:
    return any(Path(os.path.realpath(name)).is_relative_to(os.path.realpath(place)) for place in places)
