"""Breaks text into lines: as few as possible, of similar length, and at places that suit the meaning."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from avstudio_core.documents.pieces import Piece, pieces

AnyPiece = TypeVar("AnyPiece", bound=Piece)

SENTENCE, CLAUSE, ANYWHERE, BEFORE_MARK = 0.0, 2.0, 6.0, 50.0
"""The cost of a break by the piece before it, or after it."""
_SENSE = 0.1
"""The weight of the place of a break, relative to lines of unequal length."""


def break_cost(piece: Piece, following: Piece) -> float:
    """The cost of a break between two pieces for the meaning."""
    if following.is_mark:
        return BEFORE_MARK
    if piece.ends_sentence:
        return SENTENCE
    return CLAUSE if piece.ends_clause else ANYWHERE


def broken(text: str, columns: int) -> list[str]:
    """A text as lines; its markup has no width, and a word longer than a line has a line of its own."""
    return in_lines(pieces(text, marked=True), columns)


def in_lines(
    found: Sequence[AnyPiece], columns: int, cost: Callable[[AnyPiece, AnyPiece], float] = break_cost
) -> list[str]:
    """Pieces as lines of so many columns: the cheapest way with the fewest lines."""
    return [joined(line) for line in in_groups(found, columns, cost)]


def in_groups(
    found: Sequence[AnyPiece], columns: int, cost: Callable[[AnyPiece, AnyPiece], float] = break_cost
) -> list[Sequence[AnyPiece]]:
    """The pieces of each line, as `in_lines` chooses them."""
    count = _fewest(found, columns)
    if count < 2:
        return [found] if found else []
    ideal = (sum(piece.columns + piece.spaced for piece in found) - count) / count
    best: list[tuple[int, float, int]] = [(0, 0.0, 0), *[(count + 1, math.inf, 0)] * len(found)]
    """For each place, the number of lines before it, their cost, and where the last of them begins.

    The last value is negative, so that of two equally cheap ways the one with the longer upper line is used.
    """
    for begin in range(len(found)):
        size = 0
        for end in range(begin + 1, len(found) + 1):
            before, size = size, _longer(size, found[end - 1])
            if before and size > columns and found[end - 1].columns:
                break
            sense = cost(found[end - 1], found[end]) if end < len(found) else 0.0
            number, spent, _ = best[begin]
            best[end] = min(best[end], (number + 1, spent + abs(size - ideal) / columns + _SENSE * sense, -begin))
    lines, end = [], len(found)
    while end:
        begin = -best[end][2]
        lines.append(found[begin:end])
        end = begin
    return lines[::-1]


def joined(found: Sequence[Piece]) -> str:
    """The pieces as one line."""
    return "".join(" " * (piece.spaced and number > 0) + piece.text for number, piece in enumerate(found))


def _fewest(found: Sequence[Piece], columns: int) -> int:
    """The number of lines if each is as full as possible."""
    count, size = 1, 0
    for piece in found:
        longer = _longer(size, piece)
        if size and longer > columns and piece.columns:
            count, longer = count + 1, piece.columns
        size = longer
    return count


def _longer(size: int, piece: Piece) -> int:
    """The columns of a line with one more piece; markup and the space before it have no width."""
    return size + piece.columns + (piece.spaced and size > 0 and piece.columns > 0)
