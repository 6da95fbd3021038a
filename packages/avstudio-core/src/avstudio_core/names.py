"""Names that come from outside: checked at the border, or cleaned where a file is to bear them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath
from typing import Any

from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted

LONGEST_ID = 200
"""Characters of an id, or of the name of a project or processor."""
LONGEST_NAME = 200
"""Bytes of a file's name: file systems allow 255, and a partial copy has a longer name."""
ENDING = re.compile(r"(?<=.)\.(?=[0-9]*[a-zA-Z])(?:[a-z0-9]{1,4}|[A-Z0-9]{1,4})$")
"""At most four letters and digits, in one case: what else comes after a dot belongs to the name."""
REPLACEMENTS = {"Cc": "_", "Zl": "_", "Zp": "_", "Cs": "\ufffd"}
"""What stands for a control character, a separator of lines, or half a character, by Unicode's categories."""


def checked(value: Any, what: str) -> str:
    """An id or a name, as it is; `what` says of what. Raises `InvalidInput` for a value that cannot be one."""
    if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and _clean(value) == value:
        return value
    hint = f"Give text of 1 to {LONGEST_ID} characters, without control characters."
    raise InvalidInput(f"{quoted(value)} is not a valid {what}.", hint=hint)


def file_name(name: str) -> str:
    """The name of a file: without folders and control characters, and no longer than file systems allow.

    Whatever is given, `folder / file_name(given)` lies directly in the folder.
    """
    own = _clean(name).rstrip("/").rpartition("/")[2]
    if own in ("", ".", ".."):
        return "file"
    if len(own.encode()) <= LONGEST_NAME:
        return own
    ending = PurePath(own).suffix
    return shortened(own.removesuffix(ending), ending) if len(ending.encode()) <= LONGEST_NAME // 2 else shortened(own)


def stem(name: str) -> str:
    """A file's name without its ending: `song.mp3` gives `song`, and `Mr. Smith` and `Vol. 2` stay whole."""
    return ENDING.sub("", name) or name


def shortened(stem: str, ending: str = "") -> str:
    """A stem and an ending that together are no longer than file systems allow: what is too long of the stem goes."""
    return stem.encode()[: LONGEST_NAME - len(ending.encode())].decode(errors="ignore") + ending


def _clean(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(REPLACEMENTS.get(unicodedata.category(character), character) for character in text)
