"""Several decoders share a stream: they see the same frames as one, and the analyses find the same."""

from __future__ import annotations

import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import avstudio_video
from avstudio_core import Studio
from avstudio_core.testing import until
from avstudio_video.media import frame_pass
from avstudio_video.media.frame_pass import FramePass, Viewer
from avstudio_video.media.limits import USUAL
from avstudio_video.media.range_decoder import RangesDiffer
from avstudio_video.media.ranges import LEAST, Ranges

pytest.importorskip("cv2", reason="avstudio-video[opencv] is not installed")

Make = Callable[..., Path]
FRAMES = 3 * LEAST
FAST = {"preset": "ultrafast", "g": "16", "bf": "2"}
OPEN = {"preset": "ultrafast", "g": "16", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal"}
INTERLACED = FAST | {"x264-params": "interlaced=1"}
H265 = {"preset": "ultrafast", "x265-params": "keyint=16:min-keyint=16:bframes=3:open-gop=1:log-level=0"}
VARIABLE = [*range(LEAST), *range(LEAST, 5 * LEAST, 2)]
MEDIA: dict[str, tuple[str, dict[str, Any]]] = {
    "B frames in MP4": ("a.mp4", {"options": FAST}),
    "open groups in MP4": ("a.mp4", {"options": OPEN}),
    "open groups in Matroska": ("a.mkv", {"options": OPEN}),
    "open groups in MPEG-TS": ("a.ts", {"options": OPEN}),
    "interlaced": ("a.ts", {"options": INTERLACED}),
    "H.265": ("a.mkv", {"codec": "libx265", "options": H265}),
    "MPEG-2": ("a.ts", {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}}),
    "MPEG-4 without times in AVI": ("a.avi", {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}}),
    "key frames only": ("a.mov", {"codec": "mjpeg", "format": "yuvj420p"}),
    "a variable rate": ("a.mp4", {"options": FAST, "times": VARIABLE}),
    "a late start": ("a.mkv", {"options": FAST, "times": [50 + n for n in range(FRAMES)]}),
    "one key frame": ("a.mp4", {"options": {"preset": "ultrafast", "g": "9999", "sc_threshold": "0"}}),
    "10 bits": ("a.mkv", {"codec": "libx265", "options": H265, "format": "yuv420p10le"}),
}


def seen(path: Path, decoders: int) -> list[tuple[int, tuple[int, int]]]:
    """The time stamp of each frame, with its checksum and that of the frame before it."""

    def viewer() -> Viewer[tuple[int, int]]:
        last = [0]

        def checksums(stamp: int, frame: Any) -> tuple[int, int]:
            last.append(zlib.crc32(b"".join(bytes(one) for one in frame.reformat(format="rgb24").planes)))
            return last[-1], last[-2]

        return checksums

    return [*FramePass(path, None, USUAL, lambda part: None).views(viewer, decoders)]


@pytest.mark.parametrize("kind", MEDIA)
def test_several_decoders_see_what_one_sees(write: Make, kind: str) -> None:
    name, settings = MEDIA[kind]
    path = write(name, FRAMES, **settings)
    alone = seen(path, 1)
    assert len(alone) == FRAMES
    assert seen(path, 2) == alone
    assert seen(path, 3) == alone


def test_each_packet_is_read_once_and_decoded_once_but_for_one_key_frame_a_range(write: Make) -> None:
    with av.open(str(write("a.mp4", FRAMES, options=OPEN))) as file:
        ranges, given = Ranges(packet for packet in file.demux(video=0) if packet.size), Counter[int]()
        parts = [*iter_ranges(ranges)]
        for part in parts[::-1]:  # the last one reads all packets, and those of the others wait
            given.update(packet.pts or 0 for packet in ranges.packets(part))
    ends = [part.end for part in parts if part.end is not None]
    assert len(ends) == 2
    assert len(given) == FRAMES
    assert sorted(pts for pts, times in given.items() if times > 1) == ends
    assert given.total() == FRAMES + 2


def iter_ranges(ranges: Ranges) -> Iterator[Any]:
    for number in count():
        if (part := ranges.find(number)) is None:
            return
        yield part


def test_decoders_that_do_not_meet_in_the_same_picture_are_refused(write: Make) -> None:
    refresh = {"preset": "ultrafast", "g": "16", "bf": "0", "x264-params": "intra-refresh=1"}
    path = write("a.ts", FRAMES, options=refresh)
    with pytest.raises(RangesDiffer):
        seen(path, 2)


