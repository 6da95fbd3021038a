"""`avstudio service`: the files for systemd and launchd, and what the commands do with them."""

from __future__ import annotations

import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from avstudio_core.errors import InvalidInput
from avstudio_server.service.launchd import Launchd
from avstudio_server.service.manager import Service
from avstudio_server.service.systemd import Systemd
from avstudio_server.testing.command_line import COMMAND, CommandLine, Outcome

ODD = [
    "a b",
    "q\"uo'te",
    "100%",
    "%h",
    "$HOME",
    "${PATH}",
    "back\\slash",
    "\\x41",
    "ünïcödé",
    "; rm",
    "#x",
    "&<>",
    "tab\t",
    "",
]


def unit_words(line: str) -> list[str]:
    """The words of a unit's line as systemd reads them: quotes, escapes and `%%`."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    escapes = {"\\": "\\", '"': '"'}
    plain = re.compile(r"\\(?:x([0-9a-f]{2})|(.))")
    read = [plain.sub(lambda one: chr(int(one[1], 16)) if one[1] else escapes[one[2]], word) for word in words]
    assert all("%" not in word.replace("%%", "") for word in words)
    return [word.replace("%%", "%") for word in read]


def service(tmp_path: Path, program: str = "odd %h $X é") -> Service:
    """A service whose program, arguments and data folder have what needs quoting."""
    path = tmp_path / program
    path.symlink_to(shutil.which("true") or "/bin/true")
    return Service("odd", (str(path), *ODD), {"AVSTUDIO_HOME": "".join(ODD), "PATH": "/usr/bin:/bin"})


def test_a_unit_keeps_every_character(tmp_path: Path) -> None:
    given = service(tmp_path)
    text = Systemd(tmp_path).text(given)
    [command] = re.findall(r"^ExecStart=:(.*)$", text, re.MULTILINE)
    assert tuple(unit_words(command)) == given.command
    lines = re.findall(r"^Environment=(.*)$", text, re.MULTILINE)
    assert [unit_words(line)[0] for line in lines] == [f"{name}={value}" for name, value in given.environment.items()]


def analyzed(unit: Path) -> tuple[int, str]:
    """What systemd finds in a unit."""
    if (analyze := shutil.which("systemd-analyze")) is None:
        pytest.skip("systemd is not installed")
    environment = {"XDG_RUNTIME_DIR": str(unit.parent), "HOME": str(unit.parent), "PATH": os.environ["PATH"]}
    verify = [analyze, "--user", "verify", "--man=no", str(unit)]
    done = subprocess.run(verify, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, "\n".join(line for line in done.stderr.splitlines() if "avstudio-odd" in line)


def test_systemd_accepts_a_unit_and_finds_its_program(tmp_path: Path) -> None:
    keeper, given = Systemd(tmp_path / "units"), service(tmp_path)
    keeper.write(given)
    assert analyzed(keeper.path("odd")) == (0, "")
    Path(given.command[0]).unlink()
    assert "not executable" in analyzed(keeper.path("odd"))[1]


def test_a_shell_runs_a_program_whose_name_systemd_refuses(tmp_path: Path) -> None:
    keeper, given = Systemd(tmp_path / "units"), service(tmp_path, "q\"uo'te\\")
    keeper.write(given)
    assert analyzed(keeper.path("odd")) == (0, "")
    [command] = re.findall(r"^ExecStart=:(.*)$", keeper.text(given), re.MULTILINE)
    words = unit_words(command)
    assert words[-len(given.command) :] == list(given.command)
    assert subprocess.run(words, check=False).returncode == 0


def test_a_plist_keeps_every_character(tmp_path: Path) -> None:
    given, keeper = service(tmp_path), Launchd(tmp_path / "agents")
    keeper.write(given)
    values = plistlib.loads(keeper.path("odd").read_bytes())
    assert values["ProgramArguments"] == list(given.command)
    assert values["EnvironmentVariables"] == given.environment
    assert (values["Label"], values["KeepAlive"], values["RunAtLoad"]) == ("av-studio.odd", True, True)
    assert keeper.installed() == ["odd"]
    assert keeper.path("odd").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("keeper", [Launchd, Systemd])
def test_a_name_that_is_not_text_is_refused(keeper: type[Launchd | Systemd], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is not text in UTF-8"):
        keeper(tmp_path).text(Service("odd", ("/bin/\udcff",), {}))


def test_a_plist_without_control_characters_only(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="control character"):
        Launchd(tmp_path).text(Service("odd", ("/bin/true", "\x01"), {}))


@pytest.fixture
def as_user(avstudio: CommandLine) -> CommandLine:
    """The command as a user other than root, whose configuration is in its own folder."""
    if os.geteuid() != 0:
        return avstudio
    apart = ["unshare", "--user", "--map-user=1000", "true"]
    if not shutil.which("unshare") or subprocess.run(apart, capture_output=True, check=False).returncode:
        pytest.skip("root cannot become another user here")

    class Apart(CommandLine):
        def __call__(self, *arguments: str | Path, stdin: str | None = None, **environment: str) -> Outcome:
            words = [*apart[:-1], *COMMAND, *map(str, arguments)]
            setting = self.environment | environment
            done = subprocess.run(
                words,
                env=setting,
                cwd=self.folder,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            return Outcome(done.returncode, done.stdout, done.stderr)

    made = Apart(avstudio.folder)
    made.environment = avstudio.environment
    return made


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the commands are tested with systemd")


def units(command: CommandLine) -> list[str]:
    return sorted(path.name for path in command.folder.glob(".config/systemd/user/*"))


def test_a_service_is_installed_shown_and_removed(as_user: CommandLine) -> None:
    made = as_user("service", "install", "tick", "--yes", "--", "in box", "text.shout")
    assert made.code in (0, 3)
    assert units(as_user) == ["avstudio-tick.service"]
    text = (as_user.folder / ".config/systemd/user/avstudio-tick.service").read_text()
    assert text in made.out
    assert '"tick" "in box" "text.shout"' in text
    assert f'Environment="AVSTUDIO_HOME={as_user.home}"' in text
    [shown] = as_user("service", "status", "--json").json
    assert (shown["name"], shown["state"] != "") == ("tick", True)
    assert "tick: removed" in as_user("service", "uninstall", "--yes").out
    assert units(as_user) == []
    assert as_user("service", "status").out == "No services. Install them: avstudio service install\n"


def test_nothing_is_written_without_consent(as_user: CommandLine) -> None:
    shown = as_user("service", "install", "tick", "--dry-run", "--", "box", "text.shout")
    assert (shown.code, "ExecStart=" in shown.out) == (0, True)
    asked = as_user("service", "install", "tick", "--", "box", "text.shout")
    assert (asked.code, "Add --yes." in asked.err) == (2, True)
    assert units(as_user) == []


def test_root_installs_nothing(avstudio: CommandLine) -> None:
    if os.geteuid() != 0:
        pytest.skip("this user is not root")
    refused = avstudio("service", "install", "tick", "--yes", "--", "box", "text.shout")
    assert (refused.code, units(avstudio)) == (8, [])
    assert "not installed by root" in refused.err


def test_secrets_do_not_reach_a_file(avstudio: CommandLine) -> None:
    given = {"OPENAI_API_KEY": "canary", "AVSTUDIO_OFFLINE": "1"}
    shown = avstudio("service", "install", "tick", "--dry-run", "--", "box", "text.shout", **given)
    assert "canary" not in shown.out + shown.err
    assert "AVSTUDIO_OFFLINE is set here, but not for the service" in shown.err
    for words in (["--token", "x"], ["--password=x"], ["--api-key", "x"], [f"avs_{'a' * 30}"]):
        refused = avstudio("service", "install", "tick", "--dry-run", "--", *words)
        assert (refused.code, "looks like a secret" in refused.err) == (2, True)


def test_only_interfaces_can_be_services(avstudio: CommandLine) -> None:
    refused = avstudio("service", "install", "tikc", "--dry-run")
    assert (refused.code, "Did you mean 'tick'?" in refused.err) == (2, True)


def test_the_commands_of_the_page_work(as_user: CommandLine) -> None:
    page = Path(__file__).parents[3] / "docs" / "howto" / "services.md"
    commands = re.findall(r"^avstudio (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) >= 5
    as_user.environment["AVSTUDIO_PLUGINS"] = "core,server"
    for command in commands:
        dry = ["--yes"] if command == "service install" else []
        done = as_user(*shlex.split(command), *dry)
        assert done.code in (0, 3 if dry else 0), (command, done.err)
        assert "Traceback" not in done.err
