"""Environment variables as secrets."""

from __future__ import annotations

import os
from typing import ClassVar

from avstudio_core.kinds.secret_store import SecretStore


class Environment(SecretStore):
    """The variables of this process; another process gets them only from its own environment."""

    name: ClassVar[str] = "environment"
    writable: ClassVar[bool] = False

    def get(self, name: str) -> str | None:
        return os.environ.get(name) or None
