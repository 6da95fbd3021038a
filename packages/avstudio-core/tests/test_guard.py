"""A plugin that raises, hangs, exits or returns nonsense does not harm others, and its error names it."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from avstudio_core import Plan, Step, Studio, guard
from avstudio_core.errors import AVStudioError, BackendDown, NoModel, NotFound, PartialAnswer, PluginError, TaskFailed
from avstudio_core.gateway.models import backends, guarded_backend
from avstudio_core.tasks.engine import engine, running_job
from avstudio_core.testing import scripted

WritePlugin = Callable[[str], ModuleType]
OpenStudio = Callable[..., Studio]

BACKEND = """
import asyncio, os, sys, time
from avstudio_core.chat import Delta, Usage
from avstudio_core.kinds.backend import Backend, Model

class Odd(Backend):
    "A backend."
    name = "odd"
    always_local = lists_cheaply = True
    {body}

    def __init__(self, config, host):
        super().__init__(config, host)
        {init}

    def obstacle(self):
        {obstacle}

    async def models(self):
        {models}
        return [Model(backend="odd", name="m", local=True, quality=0.9)]

    async def stream(self, request, model):
        {before}
        yield Delta(text="Well, ")
        {amid}
        yield Delta(text="yes.", finish="stop")

@hookimpl
def register_backends():
    return [Odd]
"""
CALM = {"body": "", "init": "pass", "obstacle": "return None", "models": "pass", "before": "pass", "amid": "pass"}
RUDE = ["raise KeyError('x')", "sys.exit(3)", "raise KeyboardInterrupt", "os._exit(3)"]
GONE = [*RUDE, "raise GeneratorExit", "raise StopAsyncIteration", "raise asyncio.CancelledError"]


@pytest.fixture(autouse=True)
def impatience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short time limits where something hangs; on a busy machine, what does not hang could miss them."""
    if "sleep(60)" in request.node.name:
        monkeypatch.setattr(guard, "QUICK_SECONDS", 0.5)
        monkeypatch.setattr(backends, "LISTING_SECONDS", 0.7)
        monkeypatch.setattr(guarded_backend, "CLOSING_SECONDS", 0.5)
    monkeypatch.setattr(engine, "STUMBLE_SECONDS", 0.1)
    monkeypatch.setattr(running_job, "GRACE_SECONDS", 0.5)


@pytest.fixture
def odd(write_plugin: WritePlugin, open_studio: OpenStudio) -> Callable[..., Studio]:
    """A studio with the backend that does what is given, beside one that answers `Yes.`."""
    return lambda **does: open_studio(write_plugin(BACKEND.format(**{**CALM, **does})), scripted)


def shown(studio: Studio) -> str:
    """All that went wrong in the studio's plugins."""
    return "; ".join(
        map(str, [one for plugin in studio.plugins.installed.values() for one in studio.plugins.troubles(plugin)])
    )


def test_a_calm_backend_answers(odd: Callable[..., Studio]) -> None:
    studio = odd()
    assert studio.chat("Hello", model="odd/m").text == "Well, yes."
    assert "".join(delta.text for delta in studio.stream("Hello", model="odd/m")) == "Well, yes."
    assert shown(studio) == ""


@pytest.mark.parametrize("does", [*RUDE, "time.sleep(60)"])
@pytest.mark.parametrize("where", ["init", "obstacle", "models"])
def test_a_backend_that_cannot_be_asked_is_set_aside(odd: Callable[..., Studio], where: str, does: str) -> None:
    studio = odd(**{where: does})
    assert studio.chat("Hello").text == "Yes."
    assert next(one.obstacle for one in studio.llm.models() if one.model.backend == "odd")
    if where != "models":  # who names a model asks for it, listed or not
        with pytest.raises(AVStudioError, match="odd"):
            studio.chat("Hello", model="odd/m")
    assert (where, does) == ("models", "time.sleep(60)") or "odd" in shown(studio)


@pytest.mark.parametrize("name", ["config", "url", "key_variable", "runs_here", "lists_cheaply"])
def test_a_backend_whose_description_cannot_be_read_is_set_aside(odd: Callable[..., Studio], name: str) -> None:
    studio = odd(body=f"{name} = property(lambda self: 1 / 0, lambda self, value: None)")
    assert studio.chat("Hello").text == "Yes."
    assert studio.llm.key_variables().keys() >= {"scripted"}
    with pytest.raises(PluginError, match=r"of backend 'odd' of plugin 'plugin_\d+' raised ZeroDivisionError"):
        studio.chat("Hello", model="odd/m")


