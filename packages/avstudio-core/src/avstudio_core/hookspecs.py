"""Every extension point.

`register_<kind>s` is called on the first look-up of its kind and returns a list of classes.
`<noun>_<past participle>` is called at an event; its return value is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

from avstudio_core.hook_marker import GROUP

if TYPE_CHECKING:
    from avstudio_core.alerts import Alert
    from avstudio_core.commands import Command
    from avstudio_core.events import Event, EventType
    from avstudio_core.kinds.agent import Agent
    from avstudio_core.kinds.backend import Backend
    from avstudio_core.kinds.executor import Executor
    from avstudio_core.kinds.interface import Interface
    from avstudio_core.kinds.memory_manager import MemoryManager
    from avstudio_core.kinds.price_book import PriceBook
    from avstudio_core.kinds.processor import Processor
    from avstudio_core.kinds.router import Router
    from avstudio_core.kinds.secret_store import SecretStore
    from avstudio_core.settings import Setting, Settings
    from avstudio_core.weights import Weights

hookspec = pluggy.HookspecMarker(GROUP)


class OpenStudio(Protocol):
    """The part of `Studio` that this module needs for hooks."""

    @property
    def id(self) -> str: ...

    @property
    def settings(self) -> Settings: ...

    def submit(self, processor: str, source: Any = None, /, **params: Any) -> Any: ...

    def publish(self, kind: str, subject: str, data: Mapping[str, Any], *, owner: str = ...) -> Event: ...


@hookspec
def register_processors() -> list[type[Processor[Any, Any]]]:
    """Called at the first look-up of a processor. Return processor classes, named `<medium>.<verb>`."""


@hookspec
def register_weights() -> list[type[Weights]]:
    """Called at the first look-up of weights. Return classes that declare model files."""


@hookspec
def register_interfaces() -> list[type[Interface[Any]]]:
    """Called when an interface is first needed. Return interface classes; each is a command of its name."""


@hookspec
def register_commands() -> list[Command]:
    """Called when the commands are listed. Return commands of `avstudio` that are neither processors nor interfaces."""


@hookspec
def register_agents() -> list[type[Agent]]:
    """Called when an agent is first needed. Return agent classes."""


@hookspec
def register_executors() -> list[type[Executor]]:
    """Called when a studio needs its executor. Return executor classes; the setting `executor` selects one."""


@hookspec
def register_backends() -> list[type[Backend]]:
    """Called at the first use of a language model. Return backend classes."""


@hookspec
def register_secret_stores() -> list[type[SecretStore]]:
    """Called when a secret is first needed, such as a backend's key. Return secret store classes."""


@hookspec
def register_routers() -> list[type[Router]]:
    """Called at the first routed request. Return router classes; the setting `router` selects one."""


@hookspec
def register_price_books() -> list[type[PriceBook]]:
    """Called when a price is first needed. Return price book classes; prices in `models.toml` take precedence."""


@hookspec
def register_settings() -> list[Setting[Any]]:
    """Called when a studio or a worker starts. Return the settings that the plugin reads from `context.settings`."""


@hookspec
def register_memory_managers() -> list[type[MemoryManager]]:
    """Called when the model pool first needs its budget. Return one class for each kind of device."""


@hookspec
def register_event_types() -> list[EventType]:
    """Called when `studio.publish` is first used. Return the types of the events that the plugin publishes."""


@hookspec
def studio_started(studio: OpenStudio) -> None:
    """Called when a studio has opened its data folder, before it runs tasks."""


@hookspec
def budget_spent(alert: Alert) -> None:
    """Called when a budget is spent to 60, 80 or 100 %, once in a period. Return quickly; do not wait for tasks."""


@hookspec
def event_published(event: Event) -> None:
    """Called after an event about one of this studio's tasks is stored. Return quickly: other events wait."""
