"""Start-up, help, misspelt names, shell completion."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from avstudio_server.cli.root import MONEY, STUDIO, WORK
from avstudio_server.testing import CommandLine

HEAVY = ("numpy", "torch", "av", "sqlalchemy", "fastapi", "pydantic", "rich", "soundfile", "importlib.metadata")
PROBE = f"""
import sys
sys.argv = ["avstudio", *sys.argv[1:]]
from avstudio_server.main import main
main()
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["text", "--help"],
        ["text", "shout", "--help"],
        ["tasks", "--help"],
        ["budgets", "set", "--help"],
        ["llm", "chat", "--help"],
    ],
)
def test_help_imports_nothing_heavy(reading: CommandLine, arguments: list[str]) -> None:
    reading("--help")  # fills the catalogue's cache
    probe = [sys.executable, "-P", "-c", PROBE, *arguments]
    done = subprocess.run(probe, env=reading.environment, capture_output=True, text=True, check=True)
    assert "Usage: avstudio" in done.stdout
    assert done.stderr.strip() == "[]"


def test_version_imports_nothing_at_all() -> None:
    probe = PROBE.replace(repr(HEAVY), repr((*HEAVY, "typer", "json", "dataclasses", "typing")))
    done = subprocess.run([sys.executable, "-c", probe, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("avstudio 0.")
    assert done.stderr.strip() == "[]"


def test_version_also_beside_other_options(reading: CommandLine) -> None:
    assert reading("--debug", "--version").out.startswith("avstudio 0.")


def test_help_lists_commands_that_are_there(reading: CommandLine) -> None:
    for command in (*WORK, *MONEY, *STUDIO):
        assert command in reading("--help").out
        assert f"Usage: avstudio {command}" in reading(command, "--help").out


def test_the_catalogue_makes_no_database(avstudio: CommandLine) -> None:
    assert avstudio("text", "shout", "--help").code == 0
    assert [path.name for path in avstudio.home.iterdir()] == ["cache"]
    assert avstudio.home.stat().st_mode & 0o077 == 0


def test_short_options_ask_for_help_and_version(reading: CommandLine) -> None:
    for arguments in (["-h"], ["text", "shout", "-h"], ["tasks", "list", "-h"]):
        assert "-h, --help" in reading(*arguments).out
    assert reading("-V").out.startswith("avstudio 0.")


def test_a_command_without_arguments_shows_its_help(reading: CommandLine) -> None:
    for arguments in ([], ["text"], ["tasks"]):
        shown = reading(*arguments)
        assert shown.code == 2
        assert "Usage: avstudio" in shown.out


def test_help_comes_from_the_declaration(reading: CommandLine) -> None:
    shown = reading("text", "shout", "--help").out
    assert "Longer words about it stand here." in shown
    assert "--times N" in shown
    assert "in times; at least 1, at most 5" in shown
    assert "--style plain|loud|louder" in shown
    assert "--exclaim / --no-exclaim" in shown
    assert "--tags draft|final|old,…" in shown
    assert "SOURCE...  Files (text/*)" in shown


def test_only_what_makes_files_can_write_them(reading: CommandLine) -> None:
    assert "--output DIR" in reading("text", "twins", "--help").out
    assert "--output DIR" not in reading("time", "wait", "--help").out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["txt"], "'txt' is not a command. Did you mean 'text'?"),
        (["text", "shuot"], "'shuot' is not a command. Did you mean 'shout'?"),
        (["shuot"], "'shuot' is not a command. Did you mean 'text shout'?"),
        (["text.shout"], "'text.shout' is not a command. Did you mean 'text shout'?"),
        (["tasks", "lst"], "'lst' is not a command. Did you mean 'list'?"),
        (["text", "shout", "n.txt", "--time", "2"], "'--time' is not an option. Did you mean '--times'?"),
        (["text", "shout", "n.txt", "--tag", "old"], "'--tag' is not an option. Did you mean '--tags'?"),
        (["text", "shout", "n.txt", "-d"], "'-d' is not an option. See: avstudio text shout --help"),
        (["text", "shout", "n.txt", "--style", "PLAINN"], "Did you mean 'plain'?"),
        (["processors", "text.shot"], "No processor is named 'text.shot'. Did you mean 'text.shout'?"),
        (["models", "path", "pencl"], "Did you mean 'pencil'?"),
        (["tasks", "list", "--state", "compleet"], "Did you mean 'COMPLETED'?"),
    ],
)
def test_near_misses_are_named(reading: CommandLine, arguments: list[str], hint: str) -> None:
    refused = reading(*arguments)
    assert refused.code == 2
    assert hint in refused.err
    assert "Traceback" not in refused.err


def test_completion_offers_processors_their_options_and_choices(reading: CommandLine) -> None:
    def completed(line: str) -> list[str]:
        words = line.split(" ")
        asked = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
        return reading(_AVSTUDIO_COMPLETE="complete_bash", **asked).out.split()

    assert "text" in completed("avstudio te")
    assert completed("avstudio text s") == ["shout"]
    assert "--times" in completed("avstudio text shout --ti")
    assert completed("avstudio text shout --style lo") == ["loud", "louder"]
    assert completed("avstudio text shout --tags draft,f") == ["draft,final"]
    assert completed("avstudio tasks list --state comp") == ["completed"]
    assert completed("avstudio models path pen") == ["pencil"]
    name = reading("time", "wait", "--seconds", "0", "--json").json["task"]
    assert name in completed("avstudio tasks show task_")


def test_the_completion_script_is_one_that_bash_takes(reading: CommandLine) -> None:
    script = reading(_AVSTUDIO_COMPLETE="source_bash").out
    assert "complete -o default -F" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_completion_is_shown_for_the_shell_that_asks(reading: CommandLine) -> None:
    command = f"{sys.executable} -P -m avstudio_server --show-completion; true"
    done = subprocess.run(["bash", "-c", command], env=reading.environment, capture_output=True, text=True, check=False)
    assert "_AVSTUDIO_COMPLETE=complete_bash" in done.stdout


def test_completion_is_installed_for_the_shell_that_asks(avstudio: CommandLine) -> None:
    command = f"{sys.executable} -P -m avstudio_server --install-completion; true"
    subprocess.run(["bash", "-c", command], env=avstudio.environment, capture_output=True, check=True)
    assert "avstudio" in (avstudio.folder / ".bashrc").read_text()


@pytest.mark.parametrize("words", [["audio"], ["audio", "probe"], ["audio.probe"], ["llm", "summarize"]])
def test_the_package_that_brings_a_command_is_named(reading: CommandLine, words: list[str]) -> None:
    refused = reading(*words)
    assert refused.code == 2
    assert f"To get it: pip install 'avstudio-{words[0][:5].partition('.')[0]}'." in refused.err


def test_the_package_that_brings_a_step_is_named(reading: CommandLine, note: Path) -> None:
    refused = reading("pipe", "audio.probe", note)
    assert (refused.code, "pip install 'avstudio-audio'" in refused.err) == (2, True)
