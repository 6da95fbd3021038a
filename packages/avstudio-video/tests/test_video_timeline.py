"""The files of `video.cut` and `video.concat`: frames with known numbers and samples with known values are in place."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import avstudio_video
from avstudio_core import Studio, TaskFailed
from avstudio_core.documents.transcript import Segment, Transcript, Word
from avstudio_core.errors import InvalidParams
from avstudio_core.testing import ProcessorContract

Make = Callable[..., Path]
PLAIN = {"options": {"crf": "4", "bf": "2", "g": "10", "sc_threshold": "0"}}


def numbered(count: int, size: tuple[int, int] = (64, 48)) -> list[NDArray[np.uint8]]:
    """Frames with their number as dark and bright bars: the binary digits, the last one first."""
    made = []
    for number in range(count):
        picture = np.full((size[1], size[0], 3), 60, np.uint8)
        for bit in range(8):
            picture[:, bit * size[0] // 8 : (bit + 1) * size[0] // 8] = 220 if number >> bit & 1 else 30
        made.append(picture)
    return made


def number_of(frame: Any) -> int:
    grey = frame.to_ndarray(format="gray")
    width = grey.shape[1] // 8
    return sum(
        (grey[:, bit * width + width // 4 : bit * width + 3 * width // 4].mean() > 125) << bit for bit in range(8)
    )


def shown(path: Path) -> tuple[list[int], list[float]]:
    """The numbers of the frames of a file, and their times."""
    with av.open(str(path)) as file:
        frames: list[Any] = [*file.decode(video=0)]
        start = Fraction(file.start_time or 0, 1_000_000)
        return [number_of(one) for one in frames], [round(float(one.pts * one.time_base - start), 4) for one in frames]


def heard(path: Path, track: int = 0) -> NDArray[np.float32]:
    """The samples of a track of a file, `(channels, n)`."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[track]
        resampler = av.AudioResampler("fltp", stream.layout, stream.rate)
        blocks = [one.to_ndarray() for frame in file.decode(stream) for one in resampler.resample(frame)]
        return np.concatenate(blocks, 1)


def cut(studio: Studio, path: Path, **params: Any) -> Any:
    return studio.run("video.cut", path, **{"effort": "fast", "fade": 0, **params})


def ramp(seconds: float) -> NDArray[np.float32]:
    """Two channels in which each sample has a value of its own; 16 bits hold them."""
    count = round(48_000 * seconds)
    values = (np.arange(count) % 65_000 - 32_500) / 32_768
    return np.stack([values, -values]).astype(np.float32)


@pytest.fixture
def film(write: Make) -> Path:
    """Forty frames in 1.6 s, with a ramp of sound without loss."""
    return write("a.mkv", numbered(40), sound=[ramp(1.6)], sound_codec="flac", **PLAIN)


def test_an_exact_cut_has_exactly_the_frames_and_the_samples(shared_studio: Studio, film: Path) -> None:
    result = cut(shared_studio, film, keep=["0.12-0.4", "0.92-1.2"])
    numbers, times = shown(result.video.path)
    assert numbers == [*range(3, 10), *range(23, 30)]
    assert times == [round(0.04 * n, 4) for n in range(14)]
    sound, source = heard(result.video.path), ramp(1.6)
    expected = np.concatenate([source[:, 5760:19200], source[:, 44160:57600]], 1)
    assert sound.shape == expected.shape
    assert np.abs(sound - expected).max() < 1 / 32_768 + 1e-6
    assert (result.video.media_type, result.video.facts.duration) == ("video/x-matroska", 0.56)


@pytest.mark.parametrize(("codec", "written"), [("pcm_s24le", "flac"), ("pcm_s24le", "alac"), ("pcm_f32le", "pcm")])
def test_the_bits_of_sound_without_loss_are_kept(shared_studio: Studio, write: Make, codec: str, written: str) -> None:
    fine = ramp(0.4) / 256 + (0.0 if codec == "pcm_s24le" else 1.5)  # which 16 bits round away, or cut off
    path = write("a.mkv", numbered(10), sound=[fine], sound_codec=codec)
    other = shared_studio.run("video.mux", path, format="mkv", audio_codec=written).video.path
    joined = shared_studio.run("video.concat", other, inputs=[other], mode="encode", effort="fast", fade=0).video.path
    for made, source in (
        (other, fine),
        (joined, np.tile(fine, 2)),
        (cut(shared_studio, other, keep=["0-"]).video.path, fine),
    ):
        assert np.abs(heard(made) - source).max() < 2**-23


