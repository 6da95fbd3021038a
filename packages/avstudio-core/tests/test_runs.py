"""Whatever a run raises is the failure of one job; what it leaves behind is no other job's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_core.errors import TaskFailed

OpenStudio = Callable[..., Studio]
WritePlugin = Callable[[str], ModuleType]

RAISING = """
class Unspeakable(Exception):
    def __str__(self):
        raise KeyError("no words")

class Odd(BaseException):
    pass

ERRORS = {
    "interrupt": KeyboardInterrupt, "generator": GeneratorExit, "exit": SystemExit, "odd": Odd,
    "unspeakable": Unspeakable,
}

class RaiseParams(Params):
    what: str = Field("", description="What to raise.")

class Raise(Processor[RaiseParams, Result]):
    "Raise something."
    name = "test.raise"
    cacheable = False
    def run(self, source, params, context):
        if params.what:
            raise ERRORS[params.what]()
        return Result()

@hookimpl
def register_processors():
    return [Raise]
"""


@pytest.mark.parametrize("executor", ["inline", "local"])
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("interrupt", "KeyboardInterrupt"),
        ("generator", "GeneratorExit"),
        ("exit", "SystemExit"),
        ("odd", "Odd"),
        ("unspeakable", r"Unspeakable: \(its message cannot be read: KeyError\)"),
    ],
)
def test_whatever_a_run_raises_is_one_failed_job(
    open_studio: OpenStudio, write_plugin: WritePlugin, executor: str, what: str, said: str
) -> None:
    studio = open_studio(write_plugin(RAISING), executor=executor)
    handle = studio.submit("test.raise", what=what)
    with pytest.raises(TaskFailed, match=rf"test\.raise failed: {said}") as failed:
        handle.result(30)
    assert (failed.value.cause, handle.task().attempts) == ("processor_error", 1)
    assert "raise ERRORS[params.what]()" in failed.value.traceback
    studio.submit("test.raise").result(30)
