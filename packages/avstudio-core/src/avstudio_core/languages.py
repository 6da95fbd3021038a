"""Languages, given by a code, or by a name in any language.

Names, other codes and distances between languages are from CLDR, with the extra `languages`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import ModuleType

from avstudio_core.errors import MissingDependency, NotFound
from avstudio_core.quotes import quoted

AUTO = "auto"
"""Means that the language should be detected."""
SEE = "Give a code of two or three letters such as 'en', or a name such as 'German'."
_CODE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*")
_PLAIN_TAG = re.compile(r"[a-z]{2}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")
"""A tag in the recommended form of BCP 47, such as `pt-BR`: without the extra, it is used as it is."""
_NEAR = 9
"""The distance in CLDR up to which one language can replace another, such as Bokmål for Norwegian."""


def language_tag(given: str) -> str:
    """The BCP 47 tag of a language: `en-US`, `de` for `ger` and `Deutsch`. Raises `NotFound`, `MissingDependency`."""
    wanted = " ".join(given.split())
    try:
        langcodes = _langcodes(given)
        valid = _CODE.fullmatch(wanted) and langcodes.tag_is_valid(wanted)
        if not wanted.isprintable():  # the library's search fails on a NUL
            raise LookupError
        return str(langcodes.standardize_tag(wanted) if valid else langcodes.find(wanted).to_tag())
    except MissingDependency:
        if _PLAIN_TAG.fullmatch(wanted):
            return wanted
        raise
    except (LookupError, ValueError):
        raise NotFound(f"{quoted(given)} is not a language.", hint=SEE) from None


def language_code(given: str, known: Sequence[str]) -> str:
    """The known code of a language. Raises `NotFound` with the nearest name, and `MissingDependency`."""
    wanted = given.strip().lower()
    if wanted in known:
        return wanted
    try:
        tag = language_tag(given)
    except NotFound:
        names = [_langcodes(given).Language.get(code).display_name() for code in known]
        raise NotFound.among("language", given, names, see=SEE) from None
    if (primary := tag.partition("-")[0]) in known:
        return primary
    code, distance = _langcodes(given).closest_match(tag, known, max_distance=_NEAR)
    if distance > _NEAR:
        raise NotFound(
            f"{quoted(given)} is a language that the model does not know.",
            hint="Leave the language out to have it detected.",
        )
    return str(code)


def language_name(given: str) -> str:
    """The English name of a language given by its code; a name is returned unchanged. Raises `NotFound` for a code.

    Names are not checked, since users may want others than those in a list, such as 'simple English'.
    """
    wanted = given.strip()
    if wanted.casefold() == AUTO:
        raise NotFound(f"{quoted(given)} is not a language.", hint=SEE)
    if not _CODE.fullmatch(wanted):
        return wanted
    return str(_langcodes(given).Language.get(language_tag(wanted)).display_name())


def _langcodes(given: str) -> ModuleType:
    """The library with its data; it can be installed without them."""
    try:
        import langcodes
        import language_data  # noqa: F401
    except ImportError:
        raise MissingDependency.extra(f"The language {quoted(given)}", "avstudio-core", "languages") from None
    return langcodes