def test_many_cuts_do_not_drift(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", numbered(120), rate=Fraction(30000, 1001), sound=[ramp(4.004)], sound_codec="flac", **PLAIN)
    spans = [f"{(3 * n) * 1001 / 30000:.5f}-{(3 * n + 2) * 1001 / 30000:.5f}" for n in range(40)]
    result = cut(shared_studio, path, keep=spans)
    numbers, times = shown(result.video.path)
    assert numbers == [3 * n + one for n in range(40) for one in range(2)]
    assert times == pytest.approx([n * 1001 / 30000 for n in range(80)], abs=0.00101)
    assert heard(result.video.path).shape[1] == round(80 * 1001 / 30000 * 48_000)


def test_a_variable_rate_stays_as_it_is(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", numbered(8), times=[0, 1, 2, 6, 7, 11, 12, 20], **PLAIN)
    result = cut(shared_studio, path, keep=["0.04-0.28", "0.44-"])
    assert shown(result.video.path) == ([1, 2, 3, 5, 6, 7], [0, 0.04, 0.2, 0.24, 0.28, 0.6])


def test_cuts_of_the_sound_fade_so_that_they_do_not_click(shared_studio: Studio, write: Make) -> None:
    full = np.full((2, 48_000), 0.5, np.float32)
    path = write("a.mkv", numbered(25), sound=[full], sound_codec="flac", **PLAIN)
    sound = heard(cut(shared_studio, path, remove=["0.4-0.6"], fade=5).video.path)[0]
    assert sound[19_200 - 241] == sound[19_200 + 240] == pytest.approx(0.5, abs=0.001)
    assert sound[19_199] == pytest.approx(0, abs=0.002) == sound[19_200]
    assert sound[19_200 - 120] == pytest.approx(0.25, abs=0.002)
    assert sound[0] == sound[-1] == pytest.approx(0.5, abs=0.001)


def test_a_cross_fade_shows_and_plays_both_parts(shared_studio: Studio, write: Make) -> None:
    pictures = [np.full((48, 64, 3), 40 if number < 15 else 200, np.uint8) for number in range(30)]
    path = write("a.mkv", pictures, sound=[np.full((2, 57_600), 0.3, np.float32)], sound_codec="flac", **PLAIN)
    result = cut(shared_studio, path, keep=["-0.4", "0.8-"], crossfade=0.16)
    with av.open(str(result.video.path)) as file:
        levels = [float(one.to_ndarray(format="gray").mean()) for one in file.decode(video=0)]
    assert len(levels) == 10 + 10 - 4
    assert levels[5] == pytest.approx(levels[0], abs=2)
    assert levels[10] == pytest.approx(levels[-1], abs=2)
    assert levels[6:10] == pytest.approx([levels[0] + n / 5 * (levels[-1] - levels[0]) for n in (1, 2, 3, 4)], abs=3)
    sound = heard(result.video.path)[0]
    assert len(sound) == 16 * 1920
    assert sound[8 * 1920] == pytest.approx(0.3 * 2**0.5, abs=0.01)
    assert [(round(one.new_start, 3), round(one.new_end, 3)) for one in result.parts] == [(0, 0.4), (0.24, 0.64)]


def test_all_tracks_are_cut_with_their_languages_and_sound_that_starts_late(shared_studio: Studio, write: Make) -> None:
    names = {0: {"language": "eng", "title": "Main"}, 1: {"language": "ger"}}
    path = write(
        "a.mkv", numbered(30), sound=[ramp(1.2), ramp(1.2)], sound_codec="flac", sound_start=0.4, sound_metadata=names
    )
    result = cut(shared_studio, path, keep=["0.2-0.8"])
    with av.open(str(result.video.path)) as file:
        assert [(one.language, one.metadata.get("title")) for one in file.streams.audio] == [
            ("eng", "Main"),
            ("ger", None),
        ]
    sound = heard(result.video.path, 1)
    assert sound.shape[1] == 28_800
    assert not sound[:, :9600].any()
    assert np.abs(sound[:, 9600:] - ramp(0.4)).max() < 1e-4


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_pictures_are_upright(shared_studio: Studio, write: Make, rotation: int) -> None:
    path = write("a.mp4", numbered(6, (64, 34)), rotation=rotation, **PLAIN)
    result = cut(shared_studio, path, keep=["0.12-"])
    with av.open(str(path)) as source, av.open(str(result.video.path)) as new:
        stored, frame = [*source.decode(video=0)][3], next(new.decode(video=0))
        expected = np.rot90(stored.to_ndarray(format="gray"), rotation // 90).astype(int)
        assert frame.rotation == 0
        assert np.abs(frame.to_ndarray(format="gray") - expected).mean() < 3


def test_chapters_are_at_their_new_times(shared_studio: Studio, write: Make) -> None:
    unit = Fraction(1, 1000)
    made = [("One", 0, 400), ("Two", 400, 800), ("Three", 800, 1200)]
    chapters = [
        {"id": n, "start": low, "end": high, "time_base": unit, "metadata": {"title": title}}
        for n, (title, low, high) in enumerate(made)
    ]
    path = write("a.mkv", numbered(30), chapters=chapters)
    result = cut(shared_studio, path, remove=["0.2-0.8"])
    with av.open(str(result.video.path)) as file:
        marks: list[Any] = file.chapters()
        found = [
            (one["metadata"]["title"], float(one["start"] * one["time_base"]), float(one["end"] * one["time_base"]))
            for one in marks
        ]
    assert found == [("One", 0, 0.2), ("Three", 0.2, 0.6)]


def timecode_of(studio: Studio, result: Any) -> str | None:
    """That of a new video, as `video.probe` finds it."""
    found: str | None = studio.run("video.probe", result.video.path).contents.timecode
    return found


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
@pytest.mark.parametrize(
    ("name", "rate", "first", "later"),
    [
        ("a.mov", Fraction(30000, 1001), "01:00:59;10", "01:01:00;02"),  # 00 and 01 of a minute do not exist
        ("a.mp4", Fraction(30000, 1001), "01:00:59:10", "01:01:00:00"),
        ("a.mkv", Fraction(25), "23:59:59:10", "00:00:00:05"),
    ],
)
def test_the_timecode_is_that_of_the_first_frame_that_is_kept(
    shared_studio: Studio, write: Make, mode: str, name: str, rate: Fraction, first: str, later: str
) -> None:
    path = write(name, numbered(30), rate=rate, metadata={"timecode": first}, **PLAIN)
    spans = [f"{float(20 / rate):.4f}-{float(25 / rate):.4f}", f"{float(28 / rate):.4f}-"]
    result = cut(shared_studio, path, keep=spans, mode=mode)
    assert timecode_of(shared_studio, result) == later
    assert timecode_of(shared_studio, joined(shared_studio, path, path)) == first
    trimmed = shared_studio.run("video.effects", path, chain=[f"trim {float(20 / rate):.6f} 9"], format=name[-3:])
    assert timecode_of(shared_studio, trimmed) == later


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
def test_the_title_of_a_cut_video_stays_and_the_time_of_its_recording_does_not(
    shared_studio: Studio, write: Make, mode: str
) -> None:
    path = write("a.mkv", numbered(10), tags={"title": "Sea", "creation_time": "2020-01-01T00:00:00Z"}, **PLAIN)
    with av.open(str(cut(shared_studio, path, keep=["0-0.2"], mode=mode).video.path)) as file:
        tags = {key.lower(): value for key, value in file.metadata.items()}
    assert (tags["title"], tags.get("creation_time")) == ("Sea", None)


def test_a_timecode_that_would_not_be_true_is_left_out_and_told(shared_studio: Studio, write: Make) -> None:
    path = write("a.mov", numbered(5), times=[0, 1, 5, 6, 20], metadata={"timecode": "01:00:00:00"}, **PLAIN)
    for mode in ("exact", "keyframe"):
        result = cut(shared_studio, path, keep=["0.2-"], mode=mode)
        assert timecode_of(shared_studio, result) is None
        assert "timecode_left_out" in [one.code for one in result.warnings]
    steady = write("b.mov", numbered(5), metadata={"timecode": "01:00:00:00"})
    for chain in ("speed 2", "reverse", "fps 10"):
        result = shared_studio.run("video.effects", steady, chain=[chain], format="mov")
        assert timecode_of(shared_studio, result) is None
        assert [one.code for one in result.warnings] == ["timecode_left_out"]


def test_a_timecode_that_mp4_cannot_store_is_left_out_and_told(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", numbered(30), rate=300, metadata={"timecode": "01:00:00:00"}, **PLAIN)
    made = [
        cut(shared_studio, path, keep=["0-0.05"], format="mp4"),
        cut(shared_studio, path, keep=["0-0.05"], format="mp4", mode="keyframe"),
        joined(shared_studio, path, path, format="mp4"),
        shared_studio.run("video.effects", path, chain=["flip"], format="mp4"),
        shared_studio.run("video.mux", path, format="mp4"),
    ]
    assert [timecode_of(shared_studio, one) for one in made] == [None] * 5
    for one in made:
        told = {each.message for each in one.warnings if each.code == "timecode_left_out"}
        assert told == {"The timecode of 'a.mkv' is left out: '01:00:00:00' cannot count 300 frames a second."}


def test_a_copy_begins_with_key_frames_and_says_so(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", numbered(60), sound=[440], **PLAIN)
    result = cut(shared_studio, path, keep=["0.5-0.8", "1.6-2"], mode="keyframe", exports=["otio"])
    kept = [(one.start, one.end) for one in result.parts]
    assert [start for start, _ in kept] == [0.4, 1.6]
    assert [one.code for one in result.warnings] == ["cut_moved"]
    numbers, _ = shown(result.video.path)
    assert numbers == [n for start, end in kept for n in range(round(start * 25), round(end * 25))]
    assert numbers[0] == 10
    assert abs(heard(result.video.path).shape[1] / 48_000 - result.duration) < 0.05
    with av.open(str(path)) as source, av.open(str(result.video.path)) as copy:
        packets = {bytes(one) for one in source.demux(video=0)}
        assert {bytes(one) for one in copy.demux(video=0)} <= packets


def test_a_copy_that_would_repeat_a_part_is_refused(shared_studio: Studio, write: Make) -> None:
    options = {"bf": "2", "x264-params": "open-gop=1:keyint=10:min-keyint=10:b-adapt=0:scenecut=0"}
    path = write("a.mp4", numbered(60), options=options)  # of its key frames, only the first can begin a stream
    with pytest.raises(TaskFailed, match="would be shown twice"):
        cut(shared_studio, path, keep=["0-0.76", "1.6-2.4"], mode="keyframe")


def test_chapters_of_a_copy_are_at_the_frames_that_are_played(shared_studio: Studio, write: Make) -> None:
    options = {"crf": "4", "x264-params": "open-gop=1:keyint=10:min-keyint=10:bframes=2:b-adapt=0:scenecut=0"}
    frames = numbered(60)
    one, other = (write(f"{n}.mp4", frames[n : n + 30], options=options) for n in (0, 30))
    film = shared_studio.run("video.concat", one, inputs=[other]).video.path  # a decoder can start at frames 0 and 30
    marked = shared_studio.run("video.mux", film, chapter_marks=["0:00 A", "0:01.8 B"]).video.path
    result = cut(shared_studio, marked, keep=["0-0.4", "1.7-2"], mode="keyframe")
    numbers, times = shown(result.video.path)
    assert numbers == [*range(10), *range(30, 50)]
    with av.open(str(result.video.path)) as file:
        second = file.chapters()[1]
    assert float(second["start"] * (second["time_base"] or 0)) == pytest.approx(times[numbers.index(45)], abs=0.001)


def test_the_size_of_a_copy_is_upright(shared_studio: Studio, write: Make) -> None:
    facts = cut(shared_studio, write("a.mp4", 10, rotation=90), keep=["0-0.4"], mode="keyframe").video.facts
    assert (facts.width, facts.height) == (48, 64)


def test_removals_within_one_group_of_pictures_cannot_be_copied(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", numbered(30), **PLAIN)
    result = cut(shared_studio, path, remove=["0.48-0.6"], mode="keyframe")
    assert [(one.start, one.end) for one in result.parts] == [(0, 1.2)]
    assert [one.code for one in result.warnings] == ["cut_moved"]


def test_the_transcript_of_the_new_video_has_the_words_that_are_left(
    shared_studio: Studio, film: Path, tmp_path: Path
) -> None:
    words = [
        Word(start=0.2 * n, end=0.2 * n + 0.2, text=f" {one}") for n, one in enumerate(["So", "um", "we", "go", "home"])
    ]
    said = Segment(id=0, start=0, end=1, text="So um we go home", words=words)
    document = tmp_path / "a.json"
    document.write_text(Transcript(language="en", duration=1.6, segments=[said]).written(), encoding="utf-8")
    result = cut(shared_studio, film, transcript=document, fillers=True, render=False, exports=["edl"])
    moved = Transcript.parse(result.words.path.read_text(encoding="utf-8"))
    assert moved.text == "So we go home"
    assert [round(word.start, 3) for word in moved.segments[0].words] == [0, 0.2, 0.4, 0.6]
    assert result.video is None


@pytest.mark.parametrize(("name", "codec", "format"), [("a.avi", "mpeg4", "mp4"), ("a.webm", "libvpx-vp9", "webm")])
def test_the_container_is_that_of_the_source_if_possible(
    shared_studio: Studio, write: Make, name: str, codec: str, format: str
) -> None:
    path = write(name, numbered(6), codec=codec, options={})
    result = cut(shared_studio, path, keep=["0.08-"])
    assert result.video.name == f"a.cut.{format}"
    assert shown(result.video.path)[0] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("processor", "params"),
    [
        ("video.mux", {"format": "mp4"}),
        ("video.cut", {"keep": ["0-0.5"]}),
        ("video.cut", {"mode": "keyframe", "keep": ["0-1"]}),
    ],
)
def test_mp3_of_a_rate_that_mp4_does_not_have_is_encoded_or_left_out(
    shared_studio: Studio, tmp_path: Path, processor: str, params: dict[str, Any]
) -> None:
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as file:
        stream, track = file.add_stream("mpeg4", rate=25), file.add_stream("libmp3lame", rate=8000)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        hum = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
        hum.sample_rate = 8000
        file.mux([*track.encode(hum), *track.encode(None)])
        for picture in numbered(25):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        file.mux(stream.encode(None))
    made = shared_studio.run(processor, path, **params)
    with av.open(str(made.video.path)) as file:
        sounds = [one.codec_context.codec.canonical_name for one in file.streams.audio]
    told = {"streams_left_out", "sound_encoded"} & {one.code for one in made.warnings}
    assert sounds == (["aac"] if params.get("mode") != "keyframe" else [])
    assert told or processor == "video.cut"


def test_a_picture_of_an_odd_size_is_followed_by_another_size(shared_studio: Studio, write: Make) -> None:
    odd = write("a.mkv", numbered(3, (65, 49)), codec="ffv1", options={})
    made = shared_studio.run("video.concat", odd, inputs=[write("b.mp4", 3)])
    with av.open(str(made.video.path)) as file:
        assert [(one.width, one.height) for one in file.decode(video=0)] == [(65, 49)] * 6


def test_ten_bits_are_kept(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", numbered(6), codec="libx265", format="yuv420p10le", options={"x265-params": "log-level=0"})
    with av.open(str(cut(shared_studio, path, keep=["0.08-"], crossfade=0.1).video.path)) as file:
        assert file.streams.video[0].codec_context.pix_fmt == "yuv420p10le"


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv422p", "yuv444p"])
def test_the_pixel_format_of_h264_is_kept_or_its_loss_is_told(shared_studio: Studio, write: Make, pixels: str) -> None:
    path = write("a.mp4", numbered(6), format=pixels)
    result = cut(shared_studio, path, keep=["0.08-"])
    with av.open(str(result.video.path)) as file:
        codec = file.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt, result.warnings) == ("h264", pixels, [])
    result = cut(shared_studio, path, keep=["0.08-"], codec="vp9")
    assert [one.code for one in result.warnings] == ["detail_reduced"]
    assert f"written as yuv420p here, and the picture of 'a.mp4' is {pixels}" in result.warnings[0].message


@pytest.mark.parametrize("opacity", [255, 0])
def test_transparency_that_an_encoded_cut_loses_is_told(shared_studio: Studio, tmp_path: Path, opacity: int) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgra"
        for _ in range(6):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 4), opacity, np.uint8), "bgra")))
        file.mux(stream.encode(None))
    result = cut(shared_studio, path, keep=["0.08-"], format="mkv", codec="h264")
    told = [one.message for one in result.warnings]
    assert ["without the transparency" in one for one in told] == ([False] if opacity else [False, True])
    assert cut(shared_studio, path, keep=["0.08-"]).warnings == []


