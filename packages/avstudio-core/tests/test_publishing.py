"""What a run may publish, and the errors for authors who do it wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Principal, Studio
from avstudio_core.errors import PluginError, TaskFailed

SLOPPY = """
import math
import time
from pathlib import Path

class SloppyParams(Params):
    way: str = Field(default="", description="What is done wrong.")

class SloppyResult(Result):
    made: Artifact | None = Field(default=None, description="A file.")
    many: list[Artifact] = Field(default=[], description="Files.")
    number: float = Field(default=0.0, description="A number.")
    text: str = Field(default="", description="A text.")

class Sloppy(Processor[SloppyParams, SloppyResult]):
    "Do something wrong."
    name = "sloppy.work"
    accepts = ("*/*",)

    def needs(self, params, source):
        return {}["what"] if params.way == "plans badly" else Needs()

    def run(self, source, params, context):
        if params.way == "publishes its source":
            return SloppyResult(made=context.publish(source.path, "copy.txt", "text/plain"))
        if params.way == "publishes its source and fails":
            context.publish(source.path, "copy.txt", "text/plain")
            raise RuntimeError("on purpose")
        if params.way == "forgets to close a file":
            with context.new_path("file.txt").open("w") as file:
                file.write("it is still in memory")
                made = context.publish(Path(file.name), "file.txt", "text/plain")
            return SloppyResult(made=made)
        if params.way == "gives its source back":
            return SloppyResult(made=source)
        if params.way.startswith("forges "):
            made = source.model_copy(update={"sha256": params.way[7:], "path": source.path})
            return SloppyResult(made=made)
        if params.way.startswith("poisons "):
            path = context.new_path("file.txt")
            path.write_text("other")
            made = context.publish(path, "file.txt", "text/plain")
            made.path.rename(made.path.with_name(params.way[8:]))
            made = made.model_copy(update={"sha256": params.way[8:]})
            context.published[:] = [made]
            return SloppyResult(made=made)
        if params.way.startswith("steals "):
            made = source.model_copy(update={"id": "art_new", "sha256": params.way[7:], "path": source.path})
            return SloppyResult(many=[made])
        if params.way == "returns too much":
            return SloppyResult(text="x" * 70_000_000)
        if params.way == "ends again and again":
            for _ in range(500):
                context.progress(1.0)
        if params.way == "goes back":
            context.progress(0.9, "check")
            time.sleep(0.3)  # until the next progress is recorded
            context.progress(0.1, "write again")
        if params.way == "wants folders":
            context.new_path("sub/file.txt")
        if params.way == "counts nothing":
            context.progress(math.nan, "of nothing")
        if params.way == "has no number":
            return SloppyResult(number=math.nan)
        if params.way == "gives nothing":
            return None
        if params.way == "loses a file":
            path = context.new_path("file.txt")
            path.write_text("x")
            context.publish(path, "file.txt", "text/plain")
            return SloppyResult()
        if params.way.startswith("types it "):
            path = context.new_path("file.txt")
            path.write_text("x")
            return SloppyResult(made=context.publish(path, "file.txt", eval(params.way[9:])))
        return SloppyResult()

class Hollow(Processor):
    "Has no run."
    name = "sloppy.hollow"

@hookimpl
def register_processors():
    return [Sloppy, Hollow]
