"""A third-party backend. It repeats its input; some words make it slow, break off or refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from avstudio_core import Backend, Can, Model, hookimpl
from avstudio_core.chat import ChatRequest, Delta, Usage
from avstudio_core.errors import BackendDown, CredentialsRefused, RequestRefused


class Parrot(Backend):
    name = "parrot"
    always_local = True
    lists_cheaply = True

    async def models(self) -> list[Model]:
        return [Model(backend=self.config.name, name="grey", local=True, can=Can(tools=True, context=4000))]

    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        heard = request.messages[-1].text
        if "down" in heard:
            raise BackendDown("The parrot sleeps.")
        for word in heard.split(" "):
            yield Delta(text=f"{word} ")
            if word == "wait":
                await asyncio.sleep(60)
            if word == "break":
                raise RequestRefused("The parrot flew away.")
        turns = len(request.messages)
        yield Delta(text=f"({turns})", finish="stop", usage=Usage(input=turns, output=len(heard)))


class Cage(Parrot):
    """In the cloud, and without its key."""

    name = "cage"
    always_local = False
    lists_cheaply = False
    default_url = "https://cage.example/v1"

    def obstacle(self) -> str | None:
        return None if self.host.secret("CAGE_KEY") else "no key: set CAGE_KEY"

    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        self.host.leave(self.default_url or "")
        yield Delta()
        raise CredentialsRefused("The cage does not know this key.")


@hookimpl
def register_backends() -> list[type[Backend]]:
    return [Parrot, Cage]
