"""Every refusal by policy leaves one row, whoever is refused, and in whatever process."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import create_engine

from avstudio_core import Studio
from avstudio_core.errors import AVStudioError, EgressRefused, TaskFailed, WeightsMissing
from avstudio_core.models.shelf import InstalledShelf

OpenStudio = Callable[..., Studio]

CURIOUS = f"""
from avstudio_core import Weights, WeightsFile

class Far(Weights):
    name = "far"
    family = "curious"
    licence = "MIT"
    files = (WeightsFile("far.bin", "{hashlib.sha256(b"far").hexdigest()}"),)
    repository = "owner/far"
    revision = "{"0123456789" * 4}"

class CuriousParams(Params):
    url: str = Field("", description="An address to reach.")
    network: bool = Field(False, description="Whether it needs the network.")

class CuriousResult(Result):
    pass

class Curious(Processor[CuriousParams, CuriousResult]):
    "Reach for something."
    name = "curious.reach"
    accepts = ("text/*",)
    source_optional = True
    def needs(self, params, source):
        return Needs(network=params.network or source is not None)
    def run(self, source, params, context):
        context.leave(params.url) if params.url else context.weights("far")
        return CuriousResult()

@hookimpl
def register_processors(): return [Curious]
@hookimpl
def register_weights(): return [Far]
"""
LOCAL, OFFLINE = "the setting 'local_only' is on", "the setting 'offline' is on"
OTHER = "it is not among the allowed hosts (setting 'allowed_hosts')"


@pytest.fixture
def curious(write_plugin: Callable[[str], ModuleType]) -> ModuleType:
    return write_plugin(CURIOUS)


@pytest.fixture
def hub() -> Iterator[str]:
    """A hub on this machine whose files are elsewhere."""

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", "https://files.example/far.bin")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def rows(home: Path) -> list[tuple[str, str]]:
    engine = create_engine(f"sqlite:///{next(home.glob('*.db'))}")
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("select host, reason from refused_connections order by id").all()
            return [(host, reason) for host, reason in found]
    finally:
        engine.dispose()


@pytest.mark.parametrize("setting", ["offline", "local_only"])
def test_a_run_that_needs_the_network(open_studio: OpenStudio, curious: ModuleType, setting: str) -> None:
    studio = open_studio(curious, **{"offline": False, setting: True})
    with pytest.raises(EgressRefused):
        studio.submit("curious.reach", network=True)
    assert rows(studio.settings.home) == [("", f"the setting '{setting}' is on")]


def test_a_run_whose_source_shows_that_it_needs_the_network(
    open_studio: OpenStudio, curious: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    studio = open_studio(curious)
    with pytest.raises(TaskFailed):
        studio.run("curious.reach", tmp_path / "a.txt")
    assert rows(studio.settings.home) == [("", OFFLINE)]


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_connection_that_a_run_opens_itself(open_studio: OpenStudio, curious: ModuleType, executor: str) -> None:
    studio = open_studio(curious, executor=executor, offline=False, allowed_hosts="example.org")
    for _ in range(2):
        with pytest.raises(TaskFailed):
            studio.run("curious.reach", url="https://example.com/a")
    assert rows(studio.settings.home) == [("example.com", OTHER)] * 2


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_hub_that_sends_a_run_elsewhere(
    open_studio: OpenStudio, curious: ModuleType, hub: str, executor: str
) -> None:
    studio = open_studio(curious, executor=executor, offline=False, local_only=True, hub=hub)
    with pytest.raises(TaskFailed):
        studio.run("curious.reach")
    assert rows(studio.settings.home) == [("files.example", LOCAL)]


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_weights_on_a_hub_that_may_not_be_used(open_studio: OpenStudio, curious: ModuleType, executor: str) -> None:
    studio = open_studio(curious, executor=executor, hub="https://hub.example")
    with pytest.raises(TaskFailed) as failed:
        studio.run("curious.reach")
    assert failed.value.cause == WeightsMissing.code
    assert rows(studio.settings.home) == [("hub.example", OFFLINE)]


def test_weights_that_are_fetched_without_a_studio(open_studio: OpenStudio, curious: ModuleType, hub: str) -> None:
    studio = open_studio(curious, offline=False, local_only=True, hub=hub)
    studio.close()
    shelf = InstalledShelf(studio.plugins, studio.settings)
    with pytest.raises(AVStudioError, match=r"files\.example"):
        shelf.pull("far")
    assert rows(studio.settings.home) == [("files.example", LOCAL)]
