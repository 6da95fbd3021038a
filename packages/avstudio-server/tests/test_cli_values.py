"""Text on the command line, and the JSON values that it becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from avstudio_core import errors
from avstudio_core.errors import AVStudioError, NotFound, TaskFailed, UnreadableMedia
from avstudio_server.cli.exits import MEANINGS, exit_code
from avstudio_server.cli.options import Field, fields_of
from avstudio_server.cli.terminal.display import duration_text
from avstudio_server.cli.terminal.tables import size, table
from avstudio_server.cli.text.results import rendered

LIST_OF_NUMBERS = {"type": "array", "items": {"type": "number"}}


def field(schema: dict[str, Any]) -> Field:
    return Field("x", "--x", schema, {}, required=False)


@given(st.integers())
def test_whole_numbers_come_back(number: int) -> None:
    assert field({"type": "integer"}).value(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back(number: float) -> None:
    assert field({"anyOf": [{"type": "number"}, {"type": "null"}]}).value(repr(number)) == number


@given(st.text())
def test_texts_come_back_as_they_are(text: str) -> None:
    assert field({"type": "string"}).value(text) == text


@given(st.lists(st.integers()))
def test_lists_come_back_with_commas_one_by_one_and_as_json(numbers: list[int]) -> None:
    listed = field({"type": "array", "items": {"type": "integer"}})
    written = [str(number) for number in numbers]
    assert listed.value([",".join(written)]) == listed.value(written) == listed.value([json.dumps(numbers)]) == numbers


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_objects_come_back_as_json(value: dict[str, Any]) -> None:
    assert field({"type": "object"}).value(json.dumps(value)) == value


@given(st.sampled_from([{"type": "integer"}, {"type": "number"}, {"type": "boolean"}, {"type": "object"}]), st.text())
def test_any_text_is_read_or_refused_with_the_options_name(schema: dict[str, Any], text: str) -> None:
    said = "'--x' cannot be"
    try:
        field(schema).value(text)
    except errors.InvalidParams as error:
        said = str(error)
    assert said.startswith("'--x' cannot be")


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"anyOf": [{"type": "integer"}, {"enum": ["auto"]}]}, "auto", "auto"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "12", 12),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "twelve", "twelve"),
        ({"enum": [1, 2]}, "2", 2),
        ({"const": "only"}, "only", "only"),
        ({}, "[1]", [1]),
        ({}, "plain", "plain"),
        ({"type": "boolean"}, "TRUE", True),
    ],
)
def test_the_narrowest_form_that_fits_is_taken(schema: dict[str, Any], text: str, value: object) -> None:
    assert field(schema).value(text) == value


def test_references_are_looked_up() -> None:
    definitions = {"Format": {"enum": ["flac", "mp3"], "type": "string"}}
    params = {"properties": {"format": {"$ref": "#/$defs/Format", "default": "flac"}}, "$defs": definitions}
    [found] = fields_of(params, "separate", ())
    assert found.value("mp3") == "mp3"
    assert found.help == "[default: flac]"
    with pytest.raises(errors.InvalidParams, match=r"Did you mean 'flac'\?"):
        found.value("flak")


@pytest.mark.parametrize(
    ("schema", "metavar", "said"),
    [
        ({"type": "array", "items": {"type": "string"}, "maxItems": 3}, "TEXT,…", "[at most 3 items]"),
        ({"type": "array", "prefixItems": [{"type": "number"}] * 2, "minItems": 2, "maxItems": 2}, "X,…", "[2 items]"),
        ({"type": "array", "items": LIST_OF_NUMBERS, "minItems": 1}, "JSON", "[at least 1 item]"),
        ({"type": "array", "items": {"type": "object"}}, "JSON", ""),
    ],
)
def test_help_says_how_many_items_a_list_takes_and_when_it_is_json(
    schema: dict[str, Any], metavar: str, said: str
) -> None:
    found = field(schema)
    option = found.parameter().annotation.__metadata__[0]
    assert (option.metavar, found.help) == (metavar, said)


def test_a_list_of_lists_is_given_as_json() -> None:
    assert field({"type": "array", "items": LIST_OF_NUMBERS}).value(["[[1, 2], [3]]"]) == [[1, 2], [3]]


def test_a_wrong_item_of_a_list_is_named() -> None:
    with pytest.raises(errors.InvalidParams, match=r"'--x' cannot be 'b'\. Give a number"):
        field(LIST_OF_NUMBERS).value(["1,b"])
    with pytest.raises(errors.InvalidParams, match="'--x' cannot be"):
        field(LIST_OF_NUMBERS).value(["[1,"])


def test_every_error_has_a_documented_exit_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AVStudioError)]
    assert {exit_code(kind("")) for kind in kinds} <= set(MEANINGS)
    assert exit_code(NotFound("")) == exit_code(TaskFailed("", cause="not_found")) == 2


def test_a_plugins_own_error_exits_as_the_one_it_refines() -> None:
    class TooLoud(UnreadableMedia):
        code = "too_loud"

    assert exit_code(TaskFailed("", cause=TooLoud.code)) == 2
    assert exit_code(TaskFailed("", cause="nobody_knows")) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4 s"), (12.4, "12 s"), (59.7, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_sizes_are_written_for_people() -> None:
    assert [size(1), size(999), size(150_200_000), size(3.1e12)] == ["1 B", "999 B", "150.2 MB", "3.1 TB"]


def test_tables_are_aligned_and_whole() -> None:
    assert table(("A", "B"), [("long", "x\ny"), ("s", None)]) == "A     B\nlong  x y\ns"


def test_long_lists_are_cut_for_people() -> None:
    lines = list(rendered("parts", [{"n": number} for number in range(30)]))
    assert len(lines) == 22
    assert lines[-1] == "  … 10 more: see --json"


def test_an_unmeasured_value_is_shown_as_unknown() -> None:
    duration = {"anyOf": [{"type": "number"}, {"type": "null"}], "unit": "s"}
    assert list(rendered("duration", None, duration)) == ["duration: unknown"]
    assert list(rendered("bits", None, {"type": "integer", "default": None, "unit": "bit"})) == []


def test_numbers_in_lists_and_under_names_are_as_short_as_others_and_have_their_units() -> None:
    seconds = {"unit": "s"}
    assert list(rendered("kept", [[0.00081632653, 16.7855328]], seconds)) == ["kept: [0.001, 16.786] s"]
    levels = {"additionalProperties": {"properties": {"peak": {"unit": "dBFS"}}}}
    assert list(rendered("levels", {"a": {"peak": -1.0}}, levels)) == ["levels:", "  a:", "    peak: -1 dBFS"]
    assert list(rendered("any", {"a": 1}, {"additionalProperties": True})) == ["any:", "  a: 1"]
