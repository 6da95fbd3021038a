"""`avstudio llm`: chat, dialogue, models and route, with a third-party backend that repeats its input."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from avstudio_server.testing.command_line import CommandLine

MODELS = """
[models."cage/big"]
quality = 0.95

[prices."cage/big"]
input = 3
output = 15
"""


@pytest.fixture
def avstudio(tmp_path: Path) -> CommandLine:
    parrot = Path(shutil.copytree(Path(__file__).with_name("parrot"), tmp_path / "parrot"))
    command = CommandLine(tmp_path, [parrot], "core,parrot")
    command.home.mkdir(mode=0o700)
    (command.home / "models.toml").write_text(MODELS, encoding="utf-8")
    return command


def test_an_answer_is_on_stdout_and_its_cost_on_stderr(avstudio: CommandLine) -> None:
    said = avstudio("llm", "chat", "good morning")
    assert (said.code, said.out) == (0, "good morning (1)\n")
    assert re.search(r"parrot/grey: 1 tokens read, 12 written, \$0\.00, \d+\.\d s", said.err)
    assert avstudio("llm", "chat", "good morning", "--quiet").err == ""


def test_a_prompt_may_come_through_a_pipe(avstudio: CommandLine) -> None:
    assert avstudio("llm", "chat", stdin="from afar").out == "from afar (1)\n"
    assert avstudio("llm", "chat", "-", stdin="from afar").out == "from afar (1)\n"
    empty = avstudio("llm", "chat", stdin=" \n")
    assert (empty.code, empty.out) == (2, "")
    assert "The input on stdin is empty." in empty.err


def test_files_stand_below_the_prompt(avstudio: CommandLine) -> None:
    transcript = {"segments": [{"start": 61.5, "end": 63, "text": " Hello. ", "words": []}]}
    (avstudio.folder / "talk.json").write_text(json.dumps(transcript), encoding="utf-8")
    (avstudio.folder / "note.txt").write_text("a note", encoding="utf-8")
    files = ("--file", "talk.json", "--file", "note.txt", "--file", "-")
    said = avstudio("llm", "chat", "Compare:", *files, "--system", "Be short.", stdin="the rest")
    assert said.out == "Compare:\n\ntalk.json:\n[0:01:01] Hello.\n\nnote.txt:\na note\n\nstdin:\nthe rest (2)\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "does not exist"), (b"\xff\xfe\x00", "is not text in UTF-8"), (b"", "is empty")],
)
def test_a_file_that_cannot_be_read_is_named(avstudio: CommandLine, content: bytes | None, problem: str) -> None:
    if content is not None:
        (avstudio.folder / "talk.srt").write_bytes(content)
    refused = avstudio("llm", "chat", "What is it?", "--file", "talk.srt")
    assert refused.code == 2
    assert f"'talk.srt' {problem}" in refused.err


@pytest.mark.parametrize("path", ["/proc/self/environ", "/dev/zero", "."])
def test_only_files_of_the_user_are_read(avstudio: CommandLine, path: str) -> None:
    refused = avstudio("llm", "chat", "What is it?", "--file", path)
    assert (refused.code, refused.out) == (2, "")
    assert f"'{path}' is a " in refused.err


def test_json_is_the_whole_answer(avstudio: CommandLine) -> None:
    answer = avstudio("llm", "chat", "hi", "--json").json
    assert (answer["text"], answer["model"], answer["usage"]["output"]) == ("hi (1)", "parrot/grey", 2)
    assert answer["decision"]["rule"] == "default"


def test_an_answer_that_breaks_off_keeps_what_was_said(avstudio: CommandLine) -> None:
    said = avstudio("llm", "chat", "please break now")
    assert (said.code, said.out) == (1, "please break \n")
    assert "broke off in its answer: The parrot flew away." in said.err


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "problem"),
    [
        (["down"], {}, 3, "The parrot sleeps."),
        (["hi", "--model", "cage/big"], {}, 3, "'cage/big' cannot answer: no key: set CAGE_KEY"),
        (["hi", "--model", "cage/big"], {"CAGE_KEY": "x"}, 3, "The cage does not know this key."),
        (["hi", "--model", "cage/big"], {"CAGE_KEY": "x", "AVSTUDIO_LOCAL_ONLY": "1"}, 8, "'local_only' is on"),
        (["hi", "--model", "cage/big", "--private"], {"CAGE_KEY": "x"}, 8, "nothing may be sent there"),
        (["hi", "--local", "--quality", "0.95"], {"CAGE_KEY": "x"}, 3, "its quality is 0.5"),
        (["hi", "--model", "parrot/gray"], {}, 2, "Did you mean 'parrot/grey'?"),
        ([" "], {}, 2, "The prompt is empty."),
    ],
)
def test_each_failure_has_its_exit_code(
    avstudio: CommandLine, arguments: list[str], environment: dict[str, str], code: int, problem: str
) -> None:
    refused = avstudio("llm", "chat", *arguments, **environment)
    assert (refused.code, refused.out) == (code, "")
    assert problem in refused.err
    assert "Traceback" not in refused.err


@pytest.mark.parametrize("account", ["--project", "--key", "--agent"])
def test_a_call_belongs_to_the_project_key_and_agent_that_it_names(avstudio: CommandLine, account: str) -> None:
    assert avstudio("budgets", "set", "0.01", account, "film").code == 0
    refused = avstudio("llm", "chat", "hi", "--model", "cage/big", account, "film", CAGE_KEY="x")
    assert (refused.code, f"{account[2:]}:film" in refused.err) == (7, True)
    assert avstudio("llm", "chat", "hi", "--model", "cage/big", account, "song", CAGE_KEY="x").code != 7


def test_a_budget_without_room_has_its_exit_code(avstudio: CommandLine) -> None:
    assert avstudio("budgets", "set", "0.01").code == 0
    refused = avstudio("llm", "chat", "hi", "--model", "cage/big", CAGE_KEY="x")
    assert refused.code == 7
    assert "is too small for this call" in refused.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_an_answer_and_keeps_what_was_said(avstudio: CommandLine, number: signal.Signals) -> None:
    with avstudio.start("llm", "chat", "first wait then", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        heard = process.stdout.read(len("first wait "))
        process.send_signal(number)
        rest, said = process.stdout.read(), process.stderr.read()
    assert (process.returncode, heard + rest) == (130, "first wait \n")
    assert said == "Stopped.\n"


Typed = str | signal.Signals


def on_terminal(avstudio: CommandLine, *arguments: str, heard: Callable[[str], Typed | None]) -> tuple[int, str]:
    """Run a command on a terminal; type, or send, what `heard` answers to all that was seen. Give its code and that."""
    ours, theirs = pty.openpty()
    with avstudio.start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        seen = ""
        try:
            while chunk := _read(ours):
                seen += chunk
                typed = heard(seen)
                if isinstance(typed, signal.Signals):
                    os.kill(process.pid, typed)
                elif typed:
                    os.write(ours, typed.encode())
        except BaseException:
            process.kill()
            raise
    os.close(ours)
    return process.returncode, seen


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:  # the other end is closed
        return ""


class Typist:
    """Types each line when what it waits for was seen after all before it; `…` stands for anything between."""

    def __init__(self, *lines: tuple[str, Typed]) -> None:
        self.lines = list(lines)
        self.place = 0

    def __call__(self, seen: str) -> Typed | None:
        place = self.place
        for part in self.lines[0][0].split("…") if self.lines else ():
            place = seen.find(part, place) + len(part)
            if place < len(part):
                return None
        if not self.lines:
            return None
        self.place = place
        return self.lines.pop(0)[1]


def test_a_talk_remembers_and_begins_anew(avstudio: CommandLine) -> None:
    typist = Typist(
        ("> ", "hello\n"),
        ("hello (1)…> ", "and again\n"),
        ("again (3)…> ", "break it\n"),
        ("The parrot flew away.…> ", "still there\n"),
        ("there (7)…> ", "/new\n"),
        ("> ", "afresh\n"),
        ("afresh (1)…> ", "\x04"),
    )
    code, seen = on_terminal(avstudio, "llm", "chat", heard=typist)
    assert (code, typist.lines) == (0, []), seen
    kept = avstudio.home / "chat-history"
    assert "and again" in kept.read_text(encoding="utf-8")
    assert kept.stat().st_mode & 0o077 == 0


def test_ctrl_c_stops_an_answer_and_the_talk_goes_on(avstudio: CommandLine) -> None:
    typist = Typist(
        ("> ", "first wait then\n"),
        ("\nfirst wait ", signal.SIGINT),
        ("Stopped.…> ", "and now\n"),
        ("and now (3)…> ", "\x04"),
    )
    code, seen = on_terminal(avstudio, "llm", "chat", heard=typist)
    assert (code, typist.lines) == (0, []), seen


def test_a_private_talk_leaves_no_history(avstudio: CommandLine) -> None:
    typist = Typist(("> ", "a secret\n"), ("secret (1)…> ", "/quit\n"))
    assert on_terminal(avstudio, "llm", "chat", "--private", heard=typist)[0] == 0
    assert not (avstudio.home / "chat-history").exists()


def test_models_are_listed_with_price_and_obstacle(avstudio: CommandLine) -> None:
    grey, big = avstudio("llm", "models", "--json").json
    assert (grey["id"], grey["local"], grey["obstacle"], grey["price"]["input"]) == ("parrot/grey", True, None, 0)
    assert (big["id"], big["price"], big["obstacle"]) == (
        "cage/big",
        {"input": 3, "output": 15},
        "no key: set CAGE_KEY",
    )
    shown = avstudio("llm", "models").out
    assert re.search(r"parrot/grey +here +chat, tools +4000 +0\.5 +free +free +ready", shown)
    assert re.search(r"cage/big +cloud +chat .* 3 +15 +no: no key: set CAGE_KEY", shown)


def test_a_route_explains_itself_and_spends_nothing(avstudio: CommandLine) -> None:
    shown = avstudio("llm", "route", "hi there", "--quality", "0.95", CAGE_KEY="x")
    assert shown.code == 0
    assert "cage/big: The request requires the best quality. (rule: top_tier)" in shown.out
    assert "cost: about $0.007509, at most $0.1" in shown.out
    assert "parrot/grey  its quality is 0.5, and 0.95 is required" in shown.out
    data = avstudio("llm", "route", "-", "--json", stdin="hi there", CAGE_KEY="x").json
    assert (data["chosen"], data["fallbacks"], data["context"]) == ("parrot/grey", ["cage/big"], 4000)
    assert avstudio("cost", "--json").out.count("cage") == 0


def test_a_route_to_no_one_says_why(avstudio: CommandLine) -> None:
    refused = avstudio("llm", "route", "hi", "--quality", "0.95")
    assert refused.code == 3
    assert "cage/big: no key: set CAGE_KEY" in refused.err


def test_commands_by_hand_stand_beside_those_of_processors(avstudio: CommandLine) -> None:
    pytest.importorskip("avstudio_llm")
    shown = avstudio("llm", "--help", AVSTUDIO_PLUGINS="core,parrot,llm").out
    assert re.findall(r"^  (\w+)  ", shown, re.MULTILINE) == [
        "chat",
        "models",
        "route",
        "embed",
        "summarize",
        "translate",
    ]
    assert "--to TEXT" in avstudio("llm", "translate", "--help", AVSTUDIO_PLUGINS="core,parrot,llm").out
    assert "did you mean" in avstudio("llm", "summarise", AVSTUDIO_PLUGINS="core,parrot,llm").err.lower()


def test_the_doctor_tells_of_backends(avstudio: CommandLine) -> None:
    assert avstudio("doctor", "--json").json["backends"] == [
        {"name": "parrot", "obstacle": None, "hint": ""},
        {"name": "cage", "obstacle": "no key: set CAGE_KEY", "hint": ""},
    ]
    assert re.search(r"cage +no key: set CAGE_KEY", avstudio("doctor").out)
