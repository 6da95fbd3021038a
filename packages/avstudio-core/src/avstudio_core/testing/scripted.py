"""A plugin with a backend whose answers are scripted: `Studio(add=[scripted])`.

Sections of kind `scripted` in the studio's `models.toml` add more such backends, local or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import ClassVar

from avstudio_core.chat import ChatRequest, Delta, EmbedRequest, Reply, Usage, Vectors
from avstudio_core.hook_marker import hookimpl
from avstudio_core.kinds.backend import Backend
from avstudio_core.language_models import Can, Model

Said = str | Reply | BaseException | Sequence[str | Delta | BaseException | float]
"""An answer; an error; or an answer in pieces, which may include an error, and seconds to wait."""


class Scripted(Backend):
    """Gives the answers in `says`, in order; the last one is repeated."""

    name: ClassVar[str] = "scripted"
    always_local: ClassVar[bool] = True
    lists_cheaply: ClassVar[bool] = True

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.says: list[Said | Callable[[ChatRequest], Said]] = ["Yes."]
        self.embeds: list[Vectors | BaseException] = []
        """Vectors and errors for `embed`, like `says` for text; without any, vectors are made from the texts."""
        self.heard: list[ChatRequest | EmbedRequest] = []
        self.can = Can(tools=True, embed=True)
        self.stopped = 0
        """The number of streams that were closed before their end."""

    async def models(self) -> list[Model]:
        local = self.config.local is not False
        return [Model(backend=self.config.name, name=name, local=local, can=self.can) for name in self._names()]

    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        self.heard.append(request)
        if self.url:
            self.host.leave(self.url)
        try:
            for piece in _pieces(self._next(request)):
                if isinstance(piece, BaseException):
                    raise piece
                if isinstance(piece, float):
                    await asyncio.sleep(piece)
                    continue
                yield piece
        except (GeneratorExit, asyncio.CancelledError):
            self.stopped += 1
            raise

    async def embed(self, request: EmbedRequest, model: Model) -> Vectors:
        self.heard.append(request)
        if self.embeds:
            made = self.embeds.pop(0) if len(self.embeds) > 1 else self.embeds[0]
            if isinstance(made, BaseException):
                raise made
            return made
        vectors = [[float(len(text)), float(text.count(" "))] for text in request.texts]
        return Vectors(vectors, Usage(input=sum(map(len, request.texts))))

    def _names(self) -> list[str]:
        names = self.config.options.get("models", ["one"])
        assert isinstance(names, list)
        return [str(name) for name in names]

    def _next(self, request: ChatRequest) -> Said:
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        return said(request) if callable(said) else said


@hookimpl
def register_backends() -> list[type[Backend]]:
    return [Scripted]


def _pieces(said: Said) -> list[Delta | BaseException | float]:
    if isinstance(said, Reply):
        return [
            Delta(text=said.text, reasoning=said.reasoning, tool_calls=said.tool_calls),
            Delta(finish=said.finish, usage=said.usage, model=said.model),
        ]
    if isinstance(said, str):
        return [Delta(text=said), Delta(finish="stop", usage=Usage(input=7, output=3))]
    if isinstance(said, BaseException):
        return [said]
    return [Delta(text=piece) if isinstance(piece, str) else piece for piece in said]
