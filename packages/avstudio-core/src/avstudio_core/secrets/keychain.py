"""The keychain of the operating system, through `keyring`."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from avstudio_core.errors import StorageError
from avstudio_core.kinds.secret_store import SecretStore

LEAST_PRIORITY = 1
"""keyring's backends below it do nothing, or write plain text."""


class Keychain(SecretStore):
    """Apple's Keychain, Windows' Credential Locker, or the Secret Service of a Linux desktop.

    Each data folder has entries of its own.
    """

    name: ClassVar[str] = "keychain"

    @cached_property
    def _keyring(self) -> Any:
        """The system's keychain, or `None`."""
        try:
            import keyring

            found: Any = keyring.get_keyring()
            inner = getattr(found, "backends", None) or [found]
            return next((one for one in inner if one.priority >= LEAST_PRIORITY), None)
        except Exception:  # of the library, or of a part of the system that it needs
            return None

    @property
    def _service(self) -> str:
        return f"AV-Studio {self.home}"

    def obstacle(self) -> str | None:
        return None if self._keyring is not None else "this machine has no keychain, or 'keyring' is not installed"

    def get(self, name: str) -> str | None:
        found: str | None = self._call("get_password", name)
        return found or None

    def set(self, name: str, value: str) -> None:
        self._call("set_password", name, value)

    def delete(self, name: str) -> None:
        if self.get(name) is not None:
            self._call("delete_password", name)

    def _call(self, method: str, *arguments: str) -> Any:
        if self._keyring is None:
            raise StorageError("The keychain cannot be used.", hint="Install 'keyring', or use the store 'file'.")
        try:
            return getattr(self._keyring, method)(self._service, *arguments)
        except Exception as error:  # its text may have the value
            message = f"The keychain did not answer for '{arguments[0]}': {type(error).__name__}."
            raise StorageError(message, hint="Unlock it, or use the store 'file'.") from None
