"""Files that are received in pieces and in parts: whole artifacts or nothing, and never more than allowed."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update

from avstudio_core import Principal, Studio
from avstudio_core.errors import InUse, InvalidInput, NotAllowed, NotFound, TooLarge, UnreadableMedia
from avstudio_core.storage.tables import uploads

CONTENT = os.urandom(3 << 20)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def files(folder: Path) -> list[str]:
    """The files that the studio has of what it received."""
    found = [path for name in ("staging", "artifacts", "uploads") for path in (folder / name).rglob("*")]
    return sorted(path.name for path in found if path.is_file())


def send(studio: Studio, upload_id: str, part: bytes, offset: int) -> str | None:
    with studio.uploads.open(upload_id, offset) as opened:
        opened.write(part)
        return opened.finish().artifact


def test_pieces_become_an_artifact(studio: Studio) -> None:
    with studio.receive("../song.txt") as incoming:
        incoming.write(CONTENT[:1000])
        incoming.write(CONTENT[1000:])
        artifact = incoming.take(SHA256)
    assert (artifact.name, artifact.sha256, artifact.size) == ("song.txt", SHA256, len(CONTENT))
    assert studio.artifact(artifact.id).path.read_bytes() == CONTENT
    assert files(studio.settings.home) == [SHA256]


def test_pieces_are_received_on_an_event_loop(studio: Studio) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(CONTENT), 50_000):
            yield CONTENT[at : at + 50_000]

    async def receive() -> str:
        async with studio.receive("song.txt") as incoming:
            await incoming.afill(pieces())
            return (await incoming.atake()).sha256

    assert asyncio.run(receive()) == SHA256


def test_nothing_remains_of_a_file_that_breaks_off(studio: Studio) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield CONTENT
        raise ConnectionError

    async def receive() -> None:
        async with studio.receive("song.txt") as incoming:
            await incoming.afill(pieces())

    with pytest.raises(ConnectionError):
        asyncio.run(receive())
    studio.tasks.find()  # a write that follows the removal
    with studio.receive("other") as incoming:
        incoming.write(b"other")
        incoming.take()
    assert len(files(studio.settings.home)) == 1


def test_a_wrong_sum_an_empty_file_and_a_large_one_are_refused(tmp_path: Path) -> None:
    with Studio(home=tmp_path, executor="inline", plugins="", upload_mb=1) as studio:
        with studio.receive("song.txt") as incoming:
            with pytest.raises(UnreadableMedia):
                incoming.take()
            with pytest.raises(TooLarge):
                incoming.write(CONTENT)
            incoming.write(b"text")
            with pytest.raises(InvalidInput, match="has the sha256"):
                incoming.take(SHA256)
        with pytest.raises(TooLarge):
            studio.uploads.create("song", 2 << 20)
    assert files(tmp_path) == []


def test_an_upload_goes_on_in_another_studio(tmp_path: Path) -> None:
    open_studio = partial(Studio, home=tmp_path, executor="inline", plugins="")
    with open_studio() as first:
        upload = first.uploads.create("song.txt", len(CONTENT), SHA256)
        assert send(first, upload.id, CONTENT[:2_000_000], 0) is None
        assert first.uploads.get(upload.id).offset == 2_000_000
    with open_studio() as second:
        made = send(second, upload.id, CONTENT[2_000_000:], 2_000_000)
        assert made is not None
        assert second.artifact(made).sha256 == SHA256
        assert second.uploads.get(upload.id).artifact == made
    assert files(tmp_path) == [SHA256]


def test_what_has_come_before_a_break_stays(studio: Studio) -> None:
    upload = studio.uploads.create("song.txt", len(CONTENT))
    with suppress(ConnectionError), studio.uploads.open(upload.id, 0) as part:
        part.write(CONTENT[:100])
        raise ConnectionError
    assert studio.uploads.get(upload.id).offset == 100
    assert send(studio, upload.id, CONTENT[100:], 100)


def test_a_part_at_another_place_or_beside_another_one_is_refused(studio: Studio) -> None:
    upload = studio.uploads.create("song.txt", len(CONTENT))
    with pytest.raises(InUse, match="has 0 bytes"):
        studio.uploads.open(upload.id, 5)
    with studio.uploads.open(upload.id, 0), pytest.raises(InUse, match="received already"):
        studio.uploads.open(upload.id, 0)
    with studio.uploads.open(upload.id, 0) as part, pytest.raises(TooLarge):
        part.write(CONTENT + b"more")


def test_an_upload_with_a_wrong_sum_is_removed(studio: Studio) -> None:
    upload = studio.uploads.create("song.txt", 4, SHA256)
    with pytest.raises(InvalidInput, match="has the sha256"):
        send(studio, upload.id, b"text", 0)
    with pytest.raises(NotFound):
        studio.uploads.get(upload.id)
    assert files(studio.settings.home) == []


def test_an_owner_may_have_some_unfinished_uploads(tmp_path: Path) -> None:
    with Studio(home=tmp_path, executor="inline", plugins="", uploads=2, uploads_mb=3) as studio:
        first = studio.uploads.create("one", 1 << 20)
        with pytest.raises(InUse, match="1 unfinished uploads of 1 MB"):
            studio.uploads.create("two", 3 << 20)
        studio.uploads.create("two", 1)
        with pytest.raises(InUse):
            studio.uploads.create("three", 1)
        studio.uploads.delete(first.id)
        studio.uploads.create("three", 1)
        assert studio.session(Principal("other")).uploads.create("four", 1).offset == 0


def test_an_upload_of_another_owner_is_unknown(studio: Studio) -> None:
    upload = studio.uploads.create("song.txt", 10)
    other = studio.session(Principal("other")).uploads
    for attempt in (other.get, other.delete, lambda upload_id: other.open(upload_id, 0)):
        with pytest.raises(NotFound):
            attempt(upload.id)
    with pytest.raises(NotAllowed):
        _ = studio.session(Principal("other", scopes=["read"])).uploads


def test_an_old_upload_is_removed(tmp_path: Path) -> None:
    with Studio(home=tmp_path, executor="inline", plugins="", upload_hours=0.01) as studio:
        upload = studio.uploads.create("song.txt", 10)
        send(studio, upload.id, b"text", 0)
        old = update(uploads).values(touched_at=uploads.c.touched_at - 99)
        studio._database.write(lambda transaction: transaction.execute(old))
        os.utime(tmp_path / "uploads" / upload.id, (0, 0))
        with pytest.raises(NotFound):
            studio.uploads.get(upload.id)
        studio.uploads.create("other", 10)
    assert files(tmp_path) == []