@pytest.mark.parametrize(
    ("where", "does"),
    [
        ("obstacle", "return 42"),
        ("models", "return None"),
        ("models", "return ['m']"),
        ("models", "return [Model(backend='other', name='m', local=True)]"),
        ("before", "yield 'words'"),
        ("before", "yield Delta(text=None)"),
        ("before", "yield Delta(finish='done')"),
        ("before", "yield Delta(usage=5)"),
        ("before", "yield Delta(tool_calls=('clock',))"),
        ("before", "yield Delta(model=5)"),
        ("before", "yield Delta(warnings=(('cut', 'A part is missing.'),))"),
    ],
)
def test_nonsense_is_refused(odd: Callable[..., Studio], where: str, does: str) -> None:
    studio = odd(**{where: does})
    assert studio.chat("Hello").text == "Yes."
    assert "of backend 'odd' returned" in shown(studio)


def test_a_longer_name_that_cannot_be_read_is_not_looked_for(odd: Callable[..., Studio]) -> None:
    studio = odd(body="full_name = None")
    assert studio.chat("Hello", model="odd/m").text == "Well, yes."
    with pytest.raises(NotFound, match="No model is named 'scripted/none'"):
        studio.chat("Hello", model="scripted/none")
    assert "'full_name' of backend 'odd'" in shown(studio)


def test_a_time_limit_of_a_plugin_is_not_that_of_the_request(odd: Callable[..., Studio]) -> None:
    studio = odd(before="raise TimeoutError('no reply from the printer')")
    with pytest.raises(BackendDown, match=r"gave up waiting \(TimeoutError: no reply from the printer\)"):
        studio.chat("Hello", model="odd/m", timeout=600)


@pytest.mark.parametrize("does", GONE)
def test_a_broken_stream_falls_back_or_is_partial(odd: Callable[..., Studio], does: str) -> None:
    studio = odd(before=does)
    with pytest.raises(PluginError, match=r"'stream' of backend 'odd' of plugin 'plugin_\d+' raised"):
        studio.chat("Hello", model="odd/m", timeout=20)
    assert studio.chat("Hello").text == "Yes."
    studio = odd(amid=does)
    with pytest.raises(PartialAnswer) as broken:
        list(studio.stream("Hello", model="odd/m"))
    assert broken.value.text == "Well, "


LEAVING = """
class Leaving:
    def __init__(self, given): self.given = given
    def __aiter__(self): return self
    async def __anext__(self): return await anext(self.given)
    async def aclose(self):
        {does}

class Fleeing(Odd):
    name = "odd"
    def stream(self, request, model): return Leaving(super().stream(request, model))

@hookimpl
def register_backends():
    return [Fleeing]
"""


