"""Tables of colours in .cube files (Adobe's Cube LUT specification 1.0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from avstudio_core.documents.timed_text import content
from avstudio_core.errors import InvalidInput, UnreadableMedia
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_core import Artifact

LARGEST_FILE = 16_000_000
"""Bytes."""
LARGEST = {1: 65_536, 3: 65}
"""Entries of an axis, by the number of dimensions."""
SIZES = {1: "LUT_1D_SIZE", 3: "LUT_3D_SIZE"}
DOMAIN = {"DOMAIN_MIN": ("0", "0", "0"), "DOMAIN_MAX": ("1", "1", "1")}
OTHER_WORDS = ("TITLE", "LUT_IN_VIDEO_RANGE", "LUT_OUT_VIDEO_RANGE")


@dataclass(frozen=True)
class Cube:
    """One table; red changes fastest."""

    dimensions: int
    size: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    """The domain of each component."""
    table: NDArray[np.float64]
    """`(size ** dimensions, 3)`."""

    @classmethod
    def read(cls, file: Artifact) -> Self:
        """Read a file. Raises `InvalidInput`."""
        if file.size > LARGEST_FILE:
            raise InvalidInput(f"{quoted(file.name)} is too large for a table of colours.")
        try:
            return cls.parse(content(file))
        except (ValueError, UnreadableMedia) as error:
            hint = "Give a .cube file with LUT_3D_SIZE (2 to 65) or LUT_1D_SIZE, and three numbers a line."
            raise InvalidInput(f"{quoted(file.name)} is not a table of colours: {error}", hint=hint) from None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a text. Raises `ValueError`."""
        import numpy as np

        words, rows = _words_and_rows(text)
        sizes = [(dimensions, int(words[name][0])) for dimensions, name in SIZES.items() if name in words]
        if len(sizes) != 1:
            raise ValueError("it does not have one size.")
        dimensions, size = sizes[0]
        low, high = (tuple(map(float, words.get(name, usual))) for name, usual in DOMAIN.items())
        if not 2 <= size <= LARGEST[dimensions] or len(rows) != size**dimensions or {*map(len, rows)} != {3}:
            raise ValueError(f"it has {len(rows)} lines of a table of the size {size}.")
        table = np.array(rows)
        if not np.isfinite(table).all() or len(low) != 3 or not all(a < b for a, b in zip(low, high, strict=True)):
            raise ValueError("its numbers are not valid.")
        return cls(dimensions, size, low, high, table)

    def written(self, strength: float) -> str:
        """As a file: a table that goes a part of the way."""
        table = self._unchanged() + strength * (self.table - self._unchanged())
        lines = [f"{SIZES[self.dimensions]} {self.size}"]
        lines += ["DOMAIN_MIN {} {} {}".format(*self.low), "DOMAIN_MAX {} {} {}".format(*self.high)]
        lines += ["{:.7f} {:.7f} {:.7f}".format(*row) for row in table]
        return "\n".join(lines) + "\n"

    def _unchanged(self) -> NDArray[np.float64]:
        """The table that changes nothing."""
        import numpy as np

        axes = [np.linspace(a, b, self.size) for a, b in zip(self.low, self.high, strict=True)]
        if self.dimensions == 1:
            return np.stack(axes, 1)
        blue, green, red = np.meshgrid(*axes[::-1], indexing="ij")
        return np.stack([red, green, blue], -1).reshape(-1, 3)


def _words_and_rows(text: str) -> tuple[dict[str, list[str]], list[list[float]]]:
    """The values of each word that a line begins with, and the lines of numbers."""
    words: dict[str, list[str]] = {}
    rows: list[list[float]] = []
    for line in text.splitlines():
        word, *values = line.split() or ["#"]
        if word in SIZES.values() or word in DOMAIN:
            words[word] = values or [""]
        elif not word.startswith("#") and word not in OTHER_WORDS:
            rows.append([float(one) for one in (word, *values)])
    return words, rows
