"""The contract tests what all executors must do; the other tests are about this one's threads."""

from __future__ import annotations

import avstudio_threads

from avstudio_core import Studio
from avstudio_core.testing import ExecutorContract


class TestThreads(ExecutorContract):
    plugin = avstudio_threads
    executor = "threads"

    def test_two_jobs_run_at_a_time(self, workplace: Studio) -> None:
        waiting = [workplace.submit("exercise.wait", seconds=60) for _ in range(2)]
        for handle in waiting:
            assert any(event.type == "task.started" for event in handle.events())
            handle.cancel()
