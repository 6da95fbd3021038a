"""A service of a studio that runs until it is stopped: a watched folder, a server, a bot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from avstudio_core.errors import InvalidParams
from avstudio_core.validation import problems


class Options(BaseModel):
    """The options of an interface: fields with descriptions, bounds and units; unknown names are refused.

    A field with `json_schema_extra={"argument": True}` is an argument of the command, and not an option.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class Stop(Protocol):
    """Tells an interface to end, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Whether it must end."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it must end, but at most `timeout` seconds; whether it must."""
        ...


class Mount(NamedTuple):
    """What an interface adds to the HTTP server."""

    prefix: str
    """Where, such as `/mcp`."""
    app: Callable[..., Awaitable[None]]
    """An ASGI application."""


O = TypeVar("O", bound=Options)  # noqa: E741


class Interface(ABC, Generic[O]):
    """Serves a studio until it is stopped; `avstudio <name>` runs it.

    ```python
    class Watch(Interface[WatchOptions]):
        "Run a plan on every new file of a folder."

        name = "watch"

        def serve(self, studio, options, stop): ...
    ```

    The first line of the docstring is its summary. Importing its module must be light: heavy libraries are imported
    inside `serve` and `mount`.
    """

    name: ClassVar[str]
    """The command that runs it: small letters, digits and `-`."""

    options_type: ClassVar[type[Options]] = Options

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in getattr(cls, "__orig_bases__", ()):
            given = get_args(base)
            if len(given) == 1 and isinstance(given[0], type) and issubclass(given[0], Options):
                cls.options_type = given[0]

    @abstractmethod
    def serve(self, studio: Any, options: O, stop: Stop) -> None:
        """Serve a `Studio`, and return soon after `stop` is set; the caller then closes the studio."""

    def mount(self, studio: Any) -> Mount | None:
        """What it adds to the HTTP server of a `Studio`, if anything."""
        return None

    @classmethod
    def options(cls, given: Mapping[str, Any]) -> Options:
        """Validated options. Raises `InvalidParams`."""
        try:
            return cls.options_type.model_validate(dict(given))
        except ValidationError as error:
            raise InvalidParams(f"{cls.name}: {problems(error, cls.options_type)}.") from None
