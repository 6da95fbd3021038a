"""Start-up, help, misspelt names, shell completion."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from avstudio_server.cli.command_table import COMMANDS
from avstudio_server.testing.command_line import CommandLine, Outcome

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
    for command in COMMANDS:
        assert command.split()[0] in reading("--help").out
        assert f"Usage: avstudio {command}" in reading(*command.split(), "--help").out


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
    assert "--output PATH" in reading("text", "twins", "--help").out
    assert "--output PATH" not in reading("time", "wait", "--help").out


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


def completion(command: CommandLine, *words: str, **environment: str) -> Outcome:
    """What bash gets when TAB is pressed after the last word."""
    asked = {"COMP_WORDS": "\n".join(["avstudio", *words]), "COMP_CWORD": str(len(words))}
    return command(_AVSTUDIO_COMPLETE="complete_bash", **asked, **environment)


def test_completion_offers_processors_their_options_and_choices(reading: CommandLine) -> None:
    def completed(line: str) -> list[str]:
        return completion(reading, *line.split(" ")[1:]).out.split()

    assert "text" in completed("avstudio te")
    assert completed("avstudio text s") == ["shout"]
    assert "--times" in completed("avstudio text shout --ti")
    assert completed("avstudio text shout --style lo") == ["loud", "louder"]
    assert completed("avstudio text shout --tags draft,f") == ["draft,final"]
    assert completed("avstudio tasks list --state comp") == ["completed"]
    assert completed("avstudio models path pen") == ["pencil"]
    name = reading("time", "wait", "--seconds", "0", "--json").json["task"]
    assert name in completed("avstudio tasks show task_")


def test_completion_suggests_values_of_open_parameters(reading: CommandLine) -> None:
    def completed(line: str) -> list[str]:
        return completion(reading, *line.split(" ")).out.split()

    assert completed("time break --parts lid,l") == ["lid,lid", "lid,lever"]
    assert completed("time break --tool pen") == ["pencil"]
    models = completed("time break --model openai/gpt-5")
    assert "openai/gpt-5.5" in models
    assert completed("llm chat -m openai/gpt-5") == completed("llm route --model openai/gpt-5") == models
    assert completed("llm chat --model auto:c") == ["auto:code", "auto:creative"]
    assert completed("processors text.s") == ["text.shout"]


def test_completion_knows_the_models_of_the_users_own_file(avstudio: CommandLine) -> None:
    avstudio.home.mkdir()
    (avstudio.home / "models.toml").write_text('[models."attic/old"]\nquality = 0.5\n[models."attic/*"]\n')
    assert completion(avstudio, "llm", "chat", "--model", "attic/").out.split() == ["attic/old"]
    (avstudio.home / "models.toml").write_text("models = 3 = 4")
    broken = completion(avstudio, "llm", "chat", "--model", "auto:c")
    assert (broken.out.split(), broken.err) == (["auto:code", "auto:creative"], "")


@pytest.mark.parametrize(
    ("expression", "completed"),
    [
        ("text.sh", ["text.shout", "text.shout |"]),
        ("sho", ["text.shout", "text.shout |"]),
        ("text.shout | text.tw", ["text.shout | text.twins", "text.shout | text.twins |"]),
        ("text.shout:", ["text.shout:shout", "text.shout:shout |"]),
        ("text.shout ti", ["text.shout times=", "text.shout times=…"]),
        ("text.shout times=2 style=lo", ["text.shout times=2 style=loud", "text.shout times=2 style=louder"]),
        ("text.shout tags=old,f", ["text.shout tags=old,final", "text.shout tags=old,final |"]),
        ("time.break tool=", ["time.break tool=pencil", "time.break tool=pencil |"]),
        ("text.nothing a=", []),
        ("text.shout nothing=", []),
    ],
)
def test_completion_offers_the_next_part_of_an_expression(
    reading: CommandLine, expression: str, completed: list[str]
) -> None:
    offered = completion(reading, "pipe", f"'{expression}").out.splitlines()
    assert [one for one in offered if one] == completed


@pytest.mark.parametrize(
    "words", [("llm", "chat", "--model", "a"), ("models", "path", "p"), ("time", "break", "--tool", "p"), ("pipe", "t")]
)
def test_completion_imports_no_plugin_and_nothing_heavy(reading: CommandLine, words: tuple[str, ...]) -> None:
    reading("processors")
    done = completion(reading, *words, PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert done.out
    assert "avstudio_server.cli.options" in imported
    assert not imported & {*HEAVY, "sketch", "httpx", "urllib.request", "http.client"}


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


@pytest.mark.parametrize("home", ["/dev/null", "/proc"])
def test_completion_that_cannot_be_installed_is_no_defect(reading: CommandLine, home: str) -> None:
    environment = reading.environment | {"HOME": home}
    command = f"{sys.executable} -P -m avstudio_server --install-completion; echo $?"
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "4"
    assert "cannot be written" in done.stderr
