"""How much text Whisper takes beside the sound."""

from __future__ import annotations

from typing import Any

from avstudio_core.errors import InvalidParams

TOKENS = 223
"""Prompt and hotwords together; Whisper's decoder holds 448 tokens, and half of them are for what is heard."""
WORDS = 150
"""What that is in words, about."""
LIMIT = f"Prompt and hotwords together: at most {TOKENS} tokens, about {WORDS} words."
"""For descriptions of parameters."""


def joined(hotwords: tuple[str, ...]) -> str:
    """Hotwords as Whisper reads them."""
    return ", ".join(hotwords)


def surely_too_long(prompt: str | None, hotwords: list[str]) -> str | None:
    """What is wrong with a prompt and hotwords whose words alone are more than fit: a word is a token or more."""
    words = len((prompt or "").split()) + len(joined(tuple(hotwords)).split())
    return _refusal(f"{words} words") if words > TOKENS else None


def check_length(model: Any, prompt: str | None, hotwords: tuple[str, ...]) -> None:
    """Raises `InvalidParams` where they are too long for a `faster_whisper` model, which knows their tokens."""
    tokens = count(model, prompt) + count(model, joined(hotwords))
    if tokens > TOKENS:
        words = len((prompt or "").split()) + len(joined(hotwords).split())
        raise InvalidParams(_refusal(f"{words} words, {tokens} tokens"), hint="Leave some out.")


def count(model: Any, text: str | None) -> int:
    """The tokens of a text before which there is a space."""
    return len(model.hf_tokenizer.encode(f" {text.strip()}", add_special_tokens=False).ids) if text else 0


def room_for_hotwords(model: Any) -> None:
    """Make a `faster_whisper` model shorten the text before a window by as much as the hotwords take.

    Version 1.2 gives each half of the room, and then fails where none is left for what is heard.
    """
    get_prompt = model.get_prompt

    def fitting(tokenizer: Any, previous: list[int], *args: Any, hotwords: str | None = None, **options: Any) -> Any:
        room = max(0, TOKENS - count(model, hotwords))
        return get_prompt(
            tokenizer,
            previous[len(previous) - room :] if room < len(previous) else previous,
            *args,
            hotwords=hotwords,
            **options,
        )

    model.get_prompt = fitting


def _refusal(size: str) -> str:
    return f"The prompt and the hotwords have {size}: Whisper takes {TOKENS} tokens, about {WORDS} words."