def test_a_transport_stream_loses_no_frame(shared_studio: Studio, write: Make) -> None:
    path = write("a.ts", numbered(40), sound=[440], **PLAIN)
    exact = cut(shared_studio, path, keep=["0.06-0.22", "0.9-1.1"])
    assert (shown(exact.video.path)[0], exact.warnings) == ([1, 2, 3, 4, 22, 23, 24, 25, 26], [])
    numbers, _ = shown(cut(shared_studio, path, keep=["-0.4"], mode="keyframe").video.path)
    assert numbers[:10] == [*range(10)]


def test_a_damaged_file_is_told_and_keeps_its_length(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", numbered(60), sound=[440], **PLAIN)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(600) + whole[len(whole) // 2 + 600 :])
    result = cut(shared_studio, path, keep=["0.4-"])
    assert {"damaged", "frames_missing"} & {one.code for one in result.warnings}
    assert all("a.mkv" in one.message for one in result.warnings if one.code == "damaged" and "Track" in one.message)
    with av.open(str(result.video.path)) as file:
        assert (file.duration or 0) / 1_000_000 == pytest.approx(result.duration, abs=0.05)


@pytest.mark.parametrize("format", ["gif", "apng"])
def test_moving_images_are_cut_and_joined_as_what_they_are(shared_studio: Studio, tmp_path: Path, format: str) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs the extra 'text'")
    pictures = []
    for number in range(6):
        pixels = np.zeros((25, 33, 4), np.uint8)
        pixels[5:20, 5 * number : 5 * number + 8] = (200, 30 * number, 60, 255)
        pictures.append(image.fromarray(pixels))
    path = tmp_path / f"a.{'gif' if format == 'gif' else 'png'}"
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=[100, 100, 300, 100, 200, 100], disposal=2
    )
    for result, shown in (
        (cut(shared_studio, path, keep=["0.1-0.6", "0.8-"]), [1, 2, 3, 5]),
        (joined(shared_studio, path, path), [*range(6), *range(6)]),
    ):
        assert (result.warnings, result.video.name.endswith(format)) == ([], True)
        with image.open(result.video.path) as made:
            assert (made.n_frames, made.size) == (len(shown), (33, 25))
            for number, source in enumerate(shown):
                made.seek(number)
                now, then = (np.asarray(one.convert("RGBA"), int) for one in (made, pictures[source]))
                assert np.array_equal(now[..., 3], then[..., 3]), (number, source)
                assert np.abs(now - then)[then[..., 3] > 0].max() <= 8, (number, source)
    with pytest.raises(TaskFailed, match="cannot be copied as"):
        cut(shared_studio, path, keep=["0.1-0.4"], mode="keyframe")


