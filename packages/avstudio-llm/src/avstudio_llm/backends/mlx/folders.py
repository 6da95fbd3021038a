"""Models for MLX on this machine's disk; nothing is downloaded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avstudio_core import Can, Settings
from avstudio_core.paths import user_path

OWNERS = ("mlx-community",)
"""The owners in the hub's cache who publish models for MLX."""
PROCESS_MB = 500
"""Memory of a worker besides the weights: its libraries, and a context of usual length."""
TOOL_MARKS = (
    "<tool_call>",
    "<|tool_call>",
    "<minimax:tool_call>",
    "<start_function_call>",
    "<longcat_tool_call>",
    "<arg_key>",
    "<|tool_list_start|>",
    "<|tool_call_start|>",
    "<|tool_calls_section_begin|>",
    "[TOOL_CALLS]",
    '<function name="',
    "<atem:function_calls>",
)
"""Marks in a chat template that show a format of tool calls that mlx-lm can parse."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder with a language model: `config.json`, a tokenizer, and safetensors."""

    name: str
    path: Path
    config: dict[str, Any]

    @property
    def memory_mb(self) -> int:
        """Memory of a worker with the model loaded, in MB."""
        weights = sum(file.stat().st_size for file in self.path.glob("*.safetensors"))
        return int(weights * 1.2 / (1 << 20)) + PROCESS_MB

    @property
    def can(self) -> Can:
        template = chat_template(self.path)
        tools = "tool" in template and any(mark in template for mark in TOOL_MARKS)
        return Can(chat=bool(template), tools=tools, context=context_of(self.config))


def find_all(settings: Settings, named: Iterable[str]) -> dict[str, ModelFolder]:
    """The models by name, from the user's folders, the folder of weights, and the hub's cache."""
    found: dict[str, ModelFolder] = {}
    for name, path in (
        *_in_folders(map(user_path, named)),
        *_in_folders(_of(settings.weights)),
        *_in_hub_cache(settings),
    ):
        if name not in found and (config := _language_model(path)) is not None:
            found[name] = ModelFolder(name, path, config)
    return found


def context_of(config: dict[str, Any]) -> int | None:
    """The context length in a model's configuration, in tokens, or `None`."""
    for part in (config, config.get("text_config", {})):
        if isinstance(size := part.get("max_position_embeddings"), int):
            return size
    return None


def chat_template(path: Path) -> str:
    """The template that turns messages into a prompt; empty if the model is not a chat model."""
    for file in ("chat_template.jinja", "chat_template.json", "tokenizer_config.json"):
        if (path / file).is_file():
            if file.endswith(".jinja"):
                return (path / file).read_text(encoding="utf-8", errors="replace")
            if template := (_json(path / file) or {}).get("chat_template"):
                return template if isinstance(template, str) else json.dumps(template)
    return ""


def _in_folders(folders: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Each folder that is a model, and the models inside those that are not."""
    for folder in folders:
        if (folder / "config.json").is_file():
            yield folder.resolve().name, folder
        elif folder.is_dir():
            yield from ((child.name, child) for child in sorted(folder.iterdir()))


def _of(folder: Path | None) -> list[Path]:
    return [folder] if folder is not None else []


def _in_hub_cache(settings: Settings) -> Iterator[tuple[str, Path]]:
    for owner in OWNERS:
        for cached in sorted(settings.hub_cache.glob(f"models--{owner}--*")):
            if snapshot := _snapshot(cached):
                yield f"{owner}/{cached.name.removeprefix(f'models--{owner}--')}", snapshot


def _snapshot(cached: Path) -> Path | None:
    """The snapshot that the branch `main` had when it was fetched, or else the newest one."""
    main = cached / "refs" / "main"
    if main.is_file() and (named := cached / "snapshots" / main.read_text().strip()).is_dir():
        return named
    return max((cached / "snapshots").glob("*"), key=lambda path: path.stat().st_mtime, default=None)


def _language_model(path: Path) -> dict[str, Any] | None:
    """The configuration of a folder that mlx-lm may load, or `None`; speech models, for example, look similar."""
    config = _json(path / "config.json")
    if config is None or "model_type" not in config or not any(path.glob("*.safetensors")):
        return None
    architectures = config.get("architectures") or []
    writes = any("CausalLM" in str(architecture) for architecture in architectures)
    return config if writes or chat_template(path) else None


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
