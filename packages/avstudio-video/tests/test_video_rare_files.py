"""What is easily lost in rare files: their ends, their times, and the styles and marks of their subtitles."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avstudio_core import Studio
from avstudio_core.errors import TaskFailed

Make = Callable[..., Path]
SRT = "1\n00:00:00,200 --> 00:00:00,400\nHello\n\n2\n00:00:00,600 --> 00:00:00,800\nAgain\n"
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Big,Arial,80\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)


def saved(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def grey(write: Make, name: str = "grey.mp4", size: tuple[int, int] = (128, 96), **settings: Any) -> Path:
    return write(name, [np.full((size[1], size[0], 3), 90, np.uint8)] * 25, **settings)


def drawn(pictures: list[Any]) -> list[int]:
    return [number for number, one in enumerate(pictures) if np.abs(one - 90).max() > 40]


def codes(result: Any) -> list[str]:
    return [one.code for one in result.warnings]


def half(path: Path, part: float = 0.6) -> Path:
    (cut := path.with_name(f"cut-{path.name}")).write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    return cut


@pytest.fixture
def film(shared_studio: Studio, write: Make, tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, subtitles: Path, **params: Any) -> Path:
        made = shared_studio.run("video.mux", write(f"plain-{name}", 100, sound=[440]), subtitles=[subtitles], **params)
        (path := tmp_path / name).write_bytes(made.video.path.read_bytes())
        return path

    return make


def test_styled_cues_of_joined_films_have_numbers_of_their_own(
    shared_studio: Studio, film: Any, tmp_path: Path
) -> None:
    alpha = saved(tmp_path / "a.ass", ASS + "Dialogue: 0,0:00:00.20,0:00:01.60,Big,,0,0,0,,Hi\n")
    joined = shared_studio.run("video.concat", film("a.mkv", alpha), inputs=[film("b.mkv", alpha)]).video
    with av.open(str(joined.path)) as file:
        numbers = [bytes(one).split(b",")[0] for one in file.demux(subtitles=0) if one.size]
    assert numbers == [b"0", b"1"]  # players leave out a cue whose number was there before


@pytest.mark.parametrize("params", [{}, {"shortest": True}])
def test_a_cut_film_that_is_drawn_on_is_told_once(films: Any, write: Make, tmp_path: Path, params: Any) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    path = half(write("a.mkv", 100, sound=[440]))
    result = films.studio.run("video.mux", path, burned=saved(tmp_path / "a.srt", SRT), **params)
    assert codes(result).count("truncated") == 1


@pytest.mark.parametrize("params", [{}, {"shortest": True}])
def test_a_cut_file_of_which_only_subtitles_are_taken_is_told(
    shared_studio: Studio, film: Any, write: Make, tmp_path: Path, params: Any
) -> None:
    source = half(film("a.mkv", saved(tmp_path / "a.srt", SRT)))
    assert codes(shared_studio.run("video.mux", write("b.mkv", 25), subtitles=[source], **params)) == ["truncated"]


@pytest.mark.parametrize(("processor", "params"), [("video.mux", {}), ("video.effects", {"chain": ["subtitles"]})])
def test_a_cut_file_of_which_subtitles_are_drawn_is_told(
    shared_studio: Studio, film: Any, write: Make, tmp_path: Path, processor: str, params: Any
) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    source = half(film("a.mkv", saved(tmp_path / "a.srt", SRT)))
    given = {"burned" if processor == "video.mux" else "subtitles": source, **params}
    assert codes(shared_studio.run(processor, write("b.mkv", 25), **given)) == ["truncated"]


def test_all_tracks_of_a_cut_file_are_extracted_and_its_end_told_once(shared_studio: Studio, write: Make) -> None:
    path = half(write("a.mkv", 100, sound=[440, 880]))
    assert codes(shared_studio.run("video.extract_audio", path, track="all")) == ["truncated"]


def test_detail_that_an_encoded_picture_loses_is_told_once(films: Any, write: Make) -> None:
    path = write("a.mkv", films.gradient(), codec="ffv1", format="yuv420p12le")
    result = films.studio.run("video.mux", path, format="mkv", video_codec="hevc")
    assert codes(result) == ["detail_reduced"]


def test_a_late_picture_of_no_steady_rate_begins_when_it_does(films: Any, write: Make) -> None:
    times = [50, *range(54, 78)]
    path = grey(write, "late.mkv", times=times, sound=[440])
    made = films.studio.run("video.mux", path, format="mkv", video_codec="ffv1").video
    assert films.frames(made.path)[1] == pytest.approx([one / 25 for one in times], abs=0.001)


def test_burned_subtitles_have_the_font_that_is_given(films: Any, write: Make, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    subtitles, font = saved(tmp_path / "a.srt", SRT), saved(tmp_path / "notes.ttf", "Just a text.")
    with pytest.raises(Exception, match=r"'notes.ttf' is not a font"):
        films.studio.run("video.mux", grey(write), burned=subtitles, burned_font=font)


def test_marks_of_subtitles_are_kept(shared_studio: Studio, film: Any, tmp_path: Path) -> None:
    subtitles = saved(tmp_path / "a.srt", SRT)
    path = film("a.mkv", subtitles, subtitle_titles=["Signs"], forced_subtitles=[1], default_subtitles=1)
    for mode in ("exact", "keyframe"):
        made = shared_studio.run("video.cut", path, keep=["0-1"], mode=mode).video
        [known] = shared_studio.run("video.probe", made).contents.subtitles
        assert (known.title, sorted(known.dispositions)) == ("Signs", ["default", "forced"]), mode


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
def test_subtitles_of_a_file_that_does_not_begin_at_0(
    shared_studio: Studio, late_film: Any, tmp_path: Path, mode: str
) -> None:
    path = late_film(saved(tmp_path / "a.srt", "1\n00:00:02,400 --> 00:00:03,000\nTwo\n"))
    made = shared_studio.run("video.cut", path, keep=["2-3.6"], mode=mode).video.path
    with av.open(str(made)) as file:
        [shown] = [one for one in file.demux(subtitles=0) if one.size > 2]
        assert [float(time * shown.time_base) for time in (shown.pts or 0, shown.duration or 0)] == [0.4, 0.6]


def test_drawn_subtitles_of_a_file_that_does_not_begin_at_0(
    films: Any, late_film: Any, write: Make, tmp_path: Path
) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    path = late_film(saved(tmp_path / "a.srt", SRT))
    made = films.studio.run("video.mux", grey(write), burned=path, quality=80).video
    assert drawn(films.frames(made.path)[0]) == [*range(5, 10), *range(15, 20)]


@pytest.fixture
def late_film(shared_studio: Studio, write: Make, tmp_path: Path) -> Callable[[Path], Path]:
    """A film of 4 s whose times begin at 5 s, with subtitles."""

    def make(subtitles: Path) -> Path:
        path = write("plain.mp4", 100, options={"bf": "0", "g": "10", "sc_threshold": "0"})
        return later(shared_studio.run("video.mux", path, subtitles=[subtitles]).video.path, tmp_path / "late.mp4", 5)

    return make


def later(path: Path, made: Path, seconds: int) -> Path:
    """A copy of a file whose times begin later."""
    with av.open(str(path)) as source, av.open(str(made), "w") as file:
        tracks = [file.add_stream_from_template(one) for one in source.streams]
        for packet in source.demux():
            if packet.dts is not None and packet.pts is not None:
                packet.stream, move = tracks[packet.stream_index], round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts + move, packet.dts + move
                file.mux(packet)
    return made


def test_styled_cues_are_drawn_without_commands(films: Any, write: Make, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    plain = saved(tmp_path / "a.srt", "1\n00:00:00,200 --> 00:00:00,400\na, b\nc\n")
    styled = saved(tmp_path / "a.ass", ASS + "Dialogue: 0,0:00:00.20,0:00:00.40,Big,,0,0,0,,{\\pos(9,9)}a,\\hb\\Nc\n")
    path = grey(write)
    made, expected = (films.pictures(path, "subtitles", subtitles=one) for one in (styled, plain))
    assert all((one == other).all() for one, other in zip(made, expected, strict=True))


def test_a_video_with_an_empty_track_has_no_subtitles_to_draw(
    shared_studio: Studio, film: Any, write: Make, tmp_path: Path
) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    path = film("a.mkv", saved(tmp_path / "a.srt", SRT))
    (empty := tmp_path / "empty.mkv").write_bytes(
        shared_studio.run("video.cut", path, keep=["2-3"]).video.path.read_bytes()
    )
    with pytest.raises(Exception, match=r"'empty.mkv' contains no text with times"):
        shared_studio.run("video.mux", write("b.mp4", 5), burned=empty)


def test_a_size_that_was_not_known_when_the_file_was_begun_is_not_missed(
    shared_studio: Studio, tmp_path: Path, write: Make
) -> None:
    live = write("live.mkv", 25, container={"live": "1"})
    result = shared_studio.run("video.probe", live)
    assert (b"\x18\x53\x80\x67\x01" + b"\xff" * 7 in live.read_bytes(), codes(result)) == (True, [])


def test_what_follows_the_boxes_of_mp4_does_not_belong_to_it(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 25)
    path.write_bytes(path.read_bytes() + b"\0\0\xff\xff" + bytes(64))
    assert codes(shared_studio.run("video.probe", path)) == []


def test_the_cut_film_itself_is_told_once_when_its_subtitles_are_drawn(
    shared_studio: Studio, film: Any, tmp_path: Path
) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    path = half(film("a.mkv", saved(tmp_path / "a.srt", SRT)))
    assert codes(shared_studio.run("video.mux", path, burned=path)).count("truncated") == 1


@pytest.mark.parametrize(("size", "told"), [(1, ["truncated"]), (0, [])])
def test_a_large_box_states_its_size_in_64_bits(shared_studio: Studio, write: Make, size: int, told: list[str]) -> None:
    path = write("a.mp4", 25)
    large = b"\0\0\0" + bytes([size]) + b"free" + (80).to_bytes(8, "big")
    path.write_bytes(path.read_bytes() + large + bytes(40))
    assert codes(shared_studio.run("video.probe", path)) == told


def test_a_live_stream_in_asf_does_not_state_its_size(shared_studio: Studio, write: Make) -> None:
    path = write("a.asf", 25, codec="mpeg4")
    whole = bytearray(path.read_bytes())
    place = whole.find(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    whole[place + 40 : place + 48], whole[place + 88] = (1 << 30).to_bytes(8, "little"), 1
    path.write_bytes(whole)
    assert codes(shared_studio.run("video.probe", path)) == []


@pytest.mark.parametrize("missing", [1, 0])
def test_each_byte_of_a_file_counts(shared_studio: Studio, write: Make, missing: int) -> None:
    path = write("a.mkv", 10)
    path.write_bytes(path.read_bytes()[: path.stat().st_size - missing])
    assert codes(shared_studio.run("video.probe", path)) == ["truncated"] * missing


def test_a_short_picture_whose_end_is_missing_is_told(shared_studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    with av.open(str(path), "w", format="image2") as file:
        stream: Any = file.add_stream("bmp")
        stream.width, stream.height, stream.pix_fmt = 8, 8, "bgr24"
        file.mux(stream.encode(av.VideoFrame(8, 8, "bgr24")))
    assert codes(shared_studio.run("video.probe", half(path, 0.9))) == ["truncated"]


def test_an_ogg_file_that_ends_with_a_whole_page_is_cut_short_without_the_last(
    shared_studio: Studio, tmp_path: Path, write: Make
) -> None:
    path = tmp_path / "a.ogg"
    with av.open(str(path), "w") as file:
        track: Any = file.add_stream("libopus", rate=48_000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 480_000), np.int16), "s16", "mono")
        sound.sample_rate = 48_000
        file.mux(track.encode(sound))
        file.mux(track.encode(None))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rfind(b"OggS")])
    result = shared_studio.run("video.mux", write("a.mkv", 25), sound=[path])
    assert "its last page is missing" in str(result.warnings) or codes(result) == ["truncated"]


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0])
def test_a_recording_that_was_begun_without_its_size_is_not_cut_short(
    shared_studio: Studio, tmp_path: Path, write: Make, size: int
) -> None:
    import wave

    with wave.open(str(path := tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    whole = bytearray(path.read_bytes())
    whole[4:8] = whole[40:44] = size.to_bytes(4, "little")
    path.write_bytes(whole)
    assert "truncated" not in codes(shared_studio.run("video.mux", write("a.mkv", 25), sound=[path]))


def test_a_joined_film_without_sound_does_not_speak_for_another(
    shared_studio: Studio, write: Make, tmp_path: Path
) -> None:
    one, silent = write("a.mkv", 50, sound=[440], sound_codec="flac", options={"bf": "0"}), tmp_path / "b.mkv"
    with av.open(str(one)) as source, av.open(str(silent), "w") as file:
        tracks: list[Any] = [file.add_stream_from_template(track) for track in source.streams]
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = tracks[packet.stream_index]
                file.mux(packet)
    assert "sound_left_out" not in codes(shared_studio.run("video.concat", one, inputs=[silent], mode="copy"))


@pytest.mark.parametrize("size", [(256, 144), (768, 432)])  # the second one is shrunk to the first
def test_brightness_is_that_of_the_picture(shared_studio: Studio, write: Make, size: tuple[int, int]) -> None:
    levels = [100] * 20 + [0] * 10 + [*range(60)]  # dark below 12, in frames 20 to 41
    pictures = [np.full((size[1], size[0], 3), one, np.uint8) for one in levels]
    path = write("a.mkv", pictures, codec="ffv1", format="yuv420p")
    made = shared_studio.run("video.analyze", path, detectors=["threshold"], min_scene=0.04)
    assert [round(one.start * 25) for one in made.scenes][1:] == [pytest.approx(31, abs=1)]


@pytest.mark.parametrize("size", [(256, 144), (768, 432)])
def test_a_dissolve_is_found_in_each_size(shared_studio: Studio, write: Make, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 9, 16, 3))
    one, other = (np.kron(part, np.ones((size[1] // 9, size[0] // 16, 1))) for part in noise)
    parts = [0.0] * 30 + [number / 25 for number in range(25)] + [1.0] * 30
    path = write("a.mp4", [np.uint8((1 - part) * one + part * other) for part in parts])
    found = shared_studio.run("video.analyze", path).scenes
    assert len(found) == 2


def test_a_part_without_sound_is_silent_in_the_file_too(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", 150, sound=[np.zeros((2, 96_000), np.float32)])
    made = shared_studio.run("video.cut", path, keep=["4-5"], mode="keyframe")
    assert "sound_left_out" not in codes(made)


def test_styles_that_joined_films_lose_are_told(shared_studio: Studio, film: Any, tmp_path: Path) -> None:
    path = film("a.mkv", saved(tmp_path / "a.ass", ASS + "Dialogue: 0,0:00:00.20,0:00:01.60,Big,,0,0,0,,Hi\n"))
    for mode in ("copy", "encode"):
        joined = shared_studio.run("video.concat", path, inputs=[path], mode=mode, format="mp4")
        assert codes(joined) == ["styles_lost"], mode


@pytest.mark.parametrize(
    "tail",
    [
        b"\n",
        b"\r\n\r\n",
        b"hello",
        b"\xff" * 6,
        bytes(4),
        bytes(7),
        b"0123456789abcdef0123456789abcdef",
        b"\0\0\0\1free" + (1 << 63).to_bytes(8) + b"abc",
    ],
)
def test_nonsense_after_a_film_does_not_state_its_size(shared_studio: Studio, write: Make, tail: bytes) -> None:
    path = write("a.mp4", 25)
    path.write_bytes(path.read_bytes() + tail)
    assert codes(shared_studio.run("video.probe", path)) == []


def test_the_word_data_in_a_title_is_not_the_data_of_a_recording(
    shared_studio: Studio, write: Make, tmp_path: Path
) -> None:
    path = tmp_path / "a.caf"
    with av.open(str(path), "w") as file:
        file.metadata["title"] = "my metadata"
        track: Any = file.add_stream("pcm_s16be", rate=48_000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.int16), "s16", "mono")
        sound.sample_rate = 48_000
        file.mux(track.encode(sound))
        file.mux(track.encode(None))
    film = write("a.mkv", 25)
    assert "truncated" not in codes(shared_studio.run("video.mux", film, sound=[path]))
    assert "truncated" in codes(shared_studio.run("video.mux", film, sound=[half(path)]))


def test_a_film_whose_times_begin_late_is_not_cut_short(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    path = later(write("a.mp4", 50, sound=[440], options={"bf": "0", "g": "10"}), tmp_path / "late.mkv", 10)
    for processor, params in (("video.probe", {}), ("video.cut", {"keep": ["0-1"]}), ("video.mux", {})):
        assert codes(shared_studio.run(processor, path, **params)) == [], processor


@pytest.mark.parametrize("rate", [1000, 3999])
def test_loudness_of_a_very_low_rate_is_not_measured(shared_studio: Studio, tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.mkv"
    file: Any
    with av.open(str(path), "w") as file:
        picture = file.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        track = file.add_stream("pcm_s16le", rate=rate)
        for _ in range(25):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
        sound = av.AudioFrame.from_ndarray(np.full((1, rate), 9_000, np.int16), "s16", "mono")
        sound.sample_rate = rate
        file.mux(track.encode(sound))
    result = shared_studio.run("video.analyze", path, analyses=["loudness", "waveform"])
    assert (codes(result), result.loudness, bool(result.waveform)) == (["not_measured"], None, True)


ENDLESS = {
    "a.ts": ({}, "mpegts"),
    "a.m2ts": ({"mpegts_m2ts_mode": "1"}, "mpegts"),
    "a.vob": ({}, "vob"),
    "a.mpg": ({}, "mpeg"),
}
"""Formats of video that do not state their size, with the options and FFmpeg's name of the muxer."""


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("missing", [0, 3, 190, 1000])
def test_a_stream_that_ends_within_a_packet_is_cut_short(
    shared_studio: Studio, tmp_path: Path, name: str, missing: int
) -> None:
    (options, format), path = ENDLESS[name], tmp_path / name
    with av.open(str(path), "w", format=format, container_options=options) as file:
        stream: Any = file.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for picture in np.random.default_rng(0).integers(0, 255, (20, 240, 320, 3), np.uint8):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        file.mux(stream.encode(None))
    path.write_bytes(path.read_bytes()[: path.stat().st_size - missing])
    assert ("truncated" in codes(shared_studio.run("video.probe", path))) == bool(missing)