def test_an_odd_row_or_column_that_a_codec_cannot_have_is_told(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", numbered(4, (64, 47)), codec="ffv1", format="yuv444p")
    assert cut(shared_studio, path, keep=["0.04-"]).video.facts.height == 47
    result = cut(shared_studio, path, keep=["0.04-"], codec="h264", format="mkv")
    assert "odd_size" in [one.code for one in result.warnings]


def test_what_a_copy_cannot_hold_is_refused(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", numbered(6))
    with pytest.raises(TaskFailed, match="'webm' does not take the codec 'h264' as it is"):
        cut(shared_studio, path, keep=["0-0.1"], mode="keyframe", format="webm")


@pytest.mark.parametrize(
    ("processor", "params", "code"),
    [
        ("video.cut", {"keep": ["0-0.1"]}, "streams_left_out"),
        ("video.cut", {"keep": ["0-0.1"], "mode": "keyframe"}, "streams_left_out"),
        ("video.concat", {"inputs": ["film"]}, "streams_left_out"),
        ("video.effects", {"chain": ["flip"]}, "tracks_left_out"),
    ],
)
@pytest.mark.parametrize("format", ["mp4", "mkv"])
def test_a_cover_that_is_left_out_is_told(
    shared_studio: Studio, write: Make, processor: str, params: dict[str, Any], code: str, format: str
) -> None:
    cover = write("cover.png", 1, codec="png", format="rgb24")
    film = shared_studio.run("video.mux", write("a.mp4", 5), cover=cover, format=format).video.path
    given = {**params, "inputs": [film]} if "inputs" in params else params
    warnings = shared_studio.run(processor, film, **given).warnings
    assert {one.code for one in warnings if "left out: 1 cover." in one.message} == {code}


def test_streams_that_are_left_out_are_told(shared_studio: Studio, nasa: Path) -> None:
    result = cut(shared_studio, nasa, keep=["1-1.2"], stream=0)
    assert [one.code for one in result.warnings] == ["streams_left_out"]
    assert result.warnings[0].message == "These streams of 'nasa_13013.mp4' are left out: 1 video."
    assert len(shared_studio.run("video.probe", result.video).contents.subtitles) == 2


def test_sound_before_the_first_picture_or_after_the_last_is_told(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 10, sound=[ramp(0.8)])
    assert [one.code for one in cut(shared_studio, path, keep=["0.2-"]).warnings] == ["sound_left_out"]
    assert cut(shared_studio, path, keep=["0-0.2"]).warnings == []
    late = write("b.mkv", 10, times=range(10, 20), sound=[ramp(0.8)])
    result = cut(shared_studio, late, keep=["0.1-0.6"])
    assert ["0.40 s of sound before its first picture" in one.message for one in result.warnings] == [True]
    assert cut(shared_studio, late, keep=["0.6-0.7"]).warnings == []


@pytest.mark.parametrize("format", ["mp4", "mkv"])
def test_a_copy_of_a_picture_that_begins_late_begins_with_it(shared_studio: Studio, write: Make, format: str) -> None:
    path = write(f"a.{format}", numbered(40), times=range(10, 50), sound=[440], **PLAIN)
    result = cut(shared_studio, path, remove=["0.8-1.2"], mode="keyframe")
    assert [(one.start, one.new_start) for one in result.parts] == [(0.4, 0), (1.2, pytest.approx(0.4))]
    numbers, times = shown(result.video.path)
    assert (numbers, times) == ([*range(10), *range(20, 40)], [round(0.04 * n, 4) for n in range(30)])
    assert heard(result.video.path).shape[1] / 48_000 == pytest.approx(1.2, abs=0.05)
    assert [one.code for one in result.warnings] == ["sound_left_out"]


def test_a_copy_of_hidden_frames_that_its_container_shows_says_where_the_parts_are(
    shared_studio: Studio, write: Make, edited: Callable[[Path, int], Path]
) -> None:
    path = edited(write("a.mp4", numbered(30), **PLAIN), 4)
    result = cut(shared_studio, path, keep=["0-0.3"], mode="keyframe", format="mkv")
    assert [(part.start, round(part.new_start, 3)) for part in result.parts] == [(0, 0.16)]
    assert "lead_in_shown" in [one.code for one in result.warnings]


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
def test_sound_that_a_truncated_file_only_states_is_not_left_out(shared_studio: Studio, write: Make, mode: str) -> None:
    path = write("a.mp4", 75, sound=[440], container={"movflags": "faststart"}, **PLAIN)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    result = cut(shared_studio, path, keep=["0-"], mode=mode)
    codes = [one.code for one in result.warnings]
    assert ("truncated" in codes, "sound_left_out" in codes) == (True, False)


def test_sound_after_the_last_picture_is_told_of_a_file_that_does_not_state_it(
    shared_studio: Studio, write: Make
) -> None:
    path = write("a.mkv", 10, sound=[ramp(0.8)], container={"live": "1"})
    assert [one.code for one in cut(shared_studio, path, keep=["0.2-"]).warnings] == ["sound_left_out"]


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
def test_sound_that_ends_long_before_the_picture_and_the_end_that_is_stated_is_told(
    shared_studio: Studio, write: Make, mode: str
) -> None:
    path = write("a.mkv", 75, sound=[440], **PLAIN)
    with av.open(str(path)) as source, av.open(str(path.with_name("b.mkv")), "w") as file:
        copies = {one.index: file.add_stream_from_template(one) for one in source.streams}
        for packet in source.demux():
            if packet.size and not (packet.stream_index and (packet.pts or 0) > 1000):
                packet.stream = copies[packet.stream_index]
                file.mux(packet)
    data = bytearray(path.with_name("b.mkv").read_bytes())
    at = data.rindex(b"00:00:01.")  # what it states of its sound
    data[at : at + 8] = b"00:00:03"
    path.write_bytes(data)
    (told,) = cut(shared_studio, path, keep=["0-2"], mode=mode).warnings
    assert (told.code, "its sound ends after 1.0" in told.message) == ("truncated", True)


class TestConcat(ProcessorContract):
    plugin = avstudio_video
    processor = "video.concat"
    params = {"format": "mp4"}  # noqa: RUF012

    @pytest.fixture
    def sample(self, write: Make) -> Path:
        return write("film.mp4", 10, sound=[440])

    @pytest.fixture
    def files(self, write: Make) -> dict[str, Any]:
        return {"inputs": [write("more.mp4", 10, sound=[660])]}


def joined(studio: Studio, first: Path, *others: Path, **params: Any) -> Any:
    return studio.run("video.concat", first, **{"inputs": [*others], "fade": 0, "effort": "fast", **params})


def test_videos_that_are_coded_alike_are_copied(shared_studio: Studio, write: Make) -> None:
    one = write("one.mp4", numbered(20), sound=[440], **PLAIN)
    two = write("two.mp4", numbered(15), sound=[660], **PLAIN)
    result = joined(shared_studio, one, two, one)
    numbers, times = shown(result.video.path)
    assert result.copied
    assert numbers == [*range(20), *range(15), *range(20)]
    assert times == [round(0.04 * n, 4) for n in range(55)]
    assert [(one.name, round(one.start, 3), round(one.end, 3)) for one in result.parts] == [
        ("one.mp4", 0, 0.8),
        ("two.mp4", 0.8, 1.4),
        ("one.mp4", 1.4, 2.2),
    ]
    with av.open(str(result.video.path)) as file:
        marks: list[Any] = file.chapters()
    assert [(one["metadata"]["title"], one["start"]) for one in marks] == [("one", 0), ("two", 800), ("one", 1400)]


def test_copies_of_pictures_that_begin_late_have_their_chapters_in_place(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", numbered(10), times=range(10, 20), sound=[440], **PLAIN)
    result = joined(shared_studio, path, path, mode="copy")
    assert shown(result.video.path) == ([*range(10)] * 2, [round(0.04 * n, 4) for n in range(20)])
    with av.open(str(result.video.path)) as file:
        marks: list[Any] = file.chapters()
    assert [(one["start"], one["end"]) for one in marks] == [(0, 400), (400, 800)]
    assert {one.code for one in result.warnings} == {"sound_left_out"}


def test_sound_after_the_last_picture_that_a_copy_leaves_out_is_told(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 10, sound=[ramp(0.8)])
    result = joined(shared_studio, path, write("b.mp4", 10, sound=[440]))
    assert result.copied
    assert [one.code for one in result.warnings] == ["sound_left_out"]


@pytest.mark.parametrize("shown", [{"rotation": 90}, {"colorspace": 5}, {"sample_aspect_ratio": Fraction(4, 3)}])
def test_videos_that_are_shown_in_other_ways_are_not_copied(
    shared_studio: Studio, write: Make, shown: dict[str, Any]
) -> None:
    film, other = (
        write("a.mkv", 4, codec="mpeg4", colorspace=1),
        write("b.mkv", 4, codec="mpeg4", **{"colorspace": 1} | shown),
    )
    assert joined(shared_studio, film, film).copied
    assert not joined(shared_studio, film, other).copied


def test_many_videos_are_not_open_at_once(shared_studio: Studio, write: Make) -> None:
    resource = pytest.importorskip("resource")
    path = write("a.mp4", 2, sound=[440])
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 12, usual[1]))
    try:
        result = joined(shared_studio, path, *[path] * 15, mode="encode")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
    assert len(result.parts) == 16


def test_other_videos_are_brought_to_the_size_and_the_sound_of_the_first(shared_studio: Studio, write: Make) -> None:
    tone = np.full((2, 38_400), 0.25, np.float32)
    one = write("one.mkv", numbered(20), sound=[tone], sound_codec="flac", **PLAIN)
    two = write("two.mkv", numbered(10, (96, 48)), codec="mpeg4", sound=[tone[:1, :19_200]], layout="mono")
    three = write("three.mkv", numbered(5), **PLAIN)
    result = joined(shared_studio, one, two, three)
    numbers, times = shown(result.video.path)
    assert not result.copied
    assert [*numbers[:20], *numbers[30:]] == [*range(20), *range(5)]
    assert times == [round(0.04 * n, 4) for n in range(35)]
    sound = heard(result.video.path)
    assert sound.shape == (2, 35 * 1920)
    assert np.abs(sound[:, :38_400] - 0.25).max() < 1e-3
    assert not sound[:, 30 * 1920 + 500 :].any()
    with av.open(str(result.video.path)) as file:
        wide = [*file.decode(video=0)][22].to_ndarray(format="gray")
    assert wide.shape == (48, 64)
    assert wide[:7].max() <= 20
    assert wide[24].max() > 100


def test_videos_of_different_rates_keep_their_times(shared_studio: Studio, write: Make) -> None:
    one = write("one.mp4", numbered(5), rate=25, **PLAIN)
    two = write("two.mp4", numbered(3), rate=10, **PLAIN)
    result = joined(shared_studio, one, two, mode="encode")
    assert shown(result.video.path) == ([0, 1, 2, 3, 4, 0, 1, 2], [0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.3, 0.4])
    assert result.duration == pytest.approx(0.5)


def test_videos_cross_fade_into_each_other(shared_studio: Studio, write: Make) -> None:
    dark, bright = ([np.full((48, 64, 3), level, np.uint8)] * 20 for level in (40, 200))
    result = joined(shared_studio, write("a.mp4", dark), write("b.mp4", bright), crossfade=0.4)
    with av.open(str(result.video.path)) as file:
        levels = [float(one.to_ndarray(format="gray").mean()) for one in file.decode(video=0)]
    assert len(levels) == 30
    assert np.all(np.diff(levels[9:21]) > 5)
    assert [(round(one.start, 3), round(one.end, 3)) for one in result.parts] == [(0, 0.8), (0.4, 1.2)]


def test_cross_fades_that_a_short_video_does_not_allow_are_told(shared_studio: Studio, write: Make) -> None:
    film, short = write("a.mkv", 20), write("b.mkv", 4)
    result = joined(shared_studio, film, short, film, crossfade=0.4)
    assert [round(one.start, 3) for one in result.parts] == [0, 0.72, 0.8]
    assert [one.code for one in result.warnings] == ["fade_shortened"]
    assert "2 of 2 cross-fades are shorter than 0.4 s, the shortest has 0.08 s" in result.warnings[0].message
    assert joined(shared_studio, film, film, crossfade=0.39).warnings == []


def test_what_cannot_be_copied_is_told_in_the_mode_copy(shared_studio: Studio, write: Make) -> None:
    one, two = write("one.mp4", 5), write("two.mp4", 5, codec="mpeg4")
    with pytest.raises(TaskFailed, match=r"'two\.mp4' cannot follow 'one\.mp4': its codec is mpeg4, not h264"):
        joined(shared_studio, one, two, mode="copy")
    with pytest.raises(TaskFailed, match="another number of tracks"):
        joined(shared_studio, one, write("three.mp4", 5, sound=[440]), mode="copy")


@pytest.mark.parametrize("params", [{"inputs": []}, {"mode": "copy", "crossfade": 1}])
def test_parameters_that_make_no_sense_are_refused_at_once(
    shared_studio: Studio, write: Make, params: dict[str, Any]
) -> None:
    path = write("a.mp4", 2)
    with pytest.raises(InvalidParams):
        joined(shared_studio, path, path, **params)


def test_the_drop_frame_rate_is_kept(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", numbered(10), rate=Fraction(30000, 1001), **PLAIN)
    with av.open(str(joined(shared_studio, path, path, mode="encode").video.path)) as file:
        assert file.streams.video[0].average_rate == Fraction(30000, 1001)


def test_sound_that_is_far_from_the_pictures_is_told_when_parts_are_copied(shared_studio: Studio, write: Make) -> None:
    apart = {"max_interleave_delta": "1"}  # all sound comes before all pictures in the file
    path = write("a.mkv", 150, sound=[440], container=apart)
    copied = shared_studio.run("video.cut", path, keep=["3.2-4"], mode="keyframe")
    assert [one.message for one in copied.warnings if one.code == "sound_left_out"] == [
        "Track 1 of 'a.mkv' is far from its pictures in the file, and missing in copied parts. "
        "Use the mode 'exact' or 'encode'."
    ]
    exact = shared_studio.run("video.cut", path, keep=["3.2-4"], format="mp4")
    assert exact.warnings == []
    assert shared_studio.run("video.probe", exact.video).contents.audio[0].duration == pytest.approx(0.8, abs=0.03)
    usual = write("b.mkv", 150, sound=[440])
    assert shared_studio.run("video.cut", usual, keep=["3.2-4"], mode="keyframe").warnings == []


def test_tracks_with_other_numbers_than_in_their_file_are_not_missed(shared_studio: Studio, nasa: Path) -> None:
    for result in (
        shared_studio.run("video.concat", nasa, inputs=[nasa], mode="copy"),
        shared_studio.run("video.cut", nasa, keep=["2-4", "6-8"], mode="keyframe"),
    ):
        assert "sound_left_out" not in [one.code for one in result.warnings]
        assert len(shared_studio.run("video.probe", result.video).contents.audio) == 2
