"""Text as pictures with transparency, drawn by Pillow."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from avstudio_core.documents.pieces import pieces
from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted
from avstudio_video.effects.looks import rgb
from avstudio_video.libraries import pillow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_core import Artifact

FACES = (
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "LiberationSans-Regular.ttf",
    "arial.ttf",
    "Arial.ttf",
    "Arial Unicode.ttf",
    "Helvetica.ttc",
)
"""Fonts of systems, in the order in which they are looked for."""
NO_GLYPH = "\U0010ffff"
"""A character that no font has."""
MOST_PIXELS = 33_554_432
"""Of the picture of a text, which is in memory several times."""
SMALLEST = 0.5
"""By which part letters may become smaller, until a text fits."""


@dataclass(frozen=True, slots=True)
class Letters:
    """How letters look; sizes in pixels."""

    size: int
    color: str = "white"
    stroke: float = 0.0
    stroke_color: str = "black"
    box: str | None = None
    """The colour of a box behind each line."""
    box_opacity: float = 0.6


class Lettering:
    """Draws texts in one font."""

    def __init__(self, font: Artifact | None, warn: Callable[[str, str], None]) -> None:
        """Without a font, one of the system is looked for. Raises `MissingDependency`, `InvalidInput`."""
        self._image, self._draw, self._fonts = pillow("Text on a picture")
        self._warn, self._given, self._told = warn, font, set[str]()
        self._faces: dict[int, Any] = {}
        self.name = ""
        """The font that is used."""

    def lines(self, text: str, letters: Letters, width: int, most: int) -> tuple[list[str], Letters]:
        """A text in lines of at most a width in pixels, with smaller letters if there are too many lines."""
        size, most = letters.size, max(most, text.count("\n") + 1)
        while True:
            face = self._face(size)
            last = size <= letters.size * SMALLEST
            found = [line for given in text.split("\n") for line in _wrapped(given, face, width, within=last)]
            if last or (len(found) <= most and all(face.getlength(line) <= width for line in found)):
                return found, Letters(size, *_rest(letters))
            size = max(1, int(size * 0.9))

    def picture(self, lines: list[str], letters: Letters, align: str = "center") -> NDArray[np.uint8]:
        """The lines as a picture `(height, width, 4)`. Raises `InvalidInput` for one that is too large."""
        import numpy as np

        face = self._face(letters.size)
        self._check("".join(lines), face)
        stroke, pad = round(letters.stroke), max(2, letters.size // 5)
        ascent, descent = face.getmetrics()
        step = ascent + descent + max(1, letters.size // 8) + (pad if letters.box else 0)
        widths = [int(face.getlength(line)) + 1 for line in lines]
        edge = stroke + pad
        width, height = max(widths) + 2 * edge, step * len(lines) + 2 * edge
        if width * height > MOST_PIXELS:
            message = f"The text that begins with {quoted(lines[0])} needs a picture of {width}x{height} pixels."
            raise InvalidInput(message, hint="Make it shorter, or its letters smaller.")
        image = self._image.new("RGBA", (width, height), (*rgb(letters.color), 0))
        draw = self._draw.Draw(image)
        for number, (line, length) in enumerate(zip(lines, widths, strict=True)):
            x = {"left": edge, "right": width - edge - length}.get(align, (width - length) // 2)
            y = edge + number * step
            if letters.box and line.strip():
                corners = (x - pad, y - pad // 2, x + length + pad, y + ascent + descent + pad // 2)
                draw.rectangle(corners, (*rgb(letters.box), round(255 * letters.box_opacity)))
            inks = {"fill": (*rgb(letters.color), 255), "stroke_fill": (*rgb(letters.stroke_color), 255)}
            draw.text((x, y), line, font=face, stroke_width=stroke, **inks)
        return np.asarray(image, np.uint8)

    def _face(self, size: int) -> Any:
        if size not in self._faces:
            self._faces[size] = self._opened(size)
        return self._faces[size]

    def _opened(self, size: int) -> Any:
        if self._given is not None:
            self.name = self._given.name
            try:
                return self._fonts.truetype(str(self._given.path), size)
            except OSError:
                hint = "Give a TrueType or OpenType font."
                raise InvalidInput(f"{quoted(self._given.name)} is not a font.", hint=hint) from None
        for name in FACES:
            try:
                face = self._fonts.truetype(name, size)
            except OSError:
                continue
            self.name = name
            return face
        self.name = "Pillow"
        return self._fonts.load_default(size)

    def _check(self, text: str, face: Any) -> None:
        """Warn of characters that the font does not have."""
        none = bytes(face.getmask(NO_GLYPH))
        missing = {one for one in {*text} - self._told if one.isprintable() and not one.isspace()}
        missing = {one for one in missing if bytes(face.getmask(one)) == none}
        self._told |= {*text}
        if missing:
            shown = "".join(sorted(missing)[:20])
            self._warn("glyphs_missing", f"The font '{self.name}' does not have these characters: {shown}")


def _rest(letters: Letters) -> tuple[Any, ...]:
    return letters.color, letters.stroke, letters.stroke_color, letters.box, letters.box_opacity


def _wrapped(line: str, face: Any, width: int, *, within: bool) -> list[str]:
    """A line in as few lines as fit, broken between words, and `within` those that are too long.

    Scripts without spaces are broken between characters, but not before closing and after opening marks.
    """
    found: list[str] = []
    for piece in pieces(line):
        word, space = piece.text, " " * piece.spaced
        while within and len(word) > 1 and face.getlength(word) > width:
            count = max(1, bisect_right(range(1, len(word)), width, key=lambda n: face.getlength(word[:n])))
            found.append(word[:count])
            word = word[count:]
        if found and face.getlength(f"{found[-1]}{space}{word}") <= width:
            found[-1] += f"{space}{word}"
        else:
            found.append(word)
    return found or [""]
