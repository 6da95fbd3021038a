"""What one worker process may use besides its own folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Grant:
    """What a worker may use besides its own folder, and where that is."""

    network: bool = False
    device: str = "cpu"
    model: str = ""
    """A folder with a user's own model."""
    variables: tuple[str, ...] = ()
    """Names of environment variables that its processor declares."""
    folder: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


NOTHING = Grant()
