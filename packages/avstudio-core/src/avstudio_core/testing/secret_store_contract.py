"""The contract of secret stores, as a test class to subclass."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

import pytest

from avstudio_core.testing.contract import NAME, Contract
from avstudio_core.testing.light_imports import check_imports

if TYPE_CHECKING:
    from avstudio_core.kinds.secret_store import SecretStore
    from avstudio_core.studio import Studio

VALUE = "sk-canary-4f1b0c7d"


class SecretStoreContract(Contract):
    """The contract of secret stores. Subclass it, and set the plugin and the store."""

    plugin: ModuleType
    store: ClassVar[type[SecretStore]]

    @pytest.fixture
    def made(self, tmp_path: Path) -> SecretStore:
        """The store, for a new data folder. Skips what needs a usable one that can be written."""
        store = self.store(tmp_path)
        if reason := store.obstacle():
            pytest.skip(reason)
        if not store.writable:
            pytest.skip("The store is only read.")
        return store

    def test_its_name_is_a_word(self) -> None:
        """The name is one word of small letters, digits, `_` and `-`."""
        assert re.fullmatch(NAME, self.store.name), f"'{self.store.name}' is not."

    def test_its_plugin_registers_it(self, studio: Studio) -> None:
        """The plugin's hook `register_secret_stores` returns the secret store."""
        assert studio.plugins.find("secret_stores", self.store.name) is self.store

    def test_importing_it_is_light(self) -> None:
        """Importing the plugin and declaring the secret store import no heavy library."""
        check_imports(self.plugin)

    def test_what_is_not_set_is_none(self, tmp_path: Path) -> None:
        """The value of a secret that was never set is `None`, also where the store can only be read."""
        store = self.store(tmp_path)
        if store.obstacle() is None:
            assert store.get("NEVER_SET_ANYWHERE") is None

    def test_what_is_set_can_be_read(self, made: SecretStore) -> None:
        """A value that is set is read as it was, also by another object; setting it again replaces it."""
        made.set("CANARY", VALUE)
        made.set("OTHER", "other")
        assert type(made)(made.home).get("CANARY") == VALUE
        made.set("CANARY", "new")
        assert (made.get("CANARY"), made.get("OTHER")) == ("new", "other")

    def test_what_is_deleted_is_none(self, made: SecretStore) -> None:
        """A deleted secret is `None`; deleting one that is not set is not an error."""
        made.set("CANARY", VALUE)
        made.delete("CANARY")
        made.delete("CANARY")
        assert made.get("CANARY") is None

    def test_other_data_folders_have_their_own(self, made: SecretStore, tmp_path: Path) -> None:
        """Another data folder does not see the secret."""
        made.set("CANARY", VALUE)
        (tmp_path / "other").mkdir()
        assert type(made)(tmp_path / "other").get("CANARY") is None
        made.delete("CANARY")

    def test_it_does_not_show_the_value(self, made: SecretStore) -> None:
        """Neither the store's `repr` nor its attributes contain a value."""
        made.set("CANARY", VALUE)
        made.get("CANARY")
        assert VALUE not in f"{made!r} {vars(made)!r}"
        made.delete("CANARY")
