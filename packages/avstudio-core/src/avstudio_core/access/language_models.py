"""The language models that a principal may use, and what it has spent on them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from avstudio_core.access.guest import Guest
from avstudio_core.gateway.door import Door
from avstudio_core.gateway.ledger.call_facts import Payer
from avstudio_core.reach import ALL
from avstudio_core.twin import twin

if TYPE_CHECKING:
    from avstudio_core.answers import ChatAnswer, Embedding
    from avstudio_core.gateway.door import Prompt
    from avstudio_core.gateway.ledger.budgets import Standing
    from avstudio_core.gateway.ledger.costs import By, Spending
    from avstudio_core.gateway.streams import Stream
    from avstudio_core.route_decision import RouteDecision


class LanguageModels(Guest):
    """The part of a session that calls language models."""

    @cached_property
    def llm(self) -> Door:
        """Access to language models: chat, stream, embed, route, models. Their cost is the principal's."""
        from avstudio_core.chat import Account

        self.principal.require("chat")
        return self._home.llm.paid_by(
            Account(owner=self.principal.owner, project=self._project(None), key=self.principal.key)
        )

    def chat(self, prompt: Prompt, /, **options: Any) -> ChatAnswer:
        """Call a language model, without a task: `studio.chat("Hello", require_local=True).text`.

        `options` are those of `ChatRequest.of`. Raises `ModelError`s, `OverBudget`, `EgressRefused`, `InvalidInput`.
        """
        return self.llm.chat(prompt, **options)

    async def achat(self, prompt: Prompt, /, **options: Any) -> ChatAnswer:
        """`chat` on the caller's event loop."""
        return await self.llm.achat(prompt, **options)

    def stream(self, prompt: Prompt, /, **options: Any) -> Stream:
        """`chat` with a streamed answer: iterate over it with `for` or `async for`."""
        return self.llm.stream(prompt, **options)

    def embed(self, texts: str | Sequence[str], /, **options: Any) -> Embedding:
        """Convert texts to vectors."""
        return self.llm.embed(texts, **options)

    async def aembed(self, texts: str | Sequence[str], /, **options: Any) -> Embedding:
        """`embed` on the caller's event loop."""
        return await self.llm.aembed(texts, **options)

    def route(self, prompt: Prompt, /, **options: Any) -> RouteDecision:
        """The model that would answer, with the reason and the cost; no model is called. Raises `NoModel`."""
        return self.llm.route(prompt, **options)

    async def aroute(self, prompt: Prompt, /, **options: Any) -> RouteDecision:
        """`route` on the caller's event loop."""
        return await self.llm.aroute(prompt, **options)

    # Money

    def costs(self, by: By, since: float | None = None) -> list[Spending]:
        """Calls and cost by `day`, `model` or `project`: those of the key, or of the owner if there is none.

        Those of a principal with a project are only the ones in it.
        """
        self.principal.require("read")
        if self.principal.reach == ALL:
            return self._home.ledger.spending(by, since)
        payer = Payer(self.principal.owner, self.principal.key)
        return self._home.ledger.spending(by, since, payer, self.principal.project)

    def budgets(self) -> list[Standing]:
        """The budgets of the principal's key and project, with their totals in the current period."""
        self.principal.require("read")
        own = {f"key:{self.principal.key}", f"project:{self.principal.project}"}
        found = self._home.ledger.budgets()
        return [one for one in found if self.principal.reach == ALL or one.scope in own]

    acosts = twin(costs)
    """`costs` without blocking an event loop."""
    abudgets = twin(budgets)
    """`budgets` without blocking an event loop."""
