"""Who asks a studio for something, and what they may do."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from avstudio_core.errors import InvalidParams, NotAllowed
from avstudio_core.names import checked
from avstudio_core.reach import ALL, Reach
from avstudio_core.validation import problems

Scope = Literal["read", "run", "chat", "files", "admin"]
SCOPES: frozenset[Scope] = frozenset(get_args(Scope))
"""`read` tasks, artifacts, events and costs; `run` and change tasks; `chat` with language models; name `files` of this
machine by their paths; as `admin`, see the work of all owners."""


class Principal(BaseModel):
    """Who asks: the owner of what is made, the API key that pays, the scopes, and the project, if it is limited to one.

    Raises `InvalidParams` for values of a wrong type, and `InvalidInput` for names that are not valid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: Annotated[str, AfterValidator(partial(checked, what="name of an owner"))]
    key: Annotated[str, AfterValidator(partial(checked, what="name of a key"))] | None = None
    scopes: frozenset[Scope] = SCOPES - {"admin"}
    project: Annotated[str, AfterValidator(partial(checked, what="name of a project"))] | None = None

    def __init__(
        self,
        owner: str,
        key: str | None = None,
        scopes: Iterable[Scope] = SCOPES - {"admin"},
        project: str | None = None,
        **unknown: Any,
    ) -> None:
        try:
            super().__init__(owner=owner, key=key, scopes=scopes, project=project, **unknown)
        except ValidationError as error:
            raise InvalidParams(f"The principal is not valid: {problems(error, type(self))}.") from None
        if project is not None and "admin" in self.scopes:
            message = f"An administrator sees the work of all, and is not limited to the project '{project}'."
            raise InvalidParams(message, hint="Leave out the scope 'admin', or the project.")

    @property
    def reach(self) -> Reach:
        """The work that it sees: its own, or that of all if it is an administrator."""
        return ALL if "admin" in self.scopes else self.own

    @property
    def own(self) -> Reach:
        """The work of its owner, or only that in its project."""
        return Reach(self.owner, self.project)

    def require(self, scope: Scope) -> None:
        """Raises `NotAllowed` if the principal lacks a scope."""
        if scope not in self.scopes:
            has = ", ".join(sorted(self.scopes)) or "none"
            raise NotAllowed(f"'{self.owner}' does not have the scope '{scope}'.", hint=f"It has: {has}.")


LOCAL = Principal("local", scopes=SCOPES)
"""The user of this machine, who sees the work of all owners."""
