"""Small files with false headers are refused, or limited by settings, in little time and memory."""

from __future__ import annotations

import resource
import struct
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile as sf

import avstudio_audio
from avstudio_audio.media.contents import probe
from avstudio_audio.media.decode import decode
from avstudio_audio.media.limits import USUAL, Limits
from avstudio_audio.media.tag_count import MOST
from avstudio_core import Studio
from avstudio_core.errors import NotEnoughMemory, TaskFailed, UnreadableMedia

MB = 1_000_000


@pytest.fixture
def bomb(tmp_path: Path) -> Callable[..., Path]:
    """Digital silence, for hours, in a file of a few MB or less."""

    def make(name: str, codec: str, hours: float, rate: int = 8_000) -> Path:
        path = tmp_path / name
        quick = {"compression_level": "0", "frame_duration": "60"} if codec == "libopus" else {}
        with av.open(str(path), "w") as file:
            stream: Any = file.add_stream(codec, rate=rate, options=quick)
            stream.layout, stream.bit_rate = "mono", 6_000
            minute = np.zeros((1, 60 * rate), np.int16)
            for number in range(round(60 * hours)):
                frame = av.AudioFrame.from_ndarray(minute, "s16", "mono")
                frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), number * 60 * rate
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        return path

    return make


def peak_mb(work: Callable[[], Any]) -> float:
    """The memory that work takes, as Python counts it, in MB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("rate", [1, 7, 99])
@pytest.mark.parametrize("name", ["a.wav", "a.aiff"])
def test_a_rate_that_no_sound_has_is_refused_by_the_header(tmp_path: Path, name: str, rate: int) -> None:
    sf.write(tmp_path / "right.wav", np.zeros(40_000), 8_000)
    sf.write(tmp_path / name, np.zeros(40_000), rate)

    def refused() -> None:
        with pytest.raises(UnreadableMedia, match=f"states a sample rate of {rate} Hz, which is not a possible rate"):
            decode(tmp_path / name, rate=16_000, channels=1)

    decode(tmp_path / "right.wav", rate=16_000)  # loads the libraries
    assert peak_mb(refused) < 1


@pytest.mark.parametrize(("name", "codec"), [("a.flac", "flac"), ("a.wv", "wavpack"), ("a.opus", "libopus")])
def test_sound_that_is_too_long_is_refused_by_its_header(bomb: Any, name: str, codec: str) -> None:
    path = bomb(name, codec, 0.5)
    limits = Limits(seconds=1_000)
    assert decode(path, span=(1_700, 1_710), limits=limits).duration == pytest.approx(10, abs=0.1)

    def refused() -> None:
        with pytest.raises(UnreadableMedia, match=r"'.*' has more than 1000 s of sound.*setting 'media_seconds'"):
            decode(path, rate=16_000, channels=1, limits=limits)

    assert peak_mb(refused) < 1


def test_sound_that_takes_too_much_memory_is_refused_by_its_header(bomb: Any) -> None:
    path = bomb("a.flac", "flac", 0.5)
    assert decode(path, limits=Limits(mb=58)).duration == 1_800

    def refused() -> None:
        with pytest.raises(NotEnoughMemory, match=r"takes more than 58 MB of memory.*setting 'media_mb'"):
            decode(path, rate=44_100, channels=2, limits=Limits(mb=58))

    assert peak_mb(refused) < 1


@pytest.mark.parametrize("limits", [Limits(seconds=100), Limits(mb=4)])
def test_a_header_that_tells_no_length_helps_nothing(write: Any, limits: Limits) -> None:
    silence = np.zeros((1, 300 * 8_000), np.float32)
    path = write("a.mka", "flac", silence, 8_000, options={"live": "1"})

    def refused() -> None:
        with pytest.raises((UnreadableMedia, NotEnoughMemory), match=r"has more than 100 s|takes more than 4 MB"):
            decode(path, limits=limits)

    assert peak_mb(refused) < 12
    assert decode(path, limits=Limits(0, 0, 0)).duration == 300


def test_a_guessed_length_refuses_nothing(write: Any, music: Any) -> None:
    """The first frames of this MP3 have 32 kbit/s, the others 320."""
    quiet = write("quiet.mp3", "libmp3lame", np.zeros((1, 44_100 * 9), np.float32), 44_100, options={"write_xing": "0"})
    loud = write("loud.mp3", "libmp3lame", music(1, 44_100, 2.0), 44_100, options={"write_xing": "0"})
    quiet.write_bytes(quiet.read_bytes() + loud.read_bytes())
    assert decode(quiet, limits=Limits(seconds=12)).duration == pytest.approx(11.1, abs=0.1)


@pytest.mark.parametrize("use", [probe, decode])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_more_streams_than_allowed_are_refused(tmp_path: Path, name: str, use: Callable[..., Any]) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as file:
        for _ in range(8):
            file.add_stream("aac", rate=44_100)
        for stream in file.streams.audio:
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1_024), np.float32), "fltp", "stereo")
            frame.sample_rate = 44_100
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    with pytest.raises(UnreadableMedia, match=r"'.*' has more than 7 streams.*setting 'media_streams'"):
        use(path, limits=Limits(streams=7))
    assert [len(probe(path, Limits(streams=limit)).audio) for limit in (8, 0, 2**31 - 1, 2**40)] == [8] * 4


def id3(count: int, sound: bytes) -> bytes:
    frames = b"".join(
        b"TXXX" + struct.pack(">I", len(body)) + b"\0\0" + body
        for body in (b"\0k%d\0v" % number for number in range(count))
    )
    length = bytes(len(frames) >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + length + frames + sound


def flac(count: int, sound: bytes) -> bytes:
    comments = b"".join(struct.pack("<I", len(one)) + one for one in (b"k%d=v" % number for number in range(count)))
    block = struct.pack("<I", 1) + b"x" + struct.pack("<I", count) + comments
    return sound[:42] + b"\x04" + len(block).to_bytes(3, "big") + block + sound[42:]


def wav(count: int, sound: bytes) -> bytes:
    entries = b"".join(b"%04d" % number + struct.pack("<I", 2) + b"v\0" for number in range(count))
    return sound + b"LIST" + struct.pack("<I", len(entries) + 4) + b"INFO" + entries


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def m4a(count: int, sound: bytes) -> bytes:
    entry = box(b"mean", bytes(4)), box(b"data", bytes([0, 0, 0, 1, 0, 0, 0, 0]) + b"v")
    entries = [box(b"----", entry[0] + box(b"name", bytes(4) + b"k%d" % n) + entry[1]) for n in range(count)]
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    tags = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", b"".join(entries))))
    place = sound.rfind(b"moov") - 4
    return sound[:place] + box(b"moov", sound[place + 8 :] + tags)


def element(kind: str, content: bytes) -> bytes:
    return bytes.fromhex(kind) + (1 << 56 | len(content)).to_bytes(8, "big") + content


def mka(count: int, sound: bytes) -> bytes:
    tags = [element("67c8", element("45a3", b"k%d" % number) + element("4487", b"v")) for number in range(count)]
    place = sound.index(bytes.fromhex("18538067"))
    rest = element("1254c367", element("7373", element("63c0", b"") + b"".join(tags))) + sound[place + 12 :]
    return sound[:place] + element("18538067", rest)


TAGGED: dict[str, tuple[str, Callable[[int, bytes], bytes]]] = {
    "a.mp3": ("libmp3lame", id3),
    "a.aac": ("aac", id3),
    "a.flac": ("flac", flac),
    "a.wav": ("pcm_s16le", wav),
    "a.m4a": ("aac", m4a),
    "a.mka": ("flac", mka),
}


@pytest.mark.parametrize("name", TAGGED)
@pytest.mark.parametrize("use", [probe, decode])
def test_too_many_tags_are_refused_before_they_are_read(
    write: Any, music: Any, name: str, use: Callable[..., Any]
) -> None:
    codec, tagged = TAGGED[name]
    path = write(name, codec, music(seconds=0.5), 44_100)
    sound = path.read_bytes()
    path.write_bytes(tagged(200, sound))
    assert len(probe(path).tags) >= 200
    path.write_bytes(tagged(8 * MOST, sound))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    with pytest.raises(UnreadableMedia, match=f"has more than {MOST} tags"):
        use(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 5  # and not 30, as it was


@pytest.mark.parametrize("kind", [b"moov", b"udta", b"meta"])
def test_folders_in_folders_have_an_end(tmp_path: Path, kind: bytes) -> None:
    content = b""
    for _ in range(5_000):
        content = box(kind, content)
    (tmp_path / "a.mp4").write_bytes(box(b"ftyp", b"isom" + bytes(4)) + content)
    with pytest.raises(UnreadableMedia):
        probe(tmp_path / "a.mp4")


class TestSettings:
    plugin = avstudio_audio

    def test_the_limits_are_settings(self, tmp_path: Path) -> None:
        settings: dict[str, Any] = {"home": tmp_path / "home", "executor": "inline", "media_streams": 3}
        with Studio(offline=True, **settings) as studio:
            assert Limits.of(studio.settings) == Limits(USUAL.seconds, USUAL.mb, 3)

    def test_a_processor_keeps_them(self, studio: Studio, tmp_path: Path) -> None:
        sf.write(tmp_path / "a.wav", np.zeros(40_000), 7)
        with pytest.raises(TaskFailed, match="7 Hz, which is not a possible rate"):
            studio.run("audio.transcribe", tmp_path / "a.wav")
