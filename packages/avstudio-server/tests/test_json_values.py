"""Documents with very many values are refused before they are parsed."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, strategies as st

from avstudio_core.testing import exercises
from avstudio_server.http.json_values import JsonValues
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
MANY = {f"k{number}": number for number in range(200_000)}
TEXTS = st.text(st.sampled_from('a"\\,[{:\n'), max_size=6)
JSON = st.recursive(
    st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [exercises]


def counted(value: Any) -> int:
    if not isinstance(value, list | dict):
        return 0
    inner = list(value.values()) if isinstance(value, dict) else value
    return 1 + max(0, len(inner) - 1) + sum(map(counted, inner))


@given(JSON, st.integers(1, 9))
def test_texts_do_not_count_wherever_a_piece_ends(value: Any, size: int) -> None:
    text, values = json.dumps(value).encode(), JsonValues()
    for start in range(0, len(text), size):
        values.too_many(text[start : start + size])
    assert values.count == counted(value)


def test_a_body_with_too_many_values_is_refused(server: HttpServer) -> None:
    client = server.client(server.key())
    for address in ("/api/v1/exercise/wait", "/api/v1/plans", "/v1/chat/completions", "/api/v1/uploads"):
        answer = client.post(address, json=MANY)
        assert (answer.status_code, "more than 20000 values" in answer.text) == (413, True)
        assert client.post(address, json={"text": "[,{" * 20_000}).status_code in (400, 422)
    form: Any = {"params": (None, json.dumps([0] * 30_000)), "f": ("a.txt", b"x")}
    answer = client.post("/api/v1/exercise/wait", files=form)
    assert (answer.status_code, "'params' has more than 20000 values" in answer.text) == (413, True)
