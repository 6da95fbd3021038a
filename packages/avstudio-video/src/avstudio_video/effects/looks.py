"""Colours and proportions as users write them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from avstudio_core.nearest import did_you_mean
from avstudio_core.quotes import quoted
from avstudio_core.refusal import value_refusal

NAMES = {
    "black": "#000000",
    "white": "#ffffff",
    "grey": "#808080",
    "gray": "#808080",
    "silver": "#c0c0c0",
    "red": "#ff0000",
    "green": "#008000",
    "lime": "#00ff00",
    "blue": "#0000ff",
    "navy": "#000080",
    "yellow": "#ffff00",
    "orange": "#ffa500",
    "cyan": "#00ffff",
    "magenta": "#ff00ff",
    "purple": "#800080",
    "pink": "#ffc0cb",
    "brown": "#a52a2a",
    "teal": "#008080",
}
"""The colours of CSS that most people know."""
HEXADECIMAL = re.compile("#[0-9a-fA-F]{6}")
LARGEST_PART = 100
"""Of proportions."""


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue from 0 to 255."""
    code = NAMES.get(colour.lower(), colour)
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def ffmpeg_colour(colour: str) -> str:
    """The colour as FFmpeg's filters read it."""
    return "0x{:02x}{:02x}{:02x}".format(*rgb(colour))


def ratio_of(text: str) -> tuple[int, int]:
    """Width and height of proportions such as `9:16`. Raises `PydanticCustomError`."""
    width, _, height = text.partition(":")
    if all(
        part.isascii() and part.isdecimal() and len(part) < 9 and 0 < int(part) <= LARGEST_PART
        for part in (width, height)
    ):
        return int(width), int(height)
    raise value_refusal(f"{quoted(text)} does not give proportions", "Write width and height as '9:16'.")


def _known(colour: str) -> str:
    if not HEXADECIMAL.fullmatch(colour) and colour.lower() not in NAMES:
        hint = did_you_mean(colour, NAMES) or "Write it as '#rrggbb', or a name such as 'white'."
        raise value_refusal(f"{quoted(colour)} is not a colour", hint)
    return colour


def _proportions(text: str) -> str:
    ratio_of(text)
    return text


PATTERN = f"^({HEXADECIMAL.pattern}|[a-zA-Z]{{3,20}})$"
Colour = Annotated[str, Field(json_schema_extra={"pattern": PATTERN}), AfterValidator(_known)]
"""`#rrggbb`, or a name such as `white`."""
Aspect = Annotated[str, AfterValidator(_proportions)]
"""Proportions such as `9:16`."""
