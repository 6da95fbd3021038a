"""The pages of all public names, for authors of plugins and for embedders."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from pydantic import BaseModel

import avstudio_core

PARTS = {
    "Every plugin": [
        "hook_marker.hookimpl",
        "kinds.host.Host",
        "kinds.host.ModelPool",
        "settings.Setting",
        "settings.Settings",
        "events.Event",
        "events.EventType",
        "alerts.Alert",
        "testing.patience.until",
    ],
    "A processor": [
        "kinds.processor.Processor",
        "results.Params",
        "results.Result",
        "documents.searchable.SearchText",
        "results.Needs",
        "results.Review",
        "vocabulary.Example",
        "context.Context",
        "artifact.Artifact",
        "artifact.MediaFacts",
        "answers.ChatAnswer",
        "answers.Embedding",
        "testing.processor_contract.ProcessorContract",
    ],
    "Weights": [
        "weights.Weights",
        "weights.WeightsFile",
        "weights.Shelf",
        "testing.weights_contract.WeightsContract",
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
        "chat.Text",
        "chat.Image",
        "chat.Tool",
        "chat.ToolCall",
        "chat.Account",
        "chat.Delta",
        "chat.Reply",
        "chat.Vectors",
        "chat.Usage",
        "testing.backend_contract.BackendContract",
        "testing.http_backend_contract.HttpBackendContract",
        "testing.dialect.Dialect",
        "testing.model_server.ModelServer",
        "testing.model_server.Sent",
    ],
    "A router": [
        "kinds.router.Router",
        "chat.Wishes",
        "route_decision.Candidate",
        "route_decision.Estimate",
        "route_decision.RouteDecision",
        "route_decision.Rejected",
        "testing.router_contract.RouterContract",
    ],
    "A price book": [
        "kinds.price_book.PriceBook",
        "testing.price_book_contract.PriceBookContract",
    ],
    "A secret store": [
        "kinds.secret_store.SecretStore",
        "testing.secret_store_contract.SecretStoreContract",
    ],
    "An executor": [
        "kinds.executor.Executor",
        "kinds.executor.ExecutorHost",
        "orders.Order",
        "orders.Report",
        "context.Warm",
        "tasks.executors.run_order.context_for",
        "tasks.executors.run_order.run_order",
        "model_requests.Ask",
        "model_requests.Response",
        "testing.executor_contract.ExecutorContract",
    ],
    "An interface": [
        "kinds.interface.Interface",
        "kinds.interface.Options",
        "kinds.interface.Stop",
        "kinds.interface.Mount",
        "commands.Command",
        "testing.interface_contract.InterfaceContract",
    ],
    "An agent": [
        "kinds.agent.Agent",
        "testing.agent_contract.AgentContract",
    ],
    "A memory manager": [
        "kinds.memory_manager.MemoryManager",
        "testing.memory_manager_contract.MemoryManagerContract",
    ],
}
"""What a plugin author reads of each kind."""
PYTHON = [
    "studio.Studio",
    "access.session.Session",
    "access.files.Files",
    "access.language_models.LanguageModels",
    "access.principal.Principal",
    "access.principal.LOCAL",
    "roots.Roots",
    "access.incoming_file.Incoming",
    "access.uploads.OwnedUploads",
    "access.uploads.Upload",
    "access.webhooks.OwnedWebhooks",
    "access.webhooks.Webhook",
    "access.webhooks.WebhookFailure",
    "access.outbox.Outbox",
    "access.outbox.Delivery",
    "tasks.queue.owned_tasks.OwnedTasks",
    "tasks.queue.task_filter.TaskFilter",
    "page.Page",
    "access.library.Library",
    "access.library.TextFilter",
    "access.library.Hit",
    "access.media.OwnedMedia",
    "access.media.MediaFile",
    "access.presets.OwnedPresets",
    "access.presets.Preset",
    "access.projects.OwnedProjects",
    "access.projects.Project",
    "access.administration.Administration",
    "access.administration.Health",
    "storage.usage.Usage",
    "tasks.queue.removal.Removed",
    "handle.Handle",
    "handle.PlanHandle",
    "tasks.queue.kept_plans.KeptPlan",
    "run_handle.RunHandle",
    "run_handle.RunRequest",
    "tasks.run.Run",
    "tasks.run.RunLimits",
    "plans.check.CheckedStep",
    "plans.plan.Plan",
    "plans.plan.Step",
    "plans.references.Ref",
    "tasks.task.TaskOptions",
    "tasks.task.Task",
    "tasks.task.Problem",
    "tasks.states.State",
    "events.Event",
    "tasks.events.event_stream.EventStream",
    "results.Result",
    "results.CodedWarning",
    "results.Provenance",
    "artifact.Artifact",
    "artifact.MediaFacts",
    "artifact.Lineage",
    "artifact.new_id",
    "artifact.artifacts_in",
    "answers.Answered",
    "answers.ChatAnswer",
    "answers.Embedding",
    "gateway.streams.Stream",
    "catalogue.Catalogue",
    "catalogue.Declaration",
    "catalogue.InterfaceDeclaration",
    "settings.Settings",
]
ELSEWHERE = {
    "chat": "[Writing plugins](plugins.md#a-backend)",
    "errors": "[Errors](errors.md)",
    "testing": "[Writing plugins](plugins.md)",
}
"""Public modules whose names are on other pages."""
SAID_OR_NOT = ("kinds.", "results.", "orders.", "route_decision.", "language_models.", "weights.", "testing.")
"""Where all members are shown, those without a docstring, too."""


def plugins() -> str:
    """Each kind with what belongs to it; which hook registers it is on the page of hooks."""
    head = "How to: [the first plugin](../tutorial/first-plugin.md). What registers each: [hooks](hooks.md)."
    parts = [f"# Writing plugins\n\n{head}"]
    for title, names in PARTS.items():
        parts += [f"## {title}", *(_documented(name, level=3) for name in names)]
    return "\n\n".join(parts) + "\n"


def python() -> str:
    """What an embedder uses."""
    shown = {name.rpartition(".")[2] for name in PYTHON}
    exported = ", ".join(f"`{name}`" for name in avstudio_core.__all__ if name in shown)
    head = (
        "# Python\n\nHow to: [embed a studio](../howto/embed.md). Errors are on [a page of their own](errors.md). "
        f"A `Studio` is a `Session`; `tasks` of both are `OwnedTasks`. Of these names, `avstudio_core` itself exports "
        f"{exported}."
    )
    parts = [head, *(_documented(name) for name in PYTHON)]
    return "\n\n".join(parts) + "\n"


def modules() -> str:
    """The public modules: what plugins and interfaces may import besides the names of `avstudio_core`."""
    head = (
        "# Modules\n\nWhat plugins and interfaces may import besides the names that `avstudio_core` exports. "
        + "; ".join(f"`{name}` is on the page {page}" for name, page in ELSEWHERE.items())
        + "."
    )
    parts = [head]
    for module in public_modules():
        if module.__name__.partition(".")[2].partition(".")[0] not in ELSEWHERE and own(module):
            parts.append(
                f"::: {module.__name__}\n    options:\n      show_root_full_path: true\n      members: {own(module)}"
            )
    return "\n\n".join(parts) + "\n"


def public_modules() -> Iterator[ModuleType]:
    """The modules that the docstring of `avstudio_core` lists, with those in them."""
    listed = " ".join((avstudio_core.__doc__ or "").split()).partition("those of the modules ")[2].partition(". ")[0]
    for name in re.findall(r"`(\w+)`", listed):
        module = import_module(f"avstudio_core.{name}")
        yield module
        if hasattr(module, "__path__") and name not in ELSEWHERE:
            yield from (import_module(f"{module.__name__}.{inner.name}") for inner in iter_modules(module.__path__))


def own(module: ModuleType) -> list[str]:
    """The public functions and classes that a module defines."""
    return [
        name
        for name, one in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(one) or inspect.isclass(one))
        and one.__module__ == module.__name__
    ]


def _documented(name: str, *, level: int = 2) -> str:
    """What mkdocstrings writes about a name; values, kinds and contracts with all that they have, said or not."""
    everything = name.startswith(SAID_OR_NOT) or _is_value(name)
    options = {"heading_level": level, "show_if_no_docstring": str(everything).lower()}
    lines = [f"      {option}: {value}" for option, value in options.items() if value]
    return "\n".join([f"::: avstudio_core.{name}", "    options:", *lines])


def _is_value(name: str) -> bool:
    module, _, own = name.rpartition(".")
    found = getattr(import_module(f"avstudio_core.{module}"), own)
    return inspect.isclass(found) and (issubclass(found, BaseModel) or is_dataclass(found))
