"""How much of all work is visible."""

from __future__ import annotations

from typing import NamedTuple


class Reach(NamedTuple):
    """The work of an owner, or only that in one of the owner's projects; `None` stands for all.

    What is beyond it is as unknown as what does not exist.
    """

    owner: str | None = None
    project: str | None = None

    def sees(self, owner: str, project: str | None) -> bool:
        """Whether something in a project of an owner is within it."""
        return self.owner in (None, owner) and self.project in (None, project)

    @property
    def values(self) -> dict[str, str | None]:
        """The parameters of statements about rows within it."""
        return {"b_owner": self.owner, "b_project": self.project}


ALL = Reach()
"""The work of everybody."""
