"""The backends of one studio, their models, and whether they can be used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Protocol

from avstudio_core.egress import host_of, is_loopback
from avstudio_core.errors import AVStudioError, BackendDown, NoModel, NotFound
from avstudio_core.gateway.models.guarded_backend import GuardedBackend
from avstudio_core.gateway.models.known_models import KnownModels
from avstudio_core.kinds.backend import Backend, BackendConfig, BackendHost
from avstudio_core.language_models import Model
from avstudio_core.plugins import Plugins

LISTED_SECONDS = 30.0
"""How long a server's list of models is used, in seconds."""
STANDING_SECONDS = 1.0
"""How long the obstacle of a backend is remembered, in seconds: a key that is set now is used soon."""
LISTING_SECONDS = 3.0
"""How long the router waits for a list, in seconds; a slower server counts as absent."""


class GatewayHost(BackendHost, Protocol):
    """The gateway, which serves backends, and knows the secrets that they got."""

    def without_secrets(self, error: BaseException) -> None: ...


class Backends:
    """One object for each section of `models.toml`, and one for each installed backend without a section."""

    def __init__(self, plugins: Plugins, known: KnownModels, host: GatewayHost) -> None:
        self._plugins = plugins
        self._known = known
        self._host = host
        self._made: dict[str, GuardedBackend] | None = None
        self._broken: dict[str, AVStudioError] = {}
        """Why a backend could not be created."""
        self._outside: dict[str, str | None] = {}
        self._listed: dict[str, list[Model] | AVStudioError] = {}
        self._standing: tuple[float, dict[str, AVStudioError | None]] = (0.0, {})
        self._view: tuple[float, list[Model], dict[str, AVStudioError]] = (0.0, [], {})

    def all(self) -> dict[str, GuardedBackend]:
        """By name, with their calls guarded."""
        if self._made is None:
            kinds = self._plugins.kind("backends")
            configs = dict(self._known.backends)
            for name in kinds:
                configs.setdefault(name, BackendConfig(name=name, kind=name))
            made = {name: self._make(config) for name, config in configs.items() if config.kind in kinds}
            self._made = {name: backend for name, backend in made.items() if backend is not None}
        return self._made

    def find(self, name: str) -> GuardedBackend:
        """The backend of that name. Raises `NotFound` with the nearest name."""
        if name not in self.all():
            with self._plugins.naming_broken():
                raise NotFound.among("backend", name, self.all(), see="See the list of models.")
        return self.all()[name]

    def standing(self) -> dict[str, AVStudioError | None]:
        """By name, why no call to a backend can succeed now, or `None`; the same object until it is refreshed."""
        until, standing = self._standing
        if time.monotonic() >= until:
            standing = {name: one.obstacle() or _misconfigured(one) for name, one in self.all().items()}
            standing |= self._broken
            self._standing = time.monotonic() + STANDING_SECONDS, standing
        return standing

    def outside(self, name: str) -> str | None:
        """The address of a backend that is not on this machine."""
        if name not in self._outside:
            url = self.find(name).url()
            self._outside[name] = None if not url or is_loopback(host_of(url)) else url
        return self._outside[name]

    async def known(self, seconds: float = LISTING_SECONDS) -> tuple[list[Model], dict[str, AVStudioError]]:
        """The models for requests, and the reasons why other backends do not list theirs.

        It waits at most `seconds` for their lists; one that is late because of a shorter wait is requested again.
        """
        until, models, silent = self._view
        if time.monotonic() >= until:
            self._view = _, models, silent = await self._looked(min(seconds, LISTING_SECONDS))
        return models, silent

    async def _looked(self, seconds: float) -> tuple[float, list[Model], dict[str, AVStudioError]]:
        models: list[Model] = []
        backends, silent = self.all(), dict(self._broken)
        asked = {name: one for name, one in backends.items() if self._asks(one)}
        whole = all(await asyncio.gather(*(self._list(name, one, seconds) for name, one in asked.items())))
        for name, guarded in backends.items():
            listed = self._listed[name] if name in asked else []
            if isinstance(listed, AVStudioError):
                silent[name] = listed
                continue
            models += self._with_declared(name, guarded, listed)
        return time.monotonic() + LISTED_SECONDS if whole else 0.0, models, silent

    def _with_declared(self, name: str, guarded: GuardedBackend, listed: list[Model]) -> Iterator[Model]:
        """The models that a server lists, and those that `models.toml` declares for it."""
        here = {model.name: model for model in listed}
        for declared in self._known.names(name):
            here.setdefault(declared, Model(backend=name, name=declared, local=guarded.runs_here))
        return map(self._known.completed, here.values())

    def is_listed(self, name: str) -> bool:
        """Whether the server's list of models is known."""
        return isinstance(self._listed.get(name), list)

    async def listed_now(self, name: str) -> set[str]:
        """The models that a server lists now; none if it does not answer."""
        if not self.is_listed(name):
            await self._list(name, self.find(name))
        listed = self._listed[name]
        if not self._asks(self.find(name)):
            del self._listed[name]  # the router uses `models.toml` instead
        return set() if isinstance(listed, AVStudioError) else {model.name for model in listed}

    def named(self, backend: str, name: str) -> Model:
        """A model that a user names and no server lists: the server will show whether it exists."""
        found = self.find(backend)
        return self._known.completed(Model(backend=backend, name=name, local=found.runs_here))

    async def close(self) -> None:
        await asyncio.gather(*(backend.close() for backend in (self._made or {}).values()))

    def _make(self, config: BackendConfig) -> GuardedBackend | None:
        """A backend; `None` if it cannot be created, with the reason in `broken`."""
        kind: type[Backend] = self._plugins.find("backends", config.kind)
        try:
            made = self._plugins.make(kind, config, self._host)
            guarded = GuardedBackend(made, config, self._plugins.guard(kind), self._host.without_secrets)
            guarded.check()
        except AVStudioError as error:
            self._broken[config.name] = error
            return None
        return guarded

    def _asks(self, guarded: GuardedBackend) -> bool:
        """Whether to request the server's list of models: only if that is free, and nothing prevents a call."""
        cheap = guarded.lists_cheaply or guarded.runs_here
        return cheap and self.standing()[guarded.config.name] is None

    async def _list(self, name: str, backend: GuardedBackend, seconds: float = LISTING_SECONDS) -> bool:
        """Request a server's list; return whether the server had enough time for it."""
        answer: list[Model] | AVStudioError
        enough = True
        try:
            async with asyncio.timeout(seconds):
                answer = await backend.models()
        except TimeoutError:
            answer = BackendDown(f"Backend '{name}' does not list its models within {seconds:.3g} s.")
            enough = seconds >= LISTING_SECONDS
        except AVStudioError as error:
            answer = error
        self._listed[name] = answer
        return enough


def _misconfigured(backend: GuardedBackend) -> AVStudioError | None:
    """The obstacle for a server whose secrets are missing, or that is marked as local but is not on this machine."""
    if backend.config.headers or backend.config.query:
        try:
            backend.check_additions()
        except AVStudioError as error:
            return error
    if not backend.config.local or backend.runs_here:
        return None
    host = host_of(backend.url() or "")
    hint = "If it is yours, name its address in the setting 'trusted_hosts'."
    return NoModel(f"it says local = true, but '{host}' is not this machine", hint=hint)
