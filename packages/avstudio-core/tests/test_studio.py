from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from avstudio_core import Plan, Step, Studio, TaskOptions
from avstudio_core.errors import (
    CorruptFile,
    InvalidInput,
    InvalidParams,
    InvalidPlan,
    InvalidTransition,
    NotFound,
    OutputExists,
    StorageError,
    TaskBlocked,
    TaskCancelled,
    TaskFailed,
    UnreadableMedia,
)
from avstudio_core.storage.sweep import check
from avstudio_core.tasks.states import State
from avstudio_core.testing import until
from avstudio_core.testing.fixtures import Tone

OpenStudio = Callable[..., Studio]
WritePlugin = Callable[[str], ModuleType]

TEXTS = """
import json, threading
from pathlib import Path

class TextParams(Params):
    text: str = Field("", description="Text.")
    mood: str = Field("", description="How it goes.")

class TextResult(Result):
    text: str = Field("", description="The text.")
    attempt: int = Field(0, description="Which attempt made it.")
    feedback: str | None = Field(None, description="What the review said before.")
    written: Artifact | None = Field(None, description="The file.")

RUNS = []
GATE = threading.Event()

class Write(Processor[TextParams, TextResult]):
    "Write a text to a file."
    name = "text.write"
    def outputs(self, params):
        return {"written": "text/plain"}
    def run(self, source, params, context):
        RUNS.append((params.text, context.attempt))
        if params.mood == "fails" or (params.mood == "fails once" and context.attempt == 1):
            raise RuntimeError("in a bad mood")
        if params.mood == "refuses":
            raise UnreadableMedia("'it' is not for me.")
        if params.mood == "exits":
            raise SystemExit(3)
        if params.mood == "degrades":
            context.warn("lesser", "It came out lesser.")
        if params.mood == "waits":
            while not GATE.wait(0.01):
                context.check()
        if params.mood == "lingers":
            for _ in range(20):
                context.check()
                GATE.wait(0.01)
        if params.mood == "records nonsense":
            return Nonsense()
        path = context.new_path("text.txt")
        path.write_text(params.text)
        made = context.publish(path, "text.txt", "text/plain")
        return TextResult(text=params.text, attempt=context.attempt, feedback=context.feedback, written=made)
    def review(self, result, context):
        if "bad" in result.text and (context.feedback is None or "very bad" in result.text):
            return Review.send_back("it is bad")
        return Review.accept()

class Nonsense(TextResult):
    number: float = float("nan")

class Read(Processor[TextParams, TextResult]):
    "Read a text file."
    name = "text.read"
    accepts = ("text/*",)
    def outputs(self, params):
        return {"written": "text/plain"}
    def run(self, source, params, context):
        text = source.path.read_text() + params.text
        path = context.new_path("text.txt")
        path.write_text(text)
        return TextResult(text=text, written=context.publish(path, "text.txt", "text/plain"))

@hookimpl
def register_processors(): return [Write, Read]
"""


@pytest.fixture
def texts(write_plugin: WritePlugin) -> ModuleType:
    return write_plugin(TEXTS)


@pytest.fixture
def studio(open_studio: OpenStudio, texts: ModuleType) -> Studio:
    return open_studio(texts)


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("Dear")
    return path


# Running


def test_a_run_explains_itself(studio: Studio, letter: Path, texts: ModuleType) -> None:
    result = studio.run("text.read", letter, text=" you")
    assert result.text == "Dear you"
    assert result.effective == {"text": " you", "mood": ""}
    assert (result.provenance.processor, result.provenance.version) == ("text.read", "1")
    assert len(result.provenance.parents) == 1
    assert not result.cache_hit


def test_what_a_run_made_is_in_the_store(studio: Studio) -> None:
    written = studio.run("text.write", text="hello").written
    assert written.path.read_text() == "hello"
    assert written.path.is_relative_to(studio.settings.home)
    assert written.lineage.params["text"] == "hello"
    assert studio.artifact(written.id) == written
    studio._store.verify(written.sha256)


