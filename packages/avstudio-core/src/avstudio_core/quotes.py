"""What was given, as a message shows it."""

from __future__ import annotations

LONGEST_QUOTE = 80
"""Characters of a value that a message shows."""


def quoted(value: object, longest: int = LONGEST_QUOTE) -> str:
    """A value in quotes: shortened, on one line, with characters that cannot be printed written out."""
    text = value if isinstance(value, str) else _text(value)
    shown = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return f"'{shown if shown.isprintable() else ''.join(map(_printable, shown))}'"


def listed(names: object, most: int = 20) -> str:
    """Names with commas between them: the first `most`, and how many more there are."""
    known = list(names) if isinstance(names, list | tuple | dict | set | frozenset) else [names]
    more = f" … ({len(known) - most} more)" if len(known) > most else ""
    return ", ".join(str(name) for name in known[:most]) + more


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # foreign code
        return f"<{type(value).__name__}>"


def _printable(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
