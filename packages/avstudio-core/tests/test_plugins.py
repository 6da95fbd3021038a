from __future__ import annotations

import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from avstudio_core import Studio, hookspecs, plugins
from avstudio_core.entry_points import plugin_entries
from avstudio_core.errors import NotFound, PluginError
from avstudio_core.plugins import Plugin, Plugins
from avstudio_core.testing import until

GOOD = """
from avstudio_core import Params, Processor, Result, hookimpl

class {name}(Processor[Params, Result]):
    "A processor."
    name = "{processor}"
    def run(self, source, params, context):
        return Result()

@hookimpl
def register_processors():
    return [{name}]
"""

WritePlugin = Callable[[str], ModuleType]
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with one plugin where Python finds it: `install("name", source)`."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def make(name: str, source: str, *, entry: str | None = None) -> None:
        (folder / f"{name}_module.py").write_text(dedent(source))
        facts = folder / f"{name}-1.2.3.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.3\n")
        (facts / "entry_points.txt").write_text(f"[avstudio]\n{entry or name} = {name}_module\n")

    yield make
    for name in [name for name in sys.modules if name.endswith("_module")]:
        del sys.modules[name]


def discovered(*names: str) -> Plugins:
    found = Plugins()
    found.discover(names)
    return found


def good(processor: str, name: str = "Good") -> str:
    return GOOD.format(processor=processor, name=name)


def test_an_installed_plugin_is_found_with_its_distribution(install: Install) -> None:
    install("fine", good("fine.work"))
    found = discovered("fine")
    assert found.installed["fine"] == Plugin("fine", "fine_module", "fine", "1.2.3")
    assert found.find("processors", "fine.work").name == "fine.work"
    assert found.distribution_of(found.find("processors", "fine.work")) == found.installed["fine"]


def test_a_plugin_that_comes_or_goes_while_a_process_runs_is_seen(install: Install, tmp_path: Path) -> None:
    install("first", good("first.work"))
    os.utime(tmp_path / "site", (0, 0))  # as if nothing had come for long
    assert plugin_entries() is plugin_entries()
    install("second", good("second.work"))
    assert discovered("second").find("processors", "second.work").name == "second.work"
    shutil.rmtree(tmp_path / "site" / "first-1.2.3.dist-info")
    assert "first" not in {one.name for one in plugin_entries()}


def test_an_installation_that_is_not_finished_is_not_remembered(install: Install, tmp_path: Path) -> None:
    facts = tmp_path / "site" / "late-1.2.3.dist-info"
    facts.mkdir()
    assert "late" not in {one.name for one in plugin_entries()}
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.2.3\n")
    (facts / "entry_points.txt").write_text("[avstudio]\nlate = late_module\n")
    assert "late" in {one.name for one in plugin_entries()}


def test_nothing_is_discovered_before_it_is_asked_for() -> None:
    assert Plugins().installed == {}


@pytest.mark.parametrize(("only", "loaded"), [([], {"core"}), (["one"], {"core", "one"}), (["two"], {"core", "two"})])
def test_only_the_named_plugins_are_loaded_and_always_the_core(
    install: Install, only: list[str], loaded: set[str]
) -> None:
    install("one", good("one.work"))
    install("two", good("two.work"))
    assert set(discovered(*only).installed) == loaded


def test_the_environment_names_them_for_a_studio(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install("one", good("one.work"))
    monkeypatch.setenv("AVSTUDIO_PLUGINS", "one")
    with Studio(home=tmp_path / "home") as studio:
        assert set(studio.plugins.installed) == {"core", "one"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_library", r"failed to import: ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise SystemExit(3)", r"failed to import: SystemExit: 3"),
        ("import os; os._exit(3)", r"failed to import: SystemExit: os\._exit\(3\)"),
        ("def (", r"failed to import: SyntaxError"),
        (
            "from avstudio_core import hookimpl\n@hookimpl\ndef register_procesors(): return []",
            r"unknown hooks: register_procesors\. Hooks that register: .*register_processors",
        ),
        (
            "from avstudio_core import hookimpl\n@hookimpl\ndef register_processors(settings): return []",
            r"Plugin 'broken' is not valid: .*settings",
        ),
    ],
)
def test_a_broken_plugin_is_set_aside_with_its_reason(install: Install, source: str, reason: str) -> None:
    install("broken", source)
    install("fine", good("fine.work"))
    found = discovered("broken", "fine")
    assert list(found.broken) == ["broken"]
    assert re.search(reason, found.broken["broken"])
    assert list(found.kind("processors")) == ["fine.work"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise RuntimeError('no luck')", "RuntimeError: no luck"),
        ("return None", "returned 'None', which is not a list of classes"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import os; os._exit(3)", "os._exit(3)"),
    ],
)
def test_a_plugin_that_registers_badly_is_set_aside(install: Install, source: str, reason: str) -> None:
    install("broken", f"from avstudio_core import hookimpl\n@hookimpl\ndef register_processors():\n    {source}")
    install("fine", good("fine.work"))
    found = discovered("broken", "fine")
    assert list(found.kind("processors")) == ["fine.work"]
    assert reason in found.broken["broken"]


