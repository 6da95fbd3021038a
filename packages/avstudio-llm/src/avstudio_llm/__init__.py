"""Language models for AV-Studio: MLX, Ollama, OpenAI and compatible servers, Anthropic, Google."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_core import hookimpl

if TYPE_CHECKING:
    from avstudio_core import Backend, PriceBook, Processor, Setting


@hookimpl
def register_settings() -> list[Setting[int]]:
    from avstudio_core import Setting

    return [Setting("memory_mlx_llm_mb", int, 12000, "Memory budget of language models on MLX, in MB.", 0)]


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    from avstudio_llm.chat import Chat
    from avstudio_llm.embed import Embed
    from avstudio_llm.summarize import Summarize
    from avstudio_llm.translate import Translate

    return [Chat, Embed, Summarize, Translate]


@hookimpl
def register_backends() -> list[type[Backend]]:
    from avstudio_llm.backends.anthropic import Anthropic
    from avstudio_llm.backends.google import Google
    from avstudio_llm.backends.mlx.backend import Mlx
    from avstudio_llm.backends.ollama.backend import Ollama
    from avstudio_llm.backends.openai import OpenAI

    return [Anthropic, Google, Mlx, Ollama, OpenAI]


@hookimpl
def register_price_books() -> list[type[PriceBook]]:
    from avstudio_llm.prices import GenaiPrices

    return [GenaiPrices]