def test_a_result_feeds_the_next_run(studio: Studio) -> None:
    written = studio.run("text.write", text="hello").written
    result = studio.run("text.read", written)
    assert result.text == "hello"
    assert result.provenance.parents == (written.id,)


def test_submitting_gives_a_handle_that_can_be_awaited(studio: Studio) -> None:
    async def both() -> list[str]:
        one, two = studio.submit("text.write", text="1"), studio.submit("text.write", text="2")
        return [(await one).text, (await two).text]

    assert asyncio.run(both()) == ["1", "2"]


def test_a_plan_runs_to_the_results_of_its_steps(studio: Studio) -> None:
    results = studio.run_plan("text.write text=hello | text.read text=' you'")
    assert {step: result.text for step, result in results.items()} == {"write": "hello", "read": "hello you"}


def test_a_plan_can_be_awaited_and_replayed(studio: Studio, letter: Path) -> None:
    async def run() -> Any:
        return await studio.submit_plan(Plan.parse("text.read"), letter)

    assert asyncio.run(run())["read"].text == "Dear"


def test_nothing_of_a_plan_that_is_refused_is_stored(studio: Studio, letter: Path) -> None:
    with pytest.raises(InvalidPlan, match=r"text\.raed"):
        studio.submit_plan("text.read | text.raed", letter)
    assert studio.tasks.find() == []
    assert list(studio._store.stored()) == []


def test_many_tasks_are_all_done(studio: Studio) -> None:
    handles = [studio.submit("text.write", text=f"{n}") for n in range(100)]
    assert [handle.result(60).text for handle in handles] == [f"{n}" for n in range(100)]


# Refusals


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (
            lambda s, f: s.run("text.wriet"),
            NotFound,
            r"No processor is named 'text\.wriet'. Did you mean 'text\.write'\?",
        ),
        (
            lambda s, f: s.run("text.write", txt="x"),
            InvalidParams,
            r"does not have a parameter 'txt'\. Did you mean 'text'\?",
        ),
        (
            lambda s, f: s.run("text.write", text=3),
            InvalidParams,
            r"'text' is '3': should be text \(Text\.\)",
        ),
        (lambda s, f: s.run("text.write", text=object()), InvalidParams, "'text' is '<object"),
        (lambda s, f: s.run("text.read"), InvalidInput, r"text\.read needs a source. Give it text"),
        (lambda s, f: s.run("text.read", f / "none.txt"), UnreadableMedia, r"none\.txt' does not exist"),
        (lambda s, f: s.run("text.read", f), UnreadableMedia, "is a folder. Give a file."),
        (lambda s, f: s.run("text.read", f / "empty.txt"), UnreadableMedia, "is empty"),
        (lambda s, f: s.run("text.read", f / ("x" * 300)), UnreadableMedia, "cannot be read: File name too long"),
        (
            lambda s, f: s.run("text.read", f / "sound.wav"),
            InvalidInput,
            r"cannot read 'audio/wav'. It reads text",
        ),
        (lambda s, f: s.run("text.write", f / "letter.txt"), InvalidInput, r"text\.write does not take a source"),
        (lambda s, f: s.handle("task_0").result(), NotFound, "No task has the id 'task_0'"),
        (lambda s, f: s.artifact("art_0"), NotFound, "No artifact has the id 'art_0'"),
        (lambda s, f: s.tasks.cancel("task_0"), NotFound, "No task has the id 'task_0'"),
        (lambda s, f: s.retry("task_0"), NotFound, "No task has the id 'task_0'"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    studio: Studio, tmp_path: Path, letter: Path, tone: Tone, call: Any, kind: type[Exception], said: str
) -> None:
    (tmp_path / "empty.txt").write_text("")
    tone(seconds=0.01).rename(tmp_path / "sound.wav")
    with pytest.raises(kind, match=said) as refused:
        call(studio, tmp_path)
    assert type(refused.value) is kind
    assert studio.tasks.find() == []


