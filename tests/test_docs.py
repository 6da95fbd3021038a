"""The docs: generated pages name everything public, and handwritten pages agree with the code."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

import avstudio_core
from avstudio_core import hookspecs, testing
from avstudio_core.gateway import default_router
from avstudio_core.settings_sources import load
from avstudio_core.tasks.states import FOLLOWS
from avstudio_core.testing import media, scripted
from avstudio_server.http.problems import OPENAI_TYPES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FOLDERS = ("packages/*/src", "packages/*/src/*", "packages/*/tests")
"""Where the files lie that pages name."""
CONTRACTS = [name for name in testing.__all__ if name.endswith("Contract")]


@pytest.fixture(scope="module", autouse=True)
def makers() -> Iterator[None]:
    """The modules that write the pages and draw the diagrams can be imported."""
    sys.path.insert(0, str(ROOT / "docsite"))
    yield
    sys.path.remove(str(ROOT / "docsite"))


@pytest.fixture(scope="module")
def codes(makers: None) -> ModuleType:
    return importlib.import_module("codes")


@pytest.fixture(scope="module")
def warning_codes(makers: None) -> ModuleType:
    return importlib.import_module("warning_codes")


@pytest.fixture(scope="module")
def public_names(makers: None) -> ModuleType:
    return importlib.import_module("public_names")


def kinds() -> list[str]:
    """The classes that plugins register: `register_price_books` stands for `PriceBook`. Settings, commands and types of events are values."""
    hooks = vars(hookspecs).keys() - {"register_settings", "register_event_types", "register_commands"}
    names = [name.removeprefix("register_") for name in hooks if name.startswith("register_")]
    words = [name if name == "weights" else name.removesuffix("s") for name in names]
    return ["".join(part.title() for part in word.split("_")) for word in words]


def test_every_kind_has_a_contract() -> None:
    assert {f"{kind}Contract" for kind in kinds()} <= set(CONTRACTS)


def documented(page: str) -> set[str]:
    """The names that a page has a section about."""
    return set(re.findall(r"^::: avstudio_core\.([\w.]+)$", page, re.MULTILINE))


def test_the_page_for_plugin_authors_has_every_kind_and_every_contract(public_names: ModuleType) -> None:
    shown = {name.rpartition(".")[2] for name in documented(public_names.plugins())}
    assert {*kinds(), *CONTRACTS} - shown == set()


def test_the_page_of_contracts_has_a_sentence_for_each_rule(makers: None) -> None:
    page = importlib.import_module("contract_rules").contracts_page()
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == CONTRACTS
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE)
    assert len(rows) > 100
    assert [name for name, said in rows if not said.endswith(".")] == []


def test_every_name_that_the_core_exports_is_on_a_page(public_names: ModuleType, codes: ModuleType) -> None:
    shown = documented(public_names.plugins()) | documented(public_names.python())
    shown |= {f"errors.{name}" for name in re.findall(r"^\| (?:&emsp;)*`(\w+)`", codes.errors_page(), re.MULTILINE)}
    exported = {f"{home}.{name}" for name, home in avstudio_core._HOMES.items()}
    assert exported - shown == set()


def test_every_public_module_is_on_a_page_or_each_of_its_names_is(public_names: ModuleType) -> None:
    pages = documented(public_names.modules()) | public_names.ELSEWHERE.keys()
    modules = {module.__name__.partition(".")[2]: module for module in public_names.public_modules()}
    assert len(modules) > 20
    assert {name for name in modules if name not in pages} == {"documents", "documents.formats"}, (
        "folders of modules, with nothing of their own"
    )


def test_what_a_public_module_has_says_what_it_does(public_names: ModuleType) -> None:
    own = {
        f"{module.__name__}.{name}": getattr(module, name)
        for module in public_names.public_modules()
        for name in public_names.own(module)
    }
    assert [name for name, one in own.items() if not one.__doc__] == []


def test_our_packages_are_held_to_what_is_public(public_names: ModuleType) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    contracts = [one for one in settings["contracts"] if "public face" in one["name"]]
    public = {module.__name__ for module in public_names.public_modules()}
    for contract in contracts:
        allowed = {
            line.partition(" -> ")[2].removesuffix(".**") for line in contract["ignore_imports"] if line[:3] == "** "
        }
        assert {name.partition(".")[2].partition(".")[0] for name in allowed} == {name.split(".")[1] for name in public}
    held = {name for one in contracts for name in one["source_modules"]}
    assert held == {"avstudio_audio", "avstudio_llm", "avstudio_server", "avstudio_video"}


def test_the_tutorial_names_every_contract_and_every_hook() -> None:
    page = (DOCS / "tutorial" / "first-plugin.md").read_text(encoding="utf-8")
    hooks = re.findall(r"^def (\w+)", Path(hookspecs.__file__).read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in [*CONTRACTS, *hooks] if f"`{name}`" not in page] == []


def test_the_page_of_errors_has_every_cause_of_failed_tasks(codes: ModuleType) -> None:
    tasks = ROOT / "packages" / "avstudio-core" / "src" / "avstudio_core" / "tasks"
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(tasks.rglob("*.py")))
    named = set(re.findall(r"Problem\(code=\"(\w+)\"|(?<!CodedWarning\()code=\"(\w+)\", message", source))
    assert {code for pair in named for code in pair if code} - {*codes.CAUSES, "error"} == set()
    assert [code for code in codes.CAUSES if f'"{code}"' not in source] == []


def test_the_page_of_errors_has_every_code_of_every_package(codes: ModuleType) -> None:
    sources = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("packages/*/src/**/*.py"))]
    given = set(re.findall(r"^    code = \"(\w+)\"|problem_data\(\"(\w+)\"", "\n".join(sources), re.MULTILINE))
    shown = set(re.findall(r"\| `(\w+)` \|", codes.errors_page()))
    assert len(given) > 30
    assert {code for pair in given for code in pair if code} - shown == set()


def test_the_page_of_errors_has_every_code_of_http(codes: ModuleType) -> None:
    server = ROOT / "packages" / "avstudio-server" / "src" / "avstudio_server"
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(server.rglob("*.py")))
    given = set(re.findall(r"(?<![\w.])(?:[45]\d\d|status)[:,]\s+\"([a-z]+_[a-z_]+)\"", source))
    shown = set(re.findall(r"\| `(\w+)` \|", codes.errors_page()))
    types = {*OPENAI_TYPES.values()}
    assert {*codes.OF_HTTP} - given == {"internal"}
    assert given - types <= shown


@pytest.mark.parametrize("package", ["audio", "core", "llm", "video"])
def test_the_page_of_warnings_has_every_code_that_the_source_can_give(package: str, warning_codes: ModuleType) -> None:
    sources = (ROOT / "packages" / f"avstudio-{package}" / "src").rglob("*.py")
    given = {code for path in sources for code in codes_given(ast.parse(path.read_text(encoding="utf-8")))}
    assert given == set(warning_codes.WARNINGS[package])


def codes_given(tree: ast.AST) -> Iterator[str]:
    """The codes of the warnings that a module gives; a code that is neither text nor passed on cannot be checked."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and (code := code_of(call)) is not None:
            passed_on = ast.unparse(code).rpartition(".")[2] == "code"
            assert passed_on or isinstance(code, ast.Constant), f"Write the code where it is given: {ast.unparse(call)}"
            if isinstance(code, ast.Constant):
                yield str(code.value)


