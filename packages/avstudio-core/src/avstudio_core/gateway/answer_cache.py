"""Answers of models that are given again to identical requests, if the user wants that."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from functools import cached_property
from importlib.util import find_spec

from pydantic import ValidationError

from avstudio_core.answers import ChatAnswer
from avstudio_core.cache.cache import Cache
from avstudio_core.chat import ChatRequest, Usage
from avstudio_core.errors import AVStudioError
from avstudio_core.gateway.meter import Metered
from avstudio_core.gateway.routes import Route
from avstudio_core.language_models import Model
from avstudio_core.settings import Settings

LOG = logging.getLogger(__name__)
COMPLETE = ("stop", "tool_calls")
"""How a complete answer ends."""
OTHER = {"timeout": True, "cache": True, "wishes": True, "account": {"task", "agent", "run"}}
"""The parts of a request that do not change the answer; the owner, key and project do separate answers."""


class AnswerCache:
    """Answers by all that changes them, and by who asked. Never those about private data, except of local models.

    They are in the data folder if `diskcache` is installed, and otherwise in this process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._always: bool = settings.cache_answers

    def wanted(self, request: ChatRequest, model: Model) -> bool:
        """Whether the answer of a model to a request may be stored and given again."""
        return (self._always or request.cache) and (model.local or not request.wishes.private)

    async def find(self, request: ChatRequest, route: Route, url: str | None) -> ChatAnswer | None:
        """The stored answer of the model that would be called first, which costs nothing."""
        try:
            found = await asyncio.to_thread(self._cache.get, _key(request, route.candidates[0].model, url))
            if not isinstance(found, dict):
                return None
            free = {"usage": Usage(), "cost_micro": 0, "cache_hit": True, "decision": route.decision}
            return ChatAnswer.model_validate({**found, **free})
        except (AVStudioError, ValidationError) as error:
            LOG.warning("The cache of answers cannot be read: %s", error)
            return None

    async def keep(self, request: ChatRequest, answer: ChatAnswer, metered: Metered, url: str | None) -> None:
        """Store a complete answer."""
        if answer.finish not in COMPLETE or not metered.ended or not (answer.text or answer.tool_calls):
            return
        try:
            key, stored = _key(request, metered.model, url), answer.model_dump(mode="json", exclude={"decision"})
            await asyncio.to_thread(lambda: self._cache.set(key, stored, seconds=self._settings.cache_seconds))
        except AVStudioError as error:
            LOG.warning("The cache of answers cannot be written: %s", error)

    def forget(self, owner: str, *, dry_run: bool = False) -> int:
        """Remove all answers of an owner, or only count them; return how many there were. Raises `StorageError`."""
        return self._cache.count(_place(owner)) if dry_run else self._cache.clear(_place(owner))

    def close(self) -> None:
        if "_cache" in self.__dict__:
            self._cache.close()

    @cached_property
    def _cache(self) -> Cache:
        if find_spec("diskcache") is None:
            from avstudio_core.cache.memory import MemoryCache

            return MemoryCache()
        from avstudio_core.cache.disk import DiskCache

        return DiskCache(self._settings.home / "cache" / "answers")


def _key(request: ChatRequest, model: Model, url: str | None) -> str:
    """The digest of all that changes an answer, and of who asks."""
    asked = request.model_dump(mode="json", exclude=OTHER)  # type: ignore[arg-type]
    text = json.dumps([model.id, url, {**asked, "model": ""}], sort_keys=True)
    return _place(request.account.owner) + hashlib.sha256(text.encode()).hexdigest()


def _place(owner: str) -> str:
    """The beginning of the keys of an owner."""
    return hashlib.sha256(owner.encode()).hexdigest() + "/"
