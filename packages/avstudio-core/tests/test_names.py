"""Invalid names and ids are refused with an error of the core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avstudio_core import Plan, Studio, TaskOptions
from avstudio_core.errors import AVStudioError, InvalidInput, InvalidParams, InvalidPlan

ASK: dict[str, Callable[[Studio, Any], object]] = {
    "artifact": lambda studio, name: studio.artifact(name),
    "handle": lambda studio, name: studio.handle(name).task(),
    "result": lambda studio, name: studio.handle(name).result(5),
    "processor": lambda studio, name: studio.processor(name),
    "submit": lambda studio, name: studio.submit(name),
    "cancel": lambda studio, name: studio.tasks.cancel(name),
    "retry": lambda studio, name: studio.retry(name),
    "accept": lambda studio, name: studio.tasks.accept(name),
    "send back": lambda studio, name: studio.tasks.send_back(name, "why"),
    "take in": lambda studio, name: studio.take_in(__file__, project="" if name is None else name),
    "options": lambda _, name: TaskOptions(project=name),
    "plan id": lambda studio, name: studio.tasks.find(plan_id=name) if name is not None else studio.artifact(None),  # type: ignore[arg-type]
    "states": lambda studio, name: studio.tasks.find(states=name or [name]),
    "limit": lambda studio, name: studio.tasks.find(limit=name if name not in (None, 3) else -1),
    "plan": lambda studio, name: studio.run_plan(name),
    "part of a task's id": lambda studio, name: studio.tasks.matching(name),
    "task": lambda studio, name: studio.result_of(name),
    "content": lambda studio, name: studio.content(name),
    "path": lambda studio, name: studio.media.delete_path(name),
    "project of a path": lambda studio, name: studio.media.delete_path("/none", [name]),  # type: ignore[arg-type]
    "deleted file": lambda studio, name: studio.delete_artifact(name),
    "key": lambda studio, name: studio.keys.principal_with(name),
    "secret": lambda studio, name: studio.secrets.delete(name),
    "costs": lambda studio, name: studio.costs(name),
    "type of events": lambda studio, name: studio.webhooks.create("http://127.0.0.1", types=name),
    "secret of a webhook": lambda studio, name: studio.webhooks.create("http://127.0.0.1", secret=name or ""),
    "chat's project": lambda studio, name: studio.llm.route("Hello", project=name),
}
HALF = "\ud83d"
"""Half of an emoji, which some editors leave behind."""


NAMES: list[Any] = [None, 3, b"x", [], "", "\ud800", "a\0b", "x" * 100_000, "two\nlines"]


@pytest.mark.parametrize("ask", ASK)
def test_an_impossible_name_is_refused(open_studio: Callable[..., Studio], ask: str) -> None:
    studio = open_studio()
    for name in NAMES:
        with pytest.raises(AVStudioError) as refused:
            ASK[ask](studio, name)
        assert len(str(refused.value)) < 1000, name
        assert str(refused.value).encode()


def test_a_project_may_have_any_proper_name(open_studio: Callable[..., Studio], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    open_studio().take_in(tmp_path / "a.txt", project="歌 ünï 👩‍👧 é")
    with pytest.raises(InvalidInput, match="'7' is not a valid name of a project"):
        open_studio().take_in(tmp_path / "a.txt", project=7)  # type: ignore[arg-type]


def test_a_very_long_expression_is_read_and_its_refusal_is_short() -> None:
    plan = Plan.parse(" | ".join(["audio.make"] * 10_000 + ["audio.make2"]))
    assert len({step.id for step in plan.steps}) == 10_001
    with pytest.raises(InvalidPlan) as refused:
        Plan.parse("audio.make | " * 10_000 + "!" * 10_000)
    message, line, marks = str(refused.value).split("\n")
    assert len(message + line + marks) < 800
    assert line[marks.index("^")] == "!"


@pytest.mark.parametrize("given", [None, 3, 1.5, object()])
def test_what_is_not_a_prompt_or_not_options_is_refused(open_studio: Callable[..., Studio], given: Any) -> None:
    studio = open_studio()
    for call in (studio.chat, studio.llm.route, studio.llm.embed):
        with pytest.raises(InvalidParams, match="is not a"):
            call(given)
    if given is not None:
        with pytest.raises(InvalidParams, match="The options of the task are not valid"):
            studio.submit_plan("audio.make", options=given)


def test_the_refusal_of_an_expression_can_be_printed_and_its_marks_fit() -> None:
    with pytest.raises(InvalidPlan) as refused:
        Plan.parse(f"\033[31m{HALF} | ?")
    _, line, marks = str(refused.value).split("  ", 1)[0], *str(refused.value).split("\n")[1:3]
    assert str(refused.value).encode()
    assert line.isprintable()
    assert marks.rstrip().endswith("^")


@pytest.mark.parametrize("given", [None, 3, "json", Plan, object()])
def test_what_is_not_a_module_is_refused_early(tmp_path: Path, given: Any) -> None:
    with pytest.raises(InvalidInput, match="is not a module"):
        Studio(add=[given], home=tmp_path)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("given", [None, 3, "json", {}, pytest])
def test_modules_are_given_as_a_list(tmp_path: Path, given: Any) -> None:
    with pytest.raises(InvalidInput, match="is not a list of modules"):
        Studio(add=given, home=tmp_path)
