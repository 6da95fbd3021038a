"""What may leave the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from avstudio_core import Studio
from avstudio_core.egress import is_loopback, obstacle
from avstudio_core.errors import EgressRefused, InvalidParams, ModelError, NoModel
from avstudio_core.settings_sources import load
from avstudio_core.testing import scripted


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "example.org", "localhost.example.org", "127.0.0.1.example.org", "10.0.0.1", "0.0.0.0", "[::1", "2130706433"],
)
def test_other_hosts_are_not_whatever_they_are_called(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("settings", "private", "url", "reason"),
    [
        ({}, False, "https://models.example", None),
        ({"offline": True}, False, "https://models.example", "'offline'"),
        ({"local_only": True}, False, "https://models.example", "'local_only'"),
        ({"local_only": True, "allowed_hosts": "models.example"}, False, "https://models.example", "'local_only'"),
        ({"local_only": True}, True, "http://127.0.0.1:11434", None),
        ({"allowed_hosts": "a.example, models.example"}, False, "https://Models.Example./v1", None),
        ({"allowed_hosts": "a.example"}, False, "https://models.example", "allowed hosts"),
        ({"allowed_hosts": ""}, False, "https://models.example", "allowed hosts"),
        ({"allowed_hosts": "a.example"}, False, "https://a.example@models.example/", "allowed hosts"),
        ({}, True, "https://models.example", "private"),
        ({"local_only": True, "trusted_hosts": "10.0.0.7, 192.168.1.0/24"}, True, "http://192.168.1.20:8000", None),
        ({"local_only": True, "trusted_hosts": "192.168.1.0/24"}, False, "http://192.168.2.20:8000", "'local_only'"),
        ({"local_only": True, "trusted_hosts": "10.0.0.7"}, False, "http://nas.lan", "'local_only'"),
        ({"trusted_hosts": "10.0.0.7", "offline": True}, False, "http://10.0.0.7", "'offline'"),
    ],
)
def test_the_settings_and_the_data_decide(
    tmp_path: Path, settings: dict[str, object], private: bool, url: str, reason: str | None
) -> None:
    found = obstacle(load({"home": tmp_path, **settings}, {}), url, private=private)
    assert found is None if reason is None else reason in (found or "")


def test_a_trusted_host_is_an_address(tmp_path: Path) -> None:
    settings = load({"home": tmp_path, "trusted_hosts": "nas.lan"}, {})
    with pytest.raises(InvalidParams, match=r"'trusted_hosts' is 'nas\.lan'"):
        obstacle(settings, "http://10.0.0.7")


@pytest.mark.parametrize(("trusted", "local"), [(None, None), ("192.168.7.0/24", True), ("192.168.8.0/24", None)])
def test_only_an_address_makes_a_server_local(tmp_path: Path, trusted: str | None, local: bool | None) -> None:
    """`local = true` alone does not: the words would leave this machine by a slip in models.toml."""
    section = '[backends.far]\nkind = "scripted"\nlocal = true\nbase_url = "http://192.168.7.7:1234/v1"\n'
    (tmp_path / "models.toml").write_text(section, encoding="utf-8")
    with Studio(home=tmp_path, plugins="", add=[scripted], local_only=True, trusted_hosts=trusted) as studio:
        if local:
            assert studio.chat("My diary.", model="far/one", private=True).text == "Yes."
            return
        with pytest.raises(ModelError, match="name its address in the setting 'trusted_hosts'"):
            studio.chat("My diary.", model="far/one")
        assert studio.chat("My diary.", require_local=True).model == "scripted/one"


FAR = """
[backends.cloud]
kind = "scripted"
local = false
base_url = "https://models.example/v1"
[backends.passing]
kind = "scripted"
local = false
"""


@pytest.mark.parametrize(
    ("request_", "hosts"),
    [
        ({"model": "cloud/one"}, ["models.example"]),
        ({"model": "passing/one"}, [""]),
        ({"model": "cloud/one", "private": True}, ["models.example"]),
        ({"require_quality": 0.99}, ["", "models.example"]),
    ],
)
@pytest.mark.parametrize("verb", ["chat", "stream", "embed", "route"])
def test_every_refusal_by_policy_is_noted(
    tmp_path: Path, request_: dict[str, Any], hosts: list[str], verb: str
) -> None:
    (tmp_path / "models.toml").write_text(FAR, encoding="utf-8")
    with Studio(home=tmp_path, plugins="", add=[scripted], local_only="private" not in request_) as studio:
        with pytest.raises((EgressRefused, NoModel)):
            list(getattr(studio.llm, verb)("My diary.", **request_))
        with studio._database.read() as connection:
            rows = connection.exec_driver_sql("select host from refused_connections order by host").scalars().all()
    assert rows == hosts


def test_a_refusal_is_noted(tmp_path: Path) -> None:
    with Studio(home=tmp_path, plugins="", local_only=True) as studio:
        with pytest.raises(
            EgressRefused, match=r"Nothing may be sent to 'models\.example': the setting 'local_only' is on"
        ):
            studio.llm._gateway.leave("https://models.example/v1/chat")
        with studio._database.read() as connection:
            rows = connection.exec_driver_sql("select host, reason from refused_connections").all()
    assert rows == [("models.example", "the setting 'local_only' is on")]
