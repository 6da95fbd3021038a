"""API keys: shown once, stored as a hash, refused with the reason."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from avstudio_core import Studio
from avstudio_core.access.key_text import is_key, new_key
from avstudio_core.access.keys import ApiKeys
from avstudio_core.errors import AVStudioError, InvalidInput, KeyRefused, NotFound


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(home=tmp_path / "home", executor="inline", plugins="") as made:
        yield made


def test_a_key_tells_who_asks(studio: Studio) -> None:
    key, text = studio.keys.create("laptop", owner="ann", scopes=["read", "run"], project="film")
    found = studio.keys.principal_of(text)
    assert (found.owner, found.key, found.project) == ("ann", key.id, "film")
    assert sorted(found.scopes) == ["read", "run"]


def test_a_key_without_an_owner_sees_only_its_own_work(studio: Studio) -> None:
    (one, first), (two, second) = (studio.keys.create(name) for name in ("a", "b"))
    owners = [studio.keys.principal_of(text).owner for text in (first, second)]
    assert owners == [one.id, two.id]
    assert "admin" not in studio.keys.principal_of(first).scopes


def test_another_studio_on_the_folder_knows_the_key(studio: Studio) -> None:
    _, text = studio.keys.create("laptop")
    with Studio(home=studio.settings.home, executor="inline", plugins="") as other:
        assert other.keys.principal_of(text) == studio.keys.principal_of(text)


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + "x", lambda text: text.upper()])
def test_a_typing_error_is_told_apart_from_an_unknown_key(studio: Studio, change: Any) -> None:
    _, text = studio.keys.create("laptop")
    with pytest.raises(KeyRefused, match="typing error"):
        studio.keys.principal_of(change(text))
    with pytest.raises(KeyRefused, match="not known"):
        studio.keys.principal_of(new_key())


def test_one_wrong_character_anywhere_is_noticed() -> None:
    text = new_key()
    for place in range(len(text)):
        wrong = "a" if text[place] != "a" else "b"
        assert not is_key(text[:place] + wrong + text[place + 1 :])


@pytest.mark.parametrize("text", ["", "avs_", None, 5, b"avs_", "avs_" + "é" * 38, "x" * 10**6, "sk-ant-12345"])
def test_anything_else_is_refused(studio: Studio, text: Any) -> None:
    with pytest.raises(KeyRefused) as refused:
        studio.keys.principal_of(text)
    assert len(str(refused.value)) < 200


def test_a_revoked_key_is_refused_at_once_and_for_ever(studio: Studio) -> None:
    key, text = studio.keys.create("laptop")
    studio.keys.principal_of(text)
    studio.keys.revoke(key.id)
    studio.keys.revoke(key.id)
    with pytest.raises(KeyRefused, match=f"'{key.id}' is revoked"):
        studio.keys.principal_of(text)
    assert [one.state(time.time()) for one in studio.keys.all()] == ["revoked"]
    with pytest.raises(NotFound):
        studio.keys.revoke("key_unknown")


def test_the_keys_of_a_deleted_owner_are_revoked(studio: Studio) -> None:
    (_, text), (_, other) = (studio.keys.create("laptop", owner=owner) for owner in ("ann", "ben"))
    studio.administration.delete_owner("ann")
    with pytest.raises(KeyRefused, match="is revoked"):
        studio.keys.principal_of(text)
    assert studio.keys.principal_of(other).owner == "ben"
    with pytest.raises(NotFound, match="belong to 'ann'"):
        studio.administration.delete_owner("ann")


def test_a_key_expires(studio: Studio) -> None:
    now = [1000.0]
    keys = ApiKeys(studio._database, studio.settings.home, lambda: now[0])
    key, text = keys.create("laptop", seconds=60)
    now[0] = 1059
    keys.principal_of(text)
    now[0] = 1060
    with pytest.raises(KeyRefused, match=f"'{key.id}' is expired"):
        keys.principal_of(text)


def test_the_last_use_is_recorded_to_the_hour(studio: Studio) -> None:
    now = [1000.0]
    keys = ApiKeys(studio._database, studio.settings.home, lambda: now[0])
    _, text = keys.create("laptop")
    seen = []
    for now[0] in (1000.0, 1010.0, 4599.0, 4600.0):
        keys.principal_of(text)
        studio.ledger.set_budget("global", "day", 1)  # written after the use
        seen.append(keys.all()[0].used_at)
    assert seen == [1000.0, 1000.0, 1000.0, 4600.0]


@pytest.mark.parametrize(
    "given",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"scopes": ["everything"]},
        {"project": ""},
        {"owner": "\0"},
        {"seconds": 0},
        {"seconds": float("inf")},
        {"seconds": "30d"},
    ],
)
def test_what_is_not_valid_is_refused(studio: Studio, given: Any) -> None:
    with pytest.raises(InvalidInput):
        studio.keys.create(**{"name": "laptop", **given})
    assert studio.keys.all() == []


def test_the_data_folder_does_not_contain_the_key(studio: Studio) -> None:
    _, text = studio.keys.create("laptop")
    studio.keys.principal_of(text)
    with pytest.raises(AVStudioError):
        studio.keys.principal_of(text + "x")
    files = [file for file in studio.settings.home.rglob("*") if file.is_file()]
    assert [file for file in files if text[8:-6].encode() in file.read_bytes()] == []
    assert (studio.settings.home / "keys.hmac").stat().st_mode & 0o077 == 0


def test_without_the_other_file_no_key_is_valid(studio: Studio) -> None:
    _, text = studio.keys.create("laptop")
    (studio.settings.home / "keys.hmac").unlink()
    with pytest.raises(KeyRefused, match="not known"):
        ApiKeys(studio._database, studio.settings.home).principal_of(text)