def test_a_name_that_two_plugins_register_names_both(install: Install) -> None:
    install("first", good("same.work"))
    install("second", good("same.work"))
    found = discovered("first", "second")
    assert list(found.kind("processors")) == ["same.work"]
    (reason,) = found.broken.values()
    assert "Plugins '" in reason
    assert "'first'" in reason
    assert "'second'" in reason


def test_a_name_that_one_plugin_registers_twice_is_refused(write_plugin: WritePlugin) -> None:
    module = write_plugin(good("same.work", "One") + good("same.work", "Two").replace("[Two]", "[One, Two]"))
    found = Plugins()
    found.add(module, Plugin("twice", module.__name__, "", ""))
    assert found.kind("processors") == {}
    assert "'same.work'" in found.broken["twice"]


def test_two_plugins_of_one_name_are_told_apart(install: Install) -> None:
    install("first", good("first.work"), entry="same")
    install("second", good("second.work"), entry="same")
    found = discovered("same")
    assert len(found.kind("processors")) == 1
    (reason,) = found.broken.values()
    assert "'same'" in reason


def test_what_a_plugin_prints_while_it_is_imported_is_not_output(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("talker", "print('hello')\n" + good("talk.show"))
    assert discovered("talker").broken == {}
    assert capsys.readouterr() == ("", "hello\n")


def test_a_plugin_that_hangs_is_left_behind(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "IMPORT_SECONDS", 1.0)
    install("sleepy", "import time\ntime.sleep(60)")
    install("fine", good("fine.work"))
    found = discovered("sleepy", "fine")
    assert "Plugin 'sleepy' (sleepy_module) hangs: it was not imported within 1 s." in found.broken["sleepy"]
    assert "fine.work" in found.kind("processors")


def test_a_plugin_that_hangs_while_it_registers_is_left_behind(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "IMPORT_SECONDS", 1.0)
    hanging = "import time\nfrom avstudio_core import hookimpl\n@hookimpl\ndef register_processors(): time.sleep(60)"
    install("slow", hanging)
    install("fine", good("fine.work"))
    found = discovered("slow", "fine")
    assert list(found.kind("processors")) == ["fine.work"]
    assert "'register_processors' of plugin 'slow' (slow) did not return within 1 s." in found.broken["slow"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('name = "bad.work"', "pass", "does not have a name"),
        ('name = "bad.work"', 'name = "bad"', "'bad' is not a valid name"),
        ('"A processor."', "pass", "has no docstring"),
        ("[Params, Result]", "", "does not say the type of its Params"),
        ("def run(self", "def walk(self", "lacks run"),
        ('"bad.work"', r'"bad.work"; version = "\ud800"', "The version of 'bad.work' is '\\ud800', which is not"),
        ('"bad.work"', '"bad.work"; version = 2', "The version of 'bad.work' is '2', which is not"),
        ('"bad.work"', '"bad.work"; accepts = "audio/*"', "which is not a tuple of media types"),
        ('"bad.work"', '"bad.work"; accepts = ("audio", 5)', "which is not a tuple of media types"),
        ("[Params, Result]", "[Numbers, Result]", "in the default of 'limit'"),
        ("[Params, Result]", "[Bounds, Result]", "in the bounds of 'limit'"),
        ("[Params, Result]", "[Objects, Result]", "in the default of 'limit'"),
        ("[Params, Result]", "[Params, Figures]", "in the default of 'limit'"),
        ("[Params, Result]", "[Renamed, Result]", "gives its parameter 'limit' an alias"),
    ],
)
def test_a_class_that_cannot_be_used_is_refused_and_its_plugin_is_not(
    install: Install, old: str, new: str, reason: str
) -> None:
    bad = good("bad.work").replace(old, new)
    numbers = """
from pydantic import Field
from avstudio_core import Params, Result
class Numbers(Params):
    limit: float = float("inf")
class Bounds(Params):
    limit: float = Field(0.0, le=float("inf"))
class Objects(Params):
    limit: object = object()
class Renamed(Params):
    limit: int = Field(1, alias="most")
class Figures(Result):
    limit: float = float("nan")
"""
    install("half", numbers + good("half.work", "Whole") + bad.replace("[Good]", "[Whole, Good, 'x']"))
    found = discovered("half")
    assert list(found.kind("processors")) == ["half.work"]
    assert found.broken == {}
    first, second = found.refused["half"].values()
    assert reason in first
    assert second.startswith("'x' does not derive from Processor")


