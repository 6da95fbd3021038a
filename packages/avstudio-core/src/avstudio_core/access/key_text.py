"""The text of an API key: `avs_`, random letters and digits, and a checksum that tells a typing error."""

from __future__ import annotations

import secrets
import zlib
from string import ascii_letters, digits

PREFIX = "avs_"
SYMBOLS = digits + ascii_letters
RANDOM, CHECK = 32, 6
"""How many symbols are random, which are 190 bits, and how many are the checksum."""
SHOWN = len(PREFIX) + 4
"""How many characters of a key are stored as they are, so that its owner recognizes it."""


def new_key() -> str:
    """A key that nobody can guess."""
    drawn = "".join(secrets.choice(SYMBOLS) for _ in range(RANDOM))
    return PREFIX + drawn + _checksum(drawn)


def is_key(text: object) -> bool:
    """Whether a text has the form of a key, with the right checksum."""
    if not isinstance(text, str) or not text.startswith(PREFIX) or not text.isascii():
        return False
    drawn, check = text[len(PREFIX) : -CHECK], text[-CHECK:]
    return len(drawn) == RANDOM and check == _checksum(drawn)


def _checksum(drawn: str) -> str:
    number, symbols = zlib.crc32(drawn.encode()), []
    for _ in range(CHECK):
        number, place = divmod(number, len(SYMBOLS))
        symbols.append(SYMBOLS[place])
    return "".join(symbols)
