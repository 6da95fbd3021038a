"""`avstudio cost`, `budgets` and `tokens`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from avstudio_core import Studio
from avstudio_core.chat import Account, Usage
from avstudio_core.gateway.ledger.call_facts import NewCall, Settled
from avstudio_server.testing.command_line import CommandLine


@pytest.fixture
def studio(avstudio: CommandLine) -> Iterator[Studio]:
    """A studio on the command's data folder, with calls that were paid for."""
    with Studio(home=avstudio.home, executor="inline", plugins="") as made:
        for model, project, cost in (("gpt", "film", 1_250_000), ("gpt", "song", 250_000), ("tiny", "song", 0)):
            call = NewCall("req", "chat", "openai", model, Account(project=project), cost)
            reservation = made.ledger.reserve(call).result()
            made.ledger.settle(reservation, Settled("ok", Usage(input=100, output=20), cost)).result()
        yield made


# Cost


def test_cost_is_shown_by_day_model_and_project_with_bars(avstudio: CommandLine, studio: Studio) -> None:
    shown = avstudio("cost")
    assert shown.code == 0
    lines = [line.split() for line in shown.out.splitlines()]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert [today, "3", "300", "60", "$1.50", "█" * 20] in lines
    assert ["openai/gpt", "2", "200", "40", "$1.50", "█" * 20] in lines
    assert ["openai/tiny", "1", "100", "20", "$0.00"] in lines
    assert ["song", "2", "200", "40", "$0.25", "█" * 4] in lines


def test_cost_as_json_is_in_millionths(avstudio: CommandLine, studio: Studio) -> None:
    data = avstudio("cost", "--json").json
    assert data["cost_micro"] == 1_500_000
    assert [(line["name"], line["cost_micro"]) for line in data["by_project"]] == [
        ("film", 1_250_000),
        ("song", 250_000),
    ]


def test_cost_since_a_later_day_is_nothing(avstudio: CommandLine, studio: Studio) -> None:
    assert avstudio("cost", "--since", "2999-01-01").out == "No calls since 2999-01-01.\n"
    assert avstudio("cost", "--since", "2020-01-01", "--json").json["cost_micro"] == 1_500_000


def test_cost_tells_of_calls_that_died(avstudio: CommandLine, studio: Studio) -> None:
    studio.ledger.reserve(NewCall("req", "chat", "openai", "gpt", Account(), 10)).result()
    studio.ledger.reap([studio.id])
    assert "counted with the most that they could cost: 1." in avstudio("cost").out


def test_cost_refuses_an_invalid_date(avstudio: CommandLine) -> None:
    refused = avstudio("cost", "--since", "yesterday")
    assert (refused.code, refused.err) == (2, "avstudio: 'yesterday' is not a date. Write a date such as 2026-11-22.\n")


def test_a_very_long_value_is_shortened_in_the_message(avstudio: CommandLine) -> None:
    assert len(avstudio("cost", "--since", "9" * 10_000).err) < 300


# Budgets


def test_a_budget_is_set_listed_and_removed(avstudio: CommandLine, studio: Studio) -> None:
    assert avstudio("budgets", "set", "5.00", "--per", "month").out == "global: $5.00 per month.\n"
    assert avstudio("budgets", "list").out.splitlines()[1].split() == [
        *("global", "month", "$5.00", "$1.50", "$0.00", "$3.50", "█" * 6)
    ]
    [listed] = avstudio("budgets", "list", "--json").json
    assert (listed["limit_micro"], listed["spent_micro"], listed["room_micro"]) == (5_000_000, 1_500_000, 3_500_000)
    assert avstudio("budgets", "remove", "--per", "month").code == 0
    assert "No budgets" in avstudio("budgets", "list").out
    assert studio.ledger.room(Account()) is None


@pytest.mark.parametrize(
    ("options", "scope", "period"),
    [
        ([], "global", "day"),
        (["--project", "film", "--per", "total"], "project:film", "total"),
        (["--key", "key_1"], "key:key_1", "day"),
        (["--agent", "*"], "agent:*", "day"),
        (["--task"], "task:*", "total"),
        (["--task", "--per", "day"], "task:*", "day"),
    ],
)
def test_a_budget_is_for(avstudio: CommandLine, options: list[str], scope: str, period: str) -> None:
    assert avstudio("budgets", "set", "2", *options, "--json").json == {
        "scope": scope,
        "period": period,
        "limit_micro": 2_000_000,
    }
    [listed] = avstudio("budgets", "list", "--json").json
    assert (listed["scope"], listed["period"]) == (scope, period)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["set", "much"], "'much' is not a valid amount of money"),
        (["set", "5", "--per", "week"], "'week' is not a valid period. Give one of: day, month, total."),
        (["set", "5", "--project", "film", "--task"], "not 'project:film' and 'task:*'"),
        (["set", "5", "--project", ""], "'project:' is not a valid scope"),
        (["remove"], "No budget is set for 'global' per day. See them: avstudio budgets list"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(avstudio: CommandLine, arguments: list[str], said: str) -> None:
    refused = avstudio("budgets", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err


def test_sums_can_be_rebuilt(avstudio: CommandLine, studio: Studio) -> None:
    avstudio("budgets", "set", "5")
    assert avstudio("budgets", "rebuild", "--json").json == []
    assert avstudio("budgets", "rebuild").out == "Every total agrees with the recorded calls.\n"


# Tokens


def test_tokens_of_words_of_a_file_and_of_stdin(reading: CommandLine, note: Path) -> None:
    said = "About 2 tokens, at most 6: the file has 6 characters.\n"
    assert reading("tokens", note).out == said
    assert reading("tokens", "-", stdin="hello\n").out == said.replace("the file has", "stdin has")
    assert reading("tokens", "hello\n", "--json").json == {"source": "text", "characters": 6, "about": 2, "at_most": 6}


def test_tokens_count_bytes_where_characters_have_several(reading: CommandLine) -> None:
    assert reading("tokens", "日本語", "--json").json["at_most"] == 9


def test_tokens_of_a_very_long_text(reading: CommandLine) -> None:
    assert reading("tokens", "word " * 10_000, "--json").json["at_most"] == 50_000


def test_tokens_of_a_file_that_is_not_text(reading: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(b"\xff\xfb\x90\x00")
    refused = reading("tokens", path)
    assert refused.code == 2
    assert refused.err == f"avstudio: '{path}' is not text in UTF-8. Transcribe it first, or convert it.\n"


def test_prices_without_a_model_that_has_one(reading: CommandLine) -> None:
    shown = reading("tokens", "hello", "--prices")
    assert (shown.code, shown.out.splitlines()[-1]) == (0, "No known model has a price. See: avstudio llm models")


def test_prices_of_the_models_that_are_installed(tmp_path: Path) -> None:
    pytest.importorskip("avstudio_llm", reason="the prices are those of language models")
    everything = CommandLine(tmp_path)
    everything.home.mkdir()
    model = '[models."openai/dear"]\n[prices."openai/dear"]\ninput = 2.5\noutput = 10\n'
    (everything.home / "models.toml").write_text(model)
    found = everything("tokens", "word " * 1000, "--prices", "--json").json["prices"]
    assert {"model": "openai/dear", "about_micro": 3573, "at_most_micro": 12_500} in found