def test_an_executor_that_is_not_there_is_refused(open_studio: OpenStudio) -> None:
    studio = open_studio(executor="locale")
    with pytest.raises(NotFound, match=r"No executor is named 'locale'\. Did you mean 'local'\?"):
        studio.run("exercise.wait")


def test_settings_are_keywords(open_studio: OpenStudio) -> None:
    assert open_studio(workers=7).settings.workers == 7
    with pytest.raises(NotFound, match="No setting is named 'wrokers'"):
        open_studio(wrokers=7)


# Failing


@pytest.mark.parametrize(
    ("mood", "cause", "said"),
    [
        ("fails", "processor_error", r"text\.write failed: RuntimeError: in a bad mood"),
        ("refuses", "unreadable_media", "'it' is not for me."),
        ("exits", "processor_error", r"text\.write failed: SystemExit: 3"),
        ("records nonsense", "plugin", r"text\.write returned NaN or infinity in 'number'"),
    ],
)
@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_failure_says_why(
    open_studio: OpenStudio, texts: ModuleType, executor: str, mood: str, cause: str, said: str
) -> None:
    studio = open_studio(texts, executor=executor)
    with pytest.raises(TaskFailed, match=said) as failed:
        studio.submit("text.write", mood=mood).result(30)
    assert failed.value.cause == cause
    assert "Traceback" in failed.value.traceback
    assert studio.submit("text.write", text="goes on").result(30).text == "goes on"


def test_a_failed_step_blocks_its_dependents_and_retrying_releases_them(studio: Studio, texts: ModuleType) -> None:
    handle = studio.submit_plan("text.write mood='fails once' text=x | text.read | text.read")
    with pytest.raises(TaskFailed, match="in a bad mood"):
        handle.result(20)
    with pytest.raises(TaskBlocked, match=r"Step 'write' \(text\.write\).* did not complete"):
        handle.steps["read2"].result(20)
    texts.Write.run = lambda self, source, params, context: texts.TextResult(written=_publish(context, "mended"))
    freed = studio.retry(handle.steps["read2"].task_id)
    assert set(freed) == {one.task_id for one in handle.steps.values()}
    assert handle.result(20)["read2"].text == "mended"


def _publish(context: Any, text: str) -> Any:
    path = context.new_path("text.txt")
    path.write_text(text)
    return context.publish(path, "text.txt", "text/plain")


def test_a_run_is_tried_again_after_a_pause(studio: Studio) -> None:
    began = time.monotonic()
    handle = studio.submit("text.write", options=TaskOptions(retries=2), mood="fails once")
    assert handle.result(20).attempt == 2
    assert time.monotonic() - began > 0.4
    (retried,) = [event for event in handle.events() if event.type == "task.retried"]
    assert retried.data["pause"] == pytest.approx(0.5, abs=0.1)


def test_the_pauses_grow_and_end(studio: Studio) -> None:
    handle = studio.submit("text.write", options=TaskOptions(retries=2), mood="fails")
    with pytest.raises(TaskFailed):
        handle.result(20)
    assert handle.task().attempts == 3
    pauses = [event.data["pause"] for event in handle.events() if event.type == "task.retried"]
    assert pauses == pytest.approx([0.5, 1.0], abs=0.1)


def test_a_mistake_in_the_input_is_not_tried_again(studio: Studio) -> None:
    handle = studio.submit("text.write", options=TaskOptions(retries=5), mood="refuses")
    with pytest.raises(TaskFailed):
        handle.result(20)
    assert handle.task().attempts == 1


# The cache


def test_equal_work_is_done_once(studio: Studio, texts: ModuleType, tmp_path: Path, letter: Path) -> None:
    first = studio.run("text.write", text="x")
    second = studio.run("text.write", text="x")
    assert (first.cache_hit, second.cache_hit) == (False, True)
    assert second.model_copy(update={"cache_hit": False}) == first
    assert len(texts.RUNS) == 1


