"""The grammar of pipes: `audio.separate:vocals shifts=2 | audio.transcribe language=en`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import JsonValue

from avstudio_core.errors import InvalidInput, InvalidPlan
from avstudio_core.plans.references import SOURCE, Ref, literal, reference
from avstudio_core.quotes import quoted

NAME = r"[A-Za-z_][\w\-]*"
STAGE = re.compile(
    rf"(?P<processor>{NAME}(?:\.{NAME})*)(?::(?P<output>[\w\-.]+))?(?P<params>(?:\s+.*)?)", re.DOTALL | re.ASCII
)
PIECE = re.compile(
    r"""'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]++|\\.)*+)"|\\(?P<escaped>.)|(?P<space>\s+)|(?P<bar>\|)|(?P<plain>[^\s'"\\|]+)""",
    re.DOTALL | re.ASCII,
)
"""What an expression consists of, with the quotes and backslashes of a shell."""

LONGEST_LINE = 200
"""The most characters of an expression in a message, at most `MOST_BEFORE` of them before the place."""
MOST_BEFORE = 60


class Stage(NamedTuple):
    """One part of a pipe: a processor, the output that the next one reads, parameters, and where it stands."""

    processor: str
    output: str | None
    params: dict[str, JsonValue]
    place: tuple[int, int]

    def read(self, expression: str) -> Ref | None:
        """What `source=` names, or `None` without it. Raises `InvalidPlan` with the place marked."""
        if (given := self.params.get(SOURCE)) is None:
            return None
        named = reference(given)
        if named is None or (named.step == SOURCE and named.output):
            hint = (
                "Write source=@STEP or source=@STEP.OUTPUT for what a step makes, source=@source for the plan's source."
            )
            message = f"{quoted(given)} is not what a step can read."
            raise InvalidPlan(mark(message, expression, *self.place), hint=hint)
        return named


def mark(message: str, expression: str, start: int, end: int) -> str:
    """The message, with the expression below it and the place underlined; a long expression is shortened."""
    first = max(0, start - MOST_BEFORE) if len(expression) > LONGEST_LINE else 0
    line = "".join(_one_cell(character) for character in expression[first : first + LONGEST_LINE])
    before = "…" if first else ""
    after = "…" if first + LONGEST_LINE < len(expression) else ""
    marks = "^" * max(1, min(end - first, LONGEST_LINE) - (start - first))
    return f"{message}\n  {before}{line}{after}\n  {' ' * (len(before) + start - first)}{marks}"


def _one_cell(character: str) -> str:
    """A character as it is shown above the marks, which count characters."""
    return character if character.isprintable() else " " if character.isspace() else "\ufffd"


def stages(expression: str) -> Iterator[Stage]:
    """The parts of a pipe between its bars. Raises `InvalidPlan` with the place marked."""
    for start, end in _bounds(expression):
        yield _stage(expression, start, end)


def _bounds(expression: str) -> list[tuple[int, int]]:
    """Start and end of each stage between the pipes; a pipe that is quoted does not end a stage."""
    if not expression.strip():
        raise InvalidPlan("The plan is empty.", hint="Write one such as: audio.separate:vocals | audio.transcribe")
    bounds, start = [], 0
    for piece in _pieces(expression):
        if piece is not None and piece.lastgroup == "bar":
            bounds.append((start, piece.start()))
            start = piece.end()
    return [*bounds, (start, len(expression))]


def _pieces(text: str) -> Iterator[re.Match[str] | None]:
    """The pieces of a text; `None` at the end, if it is a quote that is not closed."""
    position = 0
    while position < len(text):
        yield (piece := PIECE.match(text, position))
        if piece is None:
            return
        position = piece.end()


def _words(text: str) -> Iterator[str]:
    """The words between spaces, without what quotes them. Raises `InvalidInput`."""
    word: list[str] = []
    for piece in _pieces(text):
        if piece is None:
            raise InvalidInput("A quote is opened but not closed.")
        if piece.lastgroup != "space":
            word.append(_unquoted(piece))
        elif word:
            yield "".join(word)
            word = []
    if word:
        yield "".join(word)


def _unquoted(piece: re.Match[str]) -> str:
    text = piece[str(piece.lastgroup)]
    return re.sub(r'\\(["\\])', r"\1", text) if piece.lastgroup == "double" else text


def _stage(expression: str, start: int, end: int) -> Stage:
    text = expression[start:end]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    matched = STAGE.fullmatch(text)
    if not matched:
        message = f"{quoted(text)} is not a step." if text else "A step is missing here."
        hint = "Write a processor, an output, parameters: audio.separate:vocals shifts=2"
        raise InvalidPlan(mark(message, expression, start, start + len(text)), hint=hint)
    try:
        params = _assignments(matched["params"])
    except InvalidInput as error:
        at = start + matched.start("params") + 1
        raise InvalidPlan(mark(error.message, expression, at, start + len(text)), hint=error.hint) from None
    place = (start, start + len(text.split(None, 1)[0]))
    return Stage(matched["processor"], matched["output"], params, place)


def _assignments(text: str) -> dict[str, JsonValue]:
    params: dict[str, JsonValue] = {}
    for word in _words(text):
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise InvalidInput(f"{quoted(word)} is not a parameter.", hint="Write name=value.")
        if name in params:
            hint = "Give it once. Commas separate the items of a list."
            raise InvalidInput(f"The parameter {quoted(name)} is given twice.", hint=hint)
        params[name] = _value(value)
    return params


def _value(text: str) -> JsonValue:
    """The value of a parameter: a list, if one of several items between commas is a reference."""
    first, *others = text.split(",")
    if others and any(map(reference, (first, *others))):
        return [first, *others]
    return ",".join([first, *(str(literal(one)) for one in others)])
