"""The contract of interfaces, as a test class to subclass."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from avstudio_core.testing.contract import NAME, Contract
from avstudio_core.testing.fixtures import close_in_time
from avstudio_core.testing.light_imports import check_imports
from avstudio_core.testing.processor_contract import unbounded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from avstudio_core.kinds.interface import Interface
    from avstudio_core.studio import Studio

SERVING_SECONDS = 0.3
"""How long an interface serves before it is stopped, in seconds."""
STOPPING_SECONDS = 5.0
"""How long an interface may take to end after it was stopped, in seconds."""
ENDING_SECONDS = 5.0
"""How long the threads of an interface may take to end after it, in seconds."""
HELPERS = ("plugin call",)
"""Threads of the core that wait for the next call into a plugin."""


class InterfaceContract(Contract):
    """The contract of interfaces. Subclass it, and set the plugin and the interface."""

    plugin: ModuleType
    interface: ClassVar[type[Interface[Any]]]
    stopping_seconds: ClassVar[float] = STOPPING_SECONDS
    """How long it may take to end after it was stopped."""

    @pytest.fixture
    def given(self, tmp_path: Path) -> dict[str, Any]:
        """The options to serve with. Override it if some are required; ports should be 0."""
        return {}

    def test_its_name_is_a_command(self) -> None:
        """The name is one word of small letters, digits and `-`."""
        assert re.fullmatch(NAME, self.interface.name), f"'{self.interface.name}' is not."

    def test_its_docstring_begins_with_a_summary(self) -> None:
        """The docstring's first line is one sentence of at most 120 characters: the summary of the command."""
        summary = (self.interface.__doc__ or "").strip().partition("\n")[0]
        assert summary.endswith("."), f"'{summary}' is not a sentence."
        assert len(summary) <= 120, f"It has {len(summary)} characters."

    def test_its_options_say_what_they_are(self) -> None:
        """Each option has a description, and each number a lowest or a highest value."""
        properties = self.interface.options_type.model_json_schema().get("properties", {})
        assert [name for name, schema in properties.items() if not schema.get("description")] == []
        assert [name for name, schema in properties.items() if unbounded(schema)] == []

    def test_its_plugin_registers_it(self, studio: Studio) -> None:
        """The plugin's hook `register_interfaces` returns the interface."""
        assert studio.plugins.find("interfaces", self.interface.name) is self.interface

    def test_importing_it_is_light(self) -> None:
        """Importing the plugin and declaring the interface import no heavy library."""
        check_imports(self.plugin)

    def test_it_refuses_unknown_options(self, given: dict[str, Any]) -> None:
        """An option that it does not have is refused: a misspelt one would be ignored."""
        from avstudio_core.errors import InvalidParams

        assert isinstance(self.interface.options(given), self.interface.options_type)
        with pytest.raises(InvalidParams):
            self.interface.options({**given, "no_such_option": "1"})

    def test_it_serves_until_it_is_stopped(self, studio: Studio, given: dict[str, Any]) -> None:
        """It serves until `stop` is set, and then ends soon (`stopping_seconds`, 5 s)."""
        with self.serving(studio, given) as served:
            time.sleep(SERVING_SECONDS)
            assert not served.done(), f"It ended by itself: {served.exception()}"

    def test_it_ends_at_once_if_it_is_stopped_before(self, studio: Studio, given: dict[str, Any]) -> None:
        """It ends at once if `stop` is set before it begins."""
        with self.serving(studio, given):
            pass

    def test_it_serves_again(self, studio: Studio, given: dict[str, Any]) -> None:
        """After it was stopped, it serves again in the same process: nothing is left open."""
        for _ in range(2):
            self.test_it_serves_until_it_is_stopped(studio, given)

    def test_it_leaves_no_thread(self, studio: Studio, given: dict[str, Any]) -> None:
        """When it has ended and its studio is closed, no thread of it still runs."""
        before = {*threading.enumerate()}
        self.test_it_serves_until_it_is_stopped(studio, given)
        close_in_time(studio)
        left = _left_since(before)
        assert not left, f"These threads still run: {', '.join(left)}."

    def test_what_it_mounts_is_an_application_with_a_prefix(self, studio: Studio) -> None:
        """`mount` returns nothing, or a prefix such as `/mcp` and an ASGI application."""
        mounted = studio.plugins.make(self.interface).mount(studio)
        if mounted is not None:
            prefix, app = mounted
            assert re.fullmatch(r"(/[a-z0-9_.\-]+)+", prefix), f"'{prefix}' is not a prefix such as '/mcp'."
            assert callable(app)

    @contextmanager
    def serving(self, studio: Studio, given: dict[str, Any]) -> Iterator[Future[None]]:
        """While entered, the interface serves on another thread; then it is stopped, and must end in time."""
        stop, served = threading.Event(), Future[None]()
        thread = threading.Thread(target=self._serve, args=(studio, given, stop, served), name="serving", daemon=True)
        thread.start()
        try:
            yield served
        finally:
            stop.set()
            thread.join(self.stopping_seconds)
        assert served.done(), f"It did not end within {self.stopping_seconds:g} s after it was stopped."
        served.result()

    def _serve(self, studio: Studio, given: dict[str, Any], stop: threading.Event, served: Future[None]) -> None:
        try:
            studio.serve(self.interface.name, given, stop)
        except BaseException as error:
            served.set_exception(error)
        else:
            served.set_result(None)


def _left_since(before: set[threading.Thread]) -> list[str]:
    """The names of new threads that still run, after a moment to end."""
    until = time.monotonic() + ENDING_SECONDS
    while left := [one for one in threading.enumerate() if one not in before and one.name not in HELPERS]:
        if time.monotonic() > until:
            break
        time.sleep(0.01)
    return [one.name for one in left]
