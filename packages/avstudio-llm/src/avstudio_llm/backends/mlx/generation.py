"""Answers of one model, made by mlx-lm in this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from avstudio_core.chat import ChatRequest, Delta, FinishReason, Message, Usage
from avstudio_core.errors import ContextTooLong, RequestRefused, Unsupported
from avstudio_llm.backends.mlx.answer_text import Reader
from avstudio_llm.backends.mlx.folders import context_of

REMEMBERED, REMEMBERED_BYTES = 4, 256 << 20
"""Conversations whose attention is kept, so that a next turn need not read the earlier ones again."""
PREFILL_TOKENS = 1024 if sys.platform == "darwin" else 64
"""Of a prompt, read between two looks at whether the call was cancelled; a CPU takes seconds for as many."""


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


class Generator:
    """A loaded model; one answer at a time. Raises what mlx-lm raises for a folder that it cannot load."""

    def __init__(self, folder: Path) -> None:
        from mlx_lm import load
        from mlx_lm.models.cache import LRUPromptCache

        self._name = folder.name
        self._model, self._tokenizer, config = load(str(folder), return_config=True)
        self._context = context_of(config)
        self._usual = _usual_sampling(folder)
        self._remembered = LRUPromptCache(REMEMBERED, REMEMBERED_BYTES)

    def answer(self, request: ChatRequest, cancelled: Callable[[], bool]) -> Iterator[Delta]:
        """The answer as it is made. Raises `ModelError`s, and `Cancelled`."""
        tools = self._tools(request)
        prompt = self._prompt(request, tools)
        reader = Reader(self._tokenizer, tools, request.stop, self._first_place(prompt))
        room = self._room(len(prompt))
        limit = min(filter(None, (request.max_tokens, room)), default=-1)
        usage = {"input": len(prompt), "output": 0, "cached": 0, "reasoning": 0}
        finish: FinishReason = "stop"
        called = False
        for piece in self._pieces(request, prompt, limit, usage, cancelled):
            delta = reader.read(piece.text)
            usage["output"] = piece.generation_tokens
            usage["reasoning"] += reader.place == "reasoning"
            called = called or bool(delta.tool_calls)
            if delta.text or delta.reasoning or delta.tool_calls:
                yield delta
            if reader.stopped:
                break
            if piece.finish_reason == "length":
                finish = "length"
        last = reader.rest()
        last.finish = "tool_calls" if finish == "stop" and (called or last.tool_calls) else finish
        last.usage = Usage(**usage)
        yield last

    def _pieces(
        self, request: ChatRequest, prompt: list[int], limit: int, usage: dict[str, int], cancelled: Callable[[], bool]
    ) -> Iterator[Any]:
        """What mlx-lm generates, token by token, after what is remembered of the prompt."""
        import mlx.core as mx
        from mlx_lm import stream_generate
        from mlx_lm.models.cache import make_prompt_cache

        def look(*_: int) -> None:
            if cancelled():
                raise Cancelled

        if request.seed is not None:
            mx.random.seed(request.seed)
        remembered, unread = self._remembered.fetch_nearest_cache(self._name, prompt[:-1])
        usage["cached"] = len(prompt) - 1 - len(unread) if remembered is not None else 0
        cache = remembered or make_prompt_cache(self._model)
        tokens = list(prompt)
        try:
            for piece in stream_generate(
                self._model,
                self._tokenizer,
                prompt[usage["cached"] :],
                max_tokens=limit,
                sampler=self._sampler(request),
                prompt_cache=cache,
                prefill_step_size=PREFILL_TOKENS,
                prompt_progress_callback=look,
            ):
                tokens.append(piece.token)
                yield piece
                look()
        finally:
            if len(tokens) > len(prompt):  # the whole prompt was read
                self._remembered.insert_cache(self._name, tokens, cache)

    def _sampler(self, request: ChatRequest) -> Any:
        from mlx_lm.sample_utils import make_sampler

        usual = self._usual
        temperature = usual.get("temperature", 0.0) if request.temperature is None else request.temperature
        top_p = usual.get("top_p", 0.0) if request.top_p is None else request.top_p
        return make_sampler(temp=temperature, top_p=top_p, top_k=int(usual.get("top_k", 0)))

    def _tools(self, request: ChatRequest) -> list[dict[str, Any]] | None:
        """The tools as templates and parsers take them. Raises `Unsupported` for a model that cannot call any."""
        if not request.tools or request.tool_choice == "none":
            return None
        if not self._tokenizer.has_tool_calling:
            raise Unsupported(
                f"The MLX model '{self._name}' cannot call tools.", hint="Choose another model, or send no tools."
            )
        return [{"type": "function", "function": tool.model_dump()} for tool in request.tools]

    def _prompt(self, request: ChatRequest, tools: list[dict[str, Any]] | None) -> list[int]:
        if not self._tokenizer.has_chat_template:
            raise Unsupported(f"The MLX model '{self._name}' is not a chat model: it lacks a chat template.")
        try:
            messages = [_as_template_takes(message) for message in request.messages]
            return list(self._tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True))
        except Exception as error:  # a template is a program: it raises what it likes
            said = " ".join(str(error).split())
            raise RequestRefused(f"The template of '{self._name}' refuses the messages: {said}") from error

    def _room(self, size: int) -> int | None:
        """Tokens that the answer may have after a prompt of that size. Raises `ContextTooLong` where there are none."""
        if self._context is None:
            return None
        if size >= self._context:
            raise ContextTooLong(
                f"The messages have {size} tokens, but '{self._name}' reads {self._context} with the answer.",
                hint="Send less, or choose a model with a longer context.",
            )
        return self._context - size

    def _first_place(self, prompt: list[int]) -> str:
        """Where an answer begins: templates of reasoning models may open the reasoning themselves."""
        tokenizer = self._tokenizer
        if tokenizer.response_initial_state:
            return str(tokenizer.response_initial_state)
        thinks = tokenizer.has_thinking and tokenizer.rfind_think_start(prompt) > tokenizer.rfind_think_end(prompt)
        return "reasoning" if thinks else "normal"


def _as_template_takes(message: Message) -> dict[str, Any]:
    given: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.tool_calls:
        given["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        given["tool_call_id"] = message.tool_call_id
    return given


def _usual_sampling(folder: Path) -> dict[str, float]:
    """How the model's makers would have it sampled, where they say so."""
    try:
        found = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict) or not found.get("do_sample"):
        return {}
    return {name: found[name] for name in ("temperature", "top_p", "top_k") if isinstance(found.get(name), int | float)}