def test_whoever_names_a_refused_class_gets_the_reason(install: Install) -> None:
    install("half", good("bad.work").replace('"A processor."', "pass"))
    with pytest.raises(PluginError, match="has no docstring"):
        discovered("half").find("processors", "bad.work")


@pytest.mark.parametrize(("asked", "fits"), [(">=99", False), ("<0.1", False), (">=0.1", True), ("", True)])
def test_a_plugin_for_another_version_is_refused(install: Install, tmp_path: Path, asked: str, fits: bool) -> None:
    install("later", good("later.work"))
    facts = tmp_path / "site" / "later-1.2.3.dist-info" / "METADATA"
    facts.write_text(f"{facts.read_text()}Requires-Dist: avstudio-core{asked}\n")
    found = discovered("later")
    assert ("later.work" in found.kind("processors")) is fits
    assert fits or f"needs avstudio-core{asked}, and avstudio-core 0.1.0 is installed" in found.broken["later"]


def test_a_studio_works_beside_a_broken_plugin(install: Install, tmp_path: Path) -> None:
    install("broken", "1 / 0")
    install("fine", good("fine.work"))
    with Studio(home=tmp_path / "home", plugins="broken,fine", executor="inline") as studio:
        assert studio.run("fine.work").provenance.distribution == "fine"


def test_a_moment_is_told_to_all_and_harms_none(write_plugin: WritePlugin, tmp_path: Path) -> None:
    rude = write_plugin("@hookimpl\ndef studio_started(studio):\n    raise RuntimeError('rude')")
    kind = write_plugin("HEARD = []\n@hookimpl\ndef studio_started(studio):\n    HEARD.append(studio)")
    with Studio(home=tmp_path / "home", plugins="", add=[rude, kind]) as studio:
        assert [studio] == kind.HEARD
        (trouble,) = studio.plugins.troubles(studio.plugins.installed[rude.__name__])
        assert str(trouble) == "'studio_started' raised RuntimeError: rude"


@pytest.mark.parametrize("word", ["", "async "])
def test_a_hook_with_yield_never_runs_and_is_reported(
    write_plugin: Callable[[str], ModuleType], open_studio: Callable[..., Studio], word: str
) -> None:
    studio = open_studio(write_plugin(f"@hookimpl\n{word}def studio_started(studio):\n    yield"))
    (trouble,) = [one for plugin in studio.plugins.installed.values() for one in studio.plugins.troubles(plugin)]
    assert str(trouble) == "'studio_started' raised TypeError: a function with 'yield' cannot be a hook"


def test_a_module_given_by_hand_is_checked_at_once(write_plugin: WritePlugin, tmp_path: Path) -> None:
    typo = write_plugin("@hookimpl\ndef register_weight(): return []")
    with pytest.raises(PluginError, match=f"Plugin '{typo.__name__}' implements unknown hooks: register_weight"):
        Studio(home=tmp_path / "home", plugins="", add=[typo])


def test_a_module_given_twice_counts_once(write_plugin: WritePlugin, tmp_path: Path) -> None:
    module = write_plugin(good("fine.work"))
    with Studio(home=tmp_path / "home", plugins="", add=[module, module]) as studio:
        assert list(studio.plugins.installed) == ["core", module.__name__]


def test_an_unknown_name_offers_the_nearest(install: Install) -> None:
    install("fine", good("fine.work"))
    with pytest.raises(NotFound, match=r"No processor is named 'fine\.wrok'\. Did you mean 'fine\.work'\?"):
        discovered("fine").find("processors", "fine.wrok")


BAD_SETTINGS = """
@hookimpl
def register_settings():
    raise RuntimeError("no luck")
"""


@pytest.mark.parametrize(
    "fault",
    [
        lambda studio: studio.run("fine.work"),
        lambda studio: studio.llm._gateway.backends.find("fine").backend,
        lambda studio: studio.plugins.find("executors", "fine"),
    ],
)
def test_an_unknown_name_is_explained_by_plugins_that_were_set_aside(
    write_plugin: WritePlugin, tmp_path: Path, fault: Callable[[Studio], object]
) -> None:
    module = write_plugin(good("fine.work") + BAD_SETTINGS)
    with Studio(home=tmp_path / "home", plugins="", add=[module]) as studio, pytest.raises(NotFound) as caught:
        fault(studio)
    assert f"{module.__name__} ('register_settings' of plugin" in caught.value.hint
    assert "raised RuntimeError: no luck" in caught.value.hint