@pytest.mark.parametrize("does", GONE)
def test_a_stream_that_cannot_be_closed_is_reported_and_harms_nobody(
    write_plugin: WritePlugin,
    open_studio: OpenStudio,
    does: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    module = write_plugin(BACKEND.format(**CALM) + LEAVING.format(does=does))
    studio = open_studio(module, scripted)
    assert studio.chat("Hello", model="odd/m").text == "Well, yes."
    gc.collect()  # what earlier tests left says its last words now
    caplog.clear()
    capfd.readouterr()
    stream = iter(studio.stream("Hello", model="odd/m"))
    assert next(stream).text == "Well, "
    stream.close()  # type: ignore[attr-defined]
    assert studio.chat("Hello", model="odd/m").text == "Well, yes."
    assert "'stream' of backend 'odd' raised" in shown(studio)
    studio.close()
    gc.collect()
    assert [one for one in caplog.records if one.name == "asyncio"] == []
    assert "Exception" not in capfd.readouterr().err


@pytest.mark.parametrize("does", ["time.sleep(60)", "await asyncio.sleep(60)"])
def test_time_outs_hold_whatever_a_backend_does(odd: Callable[..., Studio], does: str) -> None:
    studio = odd(before=does)
    studio.llm.route("Hello", model="odd/m")  # from now on, a choice takes no time
    with pytest.raises(BackendDown, match="did not answer within"):
        studio.chat("Hello", model="odd/m", timeout=0.5)
    assert studio.chat("Hello", model="scripted/one").text == "Yes."


MANAGER = """
import os, sys, time
class Odd(MemoryManager):
    device = "odd"
    def __init__(self):
        {init}
    def present(self):
        {present}
    def total_mb(self):
        {total}
    def available_mb(self):
        return 1
@hookimpl
def register_memory_managers():
    return [Odd]
class Params_(Params):
    pass
class Work(Processor[Params_, Result]):
    "Work."
    name = "odd.work"
    def needs(self, params, source):
        return Needs(memory_mb=10, device="odd")
    def run(self, source, params, context):
        return Result()
@hookimpl
def register_processors():
    return [Work]
"""


@pytest.mark.parametrize("does", [*RUDE, "time.sleep(60)", "return 'much'", "return -100", "return 10**40"])
def test_a_memory_manager_that_gives_no_figure_harms_its_own_device_only(
    write_plugin: WritePlugin, open_studio: OpenStudio, does: str
) -> None:
    studio = open_studio(write_plugin(MANAGER.format(init="pass", present="return True", total=does)))
    studio.run("exercise.load")
    with pytest.raises((TaskFailed, PluginError), match="'total_mb' of memory manager 'odd'"):
        studio.run("odd.work")


@pytest.mark.parametrize("does", RUDE)
def test_a_memory_manager_that_cannot_be_made_is_left_out(
    write_plugin: WritePlugin, open_studio: OpenStudio, does: str
) -> None:
    studio = open_studio(write_plugin(MANAGER.format(init=does, present="return True", total="return 5")))
    studio.run("exercise.load")
    assert "The creation of 'odd'" in shown(studio)


ROUTER = """
import os, sys, time
from avstudio_core.kinds.router import Router
class Odd(Router):
    name = "odd"
    def route(self, wishes, candidates):
        {does}
@hookimpl
def register_routers():
    return [Odd]
"""


@pytest.mark.parametrize("does", [*RUDE, "time.sleep(60)", "return 'scripted/one'"])
def test_a_router_that_fails_is_named(write_plugin: WritePlugin, open_studio: OpenStudio, does: str) -> None:
    studio = open_studio(write_plugin(ROUTER.format(does=does)), scripted, router="odd")
    with pytest.raises(PluginError, match="'route' of router 'odd'"):
        studio.chat("Hello")
    assert studio.chat("Hello", model="scripted/one").text == "Yes."


@pytest.mark.parametrize("wish", [{"require_local": True}, {"max_cost": 0.000001}])
def test_a_router_may_not_choose_what_the_request_does_not_allow(
    write_plugin: WritePlugin, open_studio: OpenStudio, tmp_path: Path, wish: dict[str, Any]
) -> None:
    (tmp_path / "models.toml").write_text(
        '[backends.far]\nkind = "scripted"\nlocal = false\n[prices."far/one"]\ninput = 9\noutput = 9\n'
    )
    far = """return __import__('avstudio_core').RouteDecision(
            rule='x', reason='y', chosen='far/one', context=None, estimate=candidates[0].estimate)"""
    studio = open_studio(
        write_plugin(ROUTER.format(does=far)), scripted, router="odd", offline=False, models=tmp_path / "models.toml"
    )
    assert studio.chat("Hello").model == "far/one"
    with pytest.raises(NoModel, match="Router 'odd' chose 'far/one', which cannot be used: "):
        studio.chat("Hello", **wish)


BOOK = """
import os, sys, time
from avstudio_core.kinds.price_book import PriceBook
class Odd(PriceBook):
    name = "odd"
    def cost(self, model, usage):
        {does}
@hookimpl
def register_price_books():
    return [Odd]
"""


@pytest.mark.parametrize("does", [*RUDE, "time.sleep(60)", "return 1.5", "return -1", "return 10**40"])
def test_an_invalid_price_of_a_price_book_is_unknown(
    write_plugin: WritePlugin, open_studio: OpenStudio, does: str, tmp_path: object
) -> None:
    from avstudio_core.chat import Usage
    from avstudio_core.language_models import Model

    studio = open_studio(write_plugin(BOOK.format(does=does)), scripted)
    cloud = Model(backend="cloud", name="m", local=False)
    assert studio.llm._gateway.prices.cost(cloud, Usage(input=1)) is None
    assert "'cost' of price book 'odd'" in shown(studio)


EXECUTOR = """
import os, sys, time
from avstudio_core.tasks.executors.inline import InlineExecutor
class Odd(InlineExecutor):
    name = "odd"
    def __init__(self, host, report):
        super().__init__(host, report)
        {init}
    def room(self, lane):
        {room}
        return super().room(lane)
    def start(self, order):
        {start}
        super().start(order)
@hookimpl
def register_executors():
    return [Odd]
"""
QUIET = {"init": "pass", "room": "pass", "start": "pass"}


@pytest.mark.parametrize(
    ("where", "does"),
    [("start", "sys.exit(3)"), ("start", "return os._exit(3)"), ("start", "time.sleep(60)")],
)
def test_an_executor_that_fails_fails_the_task_with_its_name(
    write_plugin: WritePlugin, open_studio: OpenStudio, where: str, does: str
) -> None:
    studio = open_studio(write_plugin(EXECUTOR.format(**{**QUIET, where: does})), executor="odd")
    with pytest.raises(TaskFailed, match=re.escape(f"'{where}' of executor 'odd'")) as failed:
        studio.submit("exercise.wait").result(30)
    assert failed.value.hint == "Update the plugin, or remove it."
    studio.close()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("failed", "No reason was recorded."), ("lost", "No reason was recorded. The task was handed out 3 times.")],
)
def test_a_task_never_fails_without_a_reason(
    write_plugin: WritePlugin, open_studio: OpenStudio, kind: str, reason: str
) -> None:
    silent = f"return [self.report(Report(job_id=order.job_id, kind=kind)) for kind in ('started', '{kind}')]"
    module = write_plugin("from avstudio_core.orders import Report\n" + EXECUTOR.format(**{**QUIET, "start": silent}))
    handle = open_studio(module, executor="odd").submit("exercise.wait")
    with pytest.raises(TaskFailed) as failed:
        handle.result(30)
    assert failed.value.message == reason
    assert [event.data["error"] for event in handle.events() if event.type == "task.failed"][-1] == reason
    assert handle.task().reason == "error"


