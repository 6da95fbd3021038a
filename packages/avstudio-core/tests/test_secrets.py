"""Secrets: where they are kept, in which order they are read, and that their values stay there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import update

from avstudio_core import SecretStore, Studio, builtin
from avstudio_core.errors import AVStudioError, InvalidInput, NotFound, StorageError
from avstudio_core.hook_marker import hookimpl
from avstudio_core.secrets.environment import Environment
from avstudio_core.secrets.file import SecretFile
from avstudio_core.secrets.keychain import Keychain
from avstudio_core.storage.tables import secrets
from avstudio_core.testing import SecretStoreContract, scripted

NAME = "AVSTUDIO_TEST_KEY"
VALUE = "sk-canary-0123456789"


@pytest.fixture(autouse=True)
def no_keychain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not touch the keychain of the machine."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.delenv(NAME, raising=False)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(home=tmp_path / "home", executor="inline", plugins="") as made:
        yield made


class Ring:
    """A keychain."""

    priority = 5

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, name: str) -> str | None:
        return self.held.get((service, name))

    def set_password(self, service: str, name: str, value: str) -> None:
        self.held[service, name] = value

    def delete_password(self, service: str, name: str) -> None:
        del self.held[service, name]


@pytest.fixture
def ring(no_keychain: None, monkeypatch: pytest.MonkeyPatch) -> Ring:
    made, library = Ring(), ModuleType("keyring")
    library.get_keyring = lambda: made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", library)
    return made


class TestFile(SecretStoreContract):
    plugin = builtin
    store = SecretFile


class TestEnvironment(SecretStoreContract):
    plugin = builtin
    store = Environment


class TestKeychain(SecretStoreContract):
    plugin = builtin
    store = Keychain

    @pytest.fixture(autouse=True)
    def there(self, ring: Ring) -> None:
        pass


def test_without_a_keychain_a_secret_is_in_a_private_file(studio: Studio) -> None:
    assert studio.secrets.set(NAME, f" {VALUE}\n").store == "file"
    assert studio.secrets.get(NAME) == VALUE
    file = studio.settings.home / "secrets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in studio.secrets.all()] == [NAME]


def test_a_keychain_comes_before_the_file(ring: Ring, studio: Studio) -> None:
    assert studio.secrets.set(NAME, VALUE).store == "keychain"
    assert list(ring.held.values()) == [VALUE]
    assert not (studio.settings.home / "secrets.json").exists()
    studio.secrets.delete(NAME)
    assert ring.held == {}
    assert studio.secrets.get(NAME) is None


def test_the_environment_comes_first(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.secrets.set(NAME, VALUE)
    monkeypatch.setenv(NAME, "sk-environment")
    assert studio.secrets.get(NAME) == "sk-environment"
    monkeypatch.delenv(NAME)
    assert studio.secrets.get(NAME) == VALUE


def test_a_backend_says_why_a_secret_that_was_set_cannot_be_read(tmp_path: Path) -> None:
    given: dict[str, Any] = {"home": tmp_path / "home", "executor": "inline", "plugins": "", "add": [scripted]}
    with Studio(**given) as studio:
        (studio.settings.home / "models.toml").write_text(
            f'[backends.ours]\nkind = "scripted"\nheaders = {{ key = "${NAME}" }}\n'
        )
    with Studio(**given) as studio:
        with pytest.raises(AVStudioError, match=f"needs the secret '{NAME}', which is not set"):
            studio.chat("Hello?", model="ours/one")
        studio.secrets.set(NAME, VALUE)
    (tmp_path / "home" / "secrets.json").chmod(0o644)
    with Studio(**given) as studio:
        with pytest.raises(AVStudioError, match=f"The secret '{NAME}' cannot be read: Others on this machine may"):
            studio.chat("Hello?", model="ours/one")
        assert studio.secrets.get(NAME) is None


def test_a_secret_is_rotated_at_once(studio: Studio) -> None:
    with pytest.raises(NotFound):
        studio.secrets.rotate(NAME, VALUE)
    studio.secrets.set(NAME, "sk-old-old-old")
    assert studio.secrets.get(NAME) == "sk-old-old-old"
    studio.secrets.rotate(NAME, VALUE)
    assert studio.secrets.get(NAME) == VALUE


def test_a_secret_of_30_days_is_old(studio: Studio) -> None:
    kept = studio.secrets.set(NAME, VALUE)
    assert not kept.old(time.time())
    before = update(secrets).values(set_at=time.time() - 31 * 86400)
    studio._database.write(lambda transaction: transaction.execute(before))
    assert studio.secrets.all()[0].old(time.time())
    studio.secrets.rotate(NAME, VALUE)
    assert not studio.secrets.all()[0].old(time.time())


@pytest.mark.parametrize("name", ["", "a b", "../up", "A" * 200, "1A", "A\n", None])
def test_names_that_are_not_valid_are_refused(studio: Studio, name: Any) -> None:
    with pytest.raises(InvalidInput, match="name of a secret"):
        studio.secrets.set(name, VALUE)


@pytest.mark.parametrize("value", ["", "  ", "canary\nX-Other: 1", "canaryé", "canary\0", "canary" * 5000, None])
def test_values_that_are_not_valid_are_refused_and_not_shown(studio: Studio, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        studio.secrets.set(NAME, value)
    assert "canary" not in str(refused.value)


def test_a_file_that_others_can_read_is_refused(studio: Studio) -> None:
    studio.secrets.set(NAME, VALUE)
    (studio.settings.home / "secrets.json").chmod(0o644)
    with pytest.raises(StorageError, match="may read"):
        SecretFile(studio.settings.home).get(NAME)


@pytest.mark.parametrize("content", ["{", "[]", '{"A": 1}', f'"{VALUE}'])
def test_a_damaged_file_is_an_error_that_does_not_show_it(studio: Studio, content: str) -> None:
    studio.secrets.set(NAME, VALUE)
    (studio.settings.home / "secrets.json").write_text(content)
    with pytest.raises(StorageError, match="damaged") as damaged:
        studio.secrets.set("OTHER", "value")
    assert VALUE not in str(damaged.value)


class Vault(SecretStore):
    name = "vault"

    def get(self, name: str) -> str | None:
        return "sk-from-the-vault" if name == NAME else None

    def set(self, name: str, value: str) -> None:
        raise ValueError(f"cannot keep {value}")


@pytest.fixture
def vault() -> ModuleType:
    module = ModuleType("vault_plugin")
    module.register_secret_stores = hookimpl(lambda: [Vault])  # type: ignore[attr-defined]
    return module


def test_a_store_of_a_plugin_is_read_and_its_errors_do_not_show_values(vault: ModuleType, tmp_path: Path) -> None:
    with Studio(home=tmp_path / "home", executor="inline", plugins="", add=[vault], secret_store="vault") as studio:
        assert list(studio.secrets.stores()) == ["environment", "vault", "keychain", "file"]
        assert studio.secrets.get(NAME) == "sk-from-the-vault"
        with pytest.raises(StorageError) as failed:
            studio.secrets.set("OTHER", VALUE)
        assert "'vault' failed: ValueError" in str(failed.value)
        assert VALUE not in str(failed.value)
        assert studio.secrets.all() == []


def test_an_unknown_store_is_refused(tmp_path: Path) -> None:
    with (
        Studio(home=tmp_path / "home", executor="inline", plugins="", secret_store="keychian") as studio,
        pytest.raises(NotFound, match="keychain"),
    ):
        studio.secrets.set(NAME, VALUE)


def test_errors_are_cleaned_with_their_causes(studio: Studio) -> None:
    studio.secrets.set(NAME, VALUE)
    studio.secrets.get(NAME)
    error = AVStudioError(f"key {VALUE}", hint=VALUE)
    error.__cause__ = ValueError(f"header {VALUE}")
    studio.secrets.clean(error)
    assert VALUE not in f"{error} {error.message} {error.hint} {error.__cause__}"


def test_a_secret_is_not_in_the_environment_of_this_process(studio: Studio) -> None:
    studio.secrets.set(NAME, VALUE)
    studio.secrets.get(NAME)
    assert VALUE not in os.environ.values()