def code_of(call: ast.Call) -> ast.expr | None:
    """Which expression is the code, if a call gives or makes a warning."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name == "CodedWarning":
        return next(word.value for word in call.keywords if word.arg == "code")
    if name == "Flaw":  # of a translation: it becomes a warning where it stays
        return call.args[0] if isinstance(call.args[0], ast.Constant) else None
    return call.args[0] if name in ("warn", "_warn", "_warning", "ModelWarning") else None


def test_the_page_on_tasks_has_every_event() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("packages/avstudio-core/src/**/*.py"))
    page = (DOCS / "explanation" / "tasks.md").read_text(encoding="utf-8")
    event = r"\b(?:task|llm)\.(?:[a-z]+ed|[a-z]+ing|log|progress|token)\b"
    assert set(re.findall(f'"({event})"', source)) == set(re.findall(f"`({event})`", page))


def test_the_page_on_the_gateway_has_every_rule_in_its_order() -> None:
    page = (DOCS / "explanation" / "gateway.md").read_text(encoding="utf-8")
    table = page.partition("| rule |")[2].partition("\n\n")[0]
    names = [*(rule.name for rule in default_router.RULES), default_router.OVER_THRESHOLD]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == names
    unmet = [rule.name for rule in default_router.RULES if rule.strict] + ["default", default_router.OVER_THRESHOLD]
    assert set(re.findall(r"^\| `(\w+)` .* `NoModel` \|$", table, re.MULTILINE)) == set(unmet)


@pytest.mark.parametrize("page", ["explanation/architecture", "explanation/threads", "tutorial/first-backend"])
def test_the_files_that_a_page_names_exist_and_have_the_names_after_them(page: str) -> None:
    places = [ROOT, ROOT / "tests", *(folder for pattern in FOLDERS for folder in ROOT.glob(pattern))]
    named = re.findall(r"`([\w/]+\.py)`(?: \(([^)]+)\))?", (DOCS / f"{page}.md").read_text(encoding="utf-8"))
    assert named
    for file, inside in named:
        text = "".join((place / file).read_text(encoding="utf-8") for place in places if (place / file).exists())
        assert text, file
        for name in re.findall(r"`(?:\w+\.)*(\w+)`", inside):
            assert re.search(rf"\b{name}\b", text), (file, name)


def test_the_tests_that_hold_the_promises_of_security_exist() -> None:
    named = re.findall(r"`([\w/]*(?:\.py|torture))`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) > 15
    assert [name for name in named if not any(ROOT.glob(f"packages/*/**/{name}")) and not (ROOT / name).exists()] == []


def test_the_example_of_settings_can_be_used() -> None:
    avstudio_audio, avstudio_llm = map(pytest.importorskip, ("avstudio_audio", "avstudio_llm"))
    path = ROOT / "examples" / "settings.toml"
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    loaded = load({}, {"AVSTUDIO_SETTINGS": str(path)})
    plugins = [avstudio_audio.register_settings(), avstudio_llm.register_settings()]
    loaded = loaded.with_declared(setting for declared in plugins for setting in declared)
    assert {name: loaded.origins[name] for name in values} == dict.fromkeys(values, str(path))


@pytest.mark.parametrize("page", ["plans", "command-line"])
def test_the_plans_in_json_on_a_page_are_valid(page: str, tmp_path: Path) -> None:
    text = (DOCS / "howto" / f"{page}.md").read_text(encoding="utf-8")
    plans = [block for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL) if '"steps"' in block]
    assert plans
    with avstudio_core.Studio(home=tmp_path / "home") as studio:
        for plan in plans:
            assert studio.check_plan(avstudio_core.Plan.from_json(plan), media.tone(tmp_path / "song.wav"))


def test_what_the_page_on_trouble_quotes_is_said_somewhere() -> None:
    page = (DOCS / "howto" / "troubleshooting.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("packages/*/src/**/*.py"))
    quoted = [
        said for row in re.findall(r"^\| (.*?) \| ", page, re.MULTILINE) for said in re.findall(r"`([^`]+)`", row)
    ]
    pieces = [piece.strip() for said in quoted for piece in re.split(r"…|'[^']*'", said)]
    ours = [piece for piece in pieces if len(piece) > 8 and "No matching distribution" not in piece]
    assert len(ours) > 15
    assert [piece for piece in ours if piece not in source] == []


def test_the_interface_that_is_shown_runs_and_says_what_is_wrong(tmp_path: Path) -> None:
    pytest.importorskip("avstudio_audio", reason="avstudio-audio is not installed")
    media.tone(tmp_path / "tone.wav")

    def interface(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "AVSTUDIO_HOME": str(tmp_path / "home"), "AVSTUDIO_EXECUTOR": "inline"}
        command = [sys.executable, str(ROOT / "examples" / "interface.py"), *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280)

    assert json.loads(interface("audio.probe", "tone.wav").stdout)["contents"]["audio"][0]["channels"] == 1
    refused = interface("audio.separate", "tone.wav", "--overlap", "2")
    assert refused.returncode == 1
    assert refused.stderr.endswith("(invalid_params)\n")


class Waltz(scripted.Scripted):
    """A model of this machine that has one answer."""

    name = "waltz"

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.says = ['{"bpm": 180}']


@pytest.mark.parametrize(
    ("page", "printed"), [("language-models", ["waltz/one", "180"]), ("budgets", ["project:film 5000000"])]
)
def test_the_program_of_a_page_runs(
    page: str, printed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = ModuleType("waltz")
    plugin.__dict__["register_backends"] = avstudio_core.hookimpl(lambda: [Waltz])
    studio = partial(avstudio_core.Studio, home=tmp_path, executor="inline", plugins="", add=[plugin])
    programs = re.findall(
        r"```python\n(with .*?)```", (DOCS / "howto" / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL
    )
    for program in programs:
        exec(program, {"Studio": studio})
    out = capsys.readouterr().out
    assert programs
    assert [piece for piece in printed if piece not in out] == []


@pytest.fixture(scope="module")
def diagrams(makers: None) -> ModuleType:
    return importlib.import_module("diagrams")


def test_the_diagrams_are_the_drawn_ones(diagrams: ModuleType) -> None:
    stored = {path.stem: path.read_text(encoding="utf-8") for path in (DOCS / "diagrams").glob("*.svg")}
    assert {name: draw().svg() for name, draw in diagrams.DRAWINGS.items()} == stored


def test_the_diagram_of_states_is_the_table_of_states(diagrams: ModuleType) -> None:
    drawn = diagrams.states()
    changes = {(drawn.boxes[arrow.start].title, drawn.boxes[arrow.end].title) for arrow in drawn.arrows}
    assert changes == {(str(old), str(new)) for old, following in FOLLOWS.items() for new in following}
