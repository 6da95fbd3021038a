"""The API under schemathesis: requests made from the OpenAPI document, alone and in sequences.

`nox -s fuzz` sends thousands; each run of the tests sends a share.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from avstudio_core import Studio
from avstudio_core.testing import exercises, scripted
from avstudio_server.testing.http_server import HttpServer

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
EXAMPLES = int(os.environ.get("AVSTUDIO_FUZZ_EXAMPLES", "2"))
SEED = [] if "AVSTUDIO_FUZZ_EXAMPLES" in os.environ else ["--seed", "1"]
"""The tests send the same requests each time; `nox -s fuzz` sends others."""
FEWEST = 100 * EXAMPLES
"""The fewest requests that a run must have sent."""
SETTINGS = """
[generation]
allow-extra-parameters = false  # a header that nobody knows is allowed by HTTP

[checks]
# What a request names may not exist or not fit: a schema cannot say that.
positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 413, 415, 422, 429, 501, 503]
negative_data_rejection.expected-statuses = ["4xx", 501]

[[operations]]
include-path = "/api/v1/uploads"  # all bytes are a file
checks.negative_data_rejection.enabled = false
"""


@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")
@pytest.mark.timeout(200 * EXAMPLES)
def test_no_request_is_a_server_error_or_answered_against_the_document(tmp_path: Path) -> None:
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS)
    studio = Studio(home=tmp_path / "home", add=[exercises, scripted], executor="inline", offline=True, plugins="")
    with studio, HttpServer(studio, rate=0) as server:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run"]
        command += [f"{server.address}/openapi.json", "--header", f"Authorization: Bearer {server.key()}"]
        command += ["--checks", "all", "--max-examples", str(EXAMPLES), "--no-color", "--warnings", "off", *SEED]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    sent = re.search(r"([\d,]+) generated", done.stdout)
    assert sent is not None
    assert int(sent[1].replace(",", "")) >= FEWEST
