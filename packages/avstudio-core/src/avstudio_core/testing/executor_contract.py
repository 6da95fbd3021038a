"""What every executor must keep, as a test class to subclass."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from avstudio_core.testing.fixtures import Tone

if TYPE_CHECKING:
    from avstudio_core.kinds.executor import Executor
    from avstudio_core.orders import Order, Report
    from avstudio_core.studio import Studio

PATIENCE_SECONDS = 60.0


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
        """The first report of a job that is of one of the kinds."""

        def found() -> Report | None:
            return next((report for report in self.of(job_id) if report.kind in kinds), None)

        with self._changed:
            report = self._changed.wait_for(found, PATIENCE_SECONDS)
        assert report is not None, f"no report {kinds} of '{job_id}'; there were {self.of(job_id)}"
        return report

    def finals(self, job_id: str) -> list[str]:
        return [report.kind for report in self.of(job_id) if report.final]


class ExecutorContract:
    """What every executor must keep. Subclass it, and name the plugin and the executor."""

    plugin: ModuleType
    executor: ClassVar[str]

    @pytest.fixture
    def studio_plugins(self) -> Sequence[ModuleType]:
        from avstudio_core.testing import exercises

        return [self.plugin, exercises]

    @pytest.fixture
    def workplace(self, tmp_path: Path, studio_plugins: Sequence[ModuleType]) -> Iterator[Studio]:
        """A studio that runs its jobs with the executor."""
        from avstudio_core.studio import Studio

        home = tmp_path / "av-studio"
        with Studio(home=home, executor=self.executor, offline=True, plugins="", add=studio_plugins, workers=2) as made:
            yield made

    @pytest.fixture
    def journal(self) -> Journal:
        return Journal()

    @pytest.fixture
    def bare(self, workplace: Studio, journal: Journal) -> Iterator[Executor]:
        """The executor alone, with its reports in `journal`."""
        kind = workplace.plugins.find("executors", self.executor)
        made: Executor = kind(workplace, journal)
        yield made
        made.close()

    def test_a_run_is_published(self, workplace: Studio, tone: Tone) -> None:
        sample = tone(seconds=0.1)
        result = workplace.submit("exercise.copy", sample, suffix="more").result(PATIENCE_SECONDS)
        assert result.copied.path.read_bytes() == sample.read_bytes() + b"more"
        assert result.provenance.processor == "exercise.copy"

    def test_a_failing_run_fails_its_own_task_only(self, workplace: Studio) -> None:
        from avstudio_core.errors import TaskFailed

        failing = workplace.submit("exercise.fail", message="on purpose")
        other = workplace.submit("exercise.wait")
        with pytest.raises(TaskFailed, match="on purpose") as failed:
            failing.result(PATIENCE_SECONDS)
        assert failed.value.cause == "processor_error"
        assert "RuntimeError" in failed.value.traceback
        other.result(PATIENCE_SECONDS)

    def test_a_running_task_is_cancelled(self, workplace: Studio) -> None:
        from avstudio_core.errors import TaskCancelled

        handle = workplace.submit("exercise.wait", seconds=2 * PATIENCE_SECONDS)
        next(event for event in handle.events() if event.type == "task.started")
        handle.cancel()
        with pytest.raises(TaskCancelled):
            handle.result(PATIENCE_SECONDS)

    def test_progress_is_told(self, workplace: Studio) -> None:
        handle = workplace.submit("exercise.wait")
        told = [event.data["message"] for event in handle.events() if event.type == "task.progress"]
        assert "waiting" in told

    def test_models_stay_loaded_between_jobs(self, workplace: Studio) -> None:
        first, second = (workplace.submit("exercise.load").result(PATIENCE_SECONDS) for _ in range(2))
        assert (second.process, second.loads) == (first.process, first.loads)

    def test_what_closing_interrupts_is_run_by_the_next_studio(
        self, workplace: Studio, studio_plugins: Sequence[ModuleType]
    ) -> None:
        from avstudio_core.studio import Studio

        handle = workplace.submit("exercise.wait", seconds=0.5)
        next(event for event in handle.events() if event.type == "task.started")
        home = workplace.settings.home
        workplace.close()
        with Studio(home=home, executor="inline", offline=True, plugins="", add=studio_plugins) as other:
            other.start()
            assert other.handle(handle.task_id).result(PATIENCE_SECONDS).provenance.task_id == handle.task_id

    def test_each_order_has_one_final_report(self, bare: Executor, journal: Journal, tmp_path: Path) -> None:
        orders = [_order(tmp_path, f"job_{n}", "exercise.wait") for n in range(6)]
        for order in orders:
            bare.start(order)
        for order in orders:
            journal.wait(order.job_id, "done")
        bare.close()
        assert [journal.finals(order.job_id) for order in orders] == [["done"]] * 6
        assert all(journal.of(order.job_id)[-1].final for order in orders)

    def test_an_order_that_waits_is_cancelled_at_once(self, bare: Executor, journal: Journal, tmp_path: Path) -> None:
        running = [_order(tmp_path, f"job_{n}", "exercise.wait", seconds=PATIENCE_SECONDS) for n in range(2)]
        waiting = _order(tmp_path, "job_waiting", "exercise.wait")
        for order in [*running, waiting]:
            bare.start(order)
        journal.wait("job_0", "progress")
        bare.cancel("job_waiting")
        assert journal.wait("job_waiting", "cancelled", "lost", "done").kind != "done"  # "lost" where it was given back
        assert journal.finals("job_0") == []

    def test_what_runs_when_it_closes_is_lost(self, bare: Executor, journal: Journal, tmp_path: Path) -> None:
        bare.start(_order(tmp_path, "job_0", "exercise.wait", seconds=PATIENCE_SECONDS))
        journal.wait("job_0", "progress")
        bare.close()
        assert journal.finals("job_0") == ["lost"]

    def test_there_is_room_in_a_lane_that_it_does_not_know(self, bare: Executor) -> None:
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
