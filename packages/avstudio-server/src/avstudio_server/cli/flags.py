"""The options that commands share, each declared once, and how a function receives them as one object."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, get_type_hints

import typer

from avstudio_core.errors import InvalidInput, OutputExists, StorageError
from avstudio_core.media_types import is_known
from avstudio_core.paths import user_path
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    from avstudio_core import TaskOptions


Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show how much would be removed.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True)
class FileFlags:
    """Where the files of a result go."""

    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="Write the files of the result into this folder, or its file under a name such as 'clip.mp4'; "
            "without it, they stay in the data folder.",
            rich_help_panel="Output",
        ),
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing files.", rich_help_panel="Output")
    ] = False

    @property
    def folder(self) -> Path | None:
        """Where the files go."""
        return self._path.parent if self._path and self.file else self._path

    @property
    def file(self) -> str | None:
        """The name for the file of the result, if the output ends as the name of a known type of file."""
        path = self._path
        if path is None or str(self.output).endswith(os.sep) or not is_known(path.suffix) or _is_folder(path):
            return None
        return path.name

    @property
    def _path(self) -> Path | None:
        return None if self.output is None else user_path(self.output, "folder")

    def check(self) -> None:
        """Check that the output can be written, before anything runs.

        Raises `StorageError`, `InvalidInput`, and `OutputExists` for a file that may not be replaced.
        """
        if self.output == "":
            raise InvalidInput("'--output' is empty.", hint="Name a folder; the current folder is '.'.")
        if self.folder is None:
            return
        try:
            folder = next(path for path in (self.folder, *self.folder.parents) if path.exists())
            taken = self.file is not None and (self.folder / self.file).exists()
        except OSError as error:
            raise StorageError.of(error, self._path or self.folder) from None
        if not folder.is_dir():
            raise StorageError(f"{quoted(folder)} is not a folder.", hint="Give a folder with --output.")
        if taken and not self.overwrite:
            raise OutputExists(f"{quoted(self._path)} already exists.", hint="Allow overwriting.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise StorageError(f"The folder {quoted(folder)} cannot be written.", hint="Give another with --output.")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, or a folder that may not be entered: the check tells it
        return False


@dataclass(frozen=True)
class DisplayFlags:
    """How much is shown, and in which form."""

    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, and nothing else.", rich_help_panel="Output")
    ] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.", rich_help_panel="Output")] = False


@dataclass(frozen=True)
class TaskFlags:
    """How a task is run, whatever it does."""

    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.", rich_help_panel="Task")] = False
    no_cache: Annotated[
        bool,
        typer.Option(
            "--no-cache", help="Run again, even if there is a result of identical work.", rich_help_panel="Task"
        ),
    ] = False
    priority: Annotated[
        int,
        typer.Option(
            "--priority",
            metavar="N",
            min=-100,
            max=100,
            help="Of your tasks, those with a higher number run first. [-100 to 100; default: 0]",
            rich_help_panel="Task",
        ),
    ] = 0
    retries: Annotated[
        int,
        typer.Option(
            "--retries",
            metavar="N",
            min=0,
            max=20,
            help="How often to retry a failed run. [0 to 20; default: 0]",
            rich_help_panel="Task",
        ),
    ] = 0
    review: Annotated[
        bool,
        typer.Option("--review", help="A person must accept the result: see 'tasks accept'.", rich_help_panel="Task"),
    ] = False
    project: Annotated[
        str,
        typer.Option("--project", help="The project of the task. [default: default]", rich_help_panel="Task"),
    ] = "default"

    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", "--explain", help="Show the steps that would run, and run nothing.", rich_help_panel="Task"
        ),
    ] = False

    def options(self) -> TaskOptions:
        from avstudio_core import TaskOptions

        return TaskOptions(
            strict=self.strict,
            cache=not self.no_cache,
            priority=self.priority,
            retries=self.retries,
            reviewer="person" if self.review else "processor",
            project=self.project,
        )


@dataclass(frozen=True)
class RunFlags:
    """The options of a command that runs tasks."""

    task: TaskFlags = TaskFlags()
    files: FileFlags = FileFlags()
    display: DisplayFlags = DisplayFlags()


class Spread(Protocol):
    """A command's function that takes each option by its name."""

    def __call__(self, **values: Any) -> int: ...


def spread(function: Callable[..., int]) -> Spread:
    """Let a command's function take bundles of options: `files: FileFlags` becomes `--output` and `--overwrite`."""
    hints = get_type_hints(function, include_extras=True)
    bundles = {name: kind for name, kind in hints.items() if is_dataclass(kind) and isinstance(kind, type)}
    own = inspect.signature(function).parameters.values()
    parameters = [one.replace(annotation=hints[one.name]) for one in own if one.name not in bundles]

    def call(**values: Any) -> int:
        return function(**gathered(values, bundles))

    call.__doc__ = function.__doc__
    return signed(call, [*parameters, *(one for kind in bundles.values() for one in parameters_of(kind))])


def parameters_of(bundle: type[Any]) -> list[inspect.Parameter]:
    """The options of a bundle, for a signature."""
    hints = get_type_hints(bundle, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(field.name, keyword, default=field.default, annotation=hints[field.name])
        for field in fields(bundle)
    ]


def option_names(bundle: type[Any]) -> list[str]:
    """The long names of a bundle's options: `--output`."""
    options = [one.annotation.__metadata__[0] for one in parameters_of(bundle)]
    # Typer stores the first name as the default
    names = [name for option in options for name in (option.default, *option.param_decls)]
    return [name for name in names if name.startswith("--")]


def gathered(values: dict[str, Any], bundles: dict[str, type[Any]]) -> dict[str, Any]:
    """The values of options, those of each bundle gathered into one object."""
    rest = dict(values)
    made = {
        name: kind(**{field.name: rest.pop(field.name) for field in fields(kind) if field.name in rest})
        for name, kind in bundles.items()
    }
    return rest | made


def signed(function: Callable[..., int], parameters: Sequence[inspect.Parameter]) -> Callable[..., int]:
    """Set the signature, from which the command is built, on a function that takes any arguments."""
    ordered = sorted(parameters, key=lambda one: one.kind)
    function.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    function.__annotations__ = {one.name: one.annotation for one in ordered}
    return function
