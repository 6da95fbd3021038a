"""What may leave the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from avstudio_core import Studio
from avstudio_core.egress import is_loopback, obstacle
from avstudio_core.errors import EgressRefused
from avstudio_core.settings import load


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
    ],
)
def test_the_settings_and_the_data_decide(
    tmp_path: Path, settings: dict[str, object], private: bool, url: str, reason: str | None
) -> None:
    found = obstacle(load({"home": tmp_path, **settings}, {}), url, private=private)
    assert found is None if reason is None else reason in (found or "")


def test_a_refusal_is_noted(tmp_path: Path) -> None:
    with Studio(home=tmp_path, plugins="", local_only=True) as studio:
        with pytest.raises(
            EgressRefused, match=r"Nothing may be sent to 'models\.example': the setting 'local_only' is on"
        ):
            studio.llm.gateway.leave("https://models.example/v1/chat")
        with studio._database.read() as connection:
            rows = connection.exec_driver_sql("select host, reason from refused_connections").all()
    assert rows == [("models.example", "the setting 'local_only' is on")]
