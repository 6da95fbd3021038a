"""For every test: signals that reach commands, and no search for garbage among imported modules."""

from __future__ import annotations

import gc
import signal

import pytest


def pytest_collection_finish() -> None:
    """Leave out what was imported: searching it again and again takes a fifth of the time of all tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def signals_end_commands() -> None:
    """A shell or `nohup` makes what it starts ignore these signals, and its child processes, too."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
