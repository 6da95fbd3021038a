"""Answers that are given again: to the same request of the same user, if they are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from avstudio_core import Principal, Studio
from avstudio_core.chat import ChatRequest, Delta, Reply
from avstudio_core.errors import BackendDown, NotFound
from avstudio_core.storage.tables import api_calls, cost_records
from avstudio_core.testing import scripted

MODELS = """
[backends.near]
kind = "scripted"
options = { models = ["small", "other"] }

[backends.cloud]
kind = "scripted"
local = false
base_url = "https://models.example/v1"
options = { models = ["big"] }

[prices."cloud/big"]
input = 10
output = 1000
"""
NEAR, FAR = "near/small", "cloud/big"


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    (tmp_path / "models.toml").write_text(MODELS, encoding="utf-8")
    with Studio(home=tmp_path, executor="inline", plugins="", add=[scripted]) as made:
        yield made


def said(studio: Studio, name: str, *answers: Any) -> list[Any]:
    """Script the answers of a backend; return the list of the requests that it gets."""
    backend: Any = studio.llm._gateway.backends.find(name).backend
    backend.says = list(answers)
    heard: list[Any] = backend.heard
    return heard


def test_an_identical_request_gets_the_same_answer_for_nothing(studio: Studio) -> None:
    heard = said(studio, "cloud", "One.", "Two.")
    first = studio.chat("Count.", model=FAR, cache=True)
    again = studio.chat("Count.", model=FAR, cache=True)
    assert (first.text, again.text, len(heard)) == ("One.", "One.", 1)
    assert (first.cache_hit, again.cache_hit) == (False, True)
    assert first.cost_micro > 0
    assert (again.cost_micro, again.usage.input) == (0, 0)
    assert again.request_id != first.request_id


def test_the_ledger_records_it(studio: Studio) -> None:
    said(studio, "cloud", "One.")
    for _ in range(2):
        studio.chat("Count.", model=FAR, cache=True)
    studio.ledger.set_budget("global", "day", 10**9)  # written after the calls
    with studio._database.read() as connection:
        rows = connection.execute(
            select(api_calls.c.outcome, cost_records.c.cost_micro).join(cost_records).order_by(api_calls.c.at)
        ).all()
    assert [row[0] for row in rows] == ["ok", "cached"]
    assert rows[1][1] == 0


def test_owners_do_not_share_answers(studio: Studio) -> None:
    heard = said(studio, "near", "One.", "Two.")
    anna, ben = (studio.session(Principal(owner)) for owner in ("anna", "ben"))
    texts = [one.chat("Count.", model=NEAR, cache=True).text for one in (anna, ben, anna, ben)]
    assert (texts, len(heard)) == (["One.", "Two.", "One.", "Two."], 2)


def test_without_the_wish_each_request_is_answered(studio: Studio) -> None:
    heard = said(studio, "near", "One.", "Two.")
    texts = [studio.chat("Count.", model=NEAR, **wish).text for wish in ({"cache": True}, {}, {"cache": False})]
    assert (texts, len(heard)) == (["One.", "Two.", "Two."], 3)


def test_a_setting_wants_it_for_all(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(MODELS, encoding="utf-8")
    for _ in range(2):  # the second studio finds it in the folder
        with Studio(home=tmp_path, plugins="", add=[scripted], executor="inline", cache_answers=True) as studio:
            answers = [studio.chat("Count.", model=NEAR) for _ in range(2)]
    assert answers[1].cache_hit
    assert answers[0].cache_hit == bool(pytest.importorskip("diskcache"))


@pytest.mark.parametrize(
    "change",
    [
        {"system": "Be short."},
        {"temperature": 0.5},
        {"seed": 1},
        {"max_tokens": 5},
        {"stop": "x"},
        {"model": "near/other"},
        {"tools": [{"name": "look"}]},
        {"answer_schema": {"type": "string"}},
        {"key": "key_other"},
        {"project": "film"},
    ],
)
def test_whatever_changes_the_answer_or_who_asks_is_another_request(studio: Studio, change: dict[str, Any]) -> None:
    heard = said(studio, "near", '"One."')
    studio.chat("Count.", model=NEAR, cache=True)
    assert not studio.chat("Count.", **{"model": NEAR, "cache": True, **change}).cache_hit
    assert len(heard) == 2


def test_what_does_not_change_it_is_the_same_request(studio: Studio) -> None:
    said(studio, "near", "One.")
    studio.chat("Count.", model=NEAR, cache=True)
    assert studio.chat("Count.", model=NEAR, cache=True, timeout=5, task="task_1").cache_hit


def test_what_is_private_is_stored_for_local_models_only(studio: Studio) -> None:
    said(studio, "near", "One.")
    wishes: Any = {"private": True, "cache": True}
    answers = [studio.chat("Count.", model=NEAR, **wishes) for _ in range(2)]
    assert answers[1].cache_hit
    model = studio.llm.models()[0].model.model_copy(update={"local": False})
    assert not studio.llm._gateway._answers.wanted(ChatRequest.of("Count.", **wishes), model)


@pytest.mark.parametrize("answer", [Reply("Cut", finish="length"), Reply("", finish="stop")])
def test_an_incomplete_answer_is_not_stored(studio: Studio, answer: Reply) -> None:
    said(studio, "near", answer, "Whole.")
    studio.chat("Count.", model=NEAR, cache=True)
    assert studio.chat("Count.", model=NEAR, cache=True).text == "Whole."


def test_an_error_is_not_stored(studio: Studio) -> None:
    said(studio, "near", [Delta("Half"), BackendDown("Gone.")], "Whole.")
    with pytest.raises(Exception, match="broke off"):
        list(studio.stream("Count.", model=NEAR, cache=True))
    assert studio.chat("Count.", model=NEAR, cache=True).text == "Whole."


def test_a_stream_replays_it_in_one_piece(studio: Studio) -> None:
    said(studio, "near", ["On", Delta("e.", finish="stop")], "Two.")
    first = studio.stream("Count.", model=NEAR, cache=True)
    assert [delta.text for delta in first] == ["On", "e."]
    again = studio.stream("Count.", model=NEAR, cache=True)
    assert [delta.text for delta in again] == ["One."]
    assert again.answer.cache_hit
    assert studio.chat("Count.", model=NEAR, cache=True).text == "One."


def test_a_broken_cache_is_no_obstacle(studio: Studio, tmp_path: Path) -> None:
    pytest.importorskip("diskcache")
    (tmp_path / "cache").mkdir(exist_ok=True)
    (tmp_path / "cache" / "answers").write_text("a file")
    said(studio, "near", "One.", "Two.")
    assert [studio.chat("Count.", model=NEAR, cache=True).text for _ in range(2)] == ["One.", "Two."]


def test_the_answers_of_an_owner_go_with_the_owner(studio: Studio) -> None:
    said(studio, "near", "Mine.", "Yours.", "Mine again.")
    ann, ben = (studio.session(Principal(name)) for name in ("ann", "ben"))
    for session in (ann, ben):
        session.chat("Whose?", model=NEAR, cache=True)
    studio.administration.delete_owner("ann")
    assert ben.chat("Whose?", model=NEAR, cache=True).text == "Yours."
    with pytest.raises(NotFound, match="No tasks, files, answers or keys belong to 'ann'"):
        studio.administration.delete_owner("ann")
    assert ann.chat("Whose?", model=NEAR, cache=True).text == "Mine again."
