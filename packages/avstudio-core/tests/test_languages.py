"""Languages are understood by code and by name, and the error says what to give."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings, strategies as st

from avstudio_core.errors import NotFound
from avstudio_core.languages import language_code, language_name, language_tag

KNOWN = ("de", "en", "he", "jw", "no", "pt", "zh")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("de", "de"),
        (" DE ", "de"),
        ("ger", "de"),
        ("Deutsch", "de"),
        ("eng", "en"),
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("iw", "he"),
        ("Javanese", "jw"),
        ("nb", "no"),
        ("Mandarin", "zh"),
        ("zh-Hant", "zh"),
        ("português", "pt"),
    ],
)
def test_a_language_is_known_by_any_code_and_name(given: str, code: str) -> None:
    assert language_code(given, KNOWN) == code


@pytest.mark.parametrize(
    ("given", "problem"),
    [("germna", "Did you mean 'German'"), ("xx", "Known: "), ("", "Known: "), ("Klingon", "does not know")],
)
def test_what_is_no_language_is_refused_with_the_way_out(given: str, problem: str) -> None:
    with pytest.raises(NotFound, match=problem):
        language_code(given, KNOWN)


def test_codes_have_names_and_names_stay_as_they_are() -> None:
    assert [language_name(given) for given in ("de", "pt-BR", "simple English")] == [
        "German",
        "Portuguese (Brazil)",
        "simple English",
    ]
    for wrong in ("auto", "xx"):
        with pytest.raises(NotFound, match=f"'{wrong}' is not a language"):
            language_name(wrong)


@settings(deadline=None)  # the first time reads the names
@given(st.text())
def test_whatever_is_given_the_error_is_typed(given: str) -> None:
    with contextlib.suppress(NotFound):
        assert language_tag(given)
