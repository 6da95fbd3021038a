"""`avstudio backup`, `restore` and `verify`, and the page about them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from avstudio_server.testing.command_line import CommandLine

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "backup.md"


def test_work_is_backed_up_lost_and_restored(avstudio: CommandLine, note: Path) -> None:
    done = avstudio("text", "shout", note, "--json").json
    made = avstudio("backup", "copies", "--json").json
    assert (made["files"], made["new_files"], made["absent"]) == (2, 2, [])
    avstudio("tasks", "delete", done["task"])
    assert avstudio("restore", "copies").code == 4
    restored = avstudio("restore", "copies", "--force", "--json").json
    assert restored["snapshot"] == made["snapshot"]
    assert Path(restored["aside"], "avstudio.db").exists()
    assert [task["id"] for task in avstudio("tasks", "list", "--json").json] == [done["task"]]


def test_verify_lists_the_snapshots_and_what_is_damaged(avstudio: CommandLine, note: Path) -> None:
    avstudio("text", "shout", note)
    first = avstudio("backup", "copies", "--json").json["snapshot"]
    assert "0 new. 1 old removed." in avstudio("backup", "copies", "--keep", "1").out
    whole = avstudio("verify", "copies")
    assert (whole.code, first in whole.out) == (0, False)
    assert whole.out.endswith("Everything is there and unchanged.\n")
    lost = max((avstudio.folder / "copies" / "content").glob("*/*"))
    lost.unlink()
    spoilt = avstudio("verify", "copies")
    assert (spoilt.code, spoilt.out.count(f"'{lost}' is missing.")) == (4, 1)
    assert "damaged" in spoilt.out
    refused = avstudio("restore", "copies", "--force")
    assert refused.code == 4
    assert "Traceback" not in refused.err


def test_what_cannot_be_done_is_told_in_terms_of_the_command(avstudio: CommandLine, note: Path) -> None:
    assert "has no database" in avstudio("backup", "copies").err
    avstudio("text", "shout", note)
    assert avstudio("backup", "copies", "--keep", "0").code == 2
    assert "AVSTUDIO_HOME" not in avstudio("backup", avstudio.home / "inside").err
    avstudio("backup", "copies")
    assert "Add --force" in avstudio("restore", "copies").err
    assert avstudio("verify", "elsewhere").err == "avstudio: 'elsewhere' has no backup.\n"


def test_the_commands_of_the_page_work(avstudio: CommandLine, note: Path) -> None:
    avstudio("text", "shout", note)
    commands = re.findall(r"^avstudio (.+?)(?: +#.*)?$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        newest = max((path.name for path in avstudio.folder.glob("*/snapshots/*")), default="")
        words = [word.replace("SNAPSHOT", newest.partition(".")[0]) for word in shlex.split(command)]
        done = avstudio(*words, HOME=str(avstudio.folder))
        assert done.code == 0, (command, done.err)
