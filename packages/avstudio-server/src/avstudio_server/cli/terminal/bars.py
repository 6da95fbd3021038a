"""Progress bars on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from avstudio_core.quotes import harmless
from avstudio_server.cli.terminal import output
from avstudio_server.cli.terminal.display import Display

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

MOST_KEPT = 8
"""If there are more steps than this, a line replaces the bar of a step that has ended."""


ROOM = 56
"""Columns needed besides the labels; on a narrower terminal the bar is left out."""


class Bars(Display):
    """One bar for each step that has started, with its stage and the remaining time."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        super().__init__(labels)
        self._progress = _progress(max(map(len, labels.values()), default=0))
        self._bars: dict[str, TaskID] = {}

    def begin(self, key: str, *, again: bool = False) -> None:
        bar = self._bar(key)
        self._progress.reset(bar)
        self._progress.update(bar, stage="starting again" if again else "starting")

    def move(self, key: str, percent: float, stage: str) -> None:
        self._progress.update(self._bar(key), completed=percent, stage=harmless(stage))

    def end(self, key: str, outcome: str, *, done: bool = False) -> None:
        if len(self.labels) > MOST_KEPT:
            self._progress.remove_task(self._bar(key))
            del self._bars[key]
            self.note(f"{self.labels[key]}: {outcome}")
            return
        self._progress.update(self._bar(key), stage=outcome, completed=100.0 if done else None)
        self._progress.stop_task(self._bar(key))

    def note(self, text: str) -> None:
        self._progress.console.print(output.message(text), markup=False, highlight=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _bar(self, key: str) -> TaskID:
        if key not in self._bars:
            self._bars[key] = self._progress.add_task(self.labels[key], total=100.0, stage="")
        return self._bars[key]


def _progress(widest: int) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        *([BarColumn(bar_width=24)] if console.width >= widest + ROOM else []),
        TaskProgressColumn(table_column=Column(no_wrap=True, min_width=4)),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True, table_column=Column(no_wrap=True, min_width=5)),
        TextColumn("{task.fields[stage]}", markup=False, table_column=Column(no_wrap=True, ratio=1)),
        console=console,
        expand=True,
    )
