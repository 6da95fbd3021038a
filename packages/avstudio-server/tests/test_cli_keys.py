"""`avstudio keys`."""

from __future__ import annotations

import pytest

from avstudio_core import Studio
from avstudio_server.testing.command_line import CommandLine


def test_a_key_is_printed_once_and_works(avstudio: CommandLine) -> None:
    made = avstudio("keys", "create", "laptop", "--scope", "read", "--scope", "chat", "--project", "film")
    assert made.code == 0, made.err
    text = made.out.strip()
    with Studio(home=avstudio.home, executor="inline", plugins="") as studio:
        found = studio.keys.principal_of(text)
    assert (sorted(found.scopes), found.project) == (["chat", "read"], "film")
    (listed,) = avstudio("keys", "list", "--json").json
    assert (listed["id"], listed["name"], listed["state"]) == (found.key, "laptop", "valid")
    shown = avstudio("keys", "list").out
    assert text[:8] in shown
    assert text[8:] not in shown


def test_a_key_expires_and_has_a_budget(avstudio: CommandLine) -> None:
    key = avstudio("keys", "create", "laptop", "--expires", "30d", "--budget", "5", "--json").json
    assert key["expires_at"] - key["created_at"] == 30 * 86400
    (budget,) = avstudio("budgets", "list", "--json").json
    assert (budget["scope"], budget["period"], budget["limit_micro"]) == (f"key:{key['id']}", "month", 5_000_000)


def test_a_key_is_revoked(avstudio: CommandLine) -> None:
    key = avstudio("keys", "create", "laptop", "--json").json
    assert avstudio("keys", "revoke", key["id"]).code == 0
    assert [one["state"] for one in avstudio("keys", "list", "--json").json] == ["revoked"]
    missing = avstudio("keys", "revoke", "key_other")
    assert (missing.code, missing.err) == (2, f"avstudio: No API key is named 'key_other'. Known: {key['id']}.\n")


@pytest.mark.parametrize(
    "option", [("--expires", "soon"), ("--expires", "0d"), ("--budget", "much"), ("--scope", "all"), ("--project", "")]
)
def test_what_is_not_valid_makes_no_key(avstudio: CommandLine, option: tuple[str, str]) -> None:
    assert avstudio("keys", "create", "laptop", *option).code == 2
    assert avstudio("keys", "list").out == "No keys. Create one: avstudio keys create laptop\n"
