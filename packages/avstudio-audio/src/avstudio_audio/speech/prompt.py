"""The limit of the text that Whisper receives with the sound."""

from __future__ import annotations

from typing import Any

from avstudio_core.errors import InvalidParams

TOKENS = 223
"""For prompt and hotwords together; Whisper's decoder holds 448 tokens, and half of them are for the transcript."""
WORDS = 150
"""The approximate limit in words."""
LIMIT = f"Prompt and hotwords together: at most {TOKENS} tokens, about {WORDS} words."
"""For descriptions of parameters."""


def joined(hotwords: tuple[str, ...]) -> str:
    """Hotwords as one text for Whisper."""
    return ", ".join(hotwords)


def surely_too_long(prompt: str | None, hotwords: list[str]) -> str | None:
    """The error of a prompt and hotwords with more words than the limit of tokens; a word is one token or more."""
    words = len((prompt or "").split()) + len(joined(tuple(hotwords)).split())
    return _refusal(f"{words} words") if words > TOKENS else None


def check_length(model: Any, prompt: str | None, hotwords: tuple[str, ...]) -> None:
    """Count their tokens with a `faster_whisper` model. Raises `InvalidParams` if there are too many."""
    tokens = count(model, prompt) + count(model, joined(hotwords))
    if tokens > TOKENS:
        words = len((prompt or "").split()) + len(joined(hotwords).split())
        raise InvalidParams(_refusal(f"{words} words, {tokens} tokens"), hint="Leave some out.")


def count(model: Any, text: str | None) -> int:
    """The number of tokens of a text after a space."""
    return len(model.hf_tokenizer.encode(f" {text.strip()}", add_special_tokens=False).ids) if text else 0


def room_for_hotwords(model: Any) -> None:
    """Make a `faster_whisper` model shorten the previous text of a window by the length of the hotwords.

    Version 1.2 gives half of the space to the previous text and half to the hotwords, and fails if none is left for the
    transcript. It also keeps previous text when the language changes, and then Whisper translates.
    """
    get_prompt = model.get_prompt

    def fitting(tokenizer: Any, previous_tokens: list[int], *args: Any, **options: Any) -> Any:
        room = max(0, TOKENS - count(model, options.get("hotwords")))
        alike = _in_one_language(tokenizer, previous_tokens)
        return get_prompt(tokenizer, alike[max(0, len(alike) - room) :], *args, **options)

    model.get_prompt = fitting


def _in_one_language(tokenizer: Any, previous_tokens: list[int]) -> list[int]:
    """The previous text since the language last changed; the tokenizer, one for each transcript, remembers where."""
    before, begin = getattr(tokenizer, "text_since", (tokenizer.language_code, 0))
    if before != tokenizer.language_code:
        begin = len(previous_tokens)
    tokenizer.text_since = tokenizer.language_code, begin
    return previous_tokens[begin if begin <= len(previous_tokens) else 0 :]


def _refusal(size: str) -> str:
    return f"The prompt and the hotwords have {size}: Whisper accepts {TOKENS} tokens, about {WORDS} words."
