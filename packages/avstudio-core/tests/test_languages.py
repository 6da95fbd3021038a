"""Languages are recognised by code and by name, and the error says what to give."""

from __future__ import annotations

import contextlib
import sys
from importlib.util import find_spec

import pytest
from hypothesis import given, strategies as st

from avstudio_core.errors import MissingDependency, NotFound
from avstudio_core.languages import language_code, language_name, language_tag

needs_data = pytest.mark.skipif(find_spec("language_data") is None, reason="avstudio-core[languages] is not installed")
KNOWN = ("de", "en", "he", "jw", "no", "pt", "zh")


@needs_data
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


@needs_data
@pytest.mark.parametrize(
    ("given", "problem"),
    [("germna", "Did you mean 'German'"), ("xx", "Known: "), ("", "Known: "), ("Klingon", "does not know")],
)
def test_what_is_not_a_language_is_refused_with_the_way_out(given: str, problem: str) -> None:
    with pytest.raises(NotFound, match=problem):
        language_code(given, KNOWN)


@needs_data
def test_codes_have_names_and_names_stay_as_they_are() -> None:
    assert [language_name(given) for given in ("de", "pt-BR", "simple English")] == [
        "German",
        "Portuguese (Brazil)",
        "simple English",
    ]
    for wrong in ("auto", "xx"):
        with pytest.raises(NotFound, match=f"'{wrong}' is not a language"):
            language_name(wrong)


@needs_data
@given(st.text())
def test_whatever_is_given_the_error_is_typed(given: str) -> None:
    with contextlib.suppress(NotFound):
        assert language_tag(given)


@pytest.mark.parametrize("library", ["langcodes", "language_data"])
def test_without_the_data_only_plain_tags_are_understood(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    assert [language_tag(plain) for plain in ("de", "pt-BR", "zh-Hant-TW")] == ["de", "pt-BR", "zh-Hant-TW"]
    assert [language_code(plain, KNOWN) for plain in ("de", "en-US")] == ["de", "en"]
    assert language_name("simple English") == "simple English"
    for needs_names, named in ((language_tag, "German"), (language_tag, "ger"), (language_name, "de")):
        with pytest.raises(MissingDependency, match=rf"'{named}' .*avstudio-core\[languages\]"):
            needs_names(named)
    with pytest.raises(MissingDependency, match=r"avstudio-core\[languages\]"):
        language_code("nb", KNOWN)