"""


@pytest.fixture
def studio(open_studio: Callable[..., Studio], write_plugin: Callable[[str], ModuleType]) -> Studio:
    return open_studio(write_plugin(SLOPPY))


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("dear")
    return path


def test_a_source_that_is_published_is_copied(studio: Studio, letter: Path) -> None:
    source = studio.take_in(letter)
    made = studio.run("sloppy.work", source, way="publishes its source").made
    assert (made.name, made.path.read_text()) == ("copy.txt", "dear")
    assert made.id != source.id
    studio._store.verify(source.sha256)


def test_a_run_that_publishes_its_source_and_fails_costs_no_source(studio: Studio, letter: Path) -> None:
    source = studio.take_in(letter)
    with pytest.raises(TaskFailed, match="on purpose"):
        studio.run("sloppy.work", source, way="publishes its source and fails")
    studio._store.verify(source.sha256)


def test_a_source_that_is_given_back_stays_what_it_is(studio: Studio, letter: Path) -> None:
    source = studio.take_in(letter)
    assert studio.run("sloppy.work", source, way="gives its source back").made == source


def test_progress_of_nothing_is_none(studio: Studio, letter: Path) -> None:
    handle = studio.submit("sloppy.work", letter, way="counts nothing")
    assert [event.data["percent"] for event in handle.events() if event.type == "task.progress"] == [0.0]


def test_progress_does_not_fall(studio: Studio, letter: Path) -> None:
    handle = studio.submit("sloppy.work", letter, way="goes back")
    told = [event.data["percent"] for event in handle.events() if event.type == "task.progress"]
    assert told == [90.0, 90.0]


def test_progress_that_ends_again_and_again_is_recorded_once(studio: Studio, letter: Path) -> None:
    handle = studio.submit("sloppy.work", letter, way="ends again and again")
    ends = [event.data["percent"] for event in handle.events() if event.type == "task.progress"]
    assert ends.count(100.0) < 10


@pytest.mark.parametrize("executor", ["inline", "local"])
@pytest.mark.parametrize("how", ["forges", "steals"])
def test_a_result_cannot_name_a_file_of_another_owner(
    open_studio: Callable[..., Studio], write_plugin: Callable[[str], ModuleType], letter: Path, how: str, executor: str
) -> None:
    studio = open_studio(write_plugin(SLOPPY), executor=executor)
    (letter.parent / "secret.txt").write_text("secret")
    secret = studio.session(Principal("ben")).take_in(letter.parent / "secret.txt")
    anna = studio.session(Principal("anna"))
    with pytest.raises(TaskFailed, match=r"returned the file 'letter\.txt', which it neither read nor published"):
        anna.run("sloppy.work", letter, way=f"{how} {secret.sha256}")


def test_a_run_cannot_change_a_stored_file(studio: Studio, letter: Path) -> None:
    (letter.parent / "other.txt").write_text("secret")
    kept = studio.take_in(letter.parent / "other.txt")
    studio.run("sloppy.work", letter, way=f"poisons {kept.sha256}")
    studio._store.verify(kept.sha256)


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (
            "loses a file",
            r"published 'file\.txt', but its result does not contain it\. Put it into a field whose type is Artifact",
        ),
        (
            "forgets to close a file",
            r"wrote to 'file\.txt' after it was published\. Close a file before it is published",
        ),
        ("gives nothing", "returned 'None' instead of the declared SloppyResult"),
        ("returns too much", "returned a result of 66 MB, and the most is 64. Publish a file"),
        ("has no number", "NaN or infinity in 'number'"),
        ("wants folders", "'sub/file.txt' is not the name of a file"),
        ("types it ''", "'' is not a media type"),
        ("types it 'text'", "'text' is not a media type"),
        ("types it None", "'None' is not a media type"),
        (r"types it 'text/\0'", r"'text/\\x00' is not a media type"),
        (r"types it 'text/\ud800'", r"'text/\\ud800' is not a media type"),
    ],
)
def test_an_author_is_told_what_is_wrong(studio: Studio, letter: Path, way: str, said: str) -> None:
    with pytest.raises(TaskFailed, match=said) as failed:
        studio.run("sloppy.work", letter, way=way)
    assert failed.value.cause in ("plugin", "invalid_input")


def test_a_processor_that_cannot_plan_is_reported_at_once(studio: Studio, letter: Path) -> None:
    with pytest.raises(PluginError, match=r"'needs' of processor 'sloppy\.work' .* raised KeyError: 'what'"):
        studio.submit("sloppy.work", letter, way="plans badly")


def test_a_processor_that_lacks_what_all_have_is_reported(studio: Studio) -> None:
    with pytest.raises(PluginError, match=r"'sloppy\.hollow' does not say the type of its Params"):
        studio.submit("sloppy.hollow")
