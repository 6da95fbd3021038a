"""Damaged and strange files: each processor gives a clear error, or a result that says what is missing."""

from __future__ import annotations

import random
import re
import struct
import wave
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from avstudio_core import Studio, TaskFailed

FRAMES = 40
KINDS = ("a.mp4", "a.mkv", "a.avi", "a.ts")
CODECS = {"a.avi": ("mpeg4", "libmp3lame"), "a.asf": ("mpeg4", "libmp3lame"), "a.mxf": ("mpeg2video", "pcm_s16le")}
REFUSALS = {"unreadable_media", "no_video_stream", "no_audio_stream", "invalid_input"}
PROCESSORS: dict[str, dict[str, Any]] = {
    "video.probe": {},
    "video.analyze": {"analyses": ["black", "keyframes"]},
    "video.extract_audio": {"format": "wav"},
    "video.cut": {"keep": "0-0.5"},
    "video.mux": {},
    "video.effects": {"chain": ["flip"]},
}


def mutant(whole: bytes, dice: random.Random) -> tuple[str, bytes]:
    """A damaged copy, and what was done to it."""
    kind = dice.choice(["cut", "flipped", "header", "erased", "repeated"])
    data, place = bytearray(whole), dice.randrange(len(whole))
    if kind == "cut":
        del data[place:]
    elif kind == "flipped":
        for _ in range(dice.randint(1, 40)):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif kind == "header":
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(min(2000, len(data)))] = dice.randrange(256)
    elif kind == "erased":
        data[place : place + 300] = bytes(len(data[place : place + 300]))
    else:
        data[place:place] = data[place : place + 500]
    return kind, bytes(data)


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A short video in each container."""
    folder = tmp_path_factory.mktemp("wholes")
    return {name: made(folder / name, FRAMES).read_bytes() for name in KINDS}


@pytest.mark.parametrize("tens", range(10))
def test_a_damaged_file_is_refused_or_told_and_never_shorter_in_silence(
    shared_studio: Studio, wholes: dict[str, bytes], tmp_path: Path, tens: int
) -> None:
    for number in range(10 * tens, 10 * tens + 10):
        name, others = KINDS[number % len(KINDS)], [*PROCESSORS.items()]
        kind, data = mutant(wholes[name], random.Random(number))
        (path := tmp_path / f"{number}-{name}").write_bytes(data)
        outcome(shared_studio, path, *others[number // len(KINDS) % len(others)])
        found = outcome(shared_studio, path, "video.decode", {"fps": 50, "format": "npz"})
        if isinstance(found, str):
            continue
        missing, told = len({one.index for one in found.index}) < FRAMES, bool(found.warnings)
        assert not missing or told or (kind, name) == ("cut", "a.ts"), (number, kind, name)  # it states no length


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mkv", {}),
        ("fast.mp4", {"movflags": "faststart"}),
        ("parts.mp4", {"movflags": "frag_keyframe+empty_moov"}),
        ("a.mov", {"movflags": "faststart"}),
        ("a.avi", {}),
        ("a.flv", {}),
        ("a.asf", {}),
        ("a.mxf", {}),
    ],
)
def test_each_processor_tells_once_that_the_end_of_a_file_is_missing(
    shared_studio: Studio, tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    whole = made(tmp_path / name, FRAMES, options=options, codecs=CODECS.get(name, ("libx264", "aac")))
    for part in (1.0, 0.97, 0.6):
        path = tmp_path / f"cut.{name}"
        path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * part)])
        for processor, params in {**PROCESSORS, "video.decode": {"count": 2}}.items():
            told = [one.code for one in shared_studio.run(processor, path, **params).warnings]
            assert told.count("truncated") == (part < 1), (part, processor)


def still(path: Path, codec: str, pixels: str) -> Path:
    """Noise as a picture in a file."""
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    with av.open(str(path), "w", format="gif" if codec == "gif" else "image2") as file:
        stream: Any = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixels)
        file.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def recording(path: Path) -> Path:
    """A second of silence."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    return path


def halved(path: Path, part: float = 0.6) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


