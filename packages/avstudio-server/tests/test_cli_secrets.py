"""`avstudio secrets`, and the age of secrets in `avstudio doctor`."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import update

from avstudio_core import Studio
from avstudio_core.storage.tables import secrets
from avstudio_server.testing.command_line import CommandLine

VALUE = "sk-canary-0123456789"
FILE = {"AVSTUDIO_SECRET_STORE": "file"}


def test_a_secret_is_set_from_stdin_listed_rotated_and_deleted(avstudio: CommandLine) -> None:
    done = [
        avstudio("secrets", "set", "MY_KEY", stdin=f"{VALUE}\n", **FILE),
        avstudio("secrets", "list", **FILE),
        avstudio("secrets", "list", "--json", **FILE),
        avstudio("secrets", "rotate", "MY_KEY", stdin=f"{VALUE}-new", **FILE),
    ]
    assert [one.code for one in done] == [0, 0, 0, 0]
    assert "MY_KEY  file   today" in done[1].out
    assert VALUE not in "".join(one.out + one.err for one in done)
    assert f"{VALUE}-new" in (avstudio.home / "secrets.json").read_text()
    assert avstudio("secrets", "delete", "MY_KEY", **FILE).code == 0
    assert VALUE not in (avstudio.home / "secrets.json").read_text()
    assert avstudio("secrets", "rotate", "MY_KEY", stdin=VALUE, **FILE).code == 2


def test_a_value_is_never_an_argument(avstudio: CommandLine) -> None:
    done = avstudio("secrets", "set", "MY_KEY", VALUE, **FILE)
    assert done.code == 2
    assert not (avstudio.home / "secrets.json").exists()


@pytest.mark.parametrize("stdin", ["", "\n", "two\nlines"])
def test_what_is_not_a_key_is_refused(avstudio: CommandLine, stdin: str) -> None:
    assert avstudio("secrets", "set", "MY_KEY", stdin=stdin, **FILE).code == 2


def test_an_old_secret_is_a_problem_for_doctor(avstudio: CommandLine) -> None:
    avstudio("secrets", "set", "MY_KEY", stdin=VALUE, **FILE)
    with Studio(home=avstudio.home, executor="inline", plugins="") as studio:
        before = update(secrets).values(set_at=time.time() - 45 * 86400)
        studio._database.write(lambda transaction: transaction.execute(before))
    shown = avstudio("doctor", **FILE)
    assert "'MY_KEY' is 45 days old" in shown.out
    assert "avstudio secrets rotate MY_KEY" in shown.out
    assert VALUE not in shown.out


def test_a_secret_that_cannot_be_read_is_a_problem(avstudio: CommandLine) -> None:
    avstudio("secrets", "set", "MY_KEY", stdin=VALUE, **FILE)
    (avstudio.home / "secrets.json").chmod(0o644)
    problem = "The secret 'MY_KEY' cannot be read: Others on this machine may read"
    assert problem in avstudio("doctor", **FILE).out
    assert problem in avstudio("secrets", "list", **FILE).err
    refused = avstudio("secrets", "set", "OTHER_KEY", stdin=VALUE, **FILE)
    assert "cannot be set" in refused.err
    assert "Make it readable only by you" in refused.err


def test_the_environment_is_listed_without_its_value(avstudio: CommandLine) -> None:
    listed = avstudio("secrets", "list", "--json", OPENAI_API_KEY=VALUE, **FILE)
    assert VALUE not in listed.out
    if "avstudio-llm" in avstudio("plugins").out:
        assert ("OPENAI_API_KEY", "environment") in [(one["name"], one["store"]) for one in listed.json]
