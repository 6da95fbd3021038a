"""Language models for AV-Studio: MLX, Ollama, OpenAI and all that speak like it, Anthropic, Google."""

from __future__ import annotations