def test_content_counts_and_not_its_name(studio: Studio, letter: Path, tmp_path: Path) -> None:
    studio.run("text.read", letter)
    letter.rename(tmp_path / "other.txt")
    assert studio.run("text.read", tmp_path / "other.txt").cache_hit
    (tmp_path / "other.txt").write_text("changed")
    assert not studio.run("text.read", tmp_path / "other.txt").cache_hit


@pytest.mark.parametrize(
    "change", [lambda t: setattr(t.Write, "version", "2"), lambda t: setattr(t.Write, "cacheable", False)]
)
def test_what_may_differ_is_done_again(studio: Studio, texts: ModuleType, change: Any) -> None:
    studio.run("text.write", text="x")
    change(texts)
    assert not studio.run("text.write", text="x").cache_hit


def test_a_cached_result_whose_file_is_gone_is_made_again(studio: Studio) -> None:
    first = studio.run("text.write", text="x")
    first.written.path.unlink()
    again = studio.run("text.write", text="x")
    assert not again.cache_hit
    assert again.written.path.read_text() == "x"


def test_a_stored_source_that_changed_is_refused(studio: Studio, letter: Path) -> None:
    artifact = studio.take_in(letter)
    artifact.path.write_text("spoilt")
    with pytest.raises(TaskFailed, match=r"'letter\.txt' has changed since it was stored.*Submit") as failed:
        studio.submit("text.read", artifact).result(20)
    assert failed.value.cause == "corrupt_file"


# Degrading


def test_a_degradation_is_a_warning(studio: Studio) -> None:
    result = studio.run("text.write", mood="degrades")
    assert [(one.code, one.message) for one in result.warnings] == [("lesser", "It came out lesser.")]


def test_strict_makes_it_an_error_even_when_it_is_cached(studio: Studio) -> None:
    studio.run("text.write", mood="degrades")
    with pytest.raises(
        TaskFailed, match=r"It came out lesser\. \('strict' makes the warning 'lesser' an error"
    ) as failed:
        studio.submit("text.write", options=TaskOptions(strict=True), mood="degrades").result(20)
    assert failed.value.cause == "degraded"


# Reviewing


def test_a_review_sends_back_once(studio: Studio, texts: ModuleType) -> None:
    result = studio.run("text.write", text="bad")
    assert (result.attempt, result.feedback) == (2, "it is bad")
    assert texts.RUNS == [("bad", 1), ("bad", 2)]


def test_the_run_after_a_review_may_take_its_time(studio: Studio) -> None:
    result = studio.run("text.write", text="bad", mood="lingers")
    assert (result.attempt, result.feedback) == (2, "it is bad")


def test_a_second_rejection_fails(studio: Studio, texts: ModuleType) -> None:
    with pytest.raises(TaskFailed, match="was refused by its own review twice: it is bad") as failed:
        studio.submit("text.write", text="very bad").result(20)
    assert failed.value.cause == "review"
    assert len(texts.RUNS) == 2
    assert list(studio._store.leftovers()) == []


def test_a_person_accepts(studio: Studio) -> None:
    handle = studio.submit("text.write", options=TaskOptions(reviewer="person"), text="x")
    until(lambda: handle.task().waits_for_person)
    with pytest.raises(TimeoutError, match="is AWAITING_REVIEW"):
        handle.result(0.1)
    studio.tasks.accept(handle.task_id)
    assert handle.result(20).text == "x"


def test_a_person_sends_back(studio: Studio, texts: ModuleType) -> None:
    handle = studio.submit("text.write", options=TaskOptions(reviewer="person"), text="x")
    until(lambda: handle.task().waits_for_person)
    studio.tasks.send_back(handle.task_id, "more of it")
    studio.wake()
    until(lambda: handle.task().waits_for_person and len(texts.RUNS) == 2)
    studio.tasks.accept(handle.task_id)
    assert handle.result(20).feedback == "more of it"


def test_only_a_task_that_awaits_a_review_can_be_reviewed(studio: Studio) -> None:
    handle = studio.submit("text.write", text="x")
    handle.result(20)
    with pytest.raises(InvalidTransition, match="it is COMPLETED, not AWAITING_REVIEW"):
        studio.tasks.accept(handle.task_id)
    with pytest.raises(InvalidTransition):
        studio.tasks.send_back(handle.task_id, "no")


