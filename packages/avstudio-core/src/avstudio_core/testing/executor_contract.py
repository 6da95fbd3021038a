"""The contract of executors, as a test class to subclass."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from avstudio_core.testing.contract import CLOSING_SECONDS, NAME, Contract, in_time
from avstudio_core.testing.fixtures import Tone, close_in_time

if TYPE_CHECKING:
    from avstudio_core.kinds.executor import Executor
    from avstudio_core.orders import Order, Report
    from avstudio_core.studio import Studio

PATIENCE_SECONDS = 30.0
"""How long the contract waits for what should come at once; a worker process takes seconds to start."""


class Journal:
    """Collects the reports of an executor."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self._changed = threading.Condition()

    def __call__(self, report: Report) -> None:
        with self._changed:
            self.reports.append(report)
            self._changed.notify_all()

    def of(self, job_id: str) -> list[Report]:
        return [report for report in self.reports if report.job_id == job_id]

    def wait(self, job_id: str, *kinds: str) -> Report:
        """Wait for a report about a job with one of the kinds; return the first."""

        def found() -> Report | None:
            return next((report for report in self.of(job_id) if report.kind in kinds), None)

        with self._changed:
            report = self._changed.wait_for(found, PATIENCE_SECONDS)
        assert report is not None, (
            f"No report of '{job_id}' is {' or '.join(kinds)}. It reported: "
            f"{', '.join(one.kind for one in self.of(job_id)) or 'nothing'}."
        )
        return report

    def finals(self, job_id: str) -> list[str]:
        return [report.kind for report in self.of(job_id) if report.final]


class Packaged:
    """A host whose processors all come from one package."""

    name = "package-of-the-exercises"

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def __getattr__(self, name: str) -> Any:
        return getattr(self._studio, name)

    def distribution(self, name: str) -> str:
        return self.name


