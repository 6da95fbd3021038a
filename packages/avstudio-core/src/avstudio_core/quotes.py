"""Foreign text made safe for messages and terminals: quoted, shortened, without control characters."""

from __future__ import annotations

import unicodedata
from pathlib import PurePath

LONGEST_QUOTE = 80
"""The most characters of a value in a message."""
LONGEST_PATH = 400
"""The most characters of a path in a message."""
JOINERS = "\u00ad\u200c\u200d"
"""Format characters that belong to words and emoji, and do not move text."""


def quoted(value: object, longest: int | None = None) -> str:
    """A value in quotes: shortened, on one line, with escapes for characters that cannot be printed."""
    text = value if isinstance(value, str) else _text(value)
    longest = longest or (LONGEST_PATH if isinstance(value, PurePath) else LONGEST_QUOTE)
    shown = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return f"'{shown if shown.isprintable() else ''.join(map(_printable, shown))}'"


def harmless(text: str, *, lines: bool = False) -> str:
    """Text that is safe on a terminal: escapes, control characters and marks of direction are written as escapes.

    `lines` keeps line breaks and tabs.
    """
    if text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    text = text.replace("\r\n", "\n") if lines else text
    return "".join(_written(one) if one not in kept and is_obeyed(one) else one for one in text)


def is_obeyed(character: str) -> bool:
    """Whether a terminal may act on a character instead of showing it, or whether it is a lone surrogate."""
    return character not in JOINERS and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def listed(names: object, most: int = 20) -> str:
    """Names separated by commas: the first `most`, and the number of the others."""
    known = list(names) if isinstance(names, list | tuple | dict | set | frozenset) else [names]
    more = f" … ({len(known) - most} more)" if len(known) > most else ""
    return ", ".join(str(name) for name in known[:most]) + more


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # foreign code
        return f"<{type(value).__name__}>"


def _printable(character: str) -> str:
    return character if character.isprintable() else _written(character)


def _written(character: str) -> str:
    """A character as a Python escape; a byte of a file's name that is not UTF-8 as that byte."""
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
