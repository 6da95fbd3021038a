"""Languages, as people give them: by a code, or by a name in any language."""

from __future__ import annotations

import re
from collections.abc import Sequence

from avstudio_core.errors import NotFound

AUTO = "auto"
"""Where a language may be detected: the same as none given."""
SEE = "Give a code of two or three letters such as 'en', or a name such as 'German'."
_CODE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*")
_NEAR = 9
"""The distance, of CLDR's, up to which one language stands for another: Bokmål for Norwegian."""


def language_tag(given: str) -> str:
    """The BCP 47 tag of a language: `en-US`, `de` for `ger` and `Deutsch`. Raises `NotFound`."""
    import langcodes

    wanted = " ".join(given.split())
    try:
        valid = _CODE.fullmatch(wanted) and langcodes.tag_is_valid(wanted)
        if not wanted.isprintable():  # the library's search does not bear a NUL
            raise LookupError
        return langcodes.standardize_tag(wanted) if valid else langcodes.find(wanted).to_tag()
    except (LookupError, ValueError):
        raise NotFound(f"'{given}' is not a language.", hint=SEE) from None


def language_code(given: str, known: Sequence[str]) -> str:
    """The one of the known codes that a language has. Raises `NotFound`, with the nearest name."""
    wanted = given.strip().lower()
    if wanted in known:
        return wanted
    import langcodes

    try:
        tag = language_tag(given)
    except NotFound:
        names = [langcodes.Language.get(code).display_name() for code in known]
        raise NotFound.among("language", given, names, see=SEE) from None
    if (language := langcodes.Language.get(tag).language) in known:
        return str(language)
    code, distance = langcodes.closest_match(tag, known, max_distance=_NEAR)
    if distance > _NEAR:
        raise NotFound(f"'{given}' is a language that the model does not know.", hint="Let it be detected.")
    return str(code)


def language_name(given: str) -> str:
    """The English name of a language given by its code; a name stays as it is. Raises `NotFound` for other codes.

    Names are not checked: people want more than any list holds, such as 'simple English'.
    """
    wanted = given.strip()
    if wanted.casefold() == AUTO:
        raise NotFound(f"'{given}' is not a language.", hint=SEE)
    if not _CODE.fullmatch(wanted):
        return wanted
    import langcodes

    return str(langcodes.Language.get(language_tag(wanted)).display_name())
