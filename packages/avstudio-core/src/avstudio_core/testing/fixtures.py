"""Fixtures for testing plugins: pytest finds them if avstudio-core is installed.

They are used only by tests that request them, and the import is fast, so other test suites in the same environment are
not affected.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from avstudio_core.testing import media

if TYPE_CHECKING:
    from avstudio_core.studio import Studio


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Give the tests of a contract their time limit, and their failures the rule that is broken."""
    test = pyfuncitem.obj
    if hasattr(pyfuncitem.cls, "limit_seconds"):
        from avstudio_core.testing.contract import held, is_rule

        if is_rule(pyfuncitem.originalname, pyfuncitem.cls):
            pyfuncitem.obj = held(test, pyfuncitem.cls)
    try:
        return (yield)
    finally:
        pyfuncitem.obj = test


class Tone(Protocol):
    """Writes a sine wave to a new WAV file: see `avstudio_core.testing.media.tone`."""

    def __call__(
        self,
        *,
        seconds: float = ...,
        rate: int = ...,
        channels: int = ...,
        level: float = ...,
        frequency: float = ...,
    ) -> Path: ...


class NetworkUsed(AssertionError):
    """A test tried to connect to another machine."""


@pytest.fixture
def tone(tmp_path: Path) -> Tone:
    """Make WAV files: `tone(seconds=2, rate=44100, channels=1, level=0.5, frequency=440)`."""
    made: list[Path] = []

    def make(**options: Any) -> Path:
        made.append(media.tone(tmp_path / f"tone-{len(made)}.wav", **options))
        return made[-1]

    return make


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every look-up and connection to another machine fail."""
    look_up = socket.getaddrinfo

    def guarded_look_up(host: Any, *args: Any, **options: Any) -> Any:
        _refuse_foreign(host)
        return look_up(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))


@pytest.fixture
def studio_plugins(request: pytest.FixtureRequest) -> Sequence[ModuleType]:
    """The plugins of `studio`: the `plugin` of the test's class. Override it for more."""
    plugin = getattr(request.cls, "plugin", None)
    return [plugin] if plugin is not None else []


@pytest.fixture
def studio(tmp_path: Path, studio_plugins: Sequence[ModuleType], no_network: None) -> Iterator[Studio]:
    """A studio with an empty data folder, jobs in this process, offline, and only `studio_plugins`."""
    from avstudio_core.studio import Studio

    home = tmp_path / "av-studio"
    made = Studio(home=home, executor="inline", offline=True, plugins="", add=studio_plugins)
    try:
        yield made
    finally:
        close_in_time(made)


def close_in_time(made: Studio) -> None:
    """Close a studio. Raises `AssertionError` if it does not close, for example because of a hanging run."""
    from avstudio_core.testing.contract import CLOSING_SECONDS, in_time

    in_time(made.close, CLOSING_SECONDS, "Closing the studio")


def _guarded(reach: Callable[..., Any]) -> Callable[..., Any]:
    """A method of `socket` that refuses addresses of other machines; the address is its last argument."""

    def guarded(self: socket.socket, *args: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_foreign(args[-1][0])
        return reach(self, *args)

    return guarded


def _refuse_foreign(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name and name not in ("localhost", "::1") and not name.startswith("127."):
        raise NetworkUsed(f"This test must not use the network, but tried to contact '{name}'.")
