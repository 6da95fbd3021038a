"""Interfaces of plugins as commands: they serve until a signal stops them."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from avstudio_server.cli.command_table import COMMANDS
from avstudio_server.testing.command_line import CommandLine


def awaited(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, "it ended by itself"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interface_serves_until_a_signal_stops_it(
    avstudio: CommandLine, tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "ticks"
    with avstudio.start("tick", path, "--every", "0.02", stderr=subprocess.PIPE) as process:
        awaited(path, process)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "")
    assert path.read_text() == "the end"


def test_an_interface_starts_again_when_its_plugin_changes(tmp_path: Path, sketch: Path) -> None:
    shutil.copytree(sketch, tmp_path / "sketch")
    path, plugin = tmp_path / "ticks", tmp_path / "sketch" / "sketch.py"
    command = CommandLine(tmp_path, [tmp_path / "sketch"], "core,sketch")
    with command.start("tick", path, "--reload", stderr=subprocess.PIPE) as process:
        awaited(path, process)
        plugin.write_text(plugin.read_text().replace('"tick\\n"', '"tock\\n"'))
        while "tock" not in path.read_text():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "avstudio: sketch.py has changed. Starting again.\n")
    assert path.read_text() == "the end"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--every", "0"], 2, "avstudio: tick: 'every' is '0.0': should be above 0 (Between two.)."),
        (["--every", "soon"], 2, "avstudio: '--every' cannot be 'soon'. Give a number."),
        (["--evry", "1"], 2, "avstudio: '--evry' is not an option. Did you mean '--every'? See: avstudio tick --help"),
        (["--broken"], 3, "avstudio: 'tick' of plugin 'sketch' (sketch) raised KeyError: 'spring'."),
    ],
)
def test_an_error_of_an_interface_is_one_line(
    avstudio: CommandLine, arguments: list[str], code: int, message: str
) -> None:
    outcome = avstudio("tick", "ticks", *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith(message)
    assert outcome.err.count("\n") == 1


def test_help_shows_the_interface_with_its_options(reading: CommandLine) -> None:
    assert "Interfaces:\n  tick" in reading("--help").out
    shown = " ".join(reading("tick", "--help").out.split())
    assert "Usage: avstudio tick [OPTIONS] PATH" in shown
    assert "Between two. [in s; above 0, at most 1; default: 0.01]" in shown


def test_a_command_of_a_plugin_is_listed_and_runs(reading: CommandLine) -> None:
    assert re.search(r"Other:\n  greet +Say hello", reading("--help").out)
    assert reading("greet").out == "Hello!\n"
    outcome = reading("lost")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.startswith("avstudio: The command 'lost' cannot be loaded")


def test_our_own_commands_are_those_of_a_plugin(tmp_path: Path) -> None:
    listed = CommandLine(tmp_path, plugins="server")("plugins", "--json").json
    [server] = [one for one in listed if one["name"] == "server"]
    assert (server["distribution"], server["brings"]["commands"]) == ("avstudio-server", [*COMMANDS])


def test_plugins_lists_it(reading: CommandLine) -> None:
    [sketch] = [one for one in reading("plugins", "--json").json if one["name"] == "sketch"]
    assert sketch["brings"]["interfaces"] == ["tick"]
