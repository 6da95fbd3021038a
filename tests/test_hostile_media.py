"""R8, R9, R10, the size for every test run; `nox -s hostile` sends 600 mutants of each kind."""

from __future__ import annotations

import secrets
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.hostile_media.attack import PROCESSORS, VIDEO_PROCESSORS, Attack, attack
from tests.hostile_media.bombs import bombs
from tests.hostile_media.mutants import films, mutants
from tests.hostile_media.references import references

for library in ("av", "numpy", "soundfile", "fastapi", "avstudio_audio"):
    pytest.importorskip(library)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of processes from /proc")
MOST_MB = 512


class Canary(BaseHTTPRequestHandler):
    """A server that must not be asked for anything."""

    def do_GET(self) -> None:
        self.server.hits.append(self.path)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    with attack(tmp_path_factory.mktemp("attacked")) as made:
        yield made


@pytest.mark.timeout(300)
def test_mutants_and_bombs_fail_their_own_task_alone(attacked: Attack) -> None:
    files = [*mutants(88, seed=8), *bombs()]
    for number, processor in enumerate(PROCESSORS):
        attacked.send(files[number::2], [processor])
    assert attacked.faults == []
    assert attacked.health()
    assert attacked.memory < MOST_MB, attacked.slowest
    assert attacked.answers["200 COMPLETED"]


@pytest.mark.timeout(300)
def test_mutants_of_films_fail_their_own_task_alone(attacked: Attack) -> None:
    for library in ("avstudio_video", "cv2"):
        pytest.importorskip(library)
    before = attacked.answers.copy()
    attacked.send(mutants(45, 8, films()), VIDEO_PROCESSORS)
    assert attacked.faults == []
    assert attacked.health()
    assert attacked.memory < MOST_MB, attacked.slowest
    answers = attacked.answers - before
    assert min(answers[one] for one in ("200 COMPLETED", "422 unreadable_media")) > 10


@pytest.mark.timeout(300)
def test_nothing_that_a_file_refers_to_is_read(attacked: Attack, tmp_path: Path) -> None:
    secret = secrets.token_hex(16)
    (tmp_path / "secret.wav").write_text(secret)
    canary = ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    canary.hits = []  # type: ignore[attr-defined]
    threading.Thread(target=canary.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    url = f"http://127.0.0.1:{canary.server_port}/canary"
    files = [*references(url, str(tmp_path / "secret.wav"))]
    assert len(files) > 100
    attacked.send(files, [PROCESSORS[1]])
    canary.shutdown()
    canary.server_close()
    assert attacked.faults == []
    assert canary.hits == []  # type: ignore[attr-defined]
    assert attacked.bytes_of(secret.encode()) == 0
