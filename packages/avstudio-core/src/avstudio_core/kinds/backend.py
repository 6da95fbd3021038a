"""A family of models behind one interface."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from avstudio_core import egress
from avstudio_core.chat import ChatRequest, Delta, EmbedRequest, Reply, ToolCall, Vectors
from avstudio_core.errors import CredentialsRefused, Unsupported
from avstudio_core.kinds.host import Host
from avstudio_core.language_models import Model

_SECRET = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")


class BackendConfig(BaseModel):
    """How to reach one backend: a section `[backends.<name>]` of `models.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    base_url: str | None = None
    key_variable: str | None = Field(default=None, description="The environment variable that holds the key.")
    local: bool | None = Field(
        default=None,
        description="False for a server on this machine that passes the words on; else the address tells.",
    )
    headers: dict[str, str] = Field(
        default={}, description="More headers; `$NAME` is the value of that environment variable."
    )
    query: dict[str, str] = Field(default={}, description="More parameters of each address; `$NAME` as in `headers`.")
    options: dict[str, JsonValue] = {}

    @property
    def host(self) -> str | None:
        return urlsplit(self.base_url).hostname if self.base_url else None


class BackendHost(Host, Protocol):
    """What a studio lends to its backends."""

    def secret(self, variable: str) -> str | None:
        """A key from the environment."""
        ...

    def leave(self, url: str, *, private: bool = False) -> None:
        """Ask to open a connection, for `private` data or not.

        Raises `EgressRefused` where the policy forbids it, after noting it down.
        """
        ...


class Backend(ABC):
    """Reaches the models of one kind of server or library.

    One object serves one section of `models.toml`. Its methods run on an event loop, and several loops may call
    it: an HTTP client that belongs to a loop is kept for each. Every connection is asked for with `host.leave`.
    Foreign exceptions do not leave it: they become `ModelError`s, which say whether another backend may help.
    """

    name: ClassVar[str]
    """What `kind = "…"` says in a section of `models.toml`; one without a section is there under this name, too."""

    distribution: ClassVar[str] = ""
    extra: ClassVar[str] = ""
    """What to install, where the library is missing: `pip install 'distribution[extra]'`."""

    default_url: ClassVar[str | None] = None
    default_key_variable: ClassVar[str | None] = None
    always_local: ClassVar[bool] = False
    lists_cheaply: ClassVar[bool] = False
    """Whether `models` is quick and free, so that the router may ask; else it goes by `models.toml`."""

    def __init__(self, config: BackendConfig, host: BackendHost) -> None:
        self.config = config
        self.host = host

    @property
    def url(self) -> str | None:
        return self.config.base_url or self.default_url

    @property
    def runs_here(self) -> bool:
        """Whether its models run on this machine, or on one that the setting 'trusted_hosts' counts as such."""
        if self.config.local is False:
            return False
        if not self.url:
            return self.always_local or self.config.local is True
        return egress.counts_as_here(self.host.settings, self.url)

    @property
    def key_variable(self) -> str | None:
        """The environment variable of the key; the usual one only for the usual server: no other is shown its key."""
        usual = self.config.host in (None, urlsplit(self.default_url or "").hostname)
        return self.config.key_variable or (self.default_key_variable if usual else None)

    @property
    def key(self) -> str | None:
        """The key without the blanks around it, or `None` where there is none."""
        found = self.host.secret(self.key_variable) if self.key_variable else None
        return (found or "").strip() or None

    @property
    def additions(self) -> tuple[dict[str, str], dict[str, str]]:
        """The configured headers and query, with the secrets that they name put in. Raises `CredentialsRefused`."""
        return self._with_secrets(self.config.headers), self._with_secrets(self.config.query)

    def _with_secrets(self, named: dict[str, str]) -> dict[str, str]:
        return {name: _SECRET.sub(lambda found: self._secret(found[1]), value) for name, value in named.items()}

    def _secret(self, variable: str) -> str:
        if value := (self.host.secret(variable) or "").strip():
            return value
        said = f"Backend '{self.config.name}' needs the environment variable '{variable}', which is not set."
        raise CredentialsRefused(said)

    def full_name(self, name: str) -> str:
        """What the server lists a model as that users call by a shorter name."""
        return name

    def obstacle(self) -> str | None:
        """Why no call can succeed as things are (not installed, no key), or `None`. Quick; opens no connection."""
        return None

    @abstractmethod
    async def models(self) -> list[Model]:
        """The models that are there now, with what the server says that they can do."""

    @abstractmethod
    def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        """Ask, and give the answer as it comes. Closing the iterator stops the server's work."""

    async def chat(self, request: ChatRequest, model: Model) -> Reply:
        """Ask, and give the whole answer."""
        return await gathered(self.stream(request, model))

    async def embed(self, request: EmbedRequest, model: Model) -> Vectors:
        raise Unsupported(f"Backend '{self.config.name}' does not make embeddings.")

    async def close(self) -> None:  # noqa: B027
        """Let go of connections and processes."""


async def gathered(deltas: AsyncIterator[Delta]) -> Reply:
    """An answer that came in pieces, whole."""
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    reply = Reply()
    async for delta in deltas:
        text.append(delta.text)
        reasoning.append(delta.reasoning)
        calls.extend(delta.tool_calls)
        reply.finish = delta.finish or reply.finish
        reply.usage = delta.usage or reply.usage
        reply.model = delta.model or reply.model
    reply.text, reply.reasoning, reply.tool_calls = "".join(text), "".join(reasoning), tuple(calls)
    return reply