class ExecutorContract(Contract):
    """The contract of executors. Subclass it, and set the plugin and the executor."""

    plugin: ModuleType
    executor: ClassVar[str]

    @pytest.fixture
    def studio_plugins(self) -> Sequence[ModuleType]:
        from avstudio_core.testing import exercises, scripted

        return [self.plugin, exercises, scripted]

    @pytest.fixture
    def workplace(self, tmp_path: Path, studio_plugins: Sequence[ModuleType]) -> Iterator[Studio]:
        """A studio with the executor."""
        from avstudio_core.studio import Studio

        home = tmp_path / "av-studio"
        made = Studio(home=home, executor=self.executor, offline=True, plugins="", add=studio_plugins, workers=2)
        try:
            yield made
        finally:
            close_in_time(made)

    @pytest.fixture
    def journal(self) -> Journal:
        return Journal()

    @pytest.fixture
    def bare(self, workplace: Studio, journal: Journal) -> Iterator[Executor]:
        """The executor without a studio; its reports are in `journal`."""
        kind = workplace.plugins.find("executors", self.executor)
        made: Executor = kind(workplace, journal)
        yield made
        in_time(made.close, CLOSING_SECONDS, "Closing the executor")

    def test_its_name_is_a_word(self, workplace: Studio) -> None:
        """The name is one word of small letters, digits, `_` and `-`."""
        name = workplace.plugins.find("executors", self.executor).name
        assert re.fullmatch(NAME, name), f"'{name}' is not."

    def test_a_run_is_published(self, workplace: Studio, tone: Tone) -> None:
        """The result of a run, and the files that it made, reach the studio."""
        sample = tone(seconds=0.1)
        result = workplace.submit("exercise.copy", sample, suffix="more").result(PATIENCE_SECONDS)
        assert result.copied.path.read_bytes() == sample.read_bytes() + b"more"
        assert result.provenance.processor == "exercise.copy"

    def test_a_result_names_the_package_of_its_processor(
        self, workplace: Studio, journal: Journal, tmp_path: Path
    ) -> None:
        """The provenance of a result holds `host.distribution(processor)`: the package that brought the processor."""
        kind: type[Executor] = workplace.plugins.find("executors", self.executor)
        if kind.apart:
            pytest.skip("its workers find the package themselves")
        made = kind(Packaged(workplace), journal)
        try:
            made.start(_order(tmp_path, "job_0", "exercise.wait"))
            result = json.loads(journal.wait("job_0", "done", "failed").result)
        finally:
            made.close()
        assert result["provenance"]["distribution"] == Packaged.name

    def test_warnings_and_reviews_reach_the_studio(self, workplace: Studio) -> None:
        """A run's warnings are in its result, and its review decides: the next attempt knows the feedback."""
        result = workplace.submit("exercise.recall").result(PATIENCE_SECONDS)
        assert [warning.code for warning in result.warnings] == ["exercise"]
        assert (result.attempt, result.feedback) == (2, "once more")

    def test_strict_makes_a_warning_an_error(self, workplace: Studio) -> None:
        """A run of a `strict` order fails where it would warn."""
        from avstudio_core.errors import TaskFailed
        from avstudio_core.tasks.task import TaskOptions

        with pytest.raises(TaskFailed) as failed:
            workplace.submit("exercise.recall", options=TaskOptions(strict=True)).result(PATIENCE_SECONDS)
        assert failed.value.cause == "degraded"

    def test_a_run_may_ask_a_language_model(self, workplace: Studio) -> None:
        """A request of a run is passed to `host.ask`, and the answer comes back, in pieces and whole."""
        result = workplace.submit("exercise.ask").result(PATIENCE_SECONDS)
        assert (result.answer, "".join(result.pieces), result.vectors) == ("Yes.", "Yes.", 2)

    def test_a_refused_request_reaches_the_run(self, workplace: Studio) -> None:
        """When a language model cannot be asked, the run gets the error that `host.ask` reports."""
        from avstudio_core.errors import TaskFailed

        with pytest.raises(TaskFailed) as failed:
            workplace.submit("exercise.ask", model="scripted/none-of-that-name").result(PATIENCE_SECONDS)
        assert failed.value.cause not in ("processor_error", "unavailable"), failed.value.cause

    def test_a_model_that_is_too_big_is_refused(self, workplace: Studio) -> None:
        """Before a run that needs memory, the executor asks `host.pool.admit`: what never fits is not run."""
        from avstudio_core.errors import TaskFailed

        too_much = workplace.pool.budget_mb() + 1
        with pytest.raises(TaskFailed) as failed:
            workplace.submit("exercise.load", memory_mb=too_much).result(PATIENCE_SECONDS)
        assert failed.value.cause == "not_enough_memory"

    def test_an_idle_model_makes_room(self, workplace: Studio) -> None:
        """The pool knows which models are loaded, and an idle one is evicted when another needs its memory."""
        most = workplace.pool.budget_mb() * 6 // 10
        for model in ("small", "large"):
            workplace.submit("exercise.load", model=model, memory_mb=most).result(PATIENCE_SECONDS)
            assert [loaded.lane for loaded in workplace.pool.loaded()] == [f"exercise/{model}@cpu"]

    def test_a_run_has_a_time_limit(self, workplace: Studio) -> None:
        """A run that takes longer than its `limit_seconds` is stopped, and its task fails."""
        from avstudio_core.errors import TaskFailed

        handle = workplace.submit("exercise.wait", seconds=PATIENCE_SECONDS, limit=0.05)
        with pytest.raises(TaskFailed) as failed:
            handle.result(PATIENCE_SECONDS / 2)
        assert failed.value.cause == "time_limit"

    def test_a_failing_run_fails_its_own_task_only(self, workplace: Studio) -> None:
        """A run that raises fails its task, with cause and traceback, and no other."""
        from avstudio_core.errors import TaskFailed

        failing = workplace.submit("exercise.fail", message="on purpose")
        other = workplace.submit("exercise.wait")
        with pytest.raises(TaskFailed, match="on purpose") as failed:
            failing.result(PATIENCE_SECONDS)
        assert failed.value.cause == "processor_error"
        assert "RuntimeError" in failed.value.traceback
        other.result(PATIENCE_SECONDS)

    def test_a_running_task_is_cancelled(self, workplace: Studio) -> None:
        """`cancel` reaches a job that runs, and the job stops."""
        from avstudio_core.errors import TaskCancelled

        handle = workplace.submit("exercise.wait", seconds=2 * PATIENCE_SECONDS)
        next(event for event in handle.events() if event.type == "task.started")
        handle.cancel()
        with pytest.raises(TaskCancelled):
            handle.result(PATIENCE_SECONDS)

    def test_progress_is_reported(self, workplace: Studio) -> None:
        """A run's progress is reported while it runs."""
        handle = workplace.submit("exercise.wait")
        messages = [event.data["message"] for event in handle.events() if event.type == "task.progress"]
        assert "waiting" in messages

    def test_models_stay_loaded_between_jobs(self, workplace: Studio) -> None:
        """Jobs of one lane share their `Warm`: a model that one has loaded is there for the next."""
        first, second = (workplace.submit("exercise.load").result(PATIENCE_SECONDS) for _ in range(2))
        assert (second.process, second.loads) == (first.process, first.loads)

    def test_what_closing_interrupts_is_run_by_the_next_studio(
        self, workplace: Studio, studio_plugins: Sequence[ModuleType]
    ) -> None:
        """A job that closing interrupts is reported `lost`, and so the next studio runs it."""
        from avstudio_core.studio import Studio

        handle = workplace.submit("exercise.wait", seconds=0.5)
        next(event for event in handle.events() if event.type == "task.started")
        home = workplace.settings.home
        workplace.close()
        with Studio(home=home, executor="inline", offline=True, plugins="", add=studio_plugins) as other:
            other.start()
            assert other.handle(handle.task_id).result(PATIENCE_SECONDS).provenance.task_id == handle.task_id

    def test_each_order_has_one_final_report(self, bare: Executor, journal: Journal, tmp_path: Path) -> None:
        """Each order gets one final report, and none after it."""
        orders = [_order(tmp_path, f"job_{n}", "exercise.wait") for n in range(6)]
        for order in orders:
            bare.start(order)
        for order in orders:
            journal.wait(order.job_id, "done")
        bare.close()
        assert [journal.finals(order.job_id) for order in orders] == [["done"]] * 6
        assert all(journal.of(order.job_id)[-1].final for order in orders)

    def test_an_order_that_waits_is_cancelled_at_once(self, bare: Executor, journal: Journal, tmp_path: Path) -> None:
        """`cancel` ends an order that waits for a worker at once, and no other."""
        running = [_order(tmp_path, f"job_{n}", "exercise.wait", seconds=PATIENCE_SECONDS) for n in range(2)]
        waiting = _order(tmp_path, "job_waiting", "exercise.wait")
        for order in [*running, waiting]:
            bare.start(order)
        journal.wait("job_0", "progress")
        bare.cancel("job_waiting")
        assert journal.wait("job_waiting", "cancelled", "lost", "done").kind != "done"  # "lost" if it was returned
        assert journal.finals("job_0") == []

    def test_what_runs_when_it_closes_is_lost(self, bare: Executor, journal: Journal, tmp_path: Path) -> None:
        """`close` stops the jobs that run, and reports each as `lost`."""
        bare.start(_order(tmp_path, "job_0", "exercise.wait", seconds=PATIENCE_SECONDS))
        journal.wait("job_0", "progress")
        bare.close()
        assert journal.finals("job_0") == ["lost"]

    def test_start_returns_at_once(self, bare: Executor, journal: Journal, tmp_path: Path) -> None:
        """`start` takes an order and returns; `started` is reported when the run begins."""
        bare.start(_order(tmp_path, "job_0", "exercise.wait", seconds=PATIENCE_SECONDS))
        assert journal.finals("job_0") == [], "'start' ran the order itself."
        journal.wait("job_0", "started")
        bare.cancel("job_0")
        journal.wait("job_0", "cancelled", "lost")

    def test_there_is_room_in_a_lane_that_it_does_not_know(self, bare: Executor) -> None:
        """A lane that the executor has not seen yet has room for an order."""
        assert bare.room("some/model@cpu") >= 1


def _order(folder: Path, job_id: str, processor: str, **params: Any) -> Order:
    from avstudio_core.orders import Order
    from avstudio_core.results import Needs

    return Order(
        job_id=job_id,
        task_id=f"task_of_{job_id}",
        processor=processor,
        version="1",
        params=params,
        needs=Needs(),
        folder=folder / job_id,
    )
