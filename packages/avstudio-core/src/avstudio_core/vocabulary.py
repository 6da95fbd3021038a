"""The words by which a request names a processor, its outputs and its parameters: data for planners."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from avstudio_core.errors import PluginError
from avstudio_core.names import is_text
from avstudio_core.quotes import quoted

LANGUAGE = re.compile(r"[a-z]{2,3}")
SLOT = re.compile(r"number(\([^()]+\))?|time|count|language|one_of|text")
LONGEST = 300
"""The most characters of a cue, a noun or a request."""
MOST = 200
"""The most cues, nouns, slots or examples of a processor."""


class Example(BaseModel):
    """A request in a user's words, and the parameters that it means."""

    model_config = ConfigDict(frozen=True)

    request: str = Field(description="What a user may write.")
    params: dict[str, JsonValue] = Field(default={}, description="The parameters that it means.")
    language: str = Field(default="en", description="Code of the request's language.")


def check_vocabulary(name: str, processor: Any) -> None:
    """Raises `PluginError` for cues, nouns, slots or examples that are not valid data."""
    for attribute, valid in CHECKS.items():
        value = getattr(processor, attribute)
        if not (isinstance(value, Mapping | tuple | list) and len(value) <= MOST and valid(value)):
            hint = "Write short texts without control characters."
            raise PluginError(f"The {attribute} of '{name}' are not valid: {quoted(repr(value))}.", hint=hint)
    if unknown := [slot for slot in processor.slots if slot not in processor.params_type.model_fields]:
        raise PluginError(f"'{name}' does not have a parameter {quoted(unknown[0])}, but a slot for it.")


def _is_cues(cues: Any) -> bool:
    return _is_words(cues) and all(LANGUAGE.fullmatch(language) for language in cues)


def _is_words(words: Any) -> bool:
    """Whether a value maps names to lists of short texts."""
    return isinstance(words, Mapping) and all(_short([key]) and _short(listed) for key, listed in words.items())


def _is_slots(slots: Any) -> bool:
    return isinstance(slots, Mapping) and all(isinstance(one, str) and SLOT.fullmatch(one) for one in slots.values())


def _is_examples(examples: Any) -> bool:
    return isinstance(examples, tuple | list) and all(_is_example(one) for one in examples)


def _is_example(example: Any) -> bool:
    return (
        isinstance(example, Example) and _short([example.request]) and LANGUAGE.fullmatch(example.language) is not None
    )


def _short(texts: Any) -> bool:
    """Whether a value is a list of texts that can be shown: short, not empty, without control characters."""
    return isinstance(texts, Sequence) and not isinstance(texts, str) and all(_printable(one) for one in texts)


def _printable(text: object) -> bool:
    return is_text(text) and len(text.strip()) > 0 and len(text) <= LONGEST and text.isprintable()


CHECKS = {"cues": _is_cues, "nouns": _is_words, "slots": _is_slots, "examples": _is_examples}


def vocabulary(processor: Any) -> dict[str, Any]:
    """The words of a processor as plain JSON."""
    return {
        "cues": dict(_listed(processor.cues)),
        "nouns": dict(_listed(processor.nouns)),
        "slots": dict(processor.slots),
        "examples": [one.model_dump(mode="json") for one in processor.examples],
    }


def _listed(words: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, list[str]]]:
    for key, texts in words.items():
        yield key, list(texts)
