"""Names from outside: they are checked, or cleaned for use as file names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from pathlib import PurePath
from typing import Any, TypeGuard

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted

SECRET = re.compile(
    r"(^|_)(API_?)?(KEYS?|TOKENS?|PAT|PASSPHRASE|CREDENTIALS?)(_|$)|APIKEY|SECRET|PASSWORD|PASSWD", re.IGNORECASE
)
"""Names of environment variables with secrets, such as `OPENAI_API_KEY` and `HF_TOKEN`."""

PRESET = "preset:"
"""Before the name of a preset, it makes a source."""
LONGEST_ID = 200
"""The most characters of an id, or of the name of a project or processor."""
LONGEST_NAME = 200
"""The most bytes of a file's name: file systems allow 255, and a partial copy has a longer name."""
ENDING = re.compile(r"(?<=.)\.(?=[0-9]*[a-zA-Z])(?:[a-z0-9]{1,4}|[A-Z0-9]{1,4})$")
"""A suffix has at most four letters and digits, in one case; anything else after a dot belongs to the stem."""
REPLACEMENTS = {"Cc": "_", "Zl": "_", "Zp": "_", "Cs": "\ufffd"}
"""The categories of Unicode for control characters, line separators and lone surrogates."""


def checked(value: Any, what: str) -> str:
    """An id or a name, unchanged; `what` describes it. Raises `InvalidInput` if it is not valid."""
    if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and _clean(value) == value:
        return value
    hint = f"Give text of 1 to {LONGEST_ID} characters, without control characters."
    raise InvalidInput(f"{quoted(value)} is not a valid {what}.", hint=hint)


def all_checked(values: Any, what: str) -> list[str]:
    """A collection of ids or names as a list. Raises `InvalidInput` if it, or one of them, is not valid."""
    if isinstance(values, str) or not isinstance(values, Collection):
        raise InvalidInput(f"{quoted(values)} is not a list.", hint=f"Give a list, even if it has one {what}.")
    return [checked(value, what) for value in values]


def valid_text(value: Any) -> str:
    """A value unchanged, if it is text that every process, file and database can take. Raises `ValueError`."""
    if not is_text(value):
        raise ValueError(value)
    return value


def is_text(value: object) -> TypeGuard[str]:
    """Whether a value is text that every process, file and database can take."""
    return isinstance(value, str) and "\0" not in value and is_encodable(value)


def is_encodable(text: str) -> bool:
    """Whether text is valid in UTF-8, so without lone surrogates: halves of characters, or bytes of a file's name."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def escaped(text: str) -> str:
    """Text with lone surrogates as escapes (`\\udc80`, as in a file name that is not UTF-8)."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def file_name(name: str) -> str:
    """A valid name for a file: without folders and control characters, and not longer than file systems allow.

    For any input, `folder / file_name(given)` is directly in the folder.
    """
    own = _clean(name).rstrip("/").rpartition("/")[2]
    if own in ("", ".", ".."):
        return "file"
    if len(own.encode()) <= LONGEST_NAME:
        return own
    ending = PurePath(own).suffix
    return shortened(own.removesuffix(ending), ending) if len(ending.encode()) <= LONGEST_NAME // 2 else shortened(own)


def stem(name: str) -> str:
    """A file's name without its suffix: `song.mp3` gives `song`; `Mr. Smith` and `Vol. 2` do not change."""
    return ENDING.sub("", name) or name


def shortened(stem: str, ending: str = "") -> str:
    """A stem and a suffix as one name; the stem is cut if the name is longer than file systems allow."""
    return stem.encode()[: LONGEST_NAME - len(ending.encode())].decode(errors="ignore") + ending


def _clean(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(REPLACEMENTS.get(unicodedata.category(character), character) for character in text)


def is_secret(variable: str) -> bool:
    """Whether the name of an environment variable suggests a key, a token or a password."""
    return bool(SECRET.search(variable))
