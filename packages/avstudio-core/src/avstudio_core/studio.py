"""The composition root, and the entry point for interfaces and for programs that embed AV-Studio."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from avstudio_core.access.administration import Health
from avstudio_core.access.keys import ApiKeys
from avstudio_core.access.principal import LOCAL, Principal
from avstudio_core.access.session import Session
from avstudio_core.catalogue import Catalogue, outputs_of
from avstudio_core.catalogue_cache import LiveCatalogue
from avstudio_core.egress import Gate
from avstudio_core.errors import AVStudioError, InvalidInput, StorageError
from avstudio_core.gateway.ledger.ledger import Ledger
from avstudio_core.kinds.processor import Processor
from avstudio_core.models.memory import usable
from avstudio_core.models.pool import Pool
from avstudio_core.models.shelf import InstalledShelf
from avstudio_core.names import checked
from avstudio_core.parameters import StoredParams, parameters, plain
from avstudio_core.plans.continuations import Continuation
from avstudio_core.plugins import Plugins
from avstudio_core.quotes import quoted
from avstudio_core.roots import Roots
from avstudio_core.secrets.secrets import Secrets
from avstudio_core.settings import Settings
from avstudio_core.settings_sources import load
from avstudio_core.storage import refusals
from avstudio_core.storage.data_folder import open_database, open_store
from avstudio_core.storage.upload_files import UploadFiles
from avstudio_core.submission import continued
from avstudio_core.tasks.engine.engine import Engine
from avstudio_core.tasks.engine.live_studios import Presence
from avstudio_core.tasks.events.announcer import Announcer
from avstudio_core.tasks.executors.guarded import GuardedExecutor
from avstudio_core.tasks.queue.queue import Queue
from avstudio_core.tasks.queue.queue_types import NewTask, Rules
from avstudio_core.twin import twin

if TYPE_CHECKING:
    from avstudio_core.gateway.door import Door
    from avstudio_core.kinds.interface import Stop
    from avstudio_core.model_requests import Ask, Tell

MAIN = "__main__"


class Studio(Session):
    """The session of a user with a studio on a data folder; several studios, in any processes, can share a folder.

    ```python
    with Studio() as studio:
        stems = studio.run("audio.separate", "song.mp3", stems=["vocals"])
        words = studio.run("audio.transcribe", stems.stems["vocals"])
    ```

    Settings are keyword arguments: `Studio(home="/data", offline=True)`. `add` takes plugin modules that are not
    installed. With `own`, it does not run tasks that other studios submitted.
    """

    def __init__(self, *, add: Sequence[ModuleType] = (), own: bool = False, **settings: Any) -> None:
        super().__init__(self, LOCAL)
        self.settings: Settings = load(settings)
        self.plugins = Plugins(self.settings.home)
        self.plugins.discover(self.settings.plugin_names())
        self.plugins.add_modules(add)
        self.extra_modules = [module.__name__ for module in add]
        declared = self.plugins.kind("settings").values()
        with self.plugins.naming_broken():
            self.settings = self.settings.with_declared(declared)
        if MAIN in self.extra_modules and self.plugins.find("executors", self.settings.executor).apart:
            message = f"'{MAIN}' cannot be added: worker processes cannot import code of a notebook or a script."
            hint = "Put it into a module of its own, and add that, or make the setting 'executor' 'inline'."
            raise InvalidInput(message, hint=hint)
        home = self.settings.home
        self._database = open_database(home)
        self._store = open_store(home)
        self._uploads = UploadFiles(home)
        self._presence = Presence(self._database, home)
        rules = Rules(self._presence.id, self.settings.lease_seconds, self.settings.max_deliveries)
        self._queue = Queue(self._database, self._store, rules)
        self._queue.removal.elsewhere.forget_answers = lambda owner, dry_run: self.llm.forget(owner, dry_run=dry_run)
        self._queue.removal.elsewhere.remove_upload = self._uploads.remove
        self.gate = Gate(self.settings, partial(refusals.record, self._database))
        self.shelf = InstalledShelf(self.plugins, self.settings, self.gate)
        self._catalogue = LiveCatalogue(self.plugins, self.shelf)
        managers = usable(self.plugins)
        self.pool = Pool(self._database, self._presence.id, self.settings, managers, self._presence.dead)
        tell = self.plugins.tell
        self.ledger = Ledger(self._database, self._presence.id, alert=lambda alert: tell("budget_spent", alert=alert))
        self.keys = ApiKeys(self._database, home)
        self.secrets = Secrets(self.plugins, self.settings, self._database)
        self.ledger.reap(self._presence.dead())
        self._own = own
        self.params = StoredParams()
        self._processors: dict[str, Processor[Any, Any]] = {}
        self._starting = threading.Lock()
        self._engine: Engine | None = None
        self._closed = False
        if self.plugins.listens("event_published"):
            self._queue.tell_all(Announcer(lambda event: tell("event_published", event=event)))
        self.plugins.started(self)

    def session(self, principal: Principal, roots: Roots | None = None) -> Session:
        """What a principal may do with this studio, on its own account; `roots` are the only folders it may name.

        Only the session of `LOCAL` may name files of the data folder, without `roots`. Raises `InvalidInput`.
        """
        if not isinstance(principal, Principal):
            hint = "Give a `Principal` with the name of its owner."
            raise InvalidInput(f"{quoted(principal)} is not a principal.", hint=hint)
        return Session(self, principal, None if roots is None else roots.closing(self.settings.home))

    def serve(self, interface: str, options: Mapping[str, Any], stop: Stop) -> None:
        """Run an interface on this thread until `stop` is set. Raises `NotFound` and `InvalidParams`."""
        self.plugins.serve(interface, self, options, stop)

    def continued(self, given: Continuation) -> list[NewTask]:
        """The tasks of the plan in a result, which may name the files of its task's project. Raises `InvalidPlan`."""
        return continued(self, self.session(Principal(given.owner, project=given.project)), given)

    # Language models

    @cached_property
    def llm(self) -> Door:
        """Access to language models: chat, stream, embed, route, models."""
        from avstudio_core.gateway.door import Door
        from avstudio_core.gateway.gateway import Gateway

        return Door(Gateway(self.plugins, self.gate, self.shelf, self.pool, self.ledger, self.secrets))

    def ask(self, ask: Ask, tell: Tell) -> Callable[[], None]:
        """Call a language model for a run: see `ExecutorHost.ask`."""
        from avstudio_core.gateway.journal import Journal

        return self.llm.ask(ask, tell, Journal(self._database))

    # Parts

    def processor(self, name: str) -> Processor[Any, Any]:
        """The processor of that name, or of that command with a hyphen. Raises `NotFound` with the nearest name."""
        if isinstance(name, str) and (known := self._processors.get(name)) is not None:
            return known
        registered = checked(name, "name of a processor").replace("-", "_")
        kind = self.plugins.find("processors", registered)
        return self._processors.setdefault(registered, self.plugins.make(kind, self.shelf))

    def outputs(self, processor: str, **params: Any) -> dict[str, str]:
        """The files that a run with these parameters would make, as media types by name. Raises `InvalidParams`."""
        return outputs_of(known := self.processor(processor), parameters(known, plain(params)))

    def distribution(self, name: str) -> str:
        """The installed package of a processor."""
        plugin = self.plugins.distribution_of(type(self.processor(name)))
        return plugin.distribution if plugin else ""

    @property
    def catalogue(self) -> Catalogue:
        """What this studio can do, as plain data: interfaces are made from it."""
        return self._catalogue.get()

    @cached_property
    def id(self) -> str:
        return self._presence.id

    def start(self) -> None:
        """Start running tasks, if this studio does not yet. Submitting a task also does this."""
        with self._starting:
            if self._closed:
                raise StorageError("The studio is closed.")
            if self._engine is None:
                executor = partial(GuardedExecutor, self.plugins, self.settings.executor)
                self._engine = Engine(self, self._queue, self._store, self._presence, executor, own=self._own)
                self._engine.start()

    @property
    def outage(self) -> AVStudioError | None:
        """Why this studio has been unable to store anything for some time, such as a full disk; it keeps trying."""
        return self._engine.outage if self._engine is not None else None

    @property
    def working(self) -> bool:
        """Whether it runs tasks."""
        return self._engine is not None and self._engine.working

    def health(self) -> Health:
        """Whether this studio can work, and what it has to do."""
        return self.administration.health()

    ahealth = twin(health)
    """`health` without blocking an event loop."""

    def wake(self) -> None:
        """Make the engine look for tasks at once."""
        if self._engine is not None:
            self._engine.wake()

    def close(self) -> None:
        """Stop. Running tasks go back to the queue; acknowledged tasks are never lost."""
        if self._closed or not self._presence.held:  # in a fork, everything is its parent's
            return
        self._closed = True
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        if door := self.__dict__.get("llm"):
            door.close()
        self.pool.close()
        self._queue.end_events()
        self.plugins.close()
        self._queue.close()
        self._presence.leave()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
