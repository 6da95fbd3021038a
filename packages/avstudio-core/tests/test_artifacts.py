from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from pydantic import Field

from avstudio_core.artifact import Artifact, Lineage, MediaFacts, accepted, artifacts_in, new_id
from avstudio_core.errors import CorruptFile, DiskFull, StorageError
from avstudio_core.results import Result
from avstudio_core.storage.folder.store import CLOCK_TICK_NS, FolderStore

CONTENT = b"some content" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Made(Result):
    one: Artifact
    many: dict[str, Artifact]
    none: Artifact | None = None
    words: dict[str, str] = Field(default_factory=lambda: {"a": "b"})


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "home")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    return path


def artifact(name: str = "a") -> Artifact:
    return Artifact(id=new_id("art"), name=name, sha256=SHA256, size=len(CONTENT), media_type="audio/wav")


def test_content_lies_under_its_sha256(store: FolderStore, source: Path) -> None:
    folder = store.folder("job_1")
    assert store.copy_in(source, folder) == (SHA256, len(CONTENT))
    assert not store.path(SHA256).exists()
    store.link(SHA256, folder)
    assert store.path(SHA256).read_bytes() == CONTENT
    assert store.path(SHA256).parent.name == SHA256[:2]
    assert list(store.stored()) == [SHA256]
    store.verify(SHA256)