# Cancelling


def test_a_running_task_is_cancelled(studio: Studio, texts: ModuleType) -> None:
    handle = studio.submit("text.write", mood="waits")
    until(lambda: texts.RUNS)
    handle.cancel()
    with pytest.raises(TaskCancelled, match=r"\(text\.write\) was cancelled"):
        handle.result(20)
    assert handle.task().state is State.FAILED
    assert list(studio._store.leftovers()) == []


def test_a_waiting_task_is_cancelled_with_its_dependents(studio: Studio, texts: ModuleType) -> None:
    handle = studio.submit_plan("text.write mood=waits text=w | text.read | text.read")
    until(lambda: texts.RUNS)
    handle.steps["read"].cancel()
    with pytest.raises(TaskCancelled):
        handle.steps["read"].result(20)
    assert handle.steps["read"].task().state is handle.steps["read2"].task().state is State.BLOCKED
    texts.GATE.set()
    assert handle.steps["write"].result(20).text == "w"
    assert studio.retry(handle.steps["read2"].task_id)
    assert handle.result(20)["read2"].text == "w"


def test_a_reviewed_task_is_cancelled(studio: Studio) -> None:
    handle = studio.submit("text.write", options=TaskOptions(reviewer="person"))
    until(lambda: handle.task().waits_for_person)
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(20)


def test_cancelling_an_ended_task_changes_nothing(studio: Studio) -> None:
    handle = studio.submit("text.write")
    handle.result(20)
    handle.cancel()
    assert handle.task().state is State.COMPLETED
    with pytest.raises(InvalidTransition, match="it is COMPLETED"):
        studio.tasks.cancel(handle.task_id)


def test_a_cancelled_task_can_be_retried(studio: Studio, texts: ModuleType) -> None:
    handle = studio.submit("text.write", mood="waits", text="x")
    until(lambda: texts.RUNS)
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(20)
    texts.GATE.set()
    assert studio.retry(handle.task_id) == [handle.task_id]
    assert handle.result(20).text == "x"


def test_what_is_not_ended_cannot_be_retried(studio: Studio) -> None:
    handle = studio.submit("text.write")
    handle.result(20)
    with pytest.raises(InvalidTransition, match="cannot be retried: it is COMPLETED"):
        studio.retry(handle.task_id)


# Asking


def test_tasks_are_counted_and_found_by_state_and_by_part_of_an_id(studio: Studio) -> None:
    done = [studio.submit("text.write", text=f"{n}") for n in range(3)]
    failed = studio.submit("text.write", mood="fails")
    for handle in done:
        handle.result(20)
    with pytest.raises(TaskFailed):
        failed.result(20)
    assert studio.tasks.counted() == {State.COMPLETED: 3, State.FAILED: 1}
    assert [task.id for task in studio.tasks.find(states=[State.FAILED])] == [failed.task_id]
    assert len(studio.tasks.find(states=[State.FAILED, State.COMPLETED])) == 4
    assert studio.tasks.matching(failed.task_id[4:]) == [failed.task_id]
    assert studio.tasks.matching("_%_%") == []


# Order


def test_higher_priorities_run_first(open_studio: OpenStudio, texts: ModuleType) -> None:
    studio = open_studio(texts, workers=1)
    first = studio.submit("text.write", mood="waits")
    until(lambda: texts.RUNS)
    handles = [
        studio.submit("text.write", text=f"{priority}", options=TaskOptions(priority=priority))
        for priority in (-5, 0, 5, 0)
    ]
    texts.GATE.set()
    for handle in [first, *handles]:
        handle.result(20)
    assert [text for text, _ in texts.RUNS] == ["", "5", "0", "-5"], "the second 0 is answered from the cache"


