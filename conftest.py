"""For every test: signals that reach commands, no search for garbage among imported modules, the same examples."""

from __future__ import annotations

import gc
import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("others", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # any may take long
settings.register_profile("same", settings.get_profile("others"), derandomize=True)
settings.load_profile("same")  # `--hypothesis-profile others` tries other examples in each run


def pytest_collection_finish() -> None:
    """Exclude imported objects from garbage collection: searching them takes a fifth of the time of all tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def signals_end_commands() -> None:
    """A shell or `nohup` may start the tests with these signals ignored, and child processes inherit that."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
