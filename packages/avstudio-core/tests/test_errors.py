from __future__ import annotations

import errno
import re
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Context, Params, Processor, Result, Studio, errors, hookimpl
from avstudio_core.errors import (
    AVStudioError,
    InvalidPlan,
    MissingDependency,
    NotFound,
    OutputExists,
    StorageError,
    TaskFailed,
    UnreadableMedia,
    by_code,
)

TREE = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, AVStudioError)]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    drawn: list[tuple[str, str]] = []
    above: list[str] = []
    for indent, name in re.findall(r"^([│├└─ ]*)(\w+)  +\S", errors.__doc__, re.MULTILINE):
        del above[len(indent) // 4 :]
        drawn.append((name, above[-1] if above else "Exception"))
        above.append(name)
    assert drawn == [(one.__name__, one.__bases__[0].__name__) for one in _in_order(AVStudioError)]


def test_each_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in TREE]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


def test_a_near_name_is_offered() -> None:
    said = NotFound.among("processor", "audio.seperate", ["audio.separate", "audio.probe"])
    assert str(said) == "No processor is named 'audio.seperate'. Did you mean 'audio.separate'?"


def test_a_few_names_are_listed() -> None:
    assert str(NotFound.among("stem", "xyz", ["drums", "bass"])) == "No stem is named 'xyz'. Known: bass, drums."


@pytest.mark.parametrize("known", [[], [str(n) for n in range(100, 120)]])
def test_many_names_are_listed_elsewhere(known: list[str]) -> None:
    said = NotFound.among("processor", "xyz", known, see="See the list of processors.")
    assert str(said) == "No processor is named 'xyz'. See the list of processors."


def test_a_missing_extra_comes_with_its_command() -> None:
    said = MissingDependency.extra("Separation", "avstudio-audio", "demucs")
    assert "Run: pip install 'avstudio-audio[demucs]'" in str(said)


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, "DiskFull"), (errno.EACCES, "StorageError")])
def test_what_the_system_refuses_is_reported_with_the_place(number: int, kind: str) -> None:
    said = StorageError.of(OSError(number, "as it says"), Path("/some/file"))
    assert type(said).__name__ == kind
    assert "'/some/file'" in str(said)


def _in_order(kind: type[AVStudioError]) -> list[type[AVStudioError]]:
    found = [kind]
    for one in TREE:
        if one.__base__ is kind:
            found += _in_order(one)
    return found


def test_a_hint_stands_apart_from_the_message() -> None:
    error = OutputExists("'x.srt' exists.", hint="Choose another folder.")
    assert (error.message, error.hint, str(error)) == (
        "'x.srt' exists.",
        "Choose another folder.",
        "'x.srt' exists. Choose another folder.",
    )
    again = by_code(error.code, error.message, hint=error.hint)
    assert (type(again), again.message, again.hint) == (OutputExists, error.message, error.hint)


def test_a_hint_goes_before_the_lines_that_show_a_place() -> None:
    error = InvalidPlan("'x' is not a step.\n  x | y\n  ^", hint="Write a processor.")
    assert str(error) == "'x' is not a step. Write a processor.\n  x | y\n  ^"


class Odd(UnreadableMedia):
    """An error of a plugin."""

    code = "odd"


class Refuse(Processor[Params, Result]):
    """Refuse."""

    name = "test.refuse"

    def run(self, source: None, params: Params, context: Context) -> Result:
        raise Odd("It is odd.")


def test_a_plugins_error_is_a_kind_of_the_cores(tmp_path: Path) -> None:
    plugin = ModuleType("odd")
    plugin.__dict__["register_processors"] = hookimpl(lambda: [Refuse])
    with (
        Studio(home=tmp_path, executor="inline", plugins="", add=[plugin]) as studio,
        pytest.raises(TaskFailed) as failed,
    ):
        studio.run("test.refuse")
    assert (failed.value.cause, failed.value.base) == ("odd", "unreadable_media")
