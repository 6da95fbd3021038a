"""Principals are valid from the start, and say what they lack."""

from __future__ import annotations

from typing import Any

import pytest

from avstudio_core import LOCAL, InvalidInput, NotAllowed, Principal


def test_a_principal_has_an_owner_and_sees_only_its_work() -> None:
    anna = Principal("anna", key="key_1", project="film")
    assert (anna.owner, anna.key, anna.project, anna.reach) == ("anna", "key_1", "film", ("anna", "film"))
    assert Principal("anna").reach == ("anna", None)
    assert LOCAL.reach == (None, None)


@pytest.mark.parametrize(
    "given",
    [
        {"owner": ""},
        {"owner": "a\nb"},
        {"owner": 7},
        {"owner": "anna", "key": ""},
        {"owner": "anna", "project": "\0"},
        {"owner": "anna", "scopes": ["everything"]},
        {"owner": "anna", "scopes": "read"},
        {"owner": "anna", "colour": "red"},
    ],
)
def test_a_principal_with_invalid_values_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Principal(**given)


def test_a_missing_scope_is_an_error_that_names_it() -> None:
    with pytest.raises(NotAllowed, match="'anna' does not have the scope 'chat'"):
        Principal("anna", scopes=("read", "run")).require("chat")


def test_a_principal_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        LOCAL.owner = "anna"  # type: ignore[misc]


def test_scopes_that_are_one_text_are_refused_in_plain_words() -> None:
    given: Any = {"scopes": "read"}
    with pytest.raises(InvalidInput, match="'scopes' is 'read': should be a list"):
        Principal("anna", **given)