def test_the_files_that_were_verified_last_are_remembered_until_they_are_removed(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avstudio_core.storage.folder.store.MOST_REMEMBERED", 2)
    hashes = list[str]()
    for content in (b"first", b"second", b"third"):
        (tmp_path / "file.bin").write_bytes(content)
        sha256, _ = store.copy_in(tmp_path / "file.bin", folder := store.folder(content.decode()))
        store.link(sha256, folder)
        hashes.append(sha256)
    time.sleep(2 * CLOCK_TICK_NS / 1e9)
    for sha256 in hashes:
        store.verify(sha256)
    assert [store.unverified(sha256) for sha256 in hashes] == [len(b"first"), 0, 0]
    store.remove(hashes)
    assert not store._verified


@pytest.mark.parametrize("just_written", [False, True])
def test_a_file_that_was_copied_in_is_not_read_again_until_it_changes(
    store: FolderStore, source: Path, monkeypatch: pytest.MonkeyPatch, just_written: bool
) -> None:
    ticks = 10**18 if just_written else 0
    monkeypatch.setattr("avstudio_core.storage.folder.store.CLOCK_TICK_NS", ticks)
    store.copy_in(source, folder := store.folder("ingest_1"))
    store.link(SHA256, folder)
    store.discard(folder)
    assert store.unverified(SHA256) == (len(CONTENT) if just_written else 0)
    store.path(SHA256).write_bytes(bytes(len(CONTENT)))
    assert store.unverified(SHA256) == len(CONTENT)


def test_a_file_that_changes_while_it_is_copied_in_is_read_again(
    store: FolderStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avstudio_core.storage.folder.store.CLOCK_TICK_NS", 0)
    store.copy_in(source, folder := store.folder("ingest_1"))
    store.link(SHA256, folder)
    store.path(SHA256).write_bytes(bytes(len(CONTENT)))
    store.discard(folder)
    assert store.unverified(SHA256) == len(CONTENT)


def test_content_that_is_linked_twice_is_stored_once(store: FolderStore, source: Path) -> None:
    for name in ("job_1", "job_2"):
        folder = store.folder(name)
        store.copy_in(source, folder)
        store.link(SHA256, folder)
        store.link(SHA256, folder)
        store.discard(folder)
    assert list(store.stored()) == [SHA256]
    assert list(store.leftovers()) == []


def test_a_file_system_without_links_is_served(
    store: FolderStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    folder = store.folder("job_1")
    store.copy_in(source, folder)
    store.link(SHA256, folder)
    store.verify(SHA256)
    assert list(store.stored()) == [SHA256]


def test_what_was_never_staged_cannot_be_linked(store: FolderStore) -> None:
    with pytest.raises(StorageError, match=SHA256):
        store.link(SHA256, store.folder("job_1"))


def test_a_changed_file_is_found_out(store: FolderStore, source: Path) -> None:
    folder = store.folder("job_1")
    store.copy_in(source, folder)
    store.link(SHA256, folder)
    store.path(SHA256).write_bytes(CONTENT[:-1] + b"X")
    with pytest.raises(CorruptFile, match=r"has changed since it was stored: its sha256 is now .*Run the task again"):
        store.verify(SHA256)
    store.remove([SHA256])
    with pytest.raises(CorruptFile, match=r"is missing\. Run the task again"):
        store.verify(SHA256)
    store.remove([SHA256])


def test_a_corrupt_file_is_repaired_by_storing_the_same_content(store: FolderStore, source: Path) -> None:
    for name in ("job_1", "job_2"):
        folder = store.folder(name)
        store.copy_in(source, folder)
        store.link(SHA256, folder)
        store.verify(SHA256)
        store.path(SHA256).unlink()
        store.path(SHA256).write_bytes(b"rotten")
    store.link(SHA256, folder)
    store.verify(SHA256)
    assert list(store.stored()) == [SHA256]


@pytest.mark.parametrize("whose", ["file", "folder above"])
@pytest.mark.parametrize("taken", ["folder", "pipe", "dangling link", "full folder"])
def test_a_place_that_something_else_has_is_found_out_and_mended_by_the_same_content(
    store: FolderStore, source: Path, taken: str, whose: str
) -> None:
    place = store.path(SHA256) if whose == "file" else store.path(SHA256).parent
    place.parent.mkdir(exist_ok=True)
    if taken == "pipe":
        os.mkfifo(place)
    elif taken == "dangling link":
        place.symlink_to("nowhere")
    else:
        place.mkdir()
        (place / ("x" if taken == "full folder" else SHA256[2:4])).mkdir()
    with pytest.raises(CorruptFile):
        store.verify(SHA256)
    folder = store.folder("job_1")
    store.copy_in(source, folder)
    store.link(SHA256, folder)
    store.verify(SHA256)
    store.discard(folder)
    assert SHA256 in store.stored()


def test_a_file_larger_than_the_disk_is_refused_before_it_is_copied(store: FolderStore, tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 42)  # a hole, which takes no room
    folder = store.folder("job_1")
    with pytest.raises(DiskFull, match=r"huge' takes 4194304 MB, and \d+ MB are free"):
        store.copy_in(tmp_path / "huge", folder)
    assert list(folder.iterdir()) == []


def test_a_source_that_cannot_be_read_is_reported(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        store.copy_in(tmp_path / "nothing", store.folder("in"))


def test_the_folders_are_made_or_the_reason_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        FolderStore(tmp_path / "file")


def test_json_leaves_the_place_out_and_reading_finds_it_again(store: FolderStore) -> None:
    facts = MediaFacts(duration=1.5, rate=44100, channels=2)
    lineage = Lineage(processor="audio.work", version="1", params={"x": 1}, parents=("art_1",))
    one = artifact().model_copy(update={"facts": facts, "lineage": lineage, "path": Path("/somewhere")})
    text = Made(one=one, many={"a": one}).model_dump_json()
    assert "somewhere" not in text
    again = Made.model_validate_json(text, context=store.path)
    assert again.one.path == again.many["a"].path == store.path(SHA256)
    assert again.one.model_copy(update={"path": Path("/somewhere")}) == one


def test_a_results_artifacts_are_its_outputs_by_name() -> None:
    one, vocals, drums = artifact("1"), artifact("v"), artifact("d")
    made = Made(one=one, many={"vocals": vocals, "drums": drums})
    assert artifacts_in(made) == {"one": one, "vocals": vocals, "drums": drums}


@pytest.mark.parametrize(
    ("media_type", "patterns", "fits"),
    [
        ("audio/wav", ("audio/*",), True),
        ("audio/wav", ("audio/wav",), True),
        ("audio/wav", ("video/*", "*/*"), True),
        ("audio/wav", ("video/*", "audio/flac"), False),
        ("audio/wav", (), False),
        ("audio/x-wav", ("audio/wav",), False),
    ],
)
def test_media_types_fit_patterns(media_type: str, patterns: tuple[str, ...], fits: bool) -> None:
    assert accepted(media_type, patterns) is fits


def test_ids_are_unique_and_sort_by_time() -> None:
    ids = [new_id("art") for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [one[:16] for one in ids] == sorted(one[:16] for one in ids)
