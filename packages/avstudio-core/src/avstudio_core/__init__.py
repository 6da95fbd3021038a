"""The core of AV-Studio: plugins, plans, durable tasks, models, artifacts.

The public names are those that this package exports and those of the modules `answer_schema`, `chat`, `child_process`,
`documents`, `egress`, `errors`, `languages`, `media_types`, `money`, `names`, `nearest`, `paths`, `quotes`, `testing`
and `tokens`. Everything else may change without notice. Names are imported at their first use, so importing
`avstudio_core` is fast.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know the name, and importing `typing` would slow down every start
if TYPE_CHECKING:
    from typing import Any

    from avstudio_core.alerts import Alert as Alert
    from avstudio_core.answers import Answered as Answered, ChatAnswer as ChatAnswer, Embedding as Embedding
    from avstudio_core.artifact import (
        Artifact as Artifact,
        Lineage as Lineage,
        MediaFacts as MediaFacts,
        new_id as new_id,
    )
    from avstudio_core.catalogue import Catalogue as Catalogue, Declaration as Declaration
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
    from avstudio_core.context import Context as Context, Warm as Warm
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
        InvalidInput as InvalidInput,
        InvalidParams as InvalidParams,
        InvalidPlan as InvalidPlan,
        InvalidTransition as InvalidTransition,
        MissingDependency as MissingDependency,
        ModelError as ModelError,
        NoModel as NoModel,
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
    from avstudio_core.events import Event as Event
    from avstudio_core.gateway.streams import Stream as Stream
    from avstudio_core.handle import Handle as Handle, PlanHandle as PlanHandle
    from avstudio_core.hook_marker import hookimpl as hookimpl
    from avstudio_core.kinds.backend import (
        Backend as Backend,
        BackendConfig as BackendConfig,
        BackendHost as BackendHost,
    )
    from avstudio_core.kinds.executor import Executor as Executor, ExecutorHost as ExecutorHost
    from avstudio_core.kinds.host import Host as Host, ModelPool as ModelPool
    from avstudio_core.kinds.memory_manager import MemoryManager as MemoryManager
    from avstudio_core.kinds.price_book import PriceBook as PriceBook
    from avstudio_core.kinds.processor import Processor as Processor
    from avstudio_core.kinds.router import Router as Router
    from avstudio_core.language_models import Can as Can, Model as Model
    from avstudio_core.model_requests import Ask as Ask, Response as Response
    from avstudio_core.orders import Order as Order, Report as Report
    from avstudio_core.plan import Plan as Plan, Ref as Ref, Step as Step
    from avstudio_core.results import (
        CodedWarning as CodedWarning,
        Needs as Needs,
        Params as Params,
        Provenance as Provenance,
        Result as Result,
        Review as Review,
    )
    from avstudio_core.route_decision import (
        Candidate as Candidate,
        Estimate as Estimate,
        Rejected as Rejected,
        RouteDecision as RouteDecision,
    )
    from avstudio_core.settings import Setting as Setting, Settings as Settings
    from avstudio_core.studio import Studio as Studio
    from avstudio_core.tasks.executors.run_order import context_for as context_for, run_order as run_order
    from avstudio_core.tasks.states import State as State
    from avstudio_core.tasks.task import Problem as Problem, Task as Task, TaskOptions as TaskOptions
    from avstudio_core.weights import Shelf as Shelf, Weights as Weights, WeightsFile as WeightsFile

__version__ = "0.1.0"

_EXPORTS = {
    "alerts": "Alert",
    "answers": "Answered ChatAnswer Embedding",
    "artifact": "Artifact Lineage MediaFacts new_id",
    "catalogue": "Catalogue Declaration",
    "chat": "ChatRequest Delta EmbedRequest Message Reply Tool ToolCall Usage Vectors Wishes",
    "context": "Context Warm",
    "errors": (
        "AVStudioError BackendDown BadAnswer ContextTooLong CorruptFile CredentialsRefused DataFolderError "
        "Degraded DiskFull EgressRefused InvalidInput InvalidParams InvalidPlan InvalidTransition "
        "MissingDependency ModelError NoModel NotEnoughMemory NotFound OutputExists OverBudget PartialAnswer "
        "PluginError RateLimited RequestRefused StorageError TaskBlocked TaskCancelled TaskError TaskFailed "
        "Unavailable UnreadableMedia Unsupported WeightsMissing "
    ),
    "events": "Event",
    "gateway.streams": "Stream",
    "handle": "Handle PlanHandle",
    "hook_marker": "hookimpl",
    "kinds.backend": "Backend BackendConfig BackendHost",
    "kinds.executor": "Executor ExecutorHost",
    "kinds.host": "Host ModelPool",
    "kinds.memory_manager": "MemoryManager",
    "kinds.price_book": "PriceBook",
    "kinds.processor": "Processor",
    "kinds.router": "Router",
    "language_models": "Can Model",
    "model_requests": "Ask Response",
    "orders": "Order Report",
    "plan": "Plan Ref Step",
    "results": "CodedWarning Needs Params Provenance Result Review",
    "route_decision": "Candidate Estimate Rejected RouteDecision",
    "settings": "Setting Settings",
    "studio": "Studio",
    "tasks.executors.run_order": "context_for run_order",
    "tasks.states": "State",
    "tasks.task": "Problem Task TaskOptions",
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
