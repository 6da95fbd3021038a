"""The options of the commands that call a language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from avstudio_server.cli import completion

PANEL = "Model"


@dataclass(frozen=True)
class WishFlags:
    """What the router considers when it chooses a model."""

    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="The model, such as ollama/llama3.2. [default: auto]",
            rich_help_panel=PANEL,
            autocompletion=completion.language_models,
        ),
    ] = None
    local: Annotated[bool, typer.Option("--local", help="Use only models on this machine.", rich_help_panel=PANEL)] = (
        False
    )
    private: Annotated[
        bool,
        typer.Option("--private", help="The data is private: it does not leave this machine.", rich_help_panel=PANEL),
    ] = False
    quality: Annotated[
        float | None,
        typer.Option(
            "--quality",
            metavar="X",
            min=0,
            max=1,
            help="The lowest quality to accept; above 0.9: the top tier.",
            rich_help_panel=PANEL,
        ),
    ] = None
    task: Annotated[
        Literal["general", "code", "creative"] | None,
        typer.Option(
            "--task", metavar="general|code|creative", help="Prefer a model that is good at it.", rich_help_panel=PANEL
        ),
    ] = None
    max_cost: Annotated[
        float | None,
        typer.Option(
            "--max-cost", metavar="USD", min=0, help="If a call costs more, use a local model.", rich_help_panel=PANEL
        ),
    ] = None
    allow_unpriced: Annotated[
        bool,
        typer.Option("--allow-unpriced", help="Allow cloud models whose price is unknown.", rich_help_panel=PANEL),
    ] = False
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="N", min=1, help="Limit of the answer.", rich_help_panel=PANEL)
    ] = None
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature", metavar="X", min=0, max=2, help="0 gives the likeliest answer.", rich_help_panel=PANEL
        ),
    ] = None
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            min=0.1,
            help="Time limit for the whole answer, retries included. [default: 600]",
            rich_help_panel=PANEL,
        ),
    ] = None

    def options(self) -> dict[str, Any]:
        """The given options as keyword arguments of `ChatRequest.of`."""
        given = {
            "model": self.model,
            "require_local": self.local or None,
            "private": self.private or None,
            "require_quality": self.quality,
            "task_type": self.task,
            "max_cost": self.max_cost,
            "allow_unpriced": self.allow_unpriced or None,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "timeout": self.timeout,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class AccountFlags:
    """Whose budgets pay for a call, besides the one for all calls."""

    project: Annotated[
        str | None,
        typer.Option(
            "--project",
            metavar="NAME",
            help="The project whose budget pays. [default: default]",
            rich_help_panel="Budgets",
        ),
    ] = None
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="ID", help="The API key whose budget pays.", rich_help_panel="Budgets"),
    ] = None
    agent: Annotated[
        str | None,
        typer.Option("--agent", metavar="NAME", help="The agent whose budget pays.", rich_help_panel="Budgets"),
    ] = None

    def options(self) -> dict[str, Any]:
        """The given options as keyword arguments of `ChatRequest.of`."""
        given = {"project": self.project, "key": self.key, "agent": self.agent}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class ChatFlags:
    """What the model reads besides the prompt."""

    system: Annotated[
        str | None, typer.Option("--system", "-s", help="The role that the model plays, and how it should answer.")
    ] = None
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            help="A transcript or text to discuss: a path, an artifact's id, or - for stdin. Repeatable.",
        ),
    ] = None
