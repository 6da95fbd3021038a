"""Parses a model's output: text, reasoning, tool calls, and stop strings."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from avstudio_core import new_id
from avstudio_core.chat import Delta, ToolCall


class StopStrings:
    """Ends a streamed text before the first complete stop string."""

    def __init__(self, strings: tuple[str, ...]) -> None:
        self._strings = tuple(filter(None, strings))
        self._held = ""
        self.found = False

    def read(self, piece: str) -> str:
        """Add a piece; return the text that cannot be part of a stop string."""
        if self.found:
            return ""
        text = self._held + piece
        found = [(start + len(string), start) for string in self._strings if (start := text.find(string)) >= 0]
        if found:
            self.found, self._held = True, ""
            return text[: min(found)[1]]
        keep = max((_overlap(text, string) for string in self._strings), default=0)
        cut = len(text) - keep
        self._held = text[cut:]
        return text[:cut]

    def rest(self) -> str:
        """The text that was held back, when the stream has ended."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, string: str) -> int:
    """How many characters at the end of a text are the start of the string."""
    longest = min(len(text), len(string) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(string[:size])), 0)


class Reader:
    """Separates a model's output at the marks that mlx-lm knows for its tokenizer."""

    def __init__(self, tokenizer: Any, tools: list[dict[str, Any]] | None, stop: tuple[str, ...], state: str) -> None:
        from mlx_lm.generate import make_text_state_machine

        self._tokenizer = tokenizer
        self._tools = tools
        self._machine = make_text_state_machine(tokenizer)
        self._state = self._machine.make_state(state)
        self._stop = StopStrings(stop)
        self._call = ""
        self.place = state

    @property
    def stopped(self) -> bool:
        """Whether a stop string ended the text."""
        return self._stop.found

    def read(self, piece: str) -> Delta:
        """Add a piece of text; return what it adds to the answer. A tool call is returned when it is complete."""
        self._state, segments = self._machine.split(self._state, piece)
        delta = Delta()
        for place, text in segments:
            self._sort(place, text, delta)
        return delta

    def rest(self) -> Delta:
        """What was held back at the end: a part of a mark, or a tool call without its closing mark."""
        self._state, held, place = self._machine.flush(self._state)
        delta = Delta()
        self._sort(place, held, delta)
        if self.place == "tool":
            self._sort("normal", "", delta)
        if not self.stopped:
            delta.text += self._stop.rest()
        return delta

    def _sort(self, place: str, text: str, delta: Delta) -> None:
        if self.stopped:
            return
        if place == "tool":
            self._call += text
        elif self.place == "tool":
            self._end_call(delta)
        if place == "reasoning":
            delta.reasoning += text
        elif place == "normal":
            delta.text += self._stop.read(text)
        self.place = place

    def _end_call(self, delta: Delta) -> None:
        """End a tool call; one that cannot be parsed, or whose tool was not offered, stays text, so nothing is lost."""
        raw, self._call = self._call, ""
        calls = self._calls(raw)
        if calls:
            delta.tool_calls += calls
        else:
            delta.text += self._stop.read(f"{self._tokenizer.tool_call_start}{raw}{self._tokenizer.tool_call_end}")

    def _calls(self, raw: str) -> tuple[ToolCall, ...]:
        if self._tools is None:
            return ()
        try:
            parsed = self._tokenizer.tool_parser(raw, self._tools)
            calls = parsed if isinstance(parsed, list) else [parsed]
            return tuple(
                ToolCall(id=call.get("id") or new_id("tool"), name=call["name"], arguments=call.get("arguments") or {})
                for call in calls
            )
        except (ValueError, KeyError, TypeError, AttributeError, SyntaxError, ValidationError):
            return ()
