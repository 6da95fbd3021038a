"""A run whose needs cannot be met is refused before it starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_core.errors import EgressRefused, TaskFailed, Unavailable

OpenStudio = Callable[..., Studio]

DEMANDING = """
class DemandingParams(Params):
    device: str = Field("cpu", description="Where it runs.")
    network: bool = Field(False, description="Whether it needs the network.")
    url: str = Field("", description="An address to reach.")

class DemandingResult(Result):
    pass

class Demanding(Processor[DemandingParams, DemandingResult]):
    "Need something."
    name = "demand.something"
    accepts = ("text/*",)
    source_optional = True
    def needs(self, params, source):
        return Needs(device=params.device, network=params.network or source is not None)
    def run(self, source, params, context):
        if params.url:
            context.leave(params.url)
        return DemandingResult()

@hookimpl
def register_processors():
    return [Demanding]
"""


@pytest.fixture
def demanding(write_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return write_plugin(DEMANDING)


def test_a_missing_device_is_refused(open_studio: OpenStudio, demanding: ModuleType) -> None:
    studio = open_studio(demanding)
    with pytest.raises(Unavailable, match=r"demand\.something needs the device 'npu', which this machine lacks"):
        studio.submit("demand.something", device="npu")
    assert studio.tasks.find() == []


@pytest.mark.parametrize("setting", ["offline", "local_only"])
def test_the_network_is_refused_where_the_settings_forbid_it(
    open_studio: OpenStudio, demanding: ModuleType, setting: str
) -> None:
    studio = open_studio(demanding, **{"offline": False, setting: True})
    with pytest.raises(EgressRefused, match=f"needs the network, and the setting '{setting}' is on"):
        studio.submit("demand.something", network=True)
    assert studio.tasks.find() == []


def test_the_network_is_there_where_the_settings_allow_it(open_studio: OpenStudio, demanding: ModuleType) -> None:
    assert open_studio(demanding, offline=False).run("demand.something", network=True)


def test_a_need_that_only_the_source_shows_is_refused_before_the_run(
    open_studio: OpenStudio, demanding: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(TaskFailed, match="needs the network") as failed:
        open_studio(demanding).run("demand.something", tmp_path / "a.txt")
    assert failed.value.cause == EgressRefused.code


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_run_asks_before_it_opens_a_connection(open_studio: OpenStudio, demanding: ModuleType, executor: str) -> None:
    studio = open_studio(demanding, executor=executor, offline=False, allowed_hosts="example.org")
    assert studio.run("demand.something", url="https://example.org/a")
    with pytest.raises(TaskFailed, match=r"Nothing may be sent to 'example\.com'") as failed:
        studio.run("demand.something", url="https://example.com/a")
    assert failed.value.cause == EgressRefused.code