def test_a_slow_lane_takes_no_more_than_it_can_run(open_studio: OpenStudio, texts: ModuleType) -> None:
    studio = open_studio(texts, workers=1)
    handles = [studio.submit("text.write", mood="waits", text=f"{n}") for n in range(3)]
    until(lambda: texts.RUNS)
    time.sleep(0.1)
    assert len(texts.RUNS) == 1
    texts.GATE.set()
    assert [handle.result(20).text for handle in handles] == ["0", "1", "2"]


# Several studios


def test_two_studios_share_a_folder_and_its_cache(open_studio: OpenStudio, texts: ModuleType) -> None:
    one, two = open_studio(texts), open_studio(texts)
    written = one.run("text.write", text="x").written
    assert two.run("text.write", text="x").cache_hit
    assert two.artifact(written.id) == written
    handles = [studio.submit("text.write", text=f"{n}") for n in range(50) for studio in (one, two)]
    assert [handle.result(30).text for handle in handles] == [f"{n}" for n in range(50) for _ in (one, two)]


def test_a_studio_leaves_what_it_cannot_run_to_others(open_studio: OpenStudio, texts: ModuleType) -> None:
    stranger = open_studio()
    stranger.start()
    owner = open_studio(texts)
    assert owner.submit("text.write", text="x").result(20).text == "x"


def test_a_handle_waits_for_a_task_of_another_studio(open_studio: OpenStudio, texts: ModuleType) -> None:
    one, two = open_studio(texts), open_studio(texts)
    handle = one.submit("text.write", mood="waits", text="x")
    threading.Timer(0.1, texts.GATE.set).start()
    assert two.handle(handle.task_id).result(20).text == "x"


def test_closing_gives_tasks_back_and_nothing_is_lost(open_studio: OpenStudio, texts: ModuleType) -> None:
    one = open_studio(texts)
    handle = one.submit("text.write", mood="waits", text="x")
    until(lambda: texts.RUNS)
    one.close()
    texts.GATE.set()
    two = open_studio(texts)
    two.start()
    assert two.handle(handle.task_id).result(20).text == "x"
    assert two.handle(handle.task_id).task().state is State.COMPLETED


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_closing_does_not_take_longer_beside_many_waiting_tasks(open_studio: OpenStudio, executor: str) -> None:
    studio = open_studio(executor=executor)
    steps = tuple(Step(id=f"s{one}", processor="exercise.wait", params={"seconds": 0.05}) for one in range(2000))
    studio.submit_plan(Plan(steps=steps))
    until(lambda: State.COMPLETED in studio.tasks.counted())
    assert studio.tasks.counted()[State.PENDING] > 1000
    began = time.monotonic()
    studio.close()
    assert time.monotonic() - began < 10  # a tenth of a second when nothing else runs


def test_a_closed_studio_says_so(open_studio: OpenStudio, texts: ModuleType) -> None:
    studio = open_studio(texts)
    studio.close()
    studio.close()
    with pytest.raises(StorageError, match="The studio is closed"):
        studio.run("text.write")


# Files


