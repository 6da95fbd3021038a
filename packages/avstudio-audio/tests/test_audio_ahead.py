"""Blocks that are made in another thread."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from avstudio_audio.media.ahead import ahead


def numbers(last: int, closed: list[bool]) -> Generator[int, None, None]:
    try:
        yield from range(last)
        raise ValueError("the end")
    finally:
        closed.append(True)


def test_blocks_come_in_order() -> None:
    with ahead(one for one in range(5)) as blocks:
        assert [*blocks] == [0, 1, 2, 3, 4]


def test_an_error_is_raised_where_the_blocks_are_used() -> None:
    with ahead(numbers(1, [])) as blocks:
        assert next(blocks) == 0
        with pytest.raises(ValueError, match="the end"):
            next(blocks)


def test_who_stops_early_leaves_no_thread_and_nothing_open() -> None:
    before, closed = {*threading.enumerate()}, list[bool]()
    with ahead(numbers(5, closed)) as blocks:
        next(blocks)
    assert closed == [True]
    assert {*threading.enumerate()} <= before
