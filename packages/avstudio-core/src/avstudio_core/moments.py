"""Calls the event hooks of plugins, each on its own thread, so that a slow hook delays only itself."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from avstudio_core.guard import Guard, exit_forbidden, finished

MOST_WAITING = 10_000
"""The most calls that may wait for one hook: later ones are dropped, and that is reported."""
CLOSING_SECONDS = 1.0
"""How long a closing studio waits for unfinished hooks, in seconds."""
IDLE_SECONDS = 5.0
"""How long an idle thread waits before it ends, in seconds."""


class Hook:
    """One plugin's hook. It is called again even if the previous call failed."""

    def __init__(self, moment: str, function: Callable[..., Any], guard: Guard) -> None:
        self._what = f"'{moment}'"
        self._function = function
        self.plugin = guard.plugin
        self._guard = guard
        self._waiting: deque[tuple[Any, ...]] = deque()
        self._calling = False
        self._serving = False
        self._changed = threading.Condition()

    def tell(self, *facts: Any) -> None:
        """Queue a call with these arguments; calls run in order."""
        with self._changed:
            full = len(self._waiting) >= MOST_WAITING
            if not full:
                self._waiting.append(facts)
            if not self._serving:
                self._serving = True
                threading.Thread(target=self._serve, name=f"hook {self._what}", daemon=True).start()
            self._changed.notify_all()
        if full:
            self._guard.refusal(self._what, f"is too slow: {MOST_WAITING} calls wait, and later ones are dropped")

    def finish(self, deadline: float) -> None:
        """Wait until all calls have ended, or until the deadline."""
        with self._changed:
            done = lambda: not (self._waiting or self._calling)  # noqa: E731
            if not self._changed.wait_for(done, max(0.0, deadline - time.monotonic())):
                self._waiting.clear()
                self._guard.refusal(self._what, "is too slow: the studio closed before it had finished")

    def _serve(self) -> None:
        with exit_forbidden():
            while (facts := self._next()) is not None:
                try:
                    finished(self._function(*facts))
                except BaseException as error:
                    self._guard.failure(self._what, error)

    def _next(self) -> tuple[Any, ...] | None:
        with self._changed:
            self._calling = False
            self._changed.notify_all()
            self._serving = self._changed.wait_for(lambda: bool(self._waiting), IDLE_SECONDS)
            self._calling = self._serving
            return self._waiting.popleft() if self._serving else None


class Moments:
    """The event hooks of a studio's plugins."""

    def __init__(self) -> None:
        self._hooks: dict[str, list[tuple[Hook, tuple[str, ...]]]] = {}

    def listen(self, moment: str, function: Callable[..., Any], names: tuple[str, ...], guard: Guard) -> None:
        """Add a hook; it is called with the arguments that it names."""
        self._hooks.setdefault(moment, []).append((Hook(moment, function, guard), names))

    def forget(self, plugin: str) -> None:
        """Remove the hooks of a plugin."""
        for moment, hooks in self._hooks.items():
            self._hooks[moment] = [one for one in hooks if one[0].plugin != plugin]

    def tell(self, moment: str, facts: dict[str, Any]) -> None:
        for hook, names in self._hooks.get(moment, ()):
            hook.tell(*(facts[name] for name in names))

    def close(self) -> None:
        """Wait briefly for unfinished hooks."""
        deadline = time.monotonic() + CLOSING_SECONDS
        for hooks in self._hooks.values():
            for hook, _ in hooks:
                hook.finish(deadline)
