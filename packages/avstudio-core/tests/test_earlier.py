"""Cached results: their files are verified, named after the current source, and reviewed again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio, TaskOptions
from avstudio_core.errors import InvalidParams
from avstudio_core.tasks.queue.queue_types import NewTask
from avstudio_core.tasks.states import State

OpenStudio = Callable[..., Studio]


@pytest.fixture
def studio(open_studio: OpenStudio) -> Studio:
    return open_studio()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.mp3"
    path.write_bytes(b"la la la")
    return path


def test_files_from_the_cache_are_named_after_the_source_of_today(studio: Studio, song: Path) -> None:
    first = studio.run("exercise.copy", song)
    again = studio.run("exercise.copy", song.rename(song.with_name("other song.mp3")))
    assert again.cache_hit
    assert (first.copied.name, again.copied.name) == ("song.mp3", "other song.mp3")
    assert again.copied.sha256 == first.copied.sha256
    assert studio.artifact(again.copied.id).name == "other song.mp3"
    parents = studio.artifact(again.copied.id).lineage
    assert parents is not None
    assert studio.artifact(parents.parents[0]).name == "other song.mp3"
    third = studio.run("exercise.copy", song.with_name("other song.mp3").rename(song.with_name("third.mp3")))
    assert (third.cache_hit, third.copied.name) == (True, "third.mp3")


def test_a_rotten_file_is_no_answer_and_is_mended(studio: Studio, song: Path) -> None:
    first = studio.run("exercise.copy", song, suffix="!")
    first.copied.path.unlink()
    first.copied.path.write_bytes(b"rotten")
    again = studio.run("exercise.copy", song, suffix="!")
    assert not again.cache_hit
    assert first.copied.path.read_bytes() == b"la la la!"


def test_a_source_with_a_corrupt_stored_copy_is_stored_again(studio: Studio, song: Path) -> None:
    stored = studio.take_in(song).path
    stored.unlink()
    stored.write_bytes(b"rotten")
    assert studio.run("exercise.copy", song, suffix="!").copied.path.read_bytes() == b"la la la!"


def test_a_result_that_its_plugin_no_longer_understands_is_not_an_answer(
    open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]
) -> None:
    source = """
        class CountResult(Result):
            {field}: int = Field(description="How many.")
        class Count(Processor[Params, CountResult]):
            'Test what the core makes of it.'
            name = "word.count"
            def run(self, source, params, context):
                return CountResult({field}=3)
        @hookimpl
        def register_processors():
            return [Count]
    """
    for field in ("words", "letters"):
        studio = open_studio(write_plugin(source.format(field=field)))
        assert getattr(studio.run("word.count"), field) == 3
        studio.close()


def test_a_person_is_asked_about_an_earlier_result_too(studio: Studio, song: Path) -> None:
    studio.run("exercise.copy", song)
    handle = studio.submit("exercise.copy", song, options=TaskOptions(reviewer="person"))
    list(handle.events())
    assert handle.task().state is State.AWAITING_REVIEW
    studio.tasks.accept(handle.task_id)
    assert handle.result(20).cache_hit


DEVICES = """
class DeviceParams(Params):
    pass

class NoteResult(Result):
    note: Artifact = Field(description="A note.")

class Note(Processor[DeviceParams, NoteResult]):
    'Test what the core makes of it.'
    name = "device.note"
    accepts = ("*/*",)
    device = "cpu"
    def needs(self, params, source):
        return Needs(device=self.device)
    def run(self, source, params, context):
        name = source.name_for(".note.txt")
        context.warn("odd", f"'{source.name}' and '{name}' are odd.")
        path = context.new_path(name)
        path.write_text("note")
        return NoteResult(note=context.publish(path, name, "text/plain"))

class Gpu(MemoryManager):
    device = "cuda"
    def present(self): return True
    def total_mb(self): return 1000
    def available_mb(self): return 1000

@hookimpl
def register_processors():
    return [Note]

@hookimpl
def register_memory_managers():
    return [Gpu]
"""


def test_warnings_of_an_earlier_result_name_the_files_of_today(
    open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType], song: Path
) -> None:
    studio = open_studio(write_plugin(DEVICES))
    studio.run("device.note", song)
    again = studio.run("device.note", song.rename(song.with_name("tune.mp3")))
    assert again.cache_hit
    assert [warning.message for warning in again.warnings] == ["'tune.mp3' and 'tune.note.txt' are odd."]


def test_what_another_device_made_is_not_an_answer(
    open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType], song: Path
) -> None:
    plugin = write_plugin(DEVICES)
    studio = open_studio(plugin)
    hits = []
    for device in ("cpu", "cpu", "cuda", "cuda"):
        plugin.Note.device = device
        hits.append(studio.run("device.note", song).cache_hit)
    assert hits == [False, True, False, True]


COUNTING = """
class CountResult(Result):
    count: int = Field(description="How often it has run.")

class Count(Processor[Params, CountResult]):
    'Count its own runs.'
    name = "runs.count"
    def run(self, source, params, context):
        path = context.settings.home / "count"
        count = int(path.read_text()) + 1 if path.exists() else 1
        path.write_text(str(count))
        return CountResult(count=count)

@hookimpl
def register_processors():
    return [Count]
"""


def test_a_run_without_the_cache_reads_no_earlier_result_and_replaces_it(
    open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]
) -> None:
    studio = open_studio(write_plugin(COUNTING))
    given: list[dict[str, object]] = [{}, {}, {"cache": False}, {}, {"options": TaskOptions(cache=False)}, {}]
    results = [studio.run("runs.count", **one) for one in given]
    assert [one.count for one in results] == [1, 1, 2, 2, 3, 3]
    assert [one.cache_hit for one in results] == [False, True, False, True, False, True]


def test_every_step_of_a_plan_runs_without_the_cache(studio: Studio, song: Path) -> None:
    plan = "exercise.copy suffix=a | exercise.copy suffix=b"
    studio.run_plan(plan, song)
    assert [one.cache_hit for one in studio.run_plan(plan, song).values()] == [True, True]
    assert [one.cache_hit for one in studio.run_plan(plan, song, cache=False).values()] == [False, False]


def test_another_studio_also_runs_a_task_without_the_cache(
    open_studio: OpenStudio, write_plugin: Callable[[str], ModuleType]
) -> None:
    plugin = write_plugin(COUNTING)
    first, second = open_studio(plugin), open_studio(plugin)
    assert second.run("runs.count").count == 1
    task = NewTask("task_1", "count", "runs.count", "{}", None)
    first._queue.submit("plan", [task], TaskOptions(cache=False))  # without starting its engine
    assert second.handle("task_1").result(20).count == 2


def test_a_cache_that_is_neither_true_nor_false_is_refused(studio: Studio, song: Path) -> None:
    with pytest.raises(InvalidParams, match="cache"):
        studio.submit("exercise.copy", song, cache="sometimes")  # type: ignore[arg-type]