def test_a_setting_of_a_plugin_that_was_set_aside_is_explained(write_plugin: WritePlugin, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"No setting is named 'fine_mood'\..*raised RuntimeError: no luck"):
        Studio(home=tmp_path / "home", plugins="", add=[write_plugin(BAD_SETTINGS)], fine_mood="calm")


def test_a_package_that_is_installed_but_broken_is_not_offered(install: Install) -> None:
    install("avstudio-audio", "1 / 0", entry="sound")
    with pytest.raises(NotFound, match=r"named 'audio\.cut'\. See .*\. Plugins that cannot be used: sound \("):
        discovered("sound").find("processors", "audio.cut")


@pytest.mark.parametrize(
    "strange",
    [
        "class Strange(Good):\n    pass\nStrange.__doc__ = 5",
        "class Meta(type(Processor)):\n    @property\n    def name(cls): raise OSError('strange')\n"
        "class Strange(Processor[Params, Result], metaclass=Meta):\n    def run(self, *given): ...",
    ],
)
def test_a_class_whose_declaration_raises_is_refused_alone(write_plugin: WritePlugin, strange: str) -> None:
    module = write_plugin(f"{good('fine.work')}    # and:\n{strange}".replace("[Good]", "[Strange, Good]"))
    found = Plugins()
    found.add(module, Plugin("half", module.__name__, "", ""))
    assert list(found.kind("processors")) == ["fine.work"]
    assert [*found.refused] == ["half"]


TUTORIAL = Path(__file__).parents[3] / "docs" / "tutorial" / "first-plugin.md"
EVERY_HOOK = """
CALLED = []

class Work(Processor[Params, Result]):
    "Work."
    name = "order.work"
    def needs(self, params, source):
        self.shelf.known("any")
        return Needs()
    def run(self, source, params, context):
        try:
            context.chat("Is anybody there?")
        except AVStudioError:
            return Result()

@hookimpl
def register_settings(): CALLED.append("register_settings"); return []
@hookimpl
def register_memory_managers(): CALLED.append("register_memory_managers"); return []
@hookimpl
def studio_started(studio): CALLED.append("studio_started")
@hookimpl
def register_interfaces(): CALLED.append("register_interfaces"); return []
@hookimpl
def register_commands(): CALLED.append("register_commands"); return []
@hookimpl
def register_agents(): CALLED.append("register_agents"); return []
@hookimpl
def register_processors(): CALLED.append("register_processors"); return [Work]
@hookimpl
def register_weights(): CALLED.append("register_weights"); return []
@hookimpl
def register_executors(): CALLED.append("register_executors"); return []
@hookimpl
def register_price_books(): CALLED.append("register_price_books"); return []
@hookimpl
def register_routers(): CALLED.append("register_routers"); return []
@hookimpl
def register_backends(): CALLED.append("register_backends"); return []
@hookimpl
def register_event_types(): CALLED.append("register_event_types"); return []
@hookimpl
def register_secret_stores(): CALLED.append("register_secret_stores"); return []
@hookimpl
def event_published(event): CALLED.append("event_published")
"""


def test_hooks_are_called_in_the_order_that_the_tutorial_tells(write_plugin: WritePlugin, tmp_path: Path) -> None:
    if not TUTORIAL.is_file():
        pytest.skip("the documentation is not beside the tests")
    told = re.findall(r"^\| \d+ \| `(\w+)`", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE)
    module = write_plugin(EVERY_HOOK)
    with Studio(home=tmp_path / "home", plugins="", add=[module], executor="inline") as studio:
        with pytest.raises(NotFound):
            studio.serve("order", {}, threading.Event())
        assert studio.plugins.kind("commands") == studio.plugins.kind("agents") == {}
        studio.run("order.work")
        assert studio.secrets.get("NOT_SET_ANYWHERE") is None
        studio.publish("agent.message", "chat", {})
        until(lambda: "event_published" in module.CALLED)  # by a thread of its own, whenever there is something to tell
    again = {"event_published", "budget_spent"}
    once = [name for name in module.CALLED if name not in again]
    assert once == [name for name in told if name not in again]
    hooks = ("register_", "studio_", "event_", "budget_")
    assert {name for name in vars(hookspecs) if name.startswith(hooks)} == set(told)
    assert len(once) == len(set(once))
