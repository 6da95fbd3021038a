"""The core of AV-Studio: plugins, plans, durable tasks, models, artifacts.

The public names are those that this package exports and those of the modules `agents`, `answer_schema`, `chat`,
`child_process`, `documents`, `egress`, `errors`, `languages`, `media_types`, `money`, `names`, `nearest`, `paths`,
`quotes`, `refusal`, `spans`, `testing`, `time_param` and `tokens`. Everything else may change without notice. Names are
imported at their first use, so importing `avstudio_core` is fast.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know the name, and importing `typing` would slow down every start
if TYPE_CHECKING:
    from typing import Any

    from avstudio_core.access.administration import Administration as Administration, Health as Health
    from avstudio_core.access.incoming_file import Incoming as Incoming
    from avstudio_core.access.library import Hit as Hit, Library as Library
    from avstudio_core.access.media import MediaFile as MediaFile, OwnedMedia as OwnedMedia
    from avstudio_core.access.outbox import Delivery as Delivery, Outbox as Outbox
    from avstudio_core.access.presets import OwnedPresets as OwnedPresets, Preset as Preset
    from avstudio_core.access.principal import LOCAL as LOCAL, Principal as Principal
    from avstudio_core.access.projects import OwnedProjects as OwnedProjects, Project as Project
    from avstudio_core.access.session import Session as Session
    from avstudio_core.access.uploads import OwnedUploads as OwnedUploads, Upload as Upload
    from avstudio_core.access.webhooks import (
        OwnedWebhooks as OwnedWebhooks,
        Webhook as Webhook,
        WebhookFailure as WebhookFailure,
    )
    from avstudio_core.alerts import Alert as Alert
    from avstudio_core.answers import Answered as Answered, ChatAnswer as ChatAnswer, Embedding as Embedding
    from avstudio_core.artifact import (
        Artifact as Artifact,
        Lineage as Lineage,
        MediaFacts as MediaFacts,
        artifacts_in as artifacts_in,
        new_id as new_id,
    )
    from avstudio_core.catalogue import (
        Catalogue as Catalogue,
        Declaration as Declaration,
        InterfaceDeclaration as InterfaceDeclaration,
    )
    from avstudio_core.chat import (
        ChatRequest as ChatRequest,
        Delta as Delta,
        EmbedRequest as EmbedRequest,
        Message as Message,
        Reply as Reply,
        Tool as Tool,
        ToolCall as ToolCall,
        Usage as Usage,
        Vectors as Vectors,
        Wishes as Wishes,
    )
    from avstudio_core.commands import Command as Command
    from avstudio_core.context import Context as Context, Warm as Warm
    from avstudio_core.documents.searchable import SearchText as SearchText
    from avstudio_core.errors import (
        AVStudioError as AVStudioError,
        BackendDown as BackendDown,
        BadAnswer as BadAnswer,
        ContextTooLong as ContextTooLong,
        CorruptFile as CorruptFile,
        CredentialsRefused as CredentialsRefused,
        DataFolderError as DataFolderError,
        Degraded as Degraded,
        DiskFull as DiskFull,
        EgressRefused as EgressRefused,
        EventsLost as EventsLost,
        InUse as InUse,
        InvalidInput as InvalidInput,
        InvalidParams as InvalidParams,
        InvalidPlan as InvalidPlan,
        InvalidTransition as InvalidTransition,
        MissingDependency as MissingDependency,
        ModelError as ModelError,
        NoModel as NoModel,
        NotAllowed as NotAllowed,
        NotEnoughMemory as NotEnoughMemory,
        NotFound as NotFound,
        OutputExists as OutputExists,
        OverBudget as OverBudget,
        PartialAnswer as PartialAnswer,
        PluginError as PluginError,
        RateLimited as RateLimited,
        RequestRefused as RequestRefused,
        StorageError as StorageError,
        TaskBlocked as TaskBlocked,
        TaskCancelled as TaskCancelled,
        TaskError as TaskError,
        TaskFailed as TaskFailed,
        Unavailable as Unavailable,
        UnreadableMedia as UnreadableMedia,
        Unsupported as Unsupported,
        WeightsMissing as WeightsMissing,
    )
    from avstudio_core.events import Event as Event, EventType as EventType
    from avstudio_core.gateway.streams import Stream as Stream
    from avstudio_core.handle import Handle as Handle, PlanHandle as PlanHandle
    from avstudio_core.hook_marker import hookimpl as hookimpl
    from avstudio_core.kinds.agent import Agent as Agent
    from avstudio_core.kinds.backend import (
        Backend as Backend,
        BackendConfig as BackendConfig,
        BackendHost as BackendHost,
    )
    from avstudio_core.kinds.executor import Executor as Executor, ExecutorHost as ExecutorHost
    from avstudio_core.kinds.host import Host as Host, ModelPool as ModelPool
    from avstudio_core.kinds.interface import (
        Interface as Interface,
        Mount as Mount,
        Options as Options,
        Stop as Stop,
    )
    from avstudio_core.kinds.memory_manager import MemoryManager as MemoryManager
    from avstudio_core.kinds.price_book import PriceBook as PriceBook
    from avstudio_core.kinds.processor import Processor as Processor
    from avstudio_core.kinds.router import Router as Router
    from avstudio_core.kinds.secret_store import SecretStore as SecretStore
    from avstudio_core.language_models import Can as Can, Model as Model
    from avstudio_core.model_requests import Ask as Ask, Response as Response
    from avstudio_core.orders import Order as Order, Report as Report
    from avstudio_core.page import Page as Page
    from avstudio_core.plans.check import CheckedStep as CheckedStep
    from avstudio_core.plans.plan import Plan as Plan, Step as Step
    from avstudio_core.plans.references import Ref as Ref
    from avstudio_core.results import (
        CodedWarning as CodedWarning,
        Needs as Needs,
        Params as Params,
        Provenance as Provenance,
        Result as Result,
        Review as Review,
    )
    from avstudio_core.roots import Roots as Roots
    from avstudio_core.route_decision import (
        Candidate as Candidate,
        Estimate as Estimate,
        Rejected as Rejected,
        RouteDecision as RouteDecision,
    )
    from avstudio_core.run_handle import RunHandle as RunHandle, RunRequest as RunRequest
    from avstudio_core.settings import Setting as Setting, Settings as Settings
    from avstudio_core.studio import Studio as Studio
    from avstudio_core.tasks.events.event_stream import EventStream as EventStream
    from avstudio_core.tasks.executors.run_order import context_for as context_for, run_order as run_order
    from avstudio_core.tasks.queue.kept_plans import KeptPlan as KeptPlan
    from avstudio_core.tasks.queue.owned_tasks import OwnedTasks as OwnedTasks
    from avstudio_core.tasks.queue.removal import Removed as Removed
    from avstudio_core.tasks.run import Run as Run, RunLimits as RunLimits
    from avstudio_core.tasks.states import State as State
    from avstudio_core.tasks.task import Problem as Problem, Task as Task, TaskOptions as TaskOptions
    from avstudio_core.vocabulary import Example as Example
    from avstudio_core.weights import Shelf as Shelf, Weights as Weights, WeightsFile as WeightsFile

__version__ = "0.1.0"

_EXPORTS = {
    "access.incoming_file": "Incoming",
    "access.administration": "Administration Health",
    "access.library": "Hit Library",
    "access.media": "MediaFile OwnedMedia",
    "access.presets": "OwnedPresets Preset",
    "access.principal": "LOCAL Principal",
    "access.projects": "OwnedProjects Project",
    "access.session": "Session",
    "access.outbox": "Delivery Outbox",
    "access.uploads": "OwnedUploads Upload",
    "access.webhooks": "OwnedWebhooks Webhook WebhookFailure",
    "alerts": "Alert",
    "answers": "Answered ChatAnswer Embedding",
    "artifact": "Artifact Lineage MediaFacts artifacts_in new_id",
    "catalogue": "Catalogue Declaration InterfaceDeclaration",
    "chat": "ChatRequest Delta EmbedRequest Message Reply Tool ToolCall Usage Vectors Wishes",
    "commands": "Command",
    "context": "Context Warm",
    "documents.searchable": "SearchText",
    "errors": (
        "AVStudioError BackendDown BadAnswer ContextTooLong CorruptFile CredentialsRefused DataFolderError "
        "Degraded DiskFull EgressRefused EventsLost InUse InvalidInput InvalidParams InvalidPlan InvalidTransition "
        "MissingDependency ModelError NoModel NotAllowed NotEnoughMemory NotFound OutputExists OverBudget "
        "PartialAnswer PluginError RateLimited RequestRefused StorageError TaskBlocked TaskCancelled TaskError "
        "TaskFailed Unavailable UnreadableMedia Unsupported WeightsMissing "
    ),
    "events": "Event EventType",
    "gateway.streams": "Stream",
    "handle": "Handle PlanHandle",
    "hook_marker": "hookimpl",
    "kinds.agent": "Agent",
    "kinds.backend": "Backend BackendConfig BackendHost",
    "kinds.executor": "Executor ExecutorHost",
    "kinds.host": "Host ModelPool",
    "kinds.interface": "Interface Mount Options Stop",
    "kinds.memory_manager": "MemoryManager",
    "kinds.price_book": "PriceBook",
    "kinds.processor": "Processor",
    "kinds.router": "Router",
    "kinds.secret_store": "SecretStore",
    "language_models": "Can Model",
    "model_requests": "Ask Response",
    "orders": "Order Report",
    "run_handle": "RunHandle RunRequest",
    "page": "Page",
    "tasks.queue.kept_plans": "KeptPlan",
    "tasks.queue.owned_tasks": "OwnedTasks",
    "tasks.queue.removal": "Removed",
    "tasks.run": "Run RunLimits",
    "plans.check": "CheckedStep",
    "plans.plan": "Plan Step",
    "plans.references": "Ref",
    "results": "CodedWarning Needs Params Provenance Result Review",
    "route_decision": "Candidate Estimate Rejected RouteDecision",
    "roots": "Roots",
    "settings": "Setting Settings",
    "studio": "Studio",
    "tasks.events.event_stream": "EventStream",
    "tasks.executors.run_order": "context_for run_order",
    "tasks.states": "State",
    "tasks.task": "Problem Task TaskOptions",
    "vocabulary": "Example",
    "weights": "Shelf Weights WeightsFile",
}
"""The public names of each module."""
_HOMES = {name: module for module, names in _EXPORTS.items() for name in names.split()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'avstudio_core' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"avstudio_core.{_HOMES[name]}"), name)
