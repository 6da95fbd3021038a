"""A task that is handed out again is not answered, and does not pay, again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import func, select

from avstudio_core import Studio, TaskOptions
from avstudio_core.errors import TaskFailed
from avstudio_core.storage.tables import api_calls, model_answers
from avstudio_core.testing import scripted
from avstudio_core.testing.scripted import Scripted

OpenStudio = Callable[..., Studio]
PATIENCE = 60.0
ASKING = """
import os, signal
from pathlib import Path

class ThriceParams(Params):
    deaths: str = Field(description="A folder; the first two runs die, and note it there.")
    way: str = Field("dies", description="What goes wrong after the second call.")

class ThriceResult(Result):
    answers: list[str] = Field(description="What the model answered.")
    pieces: list[str] = Field(description="The same as it came.")

class Thrice(Processor[ThriceParams, ThriceResult]):
    "Ask thrice; the first two questions are the same."
    name = "ask.thrice"
    cacheable = False
    def run(self, source, params, context):
        pieces = []
        ask = lambda text: context.chat(text, model="scripted/one", on_text=pieces.append).text
        answers = [ask("Hello!"), ask("Hello!")]
        earlier = len(list(Path(params.deaths).iterdir()))
        if earlier < 2:
            (Path(params.deaths) / str(earlier)).touch()
            if params.way == "fails":
                raise ValueError("No.")
            os.kill(os.getpid(), signal.SIGKILL)
        return ThriceResult(answers=[*answers, ask("Good-bye!")], pieces=pieces)

@hookimpl
def register_processors():
    return [Thrice]
"""


@pytest.fixture
def studio(open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]) -> Studio:
    return open_studio(scripted, write_plugin(ASKING), executor="local")


@pytest.fixture
def deaths(tmp_path: Path) -> Path:
    (tmp_path / "deaths").mkdir()
    return tmp_path / "deaths"


def backend(studio: Studio) -> Scripted:
    made = studio.llm._gateway.backends.find("scripted").backend
    assert isinstance(made, Scripted)
    made.says = ["one", "two", "three", "four", "five", "six", "seven"]
    return made


def count(studio: Studio, table: object) -> int:
    with studio._database.read() as connection:
        found: int = connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]
        return found


def test_the_third_delivery_pays_nothing_for_what_was_answered(studio: Studio, deaths: Path) -> None:
    model = backend(studio)
    result = studio.submit("ask.thrice", deaths=str(deaths)).result(PATIENCE)
    assert result.answers == ["one", "two", "three"]
    assert "".join(result.pieces) == "onetwothree"
    assert len(list(deaths.iterdir())) == 2
    assert len(model.heard) == count(studio, api_calls) == 3
    assert count(studio, model_answers) == 0


def test_a_run_that_failed_asks_anew(studio: Studio, deaths: Path) -> None:
    model = backend(studio)
    options = TaskOptions(retries=2)
    result = studio.submit("ask.thrice", options=options, deaths=str(deaths), way="fails").result(PATIENCE)
    assert result.answers == ["five", "six", "seven"]
    assert len(model.heard) == 7


def test_nothing_is_kept_of_a_task_that_failed(studio: Studio, deaths: Path) -> None:
    backend(studio)
    with pytest.raises(TaskFailed):
        studio.run("ask.thrice", deaths=str(deaths), way="fails")
    assert count(studio, model_answers) == 0
