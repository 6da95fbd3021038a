"""Filler words by language: sounds of hesitation, which mean nothing."""

from __future__ import annotations

import re
from itertools import groupby

from avstudio_core.errors import InvalidInput

FILLERS = {
    "en": "um uhm uh er erm eh hm mm ah",
    "de": "äh ähm öh öhm eh ehm hm mm",
    "fr": "euh heu hum hm mm",
    "es": "eh em ehm mm hm",
    "it": "ehm uhm hm mm",
    "pt": "hum hm ahn mm",
    "nl": "eh ehm uh uhm hm",
    "sv": "eh ehm öh öhm hm mm",
    "da": "øh øhm eh ehm hm mm",
    "nb": "eh ehm øh øhm hm mm",
    "no": "eh ehm øh øhm hm mm",
    "fi": "öö ööm ää hm mm",
    "pl": "yy eee hm mm",
    "cs": "eee ehm hm mm",
    "ru": "ээ эм мм хм гм",
    "uk": "ее ем мм хм гм",
    "tr": "ıı ee hm mm",
    "ja": "えーと えっと ええと えー あのー うーん んー",
    "ko": "음 으음 어음 흠",
    "zh": "嗯 呃 唔",
}
"""Each letter may also be longer: `um` is `ummm`, too. Words that also mean something, such as `like`, are left out."""


def filler_pattern(language: str) -> re.Pattern[str]:
    """A pattern of the filler words of a language, in small letters without punctuation.

    Raises `InvalidInput` for a language without a list.
    """
    words = FILLERS.get(language.partition("-")[0].casefold())
    if words is None:
        listed = ", ".join(sorted(FILLERS))
        raise InvalidInput(
            f"The filler words of the language '{language}' are not known.",
            hint=f"Name them with 'remove_phrases'. The known ones are those of {listed}.",
        )
    return re.compile("|".join(map(_lengthened, words.split())))


def _lengthened(word: str) -> str:
    """A pattern of a word with longer letters; each run of a letter is one step, so that matching stays fast."""
    return "".join(f"{letter}{{{len([*run])},}}" for letter, run in groupby(word))