@pytest.fixture(scope="module")
def studios(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Studio]]:
    """Studios that use one core and two."""
    with (
        Studio(
            home=tmp_path_factory.mktemp("one"), executor="inline", plugins="", add=[avstudio_video], threads=1
        ) as a,
        Studio(
            home=tmp_path_factory.mktemp("two"), executor="inline", plugins="", add=[avstudio_video], threads=2
        ) as b,
    ):
        yield [a, b]


def film() -> list[Any]:
    """Shots of 40 frames, and a black one, with bars."""
    dice, made = np.random.default_rng(4), []
    for number in range(-(-FRAMES // 40)):
        blocks = dice.integers(0, 256, (6, 6, 3), np.uint8).repeat(16, 0).repeat(22, 1) * (number != 3)
        shot = [np.ascontiguousarray(blocks[n // 2 :, n // 2 :][:48, :64]) for n in range(40)]
        for picture in shot:
            picture[:6] = 0
        made += shot
    return made[:FRAMES]


def findings(studio: Studio, path: Path) -> list[Any]:
    """All that is found, with the bytes of all files."""
    everything = ["scenes", "look", "black", "letterbox", "keyframes", "silence", "loudness", "waveform", "speech"]
    found: Any = studio.run(
        "video.analyze",
        path,
        analyses=everything,
        detectors=["auto", "content", "hash", "histogram", "threshold"],
        thumbnails=2,
        contact_sheet=6,
        min_black=1,
    )
    files = [found.sheet, found.waveform, found.speech, *found.thumbnails.values()]
    told = [(one.code, one.message) for one in found.warnings]
    values = [found.scenes, found.events, found.letterbox, found.keyframes, found.loudness, found.frames, told]
    return [*values, *(file.path.read_bytes() for file in files)]


@pytest.mark.parametrize("options", [OPEN, FAST | {"bf": "0", "x264-params": "intra-refresh=1"}])
def test_all_analyses_find_the_same_on_two_cores(studios: list[Studio], write: Make, options: Any) -> None:
    path = write("a.ts", film(), options=options, sound=[440])
    one, two = (findings(studio, path) for studio in studios)
    assert len(one[0]) == 9
    assert [event.type for event in one[1]].count("black") == 1
    assert one == two


def test_damaged_files_give_the_same_on_two_cores(studios: list[Studio], write: Make) -> None:
    whole = write("a.mkv", film(), options=OPEN, sound=[440]).read_bytes()
    for number, place in enumerate((len(whole) // 4, len(whole) // 2)):
        data = bytearray(whole)
        data[place : place + 300] = bytes(300)
        path = write("b.mkv", 1).with_name(f"{number}.mkv")
        path.write_bytes(data)
        one, two = (findings(studio, path) for studio in studios)
        assert one == two


@pytest.mark.parametrize(("memory", "least", "most"), [(frame_pass.SHARED, 500, 500), (0, 250, 320)])
def test_a_decoder_goes_on_while_another_is_late_as_far_as_memory_allows(
    write: Make, monkeypatch: pytest.MonkeyPatch, memory: int, least: int, most: int
) -> None:
    path = write("a.mkv", 1000, options={"preset": "ultrafast", "g": "500", "keyint_min": "500", "sc_threshold": "0"})
    monkeypatch.setattr(frame_pass, "SHARED", memory)
    late, ahead = threading.Event(), list[int]()

    def note(stamp: int, frame: Any) -> None:
        if 4000 < stamp < 20_000:
            late.wait()
        elif stamp > 20_000:
            ahead.append(stamp)

    views = FramePass(path, None, USUAL, lambda part: None).views(lambda: note, 2)
    next(views)
    try:
        until(lambda: len(ahead) >= least - 1)
        time.sleep(0.2)
        assert len(ahead) <= most
    finally:
        late.set()
    assert 1 + sum(1 for _ in views) == 1000


def test_an_error_of_one_thread_is_raised_in_its_place_and_ends_all_threads(write: Make) -> None:
    path = write("a.mkv", FRAMES, options=FAST)

    def fail_late(stamp: int, frame: Any) -> int:
        if stamp > 8000:
            raise OSError("No space left")
        return stamp

    views = FramePass(path, None, USUAL, lambda part: None).views(lambda: fail_late, 2)
    assert [next(views)[0] for _ in range(201)] == [*range(0, 8001, 40)]
    with pytest.raises(OSError, match="No space left"):
        next(views)
    assert not [one for one in threading.enumerate() if one.name == "avstudio-ahead"]
