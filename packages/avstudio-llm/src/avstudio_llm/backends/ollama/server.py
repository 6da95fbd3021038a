"""One Ollama server: its answers, its errors, and the models in its memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from avstudio_core.errors import BackendDown, ModelError, RequestRefused, Unsupported
from avstudio_core.nearest import did_you_mean
from avstudio_llm.backends.ollama.protocol import Details, Line, Listed, full_name, lines, parsed
from avstudio_llm.failures import broken_off, refused, translated, unreadable
from avstudio_llm.http import CONNECT_SECONDS, clients_of, timeout
from avstudio_llm.keys import key_to_send

if TYPE_CHECKING:
    import httpx2

    from avstudio_core import Backend

M = TypeVar("M", bound=BaseModel)


class Server:
    """A client of the server at a backend's address. Raises only `ModelError`s and `EgressRefused`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._clients = clients_of(backend)

    async def ask(
        self, path: str, kind: type[M], body: dict[str, Any] | None = None, *, seconds: float = CONNECT_SECONDS
    ) -> M:
        """The response to one request; without a body, the request is a GET."""
        model = str((body or {}).get("model", ""))
        async with self._translated(model, seconds):
            client = await self._clients.here()
            response = await client.send(self._request(client, path, body, seconds))
            if not response.is_success:
                raise await self._refusal(response, model)
            try:
                return kind.model_validate_json(response.content)
            except ValueError:
                raise unreadable(self._backend, f"'{response.text[:80]}' to '{path}'") from None

    async def chat(self, body: dict[str, Any], seconds: float) -> AsyncIterator[Line]:
        """The lines of an answer; the last one is `done`. Closing the iterator stops the server's work."""
        model = body["model"]
        async with self._translated(model, seconds):
            client = await self._clients.here()
            response = await client.send(self._request(client, "/api/chat", body, seconds), stream=True)
            try:
                if not response.is_success:
                    await response.aread()
                    raise await self._refusal(response, model)
                answer = None
                async for line in lines(response.aiter_bytes()):
                    yield (answer := self._line(line, model))
                    if answer.done:
                        return
                raise broken_off(self._backend) if answer else unreadable(self._backend, "it is empty")
            finally:
                await response.aclose()

    async def tags(self) -> dict[str, Details]:
        """The models that the server has on its disk, by name."""
        listed = await self.ask("/api/tags", Listed)
        return {details.name: details for details in listed.models}

    async def loaded(self) -> dict[str, Details]:
        """The models in the server's memory, by name."""
        listed = await self.ask("/api/ps", Listed)
        return {details.name: details for details in listed.models}

    async def is_loaded(self, name: str) -> bool:
        return full_name(name) in await self.loaded()

    async def close(self) -> None:
        await self._clients.close()

    def _request(
        self, client: httpx2.AsyncClient, path: str, body: dict[str, Any] | None, seconds: float
    ) -> httpx2.Request:
        headers = {"Authorization": f"Bearer {key_to_send(self._backend)}"} if self._backend.key else {}
        method = "GET" if body is None else "POST"
        url = f"{self._backend.url}{path}"
        return client.build_request(method, url, json=body, headers=headers, timeout=timeout(seconds))

    def _line(self, line: bytes, model: str) -> Line:
        try:
            answer = parsed(line)
        except ValueError:
            raise unreadable(self._backend, f"the line '{line[:80].decode(errors='replace')}'") from None
        if answer.error is not None:
            raise _narrowed(refused(self._backend, 500, answer.error, model), str(answer.error), model)
        return answer

    async def _refusal(self, response: httpx2.Response, model: str) -> ModelError:
        if response.status_code == 404 and model:
            return await self._unknown(model)
        try:
            body: object = response.json()
        except ValueError:
            body = response.text
        failure = refused(self._backend, response.status_code, body, model, response.headers)
        return _narrowed(failure, response.text, model)

    async def _unknown(self, model: str) -> Unsupported:
        """The error for a model that the server lacks, with the nearest name and the command to download it."""
        meant = did_you_mean(model, await self.tags())
        hint = f"{meant} If not, download it: ollama pull {model}" if meant else f"Download it: ollama pull {model}"
        return Unsupported(f"Ollama does not have the model '{model}'.", hint=hint)

    @asynccontextmanager
    async def _translated(self, model: str, seconds: float) -> AsyncIterator[None]:
        import httpx2

        async with translated(self._backend, model, seconds):
            try:
                yield
            except httpx2.ConnectError:
                place = urlsplit(self._backend.url or "").netloc
                raise BackendDown(f"Ollama does not answer at '{place}'.", hint="Start it: ollama serve") from None


def _narrowed(failure: ModelError, body: str, model: str) -> ModelError:
    """`Unsupported` if the server's message shows that another model may succeed, otherwise the same error."""
    if isinstance(failure, RequestRefused) and "does not support" in body:
        message = f"Ollama's model '{model}' lacks what the request needs: {failure.message}"
        return Unsupported(message, hint=failure.hint)
    if isinstance(failure, BackendDown) and "requires more system memory" in body:
        message = f"Ollama does not have enough memory for '{model}': {failure.message}"
        return Unsupported(message, hint="Choose a smaller model.")
    return failure