@pytest.mark.parametrize("does", [RUDE[0], "sys.exit(3)", "return None", "time.sleep(60)"])
def test_an_executor_that_cannot_tell_its_room_has_room_for_one(
    write_plugin: WritePlugin, open_studio: OpenStudio, does: str
) -> None:
    studio = open_studio(write_plugin(EXECUTOR.format(**{**QUIET, "room": does})), executor="odd")
    studio.submit("exercise.wait").result(30)
    assert "'room' of executor 'odd'" in shown(studio)


SILENT = """
class Silent(Executor):
    name = "silent"
    def room(self, lane):
        return 1
    def start(self, order):
        if order.params["seconds"]:
            self.report(Report(job_id=order.job_id, kind="started"))
    def cancel(self, job_id):
        raise RuntimeError("not now")
    def close(self):
        pass
@hookimpl
def register_executors():
    return [Silent]
"""


@pytest.mark.parametrize(("seconds", "what"), [(0.0, "start"), (1.0, "end")])
def test_a_task_of_an_executor_that_never_reports_fails_with_its_name(
    write_plugin: WritePlugin, open_studio: OpenStudio, seconds: float, what: str
) -> None:
    plugin = write_plugin("from avstudio_core.orders import Report\n" + SILENT)
    quick = {"limit_seconds": 0.1, "cancel_seconds": 0.1, "silent_seconds": 0.5}
    handle = open_studio(plugin, executor="silent", **quick).submit("exercise.wait", seconds=seconds)
    said = f"The executor 'silent' did not report the {what} of exercise.wait within the time limit of 0.1 s"
    with pytest.raises(TaskFailed, match=re.escape(said)) as failed:
        handle.result(30)
    assert failed.value.cause == "executor_silent"


def test_an_executor_that_cannot_be_made_is_named(write_plugin: WritePlugin, open_studio: OpenStudio) -> None:
    studio = open_studio(write_plugin(EXECUTOR.format(**{**QUIET, "init": "sys.exit(3)"})), executor="odd")
    with pytest.raises(PluginError, match="The creation of 'odd' of plugin"):
        studio.submit("exercise.wait")


NEEDS = """
import os, sys, time
class Work(Processor[Params, Result]):
    "Work."
    name = "odd.work"
    def needs(self, params, source):
        {needs}
        return Needs()
    def outputs(self, params):
        {outputs}
        return {{}}
    def run(self, source, params, context):
        return Result()
    def review(self, result, context):
        {review}
@hookimpl
def register_processors():
    return [Work]
"""
AGREEABLE = {"needs": "pass", "outputs": "pass", "review": "return Review.accept()"}


