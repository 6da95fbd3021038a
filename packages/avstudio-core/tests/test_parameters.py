"""Parameters are validated once where a task is submitted, and once where it runs."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from avstudio_core import Plan, Step, Studio
from avstudio_core.errors import InvalidParams, InvalidPlan, PluginError
from avstudio_core.parameters import parameters

COUNTING = """
from pydantic import model_validator

VALIDATED = []

class CountedParams(Params):
    sizes: tuple[int, ...] = Field((), description="Sizes.")
    scale: float | bool | None = None
    weight: float = 1.0
    by_name: dict[str, float] = {}
    @model_validator(mode="after")
    def count(self):
        VALIDATED.append(self.sizes)
        return self

class Counted(Processor[CountedParams, Result]):
    "Count validations."
    name = "test.count"
    def run(self, source, params, context):
        return Result()

class Needing(Counted):
    "Count validations, with needs that depend on the parameters."
    name = "test.need"
    def needs(self, params, source):
        return Needs(seconds=float(sum(params.sizes)))

@hookimpl
def register_processors():
    return [Counted, Needing]
"""
TAKES_ANYTHING = """
from pydantic import JsonValue

class TakeParams(Params):
    words: JsonValue = Field("", description="Words.")

class Take(Processor[TakeParams, Result]):
    "Take words."
    name = "test.take"
    def run(self, source, params, context):
        return Result()

@hookimpl
def register_processors():
    return [Take]
"""
WAYS: dict[str, Callable[[Studio, str], object]] = {
    "values": lambda studio, name: studio.run(name, sizes=(1, 2)),
    "text": lambda studio, name: studio.run(name, sizes="1,2"),
    "expression": lambda studio, name: studio.run_plan(f"{name} sizes=1,2"),
    "plan": lambda studio, name: studio.run_plan(Plan(steps=(Step(id="a", processor=name, params={"sizes": [1, 2]}),))),
}


@pytest.mark.parametrize("name", ["test.count", "test.need"])
@pytest.mark.parametrize("way", WAYS)
def test_parameters_are_validated_once_at_the_border_and_once_where_they_run(
    open_studio: Callable[..., Studio], write_plugin: Callable[[str], ModuleType], way: str, name: str
) -> None:
    counting = write_plugin(COUNTING)
    studio = open_studio(counting)
    studio.processor(name)
    counting.VALIDATED.clear()
    WAYS[way](studio, name)
    assert counting.VALIDATED == [(1, 2)] * 2


EXITING = """
import sys
from pydantic import field_serializer, field_validator

class ExitingParams(Params):
    size: int = 0
    {does}
    def leave(cls, size, *rest):
        sys.exit(9)

class Exiting(Processor[ExitingParams, Result]):
    "Exit."
    name = "test.exit"
    def run(self, source, params, context):
        return Result()

@hookimpl
def register_processors():
    return [Exiting]
"""


@pytest.mark.parametrize(
    ("does", "verb"), [("@field_validator('size')", "validated"), ("@field_serializer('size')", "stored")]
)
def test_parameters_that_exit_end_no_process(
    open_studio: Callable[..., Studio], write_plugin: Callable[[str], ModuleType], does: str, verb: str
) -> None:
    studio = open_studio(write_plugin(EXITING.format(does=does)))
    with pytest.raises(PluginError, match=f"'test.exit' could not be {verb}: .*SystemExit: 9"):
        studio.run("test.exit", size=1)


def test_stored_parameters_of_another_studio_are_validated(
    open_studio: Callable[..., Studio], write_plugin: Callable[[str], ModuleType]
) -> None:
    studio = open_studio(write_plugin(COUNTING))
    counted = studio.processor("test.count")
    assert studio.params.read(counted, '{"sizes": [3]}', studio._store.path) == parameters(counted, {"sizes": [3]})
    with pytest.raises(InvalidParams, match="does not have a parameter 'widths'"):
        studio.params.read(counted, '{"widths": [3]}', studio._store.path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"weight": True}, "'weight' is a boolean: should be a number"),
        ({"sizes": [1, False]}, r"'sizes\.1' is a boolean: should be a number"),
        ({"by_name": {"a": True}}, r"'by_name\.a' is a boolean: should be a number"),
        ({"scale": "big"}, "'scale' is 'big': should be a number or true or false"),
        ({"sizes": {"a": True}}, r"""'sizes' is '{"a": true}': should be a list"""),
    ],
)
def test_a_boolean_is_not_a_number(
    open_studio: Callable[..., Studio], write_plugin: Callable[[str], ModuleType], given: dict[str, object], said: str
) -> None:
    studio = open_studio(write_plugin(COUNTING))
    studio.run("test.count", scale=True)
    with pytest.raises(InvalidParams, match=said):
        studio.run("test.count", **given)


def test_a_processor_is_also_found_by_the_name_of_its_command(
    open_studio: Callable[..., Studio], write_plugin: Callable[[str], ModuleType]
) -> None:
    studio = open_studio(write_plugin(TAKES_ANYTHING.replace("test.take", "test.take_it")))
    studio.run("test.take-it", words="a")
    assert studio.submit_plan("test.take-it words=b").result().keys() == {"take-it"}
    assert {task.processor for task in studio.tasks.find()} == {"test.take_it"}


def test_a_step_from_outside_cannot_claim_to_be_valid() -> None:
    with pytest.raises(InvalidPlan, match="valid"):
        Plan.from_json('{"steps": [{"id": "a", "processor": "test.count", "params": {}, "valid": {}}]}')


def test_only_so_many_stored_parameters_are_remembered(
    open_studio: Callable[..., Studio], write_plugin: Callable[[str], ModuleType]
) -> None:
    counting = write_plugin(COUNTING)
    studio = open_studio(counting)
    counted = studio.processor("test.count")
    texts = [studio.params.text(counted, parameters(counted, {"sizes": [one] * 200_000})) for one in range(30)]
    counting.VALIDATED.clear()
    for text in (texts[0], texts[-1]):
        assert studio.params.read(counted, text, studio._store.path)
    assert [sizes[0] for sizes in counting.VALIDATED] == [0]


@pytest.mark.parametrize("given", ["\ud83d", ["a", "\ud83d"], {"a": [{"\ud83d": 1}]}])
def test_text_that_cannot_be_stored_is_refused_at_the_border(
    open_studio: Callable[..., Studio], write_plugin: Callable[[str], ModuleType], given: object
) -> None:
    studio = open_studio(write_plugin(TAKES_ANYTHING))
    with pytest.raises(InvalidParams, match=r"'words' is .*, which is not valid in UTF-8\.") as refused:
        studio.submit("test.take", words=given)
    assert str(refused.value).encode()
    assert studio.tasks.find() == []


def test_deeply_nested_text_is_refused_as_such(
    open_studio: Callable[..., Studio], write_plugin: Callable[[str], ModuleType]
) -> None:
    with pytest.raises(InvalidParams, match=r"'sizes(\.0)?' is '\[\[\["):
        open_studio(write_plugin(COUNTING)).submit("test.count", sizes="[" * 100_000)


def test_a_list_without_text_has_no_items(
    write_plugin: Callable[[str], str], open_studio: Callable[..., Studio]
) -> None:
    counted = open_studio(write_plugin(COUNTING)).processor("test.count")
    assert parameters(counted, {"sizes": ""}) == parameters(counted, {"sizes": " "}) == parameters(counted, {})
    assert parameters(counted, {"sizes": "1, 2"}) == parameters(counted, {"sizes": (1, 2)})
