"""A family of models behind one interface."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from avstudio_core import egress
from avstudio_core.chat import ChatRequest, Delta, EmbedRequest, Reply, Vectors
from avstudio_core.errors import CredentialsRefused, Unsupported
from avstudio_core.kinds.host import Host
from avstudio_core.language_models import Model

_SECRET = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")


class BackendConfig(BaseModel):
    """The configuration of one backend: a section `[backends.<name>]` of `models.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    base_url: str | None = None
    key_variable: str | None = Field(default=None, description="The environment variable with the key.")
    local: bool | None = Field(
        default=None,
        description="False for a server on this machine that forwards requests; by default, the address decides.",
    )
    headers: dict[str, str] = Field(
        default={}, description="Additional headers; `$NAME` is the value of that environment variable."
    )
    query: dict[str, str] = Field(default={}, description="Additional query parameters; `$NAME` as in `headers`.")
    embed_batch: int | None = Field(
        default=None, ge=1, description="The most texts that its server embeds in one request."
    )
    options: dict[str, JsonValue] = {}

    @property
    def host(self) -> str | None:
        return urlsplit(self.base_url).hostname if self.base_url else None


class BackendHost(Host, Protocol):
    """The services of a studio for its backends."""

    def secret(self, variable: str) -> str | None:
        """A secret of the studio, or `None`. Raises `CredentialsRefused` if it was set, but cannot be read."""
        ...

    def leave(self, url: str, *, private: bool = False) -> None:
        """Check a connection before it is opened, for `private` data or not.

        Raises `EgressRefused` if the policy forbids it; the refusal is recorded.
        """
        ...


class Backend(ABC):
    """Gives access to the models of one kind of server or library.

    One object serves one section of `models.toml`. Its methods run on event loops, and several loops may call it: keep
    an HTTP client for each loop. Call `host.leave` before each connection. Turn exceptions of libraries into
    `ModelError`s, which say whether another backend may help.
    """

    name: ClassVar[str]
    """The value of `kind` in a section of `models.toml`; a backend without a section has this name."""

    distribution: ClassVar[str] = ""
    extra: ClassVar[str] = ""
    """The extra to install if the library is missing: `pip install 'distribution[extra]'`."""

    default_url: ClassVar[str | None] = None
    default_key_variable: ClassVar[str | None] = None
    always_local: ClassVar[bool] = False
    lists_cheaply: ClassVar[bool] = False
    """Whether `models` is fast and free, so that the router may call it; otherwise it uses `models.toml`."""

    def __init__(self, config: BackendConfig, host: BackendHost) -> None:
        self.config = config
        self.host = host

    @property
    def url(self) -> str | None:
        return self.config.base_url or self.default_url

    @property
    def runs_here(self) -> bool:
        """Whether its models run on this machine, or on one in the setting 'trusted_hosts'."""
        if self.config.local is False:
            return False
        if not self.url:
            return self.always_local or self.config.local is True
        return egress.counts_as_here(self.host.settings, self.url)

    @property
    def key_variable(self) -> str | None:
        """The environment variable of the key; the default one is used only for the default server."""
        usual = self.config.host in (None, urlsplit(self.default_url or "").hostname)
        return self.config.key_variable or (self.default_key_variable if usual else None)

    @property
    def key(self) -> str | None:
        """The key, stripped, or `None`."""
        found = self.host.secret(self.key_variable) if self.key_variable else None
        return (found or "").strip() or None

    @property
    def additions(self) -> tuple[dict[str, str], dict[str, str]]:
        """The configured headers and query, with the values of secrets. Raises `CredentialsRefused`."""
        return self._with_secrets(self.config.headers), self._with_secrets(self.config.query)

    def _with_secrets(self, named: dict[str, str]) -> dict[str, str]:
        return {name: _SECRET.sub(lambda found: self._secret(found[1]), value) for name, value in named.items()}

    def _secret(self, variable: str) -> str:
        if value := (self.host.secret(variable) or "").strip():
            return value
        message = f"Backend '{self.config.name}' needs the secret '{variable}', which is not set."
        raise CredentialsRefused(
            message, hint=f"Set the secret '{variable}', or the environment variable of that name."
        )

    def full_name(self, name: str) -> str:
        """The server's full name of a model that users may call by a shorter name."""
        return name

    def obstacle(self) -> str | None:
        """Why no call can succeed now (not installed, no key), or `None`. Fast; opens no connection."""
        return None

    @abstractmethod
    async def models(self) -> list[Model]:
        """The available models, with the abilities that the server reports."""

    @abstractmethod
    def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        """Call a model, and yield the answer as it arrives. Closing the iterator stops the server's work."""

    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        """Call a model, and return the whole answer."""
        return await gathered(self.stream(request, model))

    async def embed(self, request: EmbedRequest, model: Model) -> Vectors:
        raise Unsupported(f"Backend '{self.config.name}' does not make embeddings.")

    async def close(self) -> None:  # noqa: B027
        """Close connections and end processes."""


async def gathered(deltas: AsyncIterator[Delta], reply: Reply | None = None) -> Reply:
    """The whole answer of a stream; also if the stream breaks off, `reply` has what arrived."""
    text: list[str] = []
    reasoning: list[str] = []
    reply = reply or Reply()
    try:
        async for delta in deltas:
            text.append(delta.text)
            reasoning.append(delta.reasoning)
            reply.tool_calls += delta.tool_calls
            reply.finish = delta.finish or reply.finish
            reply.usage = delta.usage or reply.usage
            reply.model = delta.model or reply.model
            reply.warnings += delta.warnings
    finally:
        reply.text, reply.reasoning = "".join(text), "".join(reasoning)
    return reply