@pytest.mark.parametrize("does", [*RUDE, "time.sleep(60)", "return 'much'"])
@pytest.mark.parametrize("where", ["needs", "outputs"])
def test_a_processor_that_cannot_be_planned_is_named(
    write_plugin: WritePlugin, open_studio: OpenStudio, where: str, does: str
) -> None:
    studio = open_studio(write_plugin(NEEDS.format(**{**AGREEABLE, where: does})))
    with pytest.raises(PluginError, match=f"'{where}' of processor 'odd.work' of plugin"):
        studio.submit("odd.work")
    studio.run("exercise.wait")


@pytest.mark.parametrize("does", [*RUDE, "time.sleep(60)", "return 'much'"])
@pytest.mark.parametrize("where", ["needs", "outputs"])
def test_a_processor_that_cannot_be_planned_is_named_in_a_long_plan(
    write_plugin: WritePlugin, open_studio: OpenStudio, where: str, does: str
) -> None:
    studio = open_studio(write_plugin(NEEDS.format(**{**AGREEABLE, where: does})))
    steps = [Step(id=f"s{number}", processor="exercise.wait") for number in range(100)]
    with pytest.raises(PluginError, match=f"'{where}' of processor 'odd.work' of plugin"):
        studio.check_plan(Plan(steps=(*steps, Step(id="last", processor="odd.work"))))
    studio.check_plan(Plan(steps=tuple(steps)))


@pytest.mark.parametrize(
    ("where", "does"),
    [
        ("needs", r"return Needs(family='\ud800')"),
        ("needs", r"return Needs(model='\ud800', memory_mb=1)"),
        ("needs", r"return Needs(model_digest='a\0b')"),
        ("needs", r"return Needs(device='\udc80')"),
        ("needs", "return Needs(memory_mb=2**64)"),
        ("needs", "return Needs(cost=float('inf'))"),
        ("outputs", "return {1: 'audio/wav'}"),
        ("outputs", "return {'stem': 1}"),
        ("outputs", "return {'stem': None}"),
        ("outputs", "return {'': 'audio/wav'}"),
        ("outputs", "return {'stem': 'wav'}"),
        ("outputs", r"return {'\ud800': 'audio/wav'}"),
        ("outputs", r"return {'stem': 'audio/\ud800'}"),
        ("outputs", "return [('stem', 'audio/wav')]"),
    ],
)
def test_a_processor_whose_plan_has_no_valid_values_is_named(
    write_plugin: WritePlugin, open_studio: OpenStudio, where: str, does: str
) -> None:
    studio = open_studio(write_plugin(NEEDS.format(**{**AGREEABLE, where: does})))
    with pytest.raises(PluginError, match=f"'{where}' of processor 'odd.work' of plugin") as caught:
        studio.submit("odd.work")
    str(caught.value).encode()
    if where == "outputs":
        assert "odd.work" in studio.catalogue.broken


def test_an_error_that_cannot_say_what_it_is_is_named_by_its_type() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert guard.one_line(Mute()) == "Mute"


def test_trouble_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    reported: list[str] = []
    guarded = guard.Guard("mine", "mine-dist", lambda what, reason: reported.append(reason))
    for _ in range(3):
        with pytest.raises(PluginError, match=r"'it' of plugin 'mine' \(mine-dist\) raised ZeroDivisionError"):
            guarded.call("'it'", lambda: 1 / 0)
    assert len(caplog.records) == len(reported) == 1


def test_who_called_in_vain_calls_no_more() -> None:
    guarded, calls = guard.Guard("mine", "", lambda what, reason: None), []

    def hang() -> None:
        calls.append(1)
        asyncio.run(asyncio.sleep(60))

    for _ in range(3):
        with pytest.raises(PluginError, match=r"did not return within 0\.1 s"):
            guarded.call("'it'", hang, seconds=0.1)
    assert len(calls) == 1


def test_calls_that_are_made_together_have_a_limit_each() -> None:
    guarded, threads = guard.Guard("mine", "", lambda what, reason: None), set()

    def quick() -> None:
        threads.add(threading.get_ident())
        time.sleep(0.15)

    def work() -> None:
        for _ in range(5):
            guarded.call("'quick'", quick, seconds=0.6)
        time.sleep(0.7)  # our own work has no limit
        guarded.call("'slow'", time.sleep, 60, seconds=0.1)

    with pytest.raises(PluginError, match=r"'slow' of plugin 'mine' did not return within 0\.1 s"):
        guard.together(work)
    assert len(threads - {threading.get_ident()}) == 1
