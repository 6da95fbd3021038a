"""A planted key is nowhere but in its store, whatever a run leaves."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_core.errors import AVStudioError, TaskFailed

CANARY = "sk-canary-7f3a9c51d2e8"
PLUGIN = f"""
import os
from avstudio_core.chat import Delta
from avstudio_core.language_models import Can, Model
from avstudio_core.kinds.backend import Backend

class Leaky(Backend):
    name = "leaky"
    default_key_variable = "LEAKY_API_KEY"
    always_local = True
    lists_cheaply = True

    async def models(self):
        return [Model(backend="leaky", name=name, local=True, can=Can()) for name in ("foreign", "ours")]

    async def stream(self, request, model):
        try:
            raise OSError(f"refused: Bearer {{self.key}}")
        except OSError as error:
            if model.name == "ours":
                raise AVStudioError(f"The server refused {{self.key}}.", hint=f"Check {{self.key}}.") from error
            raise ValueError(f"Illegal header value {{self.key}}") from error
        yield Delta()

class Found(Result):
    places: list[str]

class Ask(Processor[Params, Found]):
    "Ask a model, and look for its key."
    name = "canary.ask"
    def run(self, source, params, context):
        for model in ("leaky/foreign", "leaky/ours"):
            try:
                context.chat("Hello", model=model)
            except AVStudioError as error:
                context.progress(0, str(error))
        places = {{"environ": str(os.environ)}}
        for place in ("environ", "cmdline"):
            path = f"/proc/self/{{place}}"
            places[path] = open(path, errors="replace").read() if os.path.exists(path) else ""
        return Found(places=[place for place, text in places.items() if "{CANARY}" in text])

class Fail(Processor[Params, Result]):
    "Ask a model, and fail with its error."
    name = "canary.fail"
    def run(self, source, params, context):
        context.chat("Hello", model="leaky/foreign")

@hookimpl
def register_backends(): return [Leaky]
@hookimpl
def register_processors(): return [Ask, Fail]
"""


@pytest.fixture(params=["environment", "file"])
def studio(
    request: pytest.FixtureRequest,
    write_plugin: Callable[[str], ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Studio]:
    """A studio with a key, and with a backend that quotes its key in errors."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.delenv("LEAKY_API_KEY", raising=False)
    if request.param == "environment":
        monkeypatch.setenv("LEAKY_API_KEY", CANARY)
    module = write_plugin(PLUGIN)
    with Studio(home=tmp_path / "home", plugins="", add=[module], executor="local") as made:
        if request.param == "file":
            made.secrets.set("LEAKY_API_KEY", CANARY)
        yield made


def traces(studio: Studio) -> list[str]:
    """The files of the data folder, except the store itself, that have the key."""
    files = [file for file in studio.settings.home.rglob("*") if file.is_file() and file.name != "secrets.json"]
    return [str(file) for file in files if CANARY.encode() in file.read_bytes()]


def test_a_worker_does_not_get_the_key(studio: Studio) -> None:
    assert studio.run("canary.ask").places == []
    assert studio.secrets.get("LEAKY_API_KEY") == CANARY, "the backend had it"


def test_a_running_process_does_not_show_the_key(studio: Studio) -> None:
    handle = studio.submit("canary.ask")
    shown = set[str]()
    while not handle.task().finished_at:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if process.name != str(os.getpid()) and f"\nPPid:\t{os.getpid()}\n" in (process / "status").read_text():
                    shown |= {(process / one).read_text(errors="replace") for one in ("cmdline", "environ")}
            except OSError:
                continue
        time.sleep(0.02)
    handle.result()
    assert shown or sys.platform != "linux"
    assert [text for text in shown if CANARY in text] == []


def test_errors_and_the_log_do_not_have_the_key(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for model in ("leaky/foreign", "leaky/ours"):
        with pytest.raises(AVStudioError) as failed:
            studio.chat("Hello", model=model)
        assert CANARY not in str(failed.getrepr(style="long", chain=True))
        assert "…" in str(failed.value)
    with pytest.raises(TaskFailed) as task:
        studio.run("canary.fail")
    assert CANARY not in f"{task.value} {task.value.traceback}"
    assert CANARY not in caplog.text


def test_the_data_folder_does_not_have_the_key(studio: Studio) -> None:
    studio.run("canary.ask")
    with pytest.raises(TaskFailed):
        studio.run("canary.fail")
    assert traces(studio) == []
    studio.close()
    assert traces(studio) == []
