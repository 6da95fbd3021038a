"""The progress of running work on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from avstudio_core.quotes import harmless
from avstudio_server.cli.terminal import output

LINE_SECONDS = 2.0
"""The shortest time between two lines about one step, unless its stage changes."""


class Display:
    """Shows only notes: the quiet display, and the base of the others.

    Steps are identified by a key and shown by a label.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.labels = {key: harmless(label) for key, label in labels.items()}

    def begin(self, key: str, *, again: bool = False) -> None:
        """A step starts, or starts again."""

    def move(self, key: str, percent: float, stage: str) -> None:
        """A step has made progress."""

    def end(self, key: str, outcome: str, *, done: bool = False) -> None:
        """A step has ended; `done` means that it succeeded."""

    def note(self, text: str) -> None:
        """A message that every display shows."""
        output.note(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the display."""


@dataclass
class Pace:
    """How fast a step progresses."""

    began: float = field(default_factory=time.monotonic)
    shown: float = 0.0
    stage: str | None = None

    def remaining(self, percent: float) -> float | None:
        """The estimated remaining seconds."""
        spent = time.monotonic() - self.began
        return spent * (100 - percent) / percent if percent >= 5 and spent > 1 else None


class Lines(Display):
    """Plain lines without control characters, few enough for a log."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        super().__init__(labels)
        self._paces: dict[str, Pace] = {}

    def begin(self, key: str, *, again: bool = False) -> None:
        self._paces[key] = Pace()
        self.note(f"{self.labels[key]}: started{' again' if again else ''}")

    def move(self, key: str, percent: float, stage: str) -> None:
        pace, now = self._paces.setdefault(key, Pace()), time.monotonic()
        if stage == pace.stage and now < pace.shown + LINE_SECONDS:
            return
        pace.shown, pace.stage = now, stage
        left = pace.remaining(percent)
        eta = f", {duration_text(left)} left" if left is not None else ""
        self.note(f"{self.labels[key]}: {percent:.0f} % {stage}".rstrip() + eta)

    def end(self, key: str, outcome: str, *, done: bool = False) -> None:
        self.note(f"{self.labels[key]}: {outcome}")


def duration_text(seconds: float) -> str:
    """A duration for people: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
