"""Hostile films in a worker: each fails its own task with a code that says why, and the worker does the next film."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

import avstudio_video
from avstudio_core import Studio, TaskFailed

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio with one worker."""
    home = tmp_path_factory.mktemp("home")
    with Studio(home=home, executor="local", workers=1, offline=True, plugins="", add=[avstudio_video]) as studio:
        yield studio


def workers(studio: Studio) -> set[str]:
    """The folders of the workers that are alive."""
    return {one.name for one in (studio.settings.home / "workers").iterdir()}


def without_index(path: Path, good: Path) -> Path:
    """The first half of a film, which has its index at the end."""
    data = good.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def without_pictures(path: Path, good: Path) -> Path:
    """A film of which all pictures are lost."""
    data = bytearray(good.read_bytes())
    place = data.index(b"mdat")
    size = struct.unpack(">I", data[place - 4 : place])[0] - 8
    data[place + 4 : place + 4 + size] = bytes(size)
    path.write_bytes(data)
    return path


def text(path: Path, words: str) -> Path:
    path.write_text(words, encoding="utf-8")
    return path


def elsewhere(path: Path, good: Path) -> Path:
    """A film whose pictures are in another file, as QuickTime allows."""
    data = bytearray(good.read_bytes())
    target = str(good).encode()
    target += bytes(len(target) % 2)
    names = bytes(10) + bytes([5]) + b"Films".ljust(27) + bytes(12) + bytes([8]) + b"good.mp4".ljust(63) + bytes(16)
    alias = bytes(4) + names + struct.pack(">HH", 1, 1) + bytes(16) + struct.pack(">HH", 2, len(target)) + target
    entry = struct.pack(">I", 12 + len(alias) + 4) + b"alis" + bytes(4) + alias + b"\xff\xff\0\0"
    place = data.index(b"dref") + 12
    assert data[place + 4 : place + 8] == b"url "
    data[place : place + 12] = entry
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = data.index(kind) - 4
        data[start : start + 4] = struct.pack(">I", struct.unpack(">I", data[start : start + 4])[0] + len(entry) - 12)
    path.write_bytes(data)
    return path


def bomb(path: Path) -> Path:
    """A film of 64x48 pixels, whose pictures say that they have 9000x9000."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 8, 2, 0, 0, 0))
    picture = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(5_000_000))) + chunk(b"IEND", b"")
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        unit = stream.codec_context.time_base = Fraction(1, 25)
        for number in range(3):
            packet = av.Packet(picture)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, unit
            packet.is_keyframe = True
            file.mux(packet)
    return path


HOSTILE: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "half.mp4": (without_index, "is cut short, and cannot be read"),
    "empty.mp4": (without_pictures, "can be decoded"),
    "list.mp4": (lambda path, good: text(path, f"#EXTM3U\n#EXTINF:1,\n{good}\n"), "is a playlist"),
    "concat.mp4": (lambda path, good: text(path, f"ffconcat version 1.0\nfile '{good}'\n"), "is a playlist"),
    "elsewhere.mov": (elsewhere, "can be decoded"),
    "bomb.mov": (lambda path, good: bomb(path), "can be decoded"),
}
"""Films, and what is said of them."""
RUNS: dict[str, dict[str, Any]] = {
    "video.decode": {"count": 1},
    "video.analyze": {"analyses": ["black", "keyframes"]},
    "video.cut": {"keep": ["0-0.2"], "mode": "keyframe"},
}


def decoded(studio: Studio, good: Path, number: int) -> bool:
    """Whether a frame of a good film is decoded, and not taken from an earlier result."""
    result = studio.run("video.decode", good, indices=[number], format="npz")
    return not result.cache_hit and [one.index for one in result.index] == [number]


def fails(studio: Studio, path: Path, said: str, processor: str, params: dict[str, Any]) -> None:
    """Run a task that must fail at its first attempt, because of its file."""
    handle = studio.submit(processor, path, **params)
    with pytest.raises(TaskFailed, match=said) as failed:
        handle.result(60)
    assert (failed.value.cause, handle.task().attempts) == ("unreadable_media", 1)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_film_fails_its_own_task_alone(worker: Studio, write: Make, tmp_path: Path, name: str) -> None:
    make, said = HOSTILE[name]
    good, turn = write("good.mov", 2 * len(HOSTILE)), 2 * [*HOSTILE].index(name)
    path = make(tmp_path / name, good)
    assert decoded(worker, good, turn)
    before = workers(worker)
    for processor, params in RUNS.items():
        fails(worker, path, said, processor, params)
    assert decoded(worker, good, turn + 1)
    assert workers(worker) == before
    assert len(before) == 1


def test_a_film_beyond_the_longest_time_fails_its_own_task_alone(worker: Studio, write: Make) -> None:
    good, long = write("short.mkv", 2), write("long.mkv", 3, times=[0, 1, 25 * 21_601])
    assert decoded(worker, good, 0)
    before = workers(worker)
    for processor in ("video.probe", *RUNS):
        fails(worker, long, "has more than 21600 s of video", processor, RUNS.get(processor, {}))
    assert decoded(worker, good, 1)
    assert workers(worker) == before


def test_what_a_film_refers_to_is_not_read(worker: Studio, shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    good = write("good.mov", 5)
    path = elsewhere(tmp_path / "a.mov", good)
    options = {"enable_drefs": "1", "use_absolute_path": "1"}  # a player that follows references shows the film
    with av.open(str(path), container_options=options) as file:
        assert len([*file.decode(video=0)]) == 5
    for studio in (worker, shared_studio):
        result = studio.run("video.probe", path)
        assert result.contents.video[0].times.frames == 0
        assert [one.message for one in result.warnings] == ["'a.mov' has 0 of the 5 frames that its header states."]


@pytest.mark.parametrize("format", ["mkv", "mp4"])
def test_a_film_without_packets_is_named_when_it_cannot_be_copied(
    shared_studio: Studio, write: Make, tmp_path: Path, format: str
) -> None:
    path = elsewhere(tmp_path / "empty.mov", write("good.mp4", 20))
    with pytest.raises(TaskFailed, match=r"'empty\.mov'") as refused:
        shared_studio.run("video.mux", path, format=format)
    assert refused.value.cause == "unreadable_media"