@pytest.mark.parametrize(("name", "codec", "pixels"), [("a.jpg", "mjpeg", "yuvj420p"), ("a.gif", "gif", "rgb8")])
def test_a_picture_of_which_the_end_is_missing_is_told(
    shared_studio: Studio, tmp_path: Path, name: str, codec: str, pixels: str
) -> None:
    film, path = made(tmp_path / "film.mp4", 5), still(tmp_path / name, codec, pixels)
    for cut in (False, True):
        path = halved(path) if cut else path
        runs: list[tuple[Path, str, dict[str, Any]]] = [
            (path, "video.probe", {}),
            (path, "video.decode", {"count": 1}),
            (path, "video.analyze", {"analyses": ["black"]}),
            (path, "video.effects", {"chain": ["flip"]}),
            (film, "video.effects", {"chain": ["overlay"], "overlays": [path]}),
            (film, "video.concat", {"inputs": [path], "mode": "encode"}),
            (film, "video.mux", {"cover": path}),
        ]
        found = [outcome(shared_studio, *run) for run in runs]
        assert [[one.code for one in made.warnings].count("truncated") for made in found] == [cut] * len(runs)


def test_a_thumbnail_in_a_picture_does_not_end_it(shared_studio: Studio, tmp_path: Path) -> None:
    whole = still(tmp_path / "a.jpg", "mjpeg", "yuvj420p").read_bytes()
    path = tmp_path / "b.jpg"
    path.write_bytes(whole[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(whole)) + whole + whole[2 : len(whole) // 2])
    [told] = shared_studio.run("video.decode", path, count=1).warnings
    assert told.message == "'b.jpg' is cut short: the end of the picture is missing."


def test_a_recording_with_less_sound_than_its_header_states_is_told(shared_studio: Studio, tmp_path: Path) -> None:
    film, path = made(tmp_path / "film.mp4", 5), halved(recording(tmp_path / "a.wav"))
    for found in (
        shared_studio.run("video.extract_audio", path, format="flac"),
        shared_studio.run("video.mux", film, sound=[path], format="mkv"),
    ):
        [told] = [one.message for one in found.warnings if one.code == "truncated"]
        assert told == "'a.wav' is cut short: it has 9626 of the 16044 bytes that its header states."


def test_the_exif_data_of_a_photo_is_skipped(shared_studio: Studio, tmp_path: Path) -> None:
    contents = shared_studio.run("video.probe", still(tmp_path / "a.tiff", "tiff", "rgb24")).contents
    assert (contents.video[0].width, contents.video[0].hdr) == (64, None)


def test_sizes_that_change_are_told_where_pictures_are_compared_or_written(
    shared_studio: Studio, tmp_path: Path
) -> None:
    one, other = (made(tmp_path / f"{n}.h264", 25, sounds=0, size=(64 * n, 48 * n)) for n in (1, 2))
    (path := tmp_path / "a.h264").write_bytes(one.read_bytes() + other.read_bytes())
    runs: dict[str, dict[str, Any]] = {
        "video.analyze": {"analyses": ["scenes", "black", "letterbox"], "contact_sheet": 4},
        "video.effects": {"chain": ["flip"]},
        "video.cut": {"keep": ["0-2"]},
    }
    for processor, params in runs.items():
        found = shared_studio.run(processor, path, **params)
        [told] = [told.message for told in found.warnings if told.code == "size_changed"]
        assert told.startswith("25 frames"), processor


def test_a_stream_without_times_is_muxed_after_what_the_hint_says(shared_studio: Studio, tmp_path: Path) -> None:
    path = made(tmp_path / "a.h264", 10, sounds=0)
    with pytest.raises(TaskFailed, match="does not have times") as refused:
        shared_studio.run("video.mux", path, video_codec="h264")
    assert "video.cut with keep '0-'" in str(refused.value.hint)
    timed = shared_studio.run("video.cut", path, keep=["0-"]).video.path
    assert shared_studio.run("video.mux", timed, format="mkv").tracks[0].copied


def test_frames_with_the_times_of_others_are_told(shared_studio: Studio, tmp_path: Path) -> None:
    path = made(tmp_path / "a.ts", 25, sounds=0)
    path.write_bytes(path.read_bytes() * 2)  # its times begin again
    runs: dict[str, dict[str, Any]] = {
        "video.decode": {"count": 1},
        "video.analyze": {},
        "video.cut": {"keep": ["0-0.5"]},
    }
    for processor, params in runs.items():
        told = [one.message for one in shared_studio.run(processor, path, **params).warnings]
        assert "'a.ts' is damaged: 25 frames have the times of others, and are left out." in told


@pytest.fixture(scope="module")
def packets(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A transport stream."""
    whole = made(tmp_path_factory.mktemp("ts") / "a.ts", 50).read_bytes()
    return [whole[start : start + 188] for start in range(0, len(whole), 188)]


COPIES: dict[str, dict[str, Any]] = {
    "video.extract_audio": {"mode": "copy"},
    "video.mux": {"format": "mkv"},
    "video.cut": {"keep": ["0-1.5"], "mode": "keyframe"},
}


@pytest.mark.parametrize("processor", COPIES)
def test_packets_that_are_too_damaged_to_be_copied_are_left_out_and_told(
    shared_studio: Studio, tmp_path: Path, packets: list[bytes], processor: str
) -> None:
    (path := tmp_path / "a.ts").write_bytes(b"".join(one for n, one in enumerate(packets) if n % 13 or n < 20))
    told = shared_studio.run(processor, path, **COPIES[processor]).warnings
    lost = r"\d+ packets are (too damaged to be copied|lost)"
    assert any(re.search(lost, one.message) for one in told if one.code == "damaged")


@pytest.mark.parametrize("processor", ["video.extract_audio", "video.mux", "video.probe"])
def test_a_gap_of_copied_sound_and_of_a_probed_picture_is_told(
    shared_studio: Studio, tmp_path: Path, packets: list[bytes], processor: str
) -> None:
    (path := tmp_path / "a.ts").write_bytes(b"".join(packets[:20] + packets[len(packets) // 2 :]))
    assert "gaps" in [one.code for one in shared_studio.run(processor, path, **COPIES.get(processor, {})).warnings]


def outcome(studio: Studio, path: Path, processor: str, params: dict[str, Any]) -> Any:
    """The result, or the cause for a file that is refused with a clear error."""
    try:
        return studio.run(processor, path, **params)
    except TaskFailed as error:
        assert error.cause in REFUSALS, (path.name, processor, str(error))
        return error.cause


def made(
    path: Path,
    count: int,
    rate: int = 25,
    sounds: int = 1,
    size: tuple[int, int] = (64, 48),
    options: dict[str, str] | None = None,
    codecs: tuple[str, str] | None = None,
) -> Path:
    """A small video with sounds."""
    options = options if options is not None else {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    picture, sound = codecs or ("mpeg4" if path.suffix == ".avi" else "libx264", "aac")
    with av.open(str(path), "w", options=options) as file:
        stream: Any = file.add_stream(picture, rate=rate)
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height, stream.options = *size, {"bf": "2", "g": "10"}
        heard: list[Any] = [file.add_stream(sound, rate=48_000) for _ in range(sounds)]
        for track in heard:
            hiss = np.random.default_rng(0).normal(0, 0.1, (2, max(1024, 48_000 * count // rate)))
            block = AudioFrame.from_ndarray(hiss.astype(np.float32), "fltp", "stereo")
            block.sample_rate = 48_000
            file.mux(track.encode(block))
        for number in range(count):
            file.mux(
                stream.encode(
                    av.VideoFrame.from_ndarray(np.full((*size[::-1], 3), 5 * number % 256, np.uint8), "rgb24")
                )
            )
        for track in (stream, *heard):
            file.mux(track.encode(None))
    return path


def sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as file:
        _beep(file, file.add_stream("aac", rate=48_000))
    return path


def cover_only(path: Path) -> Path:
    """A sound file with a picture."""
    with av.open(str(path), "w", format="mp3") as file:
        track: Any = file.add_stream("libmp3lame", rate=48_000)
        cover: Any = file.add_stream("png")
        cover.width, cover.height, cover.pix_fmt = 16, 16, "rgb24"
        file.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")))
        _beep(file, track)
    return path


def _beep(file: Any, track: Any) -> None:
    wave = AudioFrame.from_ndarray(np.zeros((2, 9600), np.float32), "fltp", "stereo")
    wave.sample_rate = 48_000
    file.mux([*track.encode(wave), *track.encode(None)])


def no_frames(path: Path) -> Path:
    """A header of a video, and nothing after it."""
    whole = made(path, 2, sounds=0).read_bytes()
    path.write_bytes(whole[: whole.index(b"\x1f\x43\xb6\x75")])  # Matroska's clusters begin here
    return path


def bomb(path: Path) -> Path:
    """A few bytes that say that they are a picture of 30000x30000 pixels."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def text(path: Path, words: str) -> Path:
    path.write_text(words, encoding="utf-8")
    return path


CUES = "1\n00:00:00,000 --> 00:00:01,000\nHello\n\n2\n00:00:01,000 --> 00:00:02,000\nHello\n"
STRANGE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "sound.mp4": (sound_only, "no_video_stream"),
    "cover.mkv": (cover_only, "no_video_stream"),
    "subtitles.mkv": (lambda path: text(path, CUES), "no_video_stream"),
    "no_frames.mkv": (no_frames, "unreadable_media"),
    "bomb.mkv": (bomb, "unreadable_media"),
    "streams.mkv": (lambda path: made(path, 2, sounds=101), "unreadable_media"),
    "playlist.mkv": (lambda path: text(path, "#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"), "unreadable_media"),
    "concat.mkv": (lambda path: text(path, "ffconcat version 1.0\nfile /etc/passwd\n"), "unreadable_media"),
    "session.mkv": (lambda path: text(path, "v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"), "unreadable_media"),
    "fast.mkv": (lambda path: made(path, 60, rate=1000), ""),
    "one.mp4": (lambda path: made(path, 1), ""),
}


ELSE: dict[tuple[str, str], str] = {
    ("sound.mp4", "video.extract_audio"): "",
    ("cover.mkv", "video.extract_audio"): "",
    ("subtitles.mkv", "video.extract_audio"): "no_audio_stream",
    ("bomb.mkv", "video.extract_audio"): "no_audio_stream",
    ("bomb.mkv", "video.probe"): "",
}
"""What a processor says that does not say the same as the others; a probe only reads the header of a bomb."""


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_file_gives_a_result_or_the_error_that_tells_it(
    shared_studio: Studio, tmp_path: Path, name: str
) -> None:
    make, refusal = STRANGE[name]
    path = make(tmp_path / name)
    for processor, params in (PROCESSORS | {"video.decode": {"count": 1}}).items():
        found = outcome(shared_studio, path, processor, params)
        told = found if isinstance(found, str) else ""
        assert told == ELSE.get((name, processor), refusal), processor


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("processor", ["video.cut", "video.concat"])
def test_a_picture_of_one_pixel_is_cut_and_joined(
    shared_studio: Studio, write: Callable[..., Path], size: tuple[int, int], processor: str
) -> None:
    path = write("a.mov", [np.full((size[1], size[0], 3), 150, np.uint8)] * 5, codec="png", format="rgb24")
    params = {"keep": ["0.04-0.12"], "mode": "exact"} if processor == "video.cut" else {"inputs": [path]}
    made = shared_studio.run(processor, path, **params)
    with av.open(str(made.video.path)) as file:
        frames = [one.to_ndarray(format="rgb24") for one in file.decode(video=0)]
    assert len(frames) == (2 if processor == "video.cut" else 10)
    assert {one.shape[:2] for one in frames} == {(max(2, size[1] // 2 * 2), max(2, size[0] // 2 * 2))}
    assert all(np.abs(one.astype(int) - 150).max() < 6 for one in frames)


def test_a_negative_rate_of_the_sound_is_no_error(shared_studio: Studio, write: Callable[..., Path]) -> None:
    path = write("a.mov", 12, codec="mpeg4", sound=[440], sound_codec="alac")
    stored = path.read_bytes()
    cookie = stored.rindex((48_000).to_bytes(4))
    path.write_bytes(stored[:cookie] + bytes([255, 255, 0, 0]) + stored[cookie + 4 :])
    assert shared_studio.run("video.probe", path).contents.audio[0].rate == 0
    assert shared_studio.run("video.cut", path, keep=["0-0.2"]).duration == pytest.approx(0.2)