def test_a_name_is_kept_whatever_it_is(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "歌 ünï 🎵.txt"
    path.write_text("la")
    artifact = studio.take_in(path)
    assert artifact.name == path.name
    assert studio.run("text.read", artifact).text == "la"


def test_a_file_is_taken_in_once_as_content(studio: Studio, letter: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.txt").write_text("Dear")
    assert studio.take_in(letter).sha256 == studio.take_in(tmp_path / "copy.txt").sha256
    assert len(list(studio._store.stored())) == 1
    assert list(studio._store.leftovers()) == []


def test_an_artifact_is_exported_whole(studio: Studio, tmp_path: Path) -> None:
    written = studio.run("text.write", text="hello").written
    out = tmp_path / "new" / "folder" / "out.txt"
    assert studio.export(written, out) == out
    assert out.read_text() == "hello"
    assert [path.name for path in out.parent.iterdir()] == ["out.txt"]


def test_an_export_overwrites_only_when_told(studio: Studio, tmp_path: Path) -> None:
    written = studio.run("text.write", text="hello").written
    (tmp_path / "out.txt").write_text("precious")
    with pytest.raises(OutputExists, match=r"out\.txt' already exists\. .*allow overwriting"):
        studio.export(written, tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "precious"
    studio.export(written, tmp_path / "out.txt", overwrite=True)
    assert (tmp_path / "out.txt").read_text() == "hello"


def test_an_export_into_a_folder_keeps_the_name(studio: Studio, tmp_path: Path) -> None:
    written = studio.run("text.write", text="hello").written
    assert studio.export(written, tmp_path) == tmp_path / "text.txt"
    assert studio.export(written, f"{tmp_path}/new/") == tmp_path / "new" / "text.txt"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"bytes", "cannot be a source"),
        ("https://example.com/a.mp3", "'https://example.com/a.mp3' is an address"),
        ("art_of_noise", "'art_of_noise'"),
        ("", "'' is not a path of a file: it is empty"),
        ("-", "stdin is not read"),
        ("/dev/null", "'/dev/null' is (empty|a device or a pipe)"),
    ],
)
def test_what_is_not_a_source_is_reported(studio: Studio, source: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        studio.submit("text.read", source)


def test_a_stored_artifact_is_a_source_by_its_id(studio: Studio, letter: Path) -> None:
    written = studio.run("text.write", text="hello").written
    assert studio.run("text.read", written.id).text == "hello"


@pytest.mark.parametrize("name", ["歌" * 80 + ".txt", "x" * 251 + ".txt"])
def test_an_export_takes_any_name_that_the_system_takes(studio: Studio, tmp_path: Path, name: str) -> None:
    written = studio.run("text.write", text="hello").written
    assert studio.export(written, tmp_path / name).read_text() == "hello"


@pytest.mark.parametrize("place", ["/proc/avstudio/out.txt", "file/out.txt", "x" * 300])
def test_an_export_that_cannot_be_is_reported(studio: Studio, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    written = studio.run("text.write", text="hello").written
    with pytest.raises(StorageError, match="cannot be written"):
        studio.export(written, tmp_path / place)


def test_a_spoilt_artifact_is_not_exported(studio: Studio, tmp_path: Path) -> None:
    written = studio.run("text.write", text="hello").written
    written.path.write_text("hellO")
    with pytest.raises(CorruptFile, match="has changed"):
        studio.export(written, tmp_path / "out.txt")
    assert not (tmp_path / "out.txt").exists()


def test_a_check_finds_what_is_wrong(studio: Studio) -> None:
    database = studio._database
    spoilt, gone, fine = (studio.run("text.write", text=text).written for text in ("1", "2", "3"))
    assert list(check(database, studio._store)) == []
    spoilt.path.write_text("X")
    gone.path.unlink()
    stray = fine.path.with_name("0" * 64)
    stray.write_text("stray")
    flaws = [flaw.what for flaw in check(database, studio._store)]
    assert len(flaws) == 3
    for name, wrong in (
        (gone.path.name, "is missing"),
        (spoilt.path.name, "has changed"),
        ("0" * 64, "does not belong"),
    ):
        assert any(name in flaw and wrong in flaw for flaw in flaws)


def test_ended_tasks_leave_no_temporary_files(studio: Studio, letter: Path) -> None:
    studio.run_plan("text.write text=hello | text.read")
    for mood in ("fails", "refuses", "records nonsense"):
        with pytest.raises(TaskFailed):
            studio.submit("text.write", mood=mood).result(20)
    until(lambda: not list(studio._store.leftovers()))
    assert list(check(studio._database, studio._store)) == []


def test_a_data_folder_may_move(open_studio: OpenStudio, texts: ModuleType, tmp_path: Path) -> None:
    one = open_studio(texts)
    written = one.run("text.write", text="hello").written
    one.close()
    os.rename(one.settings.home, tmp_path / "moved")
    two = open_studio(texts, home=tmp_path / "moved")
    assert two.artifact(written.id).path.read_text() == "hello"
    assert two.run("text.write", text="hello").cache_hit