@pytest.mark.parametrize(
    ("name", "format", "options"), [("a.wav", "wav", {"rf64": "always"}), ("a.aiff", "aiff", {}), ("a.au", "au", {})]
)
def test_a_recording_states_its_size(
    shared_studio: Studio, tmp_path: Path, write: Make, name: str, format: str, options: dict[str, str]
) -> None:
    path, film = tmp_path / name, write("a.mkv", 25)
    with av.open(str(path), "w", format=format, options=options) as file:
        track: Any = file.add_stream("pcm_s16le" if format == "wav" else "pcm_s16be", rate=48_000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.int16), "s16", "mono")
        sound.sample_rate = 48_000
        file.mux(track.encode(sound))
        file.mux(track.encode(None))
    whole = path.read_bytes()
    assert "truncated" not in codes(shared_studio.run("video.mux", film, sound=[path]))
    path.write_bytes(whole[:-2])
    assert "truncated" in codes(shared_studio.run("video.mux", film, sound=[path]))
    if name == "a.au":  # a recording that was begun without its size
        path.write_bytes(whole[:8] + b"\xff\xff\xff\xff" + whole[12:])
        assert "truncated" not in codes(shared_studio.run("video.mux", film, sound=[path]))


@pytest.mark.parametrize(("missing", "told"), [(0, False), (8, True)])
def test_a_recording_whose_size_counts_its_header_is_whole(
    shared_studio: Studio, tmp_path: Path, write: Make, missing: int, told: bool
) -> None:
    import wave

    with wave.open(str(path := tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    whole = path.read_bytes()
    path.write_bytes((whole[:4] + len(whole).to_bytes(4, "little") + whole[8:])[: len(whole) - missing])
    assert ("truncated" in codes(shared_studio.run("video.mux", write("a.mkv", 25), sound=[path]))) == told
    if missing:
        path.write_bytes(whole[:-missing])
        assert "truncated" in codes(shared_studio.run("video.mux", write("a.mkv", 25), sound=[path]))


def dv(path: Path, lines: int, frames: int) -> bytes:
    with av.open(str(path), "w", format="dv") as file:
        stream: Any = file.add_stream("dvvideo", rate=25 if lines == 576 else Fraction(30_000, 1001))
        stream.width, stream.height, stream.pix_fmt = 720, lines, "yuv420p" if lines == 576 else "yuv411p"
        for _ in range(frames):
            file.mux(stream.encode(av.VideoFrame(720, lines, stream.pix_fmt)))
        file.mux(stream.encode(None))
    return path.read_bytes()


def test_a_frame_of_dv_that_is_not_whole_is_told(shared_studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "a.dv"
    pal, ntsc = dv(path, 576, 3), dv(path, 480, 1)
    for data, told in ((pal, []), (ntsc, []), (pal + ntsc, []), (pal + bytes(5), []), (pal[:-3], ["truncated"])):
        path.write_bytes(data)
        assert [one for one in codes(shared_studio.run("video.probe", path)) if one == "truncated"] == told


def test_packets_of_204_bytes_and_lost_bytes_are_followed(shared_studio: Studio, write: Make) -> None:
    path = write("a.ts", 50, codec="mpeg2video")
    packets = [path.read_bytes()[place : place + 188] for place in range(0, path.stat().st_size, 188)]
    guarded = b"".join(one + bytes(16) for one in packets)
    lossy = b"".join([*packets[:20], packets[20][:99], *packets[21:]])
    for data in (guarded, lossy):
        for missing in (0, 30):
            path.write_bytes(data[: len(data) - missing])
            assert ("truncated" in codes(shared_studio.run("video.probe", path))) == bool(missing)


def test_a_box_that_is_not_known_does_not_end_the_search(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 25)
    whole = path.read_bytes()
    place = whole.find(b"mdat") - 4
    more = whole[:place] + b"\0\0\0\x10what" + bytes(8) + whole[place:]
    for data, told in ((more, []), (more[:-1], ["truncated"])):
        path.write_bytes(data)
        assert [one for one in codes(shared_studio.run("video.probe", path)) if one == "truncated"] == told


WRITERS: list[tuple[str, dict[str, Any]]] = [
    ("video.mux", {}),
    ("video.cut", {"keep": ["0-1"]}),
    ("video.cut", {"keep": ["0-1"], "mode": "keyframe"}),
    ("video.effects", {"chain": "trim end=1"}),
]
"""Processors that write a film, with what makes them write a part of it."""
PLACED = "WEBVTT\n\n00:00.200 --> 00:01.600 line:10%\nHello\n"
PLAIN = PLACED.replace(" line:10%", "")


@pytest.mark.parametrize(("text", "told"), [(PLACED, ["styles_lost"]), (PLAIN, [])])
@pytest.mark.parametrize(
    ("processor", "params"),
    [
        ("video.cut", {"keep": ["0-1"]}),
        ("video.cut", {"keep": ["0-1"], "mode": "keyframe"}),
        ("video.effects", {"chain": "trim end=1"}),
        ("video.mux", {}),
    ],
)
def test_the_places_of_subtitles_are_lost_only_with_a_warning(
    shared_studio: Studio, write: Make, tmp_path: Path, text: str, told: list[str], processor: str, params: Any
) -> None:
    subtitles, film = saved(tmp_path / "a.vtt", text), write("a.webm", 50, codec="libvpx-vp9")
    made = shared_studio.run("video.mux", film, subtitles=[subtitles])
    assert codes(made) == []  # WebM stores them
    for format in ("webm", "mkv"):
        result = shared_studio.run(processor, made.video, format=format, **params)
        assert codes(result) == (told if format == "mkv" else []), format


@pytest.mark.parametrize(
    "text",
    [
        PLACED,
        PLAIN.replace("Hello", "<b.loud>Hello</b>"),
        PLAIN.replace("\n\n", "\n\nSTYLE\n::cue { color: red }\n\n", 1),
        SRT.replace("Hello", "<i>Hello</i>"),
        SRT.replace("Hello", "{\\an8}Hello"),
        SRT.replace(",400", ",400  X1:0 X2:9"),
    ],
)
def test_styles_of_subtitles_that_are_not_drawn_are_told(films: Any, write: Make, tmp_path: Path, text: str) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    remark = PLACED.replace(" line:10%", "").replace("\n\n", "\n\nNOTE a --> b c\n\n", 1)
    for one, told in ((text, ["styles_lost"]), (PLAIN, []), (remark.replace("Hello", "A --> B then"), [])):
        made = films.studio.run("video.mux", grey(write), burned=saved(tmp_path / "a.txt", one))
        assert codes(made) == told


@pytest.mark.parametrize(("processor", "params"), WRITERS)
def test_marks_of_tracks_are_lost_only_with_a_warning(
    shared_studio: Studio, film: Any, tmp_path: Path, processor: str, params: Any
) -> None:
    path = film("a.mkv", saved(tmp_path / "a.srt", SRT), forced_subtitles=[1])
    for format, told in (("mov", ["labels_lost"]), ("mp4", []), ("mkv", []), ("webm", [])):
        if format == "webm" and params.get("mode") == "keyframe":
            continue
        made = shared_studio.run(processor, path, format=format, **params)
        with av.open(str(made.video.path)) as file:
            assert bool(file.streams.subtitles[0].disposition & 64) == (not told)
        assert [one for one in codes(made) if one in ("labels_lost", "styles_lost")] == told


@pytest.mark.parametrize(
    ("processor", "params"),
    [
        *WRITERS,
        ("video.concat", {"mode": "encode", "inputs": []}),
        ("video.mux", {"video_codec": "h264", "quality": 40}),
    ],
)
def test_a_picture_keeps_its_language_and_title(
    shared_studio: Studio, write: Make, tmp_path: Path, processor: str, params: Any
) -> None:
    with av.open(str(write("plain.mkv", 50))) as source, av.open(str(tmp_path / "a.mkv"), "w") as file:
        track = file.add_stream_from_template(source.streams.video[0])
        track.metadata.update({"language": "fre", "title": "Main camera"})
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                file.mux(packet)
    given = params | ({"inputs": [write("other.mkv", 25)]} if "inputs" in params else {})
    made = shared_studio.run(processor, tmp_path / "a.mkv", format="mkv", **given)
    with av.open(str(made.video.path)) as file:
        tags = file.streams.video[0].metadata
    assert (tags.get("language"), tags.get("title")) == ("fre", "Main camera")


@pytest.mark.parametrize(("processor", "params"), WRITERS)
def test_marks_of_sound_are_lost_only_with_a_warning(
    shared_studio: Studio, write: Make, tmp_path: Path, processor: str, params: Any
) -> None:
    with av.open(str(write("plain.mkv", 50, sound=[440]))) as source, av.open(str(tmp_path / "a.mkv"), "w") as file:
        tracks: list[Any] = [file.add_stream_from_template(one) for one in source.streams]
        tracks[1].disposition = av.stream.Disposition.default | av.stream.Disposition.comment
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = tracks[packet.stream_index]
                file.mux(packet)
    for format, told in (("mov", ["labels_lost"]), ("mp4", []), ("mkv", [])):
        made = shared_studio.run(processor, tmp_path / "a.mkv", format=format, **params)
        with av.open(str(made.video.path)) as file:
            kept = bool(file.streams.audio[0].disposition & av.stream.Disposition.comment)
        assert (kept, [one for one in codes(made) if one == "labels_lost"]) == (not told, told), format


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("<i>Hello</i> <b>you</b>", []),
        ("<font size=40>Hello</font>", ["webm"]),
        ("<font color=red>Hello</font>", ["mp4", "webm"]),
        ("{\\an8}Hello", ["mp4", "webm"]),
        ("{\\b1\\an8}Hello", ["mp4", "webm"]),
        ("{\\move(1,2,3,4)}Hello", ["mp4", "webm"]),
        ("a { b } c <3 d", []),
    ],
)
def test_styles_of_subrip_are_lost_only_with_a_warning(
    shared_studio: Studio, write: Make, tmp_path: Path, line: str, lost: list[str]
) -> None:
    subtitles = saved(tmp_path / "a.srt", SRT.replace("Hello", line))
    for format in ("mkv", "mp4", "webm"):
        film = write("a.webm", 25, codec="libvpx-vp9")
        made = shared_studio.run("video.mux", film, subtitles=[subtitles], format=format)
        assert codes(made) == (["styles_lost"] if format in lost else []), format
        if format == "mkv":
            cut = shared_studio.run("video.cut", made.video, keep=["0.2-1"], format="mp4")
            assert codes(cut) == (["styles_lost"] if "mp4" in lost else [])


@pytest.mark.parametrize(
    "line", ["<v\tBob>Hello", "<ruby.x>Hello</ruby>", "<lang.x en>Hello</lang>", "H<00:00:00.500>ello"]
)
def test_tags_of_webvtt_are_lost_only_with_a_warning(
    shared_studio: Studio, write: Make, tmp_path: Path, line: str
) -> None:
    subtitles = saved(tmp_path / "a.vtt", PLAIN.replace("Hello", line))
    made = shared_studio.run("video.mux", write("a.mp4", 25), subtitles=[subtitles])
    assert codes(made) == ["styles_lost"]


def test_a_cue_of_many_braces_is_read_at_once(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    for line in ("{" * 300_000, "{\\p1" * 60_000, "{\\p1}" + "{" * 300_000):
        subtitles = saved(tmp_path / "a.ass", ASS + f"Dialogue: 0,0:00:00.20,0:00:00.40,Big,,0,0,0,,{line}\n")
        made = shared_studio.run("video.mux", write("a.mkv", 25), subtitles=[subtitles], format="mkv")
        assert made.video.size > 1000
        if line.startswith("{\\p1}"):  # a shape, without words
            assert "styles_lost" in codes(shared_studio.run("video.cut", made.video, keep=["0.1-0.8"], format="mp4"))
        else:
            with pytest.raises(TaskFailed, match=r"The subtitle at 0\.\d+ s has [23]\d{5} bytes"):
                shared_studio.run("video.cut", made.video, keep=["0.1-0.8"], format="mp4")


@pytest.mark.parametrize("use", ["subtitles", "burned"])
@pytest.mark.parametrize("text", ["a" * 5000, "{" * 5000, "a\n" * 2500])
def test_a_cue_that_is_too_long_is_refused(
    shared_studio: Studio, write: Make, tmp_path: Path, use: str, text: str
) -> None:
    pytest.importorskip("PIL", reason="needs the extra 'text'")
    path = saved(tmp_path / "a.srt", SRT.replace("Hello", text))
    given: dict[str, Any] = {use: path if use == "burned" else [path]}
    with pytest.raises(TaskFailed, match=r"'a.srt' cannot be read: the cue at 0\.\d+ s has a text of \d+ bytes"):
        shared_studio.run("video.mux", write("a.mkv", 25), **given)


def test_cues_that_are_too_long_together_are_refused(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    cues = (f"{number}\n00:00:00,200 --> 00:00:00,800\n{chr(96 + number) * 3900}\n\n" for number in range(1, 21))
    path = saved(tmp_path / "a.srt", "".join(cues))
    with pytest.raises(TaskFailed, match=r"The subtitle at 0\.200 s has 78\d+ bytes"):
        shared_studio.run("video.mux", write("a.mp4", 25), subtitles=[path])
    assert codes(shared_studio.run("video.mux", write("a.mp4", 25), subtitles=[path], format="mkv")) == []


def test_subtitles_long_after_the_video_are_told(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    late = saved(tmp_path / "a.srt", SRT + "2\n00:01:00,000 --> 00:01:02,000\nLate\n\n")
    for format, params in (("mp4", {}), ("mkv", {}), ("mp4", {"video_codec": "h264"})):
        made = shared_studio.run("video.mux", write("a.mkv", 25), subtitles=[late], format=format, **params)
        assert [one.message for one in made.warnings if one.code == "subtitles_late"] == [
            "The subtitles of 'a.srt' end 61.000 s after the video."
        ]
    cut = shared_studio.run("video.mux", write("a.mkv", 25), subtitles=[late], shortest=True)
    assert "subtitles_late" not in codes(cut)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_style_blocks_are_told(shared_studio: Studio, write: Make, tmp_path: Path, newline: str) -> None:
    cue = saved(tmp_path / "b.vtt", PLAIN.replace("Hello", "STYLE").replace("\n", newline))
    assert codes(shared_studio.run("video.mux", write("a.mp4", 25), subtitles=[cue], format="mkv")) == []
    text = PLAIN.replace("\n\n", "\n\nSTYLE\n::cue { color: red }\n\n", 1).replace("\n", newline)
    made = shared_studio.run("video.mux", write("a.mp4", 25), subtitles=[saved(tmp_path / "a.vtt", text)], format="mkv")
    assert [one.message for one in made.warnings] == ["The style blocks of 'a.vtt' are not stored."]
