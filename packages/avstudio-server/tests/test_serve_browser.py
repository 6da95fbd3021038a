"""A real browser that may use the studio opens a page of another site: nothing of that page reaches a handler."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from avstudio_core import Studio
from avstudio_core.testing import exercises
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
LOG = "avstudio.http.access"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAGE = """<!doctype html><title>evil</title><pre id="out"></pre><iframe name="f"></iframe>
<form id="form" method="post" target="f" action="{studio}/api/v1/exercise/wait"><input name="seconds" value="0"></form>
<script>
const studio = "{studio}", socket = studio.replace("http", "ws"), out = {};
const tell = (name, value) => { out[name] = value; document.getElementById("out").textContent = JSON.stringify(out); };
const attempt = (name, promise) => promise.then((got) => tell(name, got), (error) => tell(name, "refused"));
const opened = (made, good, bad) => new Promise((yes, no) => { made[good] = () => yes("opened"); made[bad] = no; });
const post = {method: "POST", body: "{}"};
attempt("fetch", fetch(studio + "/api/v1/tasks", {credentials: "include"}).then((answer) => answer.text()));
attempt("opaque", fetch(studio + "/api/v1/exercise/wait", {...post, mode: "no-cors", credentials: "include"}).then((answer) => answer.type));
attempt("json", fetch(studio + "/api/v1/exercise/wait", {...post, headers: {"Content-Type": "application/json"}, credentials: "include"}).then((answer) => answer.text()));
attempt("socket", opened(new WebSocket(socket + "/api/v1/stream"), "onopen", "onerror"));
attempt("events", opened(new EventSource(studio + "/api/v1/events", {withCredentials: true}), "onopen", "onerror"));
const image = new Image(); image.src = studio + "/api/v1/tasks";
attempt("image", opened(image, "onload", "onerror"));
document.getElementById("form").submit();
</script>"""


@pytest.fixture
def studio_plugins() -> list[ModuleType]:
    return [exercises]


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[str]:
    """The address of another server on this machine, which a browser takes for the same site."""
    (tmp_path / "site").mkdir()
    serve = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def shown(profile: Path, address: str) -> str:
    """What a browser shows of a page, after some seconds."""
    assert BROWSER is not None
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={profile}",
        "--virtual-time-budget=8000",
    ]
    done = subprocess.run(
        [BROWSER, *options, "--dump-dom", address], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


@pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed")
@pytest.mark.timeout(400)
def test_a_page_of_another_site_cannot_use_the_studio(
    studio: Studio, evil: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with HttpServer(studio) as server:
        (tmp_path / "site" / "index.html").write_text(PAGE.replace("{studio}", server.address))
        assert "may use AV-Studio" in shown(tmp_path / "profile", server.address + server.link)
        assert '"tasks":[]' in shown(tmp_path / "profile", f"{server.address}/api/v1/tasks")
        with caplog.at_level(logging.INFO, LOG):
            page = shown(tmp_path / "profile", evil)
        found = json.loads(page.partition('id="out">')[2].partition("</pre>")[0].replace("&quot;", '"'))
        refused = {name: value for name, value in found.items() if value in ("refused", "opaque")}
        assert found.keys() >= {"fetch", "json", "socket", "events", "image"}
        assert refused == found
        assert studio.tasks.find() == []
        answered = [json.loads(record.getMessage()) for record in caplog.records if record.name == LOG]
        assert {line["status"] for line in answered} == {403}
        assert {line["route"] for line in answered} == {None}
