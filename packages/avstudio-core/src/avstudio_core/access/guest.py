"""A principal at a studio: what all that it may do there begins with."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

from avstudio_core.access.principal import Principal
from avstudio_core.errors import AVStudioError, NotAllowed
from avstudio_core.gateway.door import Door
from avstudio_core.gateway.ledger.ledger import Ledger
from avstudio_core.models.pool import Pool
from avstudio_core.names import checked
from avstudio_core.quotes import quoted
from avstudio_core.roots import Roots
from avstudio_core.settings import Settings
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.storage.database import Database
from avstudio_core.storage.upload_files import UploadFiles
from avstudio_core.submission import House
from avstudio_core.tasks.engine.live_studios import Presence
from avstudio_core.tasks.queue.queue import Queue
from avstudio_core.tasks.queue.removal import Removal


class Home(House, Protocol):
    """The parts of a studio that its sessions share; an interface uses a session, and not its parts."""

    @property
    def pool(self) -> Pool: ...

    @property
    def outage(self) -> AVStudioError | None: ...

    @property
    def working(self) -> bool: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def id(self) -> str: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def llm(self) -> Door: ...

    @property
    def _database(self) -> Database: ...

    @property
    def _store(self) -> ArtifactStore: ...

    @property
    def _uploads(self) -> UploadFiles: ...

    @property
    def _queue(self) -> Queue: ...

    @property
    def _presence(self) -> Presence: ...

    def start(self) -> None: ...

    def wake(self) -> None: ...


class Guest:
    """A principal, and the studio that it uses."""

    def __init__(self, home: Home, principal: Principal, roots: Roots | None = None) -> None:
        self.principal = principal
        self._home = home
        self._roots = roots

    @cached_property
    def _removal(self) -> Removal:
        return self._home._queue.removal.of(self.principal.reach)

    def _may_change(self) -> None:
        """Raises `NotAllowed` if the principal may only read."""
        self.principal.require("run")

    def _project(self, named: str | None) -> str:
        """The project that is named, or else the principal's. Raises `NotAllowed` if that is another one."""
        own = self.principal.project
        if own is not None and named not in (None, own):
            raise NotAllowed(f"The project {quoted(named)} cannot be used.", hint=f"Use the project '{own}'.")
        return checked(own or "default" if named is None else named, "name of a project")
