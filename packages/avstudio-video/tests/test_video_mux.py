"""`video.mux` through the studio; each file is read by another reader."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import avstudio_video
from avstudio_core import Studio, TaskFailed
from avstudio_core.errors import InvalidInput, InvalidParams
from avstudio_core.testing import ProcessorContract

Make = Callable[..., Path]
SRT = "1\n00:00:00,200 --> 00:00:00,600\n<i>Grüße</i> & mehr\nzwei Zeilen\n\n2\n00:00:00,700 --> 00:00:01,000\nEnde\n"
VTT = "WEBVTT\n\n00:00.200 --> 00:00.600 line:10%\nHello\n\n00:00.700 --> 00:01.000\nEnd\n"
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:00.20,0:00:00.60,Default,,0,0,0,,{\\b1}Hi{\\b0}\\Nthere\n"
)


class TestMux(ProcessorContract):
    plugin = avstudio_video
    processor = "video.mux"
    params = {"format": "mkv", "tags": ["title=Film"]}  # noqa: RUF012

    @pytest.fixture
    def sample(self, write: Make) -> Path:
        return write("film.mp4", 10, sound=[440])


def muxed(studio: Studio, path: Path, **params: Any) -> Any:
    return studio.run("video.mux", path, **params)


def probed(artifact: Any, *options: str) -> Any:
    """What ffprobe says about a file, or PyAV's own view if it is not installed."""
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed")
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-show_chapters", *options, "-of", "json"]
    done = subprocess.run([*command, str(artifact.path)], capture_output=True, check=True, text=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


def pictures(path: Path) -> list[Any]:
    with av.open(str(path)) as file:
        return [one.to_ndarray() for one in file.decode(video=0)]


def packets(path: Path, kind: str, number: int = 0) -> list[tuple[float, bytes]]:
    """Times and content of the packets of a track."""
    with av.open(str(path)) as file:
        stream = [one for one in file.streams if one.type == kind][number]
        return [
            (float(one.pts * one.time_base), bytes(one))
            for one in file.demux(stream)
            if one.size and one.pts is not None
        ]


def cues(path: Path, number: int = 0) -> list[tuple[float, float, str]]:
    """Start, end and text of the cues of a track."""
    found = []
    with av.open(str(path)) as file:
        stream: Any = file.streams.subtitles[number]
        for packet in file.demux(stream):
            for one in stream.codec_context.decode2(packet) or [] if packet.size > 2 else []:
                start = float(packet.pts * packet.time_base)
                text = re.sub(r"\{\\(?:r|[bi]0)\}", "{/}", one.ass.decode().split(",", 8)[8])
                found.append((round(start, 3), round(start + float(packet.duration * packet.time_base), 3), text))
    return found


def onset(path: Path, number: int = 0) -> float:
    """When the sound of a track begins to be heard."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[number]
        for frame in file.decode(stream):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.2)
            if frame.time is not None and loud.size and frame.format.name == "fltp":
                return float(frame.time + loud[0] / frame.sample_rate)
    raise AssertionError("It is silent.")


@pytest.fixture
def text(tmp_path: Path) -> Callable[[str, str], Path]:
    def make(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return make


@pytest.mark.parametrize("format", ["mp4", "mov", "mkv"])
def test_new_sound_replaces_the_old_one_and_the_picture_is_copied(
    shared_studio: Studio, write: Make, format: str
) -> None:
    film, sound = write("film.mp4", 20, sound=[440]), write("sound.mkv", 20, sound=[880], sound_codec="flac")
    result = muxed(shared_studio, film, format=format, sound=[sound], sound_languages=["German"], sound_titles=["Neu"])
    assert [(one.kind, one.copied, one.codec) for one in result.tracks] == [
        ("video", True, "h264"),
        ("audio", format != "mov", "aac" if format == "mov" else "flac"),
    ]
    assert (result.tracks[1].language, result.tracks[1].title) == ("deu" if format == "mp4" else "ger", "Neu")
    told = [one.code for one in result.warnings]
    assert (result.tracks[1].default, told) == (True, ["sound_encoded"] if format == "mov" else [])
    assert all(
        np.array_equal(one, other) for one, other in zip(pictures(result.video.path), pictures(film), strict=True)
    )
    streams = probed(result.video)["streams"]
    assert [one["tags"].get("language") for one in streams if one["codec_type"] == "audio"] == [
        result.tracks[1].language
    ]


def test_sound_is_added_with_an_offset_and_a_default(shared_studio: Studio, write: Make) -> None:
    film, sound = write("film.mp4", 30, sound=[440]), write("sound.mp4", 20, sound=[880])
    for format in ("mp4", "mkv"):
        result = muxed(
            shared_studio, film, format=format, sound=[sound], sound_mode="add", sound_offsets=[0.3], default_sound=2
        )
        assert [one.default for one in result.tracks] == [True, False, True]
        assert onset(result.video.path, 1) == pytest.approx(0.3, abs=0.025)
        assert onset(result.video.path, 0) == pytest.approx(0.0, abs=0.025)


@pytest.fixture
def bilingual(shared_studio: Studio, write: Make, text: Any) -> Path:
    """A film with two sounds and two subtitles, in English and in German."""
    labels = {0: {"language": "eng", "title": "Main"}, 1: {"language": "ger"}}
    film = write("film.mkv", 25, sound=[440, 880], sound_metadata=labels)
    given: dict[str, Any] = {"subtitle_languages": ["en", "de"], "subtitle_titles": ["Full", ""]}
    made = muxed(shared_studio, film, subtitles=[text("a.srt", SRT), text("b.vtt", VTT)], **given)
    assert [one.code for one in made.warnings] == ["styles_lost"]
    return Path(made.video.path)


@pytest.mark.parametrize("format", ["mp4", "mov", "mkv"])
def test_tracks_of_another_film_keep_their_labels_and_the_rest_is_told(
    shared_studio: Studio, write: Make, bilingual: Path, format: str
) -> None:
    given: dict[str, Any] = {"sound": [bilingual], "subtitles": [bilingual], "format": format}
    kept = muxed(shared_studio, write("a.mp4", 25), **given)
    assert [(one.language, one.title) for one in kept.tracks[1:]] == [("eng", "Main"), ("eng", "Full")]
    assert [(one.code, one.message.partition("' ")[2]) for one in kept.warnings] == [
        ("other_tracks", "has 1 more audio track; track 1 was taken."),
        ("other_tracks", "has 1 more subtitle track; track 3 was taken."),
    ]
    given |= {"sound_languages": ["fr"], "subtitle_titles": ["Mine"]}
    named = muxed(shared_studio, write("a.mp4", 25), **given)
    french = "fre" if format == "mkv" else "fra"
    assert [(one.language, one.title) for one in named.tracks[1:]] == [(french, "Main"), ("eng", "Mine")]


@pytest.mark.parametrize("codec", ["copy", "opus"])
def test_a_negative_offset_leaves_out_the_start(shared_studio: Studio, write: Make, codec: str) -> None:
    tone = np.zeros((2, 48_000), np.float32)
    tone[:, 24_000:] = 0.5 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 48_000)
    film, sound = write("film.mp4", 10), write("sound.mkv", 25, sound=[tone], sound_codec="aac")
    format = "mkv" if codec == "copy" else "mp4"
    result = muxed(shared_studio, film, format=format, sound=[sound], sound_offsets=[-0.31], audio_codec=codec)
    assert onset(result.video.path) == pytest.approx(0.19, abs=0.025 if codec == "copy" else 0.008)
    assert result.tracks[1].copied == (codec == "copy")


def test_wave_sound_is_encoded_for_mp4_without_a_gap(shared_studio: Studio, write: Make) -> None:
    film, sound = write("film.mp4", 20), write("sound.mkv", 20, sound=[440], sound_codec="pcm_s16le")
    result = muxed(shared_studio, film, sound=[sound])
    assert (result.tracks[1].codec, result.tracks[1].copied) == ("aac", False)
    assert result.duration == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(
    ("format", "content", "suffix", "codec"),
    [
        ("mp4", SRT, "srt", "mov_text"),
        ("mov", VTT, "vtt", "mov_text"),
        ("mp4", ASS, "ass", "mov_text"),
        ("mkv", SRT, "srt", "subrip"),
        ("mkv", VTT, "vtt", "subrip"),
        ("mkv", ASS, "ass", "ass"),
    ],
)
def test_subtitles_have_the_codec_of_the_container(
    shared_studio: Studio, write: Make, text: Any, format: str, content: str, suffix: str, codec: str
) -> None:
    subtitles = text(f"s.{suffix}", content)
    result = muxed(
        shared_studio, write("film.mp4", 30), format=format, subtitles=[subtitles], subtitle_languages=["de"]
    )
    found = cues(result.video.path)
    assert found[0][:2] == (0.2, 0.6)
    assert found[0][2] in (r"{\i1}Grüße{/} & mehr\Nzwei Zeilen", "Hello", r"{\b1}Hi{/}\Nthere")
    stream = probed(result.video)["streams"][1]
    assert (stream["codec_name"], stream["codec_type"]) == (codec, "subtitle")
    assert stream["disposition"]["default"] == (format != "mkv")  # MP4 shows the first one if no other is chosen
    kept = suffix == "srt" or (format, suffix) == ("mkv", "ass")  # the cue of WebVTT has a place
    assert [one.code for one in result.warnings] == ([] if kept else ["styles_lost"])


def test_webm_has_webvtt_and_opus(shared_studio: Studio, write: Make, text: Any) -> None:
    film = write("film.webm", 10, codec="libvpx-vp9", sound=[440], sound_codec="libopus")
    result = muxed(shared_studio, film, subtitles=[text("s.srt", SRT)], sound=[write("s.mp4", 10, sound=[880])])
    assert [(one.codec, one.copied) for one in result.tracks] == [("vp9", True), ("opus", False), ("webvtt", False)]
    assert [one[2] for one in cues(result.video.path)] == [r"{\i1}Grüße{/} & mehr\Nzwei Zeilen", "Ende"]
    assert probed(result.video)["format"]["format_name"] == "matroska,webm"


def test_players_choose_the_first_track_of_a_video_that_marks_none(shared_studio: Studio, write: Make) -> None:
    result = muxed(shared_studio, write("film.ts", 20, sound=[440, 880]), format="mkv")
    assert [one.default for one in result.tracks] == [True, True, False]


def test_pictures_of_10_bits_are_encoded_with_them_and_lost_colour_is_told(shared_studio: Studio, write: Make) -> None:
    film = write("film.mov", 4, codec="prores_ks", format="yuv422p10le")
    result = muxed(shared_studio, film, format="mp4")
    assert [one.code for one in result.warnings] == ["picture_encoded", "detail_reduced"]
    assert "'hevc' is written as yuv420p10le here, and the picture of 'film.mov' is yuv422p10le" in str(
        result.warnings[1]
    )


@pytest.mark.parametrize("source", ["webm", "mp4"])
@pytest.mark.parametrize("target", ["webm", "mkv"])
def test_copied_opus_begins_with_its_first_packet_and_stays_in_place(
    shared_studio: Studio, write: Make, source: str, target: str
) -> None:
    film = write(f"film.{source}", 20, codec="libvpx-vp9", sound=[440], sound_codec="libopus")
    result = muxed(shared_studio, film, format=target)
    (first, data), *_ = packets(film, "audio")
    (begin, copied), *_ = packets(result.video.path, "audio")
    assert copied == data
    assert begin - packets(result.video.path, "video")[0][0] == pytest.approx(
        first - packets(film, "video")[0][0], abs=0.0011
    )


def test_pysubs2_reads_the_subtitles_of_a_file_again(
    shared_studio: Studio, write: Make, text: Any, tmp_path: Path
) -> None:
    pysubs2 = pytest.importorskip("pysubs2")
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    result = muxed(shared_studio, write("film.mp4", 30), subtitles=[text("s.srt", SRT)], subtitle_offsets=[0.1])
    target = tmp_path / "out.srt"
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(result.video.path), str(target)], check=True)
    wanted = pysubs2.SSAFile.from_string(SRT)
    wanted.shift(s=0.1)
    found = pysubs2.load(str(target))
    assert [(one.start, one.end, one.plaintext) for one in found] == [
        (one.start, one.end, one.plaintext) for one in wanted
    ]


def test_cues_that_overlap_share_the_screen_in_mp4(shared_studio: Studio, write: Make, text: Any) -> None:
    overlapping = "1\n00:00:00,000 --> 00:00:00,600\nA\n\n2\n00:00:00,300 --> 00:00:00,900\nB\n"
    result = muxed(shared_studio, write("film.mp4", 30), subtitles=[text("s.srt", overlapping)])
    assert cues(result.video.path) == [(0.0, 0.3, "A"), (0.3, 0.6, r"A\NB"), (0.6, 0.9, "B")]


def test_text_subtitles_of_a_video_are_kept_in_another_container(shared_studio: Studio, write: Make, text: Any) -> None:
    with_text = muxed(shared_studio, write("film.mp4", 30), subtitles=[text("s.srt", SRT)], subtitle_titles=["Voll"])
    result = muxed(shared_studio, with_text.video, format="mkv", forced_subtitles=[1], default_subtitles=1)
    track = result.tracks[1]
    assert (track.codec, track.title, track.default) == ("subrip", "Voll", True)
    assert cues(result.video.path)[0] == (0.2, 0.6, r"{\i1}Grüße{/} & mehr\Nzwei Zeilen")
    assert probed(result.video)["streams"][1]["disposition"]["forced"] == 1


@pytest.mark.parametrize(
    ("params", "titles"),
    [
        ({}, ["Old", "New"]),
        ({"subtitle_mode": "add"}, ["Old", "New"]),
        ({"subtitle_mode": "replace"}, ["New"]),
        ({"subtitle_mode": "replace", "subtitles": []}, ["Old"]),
    ],
)
def test_new_subtitles_are_added_to_the_old_ones_or_replace_them(
    shared_studio: Studio, write: Make, text: Any, params: dict[str, Any], titles: list[str]
) -> None:
    old = muxed(shared_studio, write("film.mkv", 30), subtitles=[text("old.srt", SRT)], subtitle_titles=["Old"]).video
    new = {"subtitles": [text("new.vtt", VTT)], "subtitle_titles": ["New"]} if "New" in titles else {}
    result = muxed(shared_studio, old, tags=["title=x"], **new, **params)
    assert [one.title for one in result.tracks if one.kind == "subtitle"] == titles
    words = {"Old": "Ende", "New": "End"}
    assert [cues(result.video.path, n)[-1][2] for n in range(len(titles))] == [words[one] for one in titles]


CHAPTERS = [("0.000000", "0.400000", "Eins"), ("0.400000", "1.200000", "Zwei; =#\\")]


@pytest.mark.parametrize(
    "chapters",
    [
        "WEBVTT\n\n1\n00:00.000 --> 00:00.400\nEins\n\n2\n00:00.400 --> 00:01.200\nZwei; =#\\\n",
        ";FFMETADATA1\ntitle=x\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=Eins\n"
        "[CHAPTER]\nTIMEBASE=1/10\nSTART=4\nEND=12\ntitle=Zwei\\; \\=\\#\\\\\n",
        ["0:00 Eins", "0:00.4 - Zwei; =#\\"],
    ],
    ids=["webvtt", "ffmetadata", "marks"],
)
@pytest.mark.parametrize("format", ["mp4", "mkv"])
def test_chapters_are_read_from_documents(
    shared_studio: Studio, write: Make, text: Any, format: str, chapters: Any
) -> None:
    given = {"chapter_marks": chapters} if isinstance(chapters, list) else {"chapters": text("c.txt", chapters)}
    result = muxed(shared_studio, write("film.mp4", 30), format=format, **given)
    found = probed(result.video)["chapters"]
    assert [(one["start_time"], one["end_time"], one["tags"]["title"]) for one in found] == CHAPTERS
    assert result.chapters == 2


def test_chapters_after_the_end_of_the_film_are_dropped_and_told(shared_studio: Studio, write: Make) -> None:
    marks = ["0:00 One", "0:01 Two", "0:02 Three", "1:00 Four"]
    result = muxed(shared_studio, write("film.mp4", 30), format="mkv", chapter_marks=marks)
    told = [(one.code, one.message) for one in result.warnings]
    assert told == [("chapters_dropped", "2 chapters begin after the end of the video.")]
    assert [(one["end_time"], one["tags"]["title"]) for one in probed(result.video)["chapters"]] == [
        ("1.000000", "One"),
        ("1.200000", "Two"),
    ]


def test_scenes_become_chapters_and_are_kept_by_the_next_run(shared_studio: Studio, write: Make) -> None:
    pytest.importorskip("cv2")
    film = write("film.mp4", [np.full((48, 64, 3), shade, np.uint8) for shade in (30, 220) for _ in range(20)])
    scenes = shared_studio.run("video.analyze", film, min_scene=0.1).document
    first = muxed(shared_studio, film, chapters=scenes)
    again = muxed(shared_studio, first.video, format="mkv", tags=["title=Neu"])
    assert [(one["start_time"], one["tags"]["title"]) for one in probed(again.video)["chapters"]] == [
        ("0.000000", "Scene 1"),
        ("0.800000", "Scene 2"),
    ]
    assert muxed(shared_studio, first.video, drop=["chapters"]).chapters == 0


@pytest.mark.parametrize("format", ["mp4", "mkv"])
@pytest.mark.parametrize("codec", ["mjpeg", "png", "bmp"])
def test_a_cover_is_stored_and_kept(
    shared_studio: Studio, write: Make, tmp_path: Path, format: str, codec: str
) -> None:
    pixels = {"mjpeg": "yuvj420p", "png": "rgb24", "bmp": "bgr24"}[codec]
    picture = tmp_path / "cover.jpg"
    with av.open(str(picture), "w", format="image2") as file:
        stream: Any = file.add_stream(codec)
        stream.width, stream.height, stream.pix_fmt = 32, 48, pixels
        frame = av.VideoFrame.from_ndarray(np.full((48, 32, 3), 90, np.uint8), "rgb24").reformat(format=pixels)
        file.mux([*stream.encode(frame), *stream.encode(None)])
    first = muxed(shared_studio, write("film.mp4", 5), format=format, cover=picture)
    for made in (first, muxed(shared_studio, first.video, format=format)):
        [cover] = [one for one in probed(made.video)["streams"] if one["disposition"]["attached_pic"]]
        assert (cover["width"], cover["height"], cover["codec_name"]) == (
            32,
            48,
            "mjpeg" if codec == "mjpeg" else "png",
        )
    assert [one.kind for one in shared_studio.run("video.probe", first.video).contents.others] == ["cover"]


def test_tags_are_kept_set_and_removed(shared_studio: Studio, write: Make) -> None:
    film = muxed(shared_studio, write("film.mp4", 5), tags=["title=Alt", "artist=Wir", "comment=x"]).video
    tags = probed(muxed(shared_studio, film, tags=["title=Neu", "comment="]).video)["format"]["tags"]
    assert (tags["title"], tags["artist"], "comment" in tags) == ("Neu", "Wir", False)
    assert "artist" not in probed(muxed(shared_studio, film, drop=["tags"]).video)["format"]["tags"]


def test_tracks_of_the_video_are_chosen_by_language(shared_studio: Studio, write: Make) -> None:
    labels = {0: {"language": "eng"}, 1: {"language": "deu", "title": "Kommentar"}}
    film = write("film.mkv", 10, sound=[440, 880], sound_metadata=labels)
    assert [one.title for one in muxed(shared_studio, film, tracks=["German"]).tracks] == [None, "Kommentar"]
    assert [one.index for one in muxed(shared_studio, film, drop=["sound"]).tracks] == [0]


def test_the_file_ends_with_the_shortest_input(shared_studio: Studio, write: Make, text: Any) -> None:
    film, sound = write("film.mp4", 50), write("sound.mp4", 20, sound=[440])
    result = muxed(shared_studio, film, sound=[sound], subtitles=[text("s.srt", SRT)], shortest=True)
    assert result.duration == pytest.approx(0.8, abs=0.1)
    assert cues(result.video.path)[-1][:2] == (0.7, 0.8)
    assert muxed(shared_studio, film, sound=[sound]).duration == pytest.approx(2.0, abs=0.03)


def test_a_picture_that_the_container_does_not_take_is_encoded(shared_studio: Studio, write: Make) -> None:
    times = [0, 1, 2, 5, 6, 9]
    film = write("film.mp4", 6, times=times, unit=Fraction(1, 25))
    result = muxed(shared_studio, film, format="webm")
    assert [one.code for one in result.warnings] == ["picture_encoded"]
    with av.open(str(result.video.path)) as file:
        frames = [*file.decode(video=0)]
    assert [one.time for one in frames] == pytest.approx([one / 25 for one in times], abs=0.001)
    for made, original in zip(frames, pictures(film), strict=True):
        assert np.abs(made.to_ndarray(format="yuv420p").astype(int) - original).mean() < 8


def test_frames_that_only_mp4_can_hide_are_told(
    shared_studio: Studio, write: Make, edited: Callable[[Path, int], Path], text: Any
) -> None:
    film = edited(write("film.mp4", 30), 13)
    result = muxed(shared_studio, film, format="mkv", subtitles=[text("s.srt", SRT)], chapter_marks=["0:00 A"])
    assert [one.code for one in result.warnings] == ["lead_in_shown"]
    assert result.delay == pytest.approx(0.12, abs=0.001)
    assert cues(result.video.path)[0][:2] == pytest.approx((0.32, 0.72), abs=0.002)
    assert muxed(shared_studio, film).delay == 0


def test_labels_that_a_format_does_not_store_are_told(shared_studio: Studio, write: Make, text: Any) -> None:
    film, subtitles = write("film.mp4", 30), text("s.srt", SRT)
    given: dict[str, Any] = {"subtitles": [subtitles], "subtitle_languages": ["Zulu"], "default_subtitles": 0}
    told = {format: muxed(shared_studio, film, format=format, **given) for format in ("mov", "mp4", "mkv")}
    assert [[one.code for one in result.warnings] for result in told.values()] == [
        ["labels_lost", "labels_lost"],
        ["labels_lost"],
        [],
    ]
    assert "'mov' does not store the language 'Zulu'" in told["mov"].warnings[0].message
    assert not told["mkv"].tracks[1].default


def test_fonts_are_kept_in_matroska_and_told_elsewhere(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    film, with_font = write("film.mp4", 5), tmp_path / "font.mkv"
    with av.open(str(film)) as source, av.open(str(with_font), "w") as file:
        copy: Any = file.add_stream_from_template(source.streams.video[0])
        file.add_attachment("a.ttf", "font/ttf", b"font")
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                file.mux(packet)
    kept = muxed(shared_studio, with_font)
    with av.open(str(kept.video.path)) as file:
        [font] = [one for one in file.streams if isinstance(one, av.stream.AttachmentStream)]
        assert (font.metadata["filename"], font.data) == ("a.ttf", b"font")
    assert [one.code for one in muxed(shared_studio, with_font, format="mp4").warnings] == ["streams_dropped"]
    assert muxed(shared_studio, with_font, format="mp4", drop=["attachments"]).warnings == []


def test_the_timecode_is_kept_without_a_warning(shared_studio: Studio, write: Make) -> None:
    film = write("film.mov", 5, metadata={"timecode": "01:00:00:00"})
    result = muxed(shared_studio, film, tags=["title=x"])
    assert result.warnings == []
    assert shared_studio.run("video.probe", result.video).contents.timecode == "01:00:00:00"


@pytest.mark.parametrize("format", ["mp4", "mov"])
def test_the_timecode_of_a_video_that_this_package_wrote_is_kept_in_copies(
    shared_studio: Studio, write: Make, format: str
) -> None:
    source = write("film.mov", 20, rate=Fraction(30000, 1001), metadata={"timecode": "01:00:00;02"})
    path = shared_studio.run("video.effects", source, chain=["flip"], format=format).video.path
    made = [
        muxed(shared_studio, path, tags=["title=x"]),
        shared_studio.run("video.cut", path, keep=["0-0.5"], mode="keyframe"),
        shared_studio.run("video.concat", path, inputs=[path], mode="copy", chapters=False),
    ]
    for one in made:
        streams = probed(one.video)["streams"]
        assert [each["tags"]["timecode"] for each in streams] == ["01:00:00;02"] * 2  # of the picture, and its track
        assert {Fraction(each["avg_frame_rate"]) for each in streams} == {Fraction(30000, 1001)}


def test_a_timecode_counts_frames_of_the_nominal_rate(shared_studio: Studio, write: Make) -> None:
    film = write("film.mov", 5, times=[0, 1, 5, 6, 20], metadata={"timecode": "01:00:00:20"})
    streams = probed(muxed(shared_studio, film).video)["streams"]
    assert (streams[1]["tags"]["timecode"], Fraction(streams[1]["avg_frame_rate"])) == ("01:00:00:20", Fraction(25))


def test_a_picture_is_encoded_on_request(shared_studio: Studio, write: Make) -> None:
    film = write("film.mp4", 10, sound=[440], color_trc=16, color_primaries=9, colorspace=9)
    result = muxed(shared_studio, film, video_codec="hevc", audio_codec="opus", quality=80)
    assert ([one.codec for one in result.tracks], result.warnings) == (["hevc", "opus"], [])
    [video, sound] = probed(result.video)["streams"]
    assert (video["codec_tag_string"], video["color_transfer"], video["nb_frames"]) == ("hvc1", "smpte2084", "10")
    assert float(sound["duration"]) == pytest.approx(0.4, abs=0.03)
    assert muxed(shared_studio, result.video, video_codec="hevc").tracks[0].copied
    in_matroska = muxed(shared_studio, film, format="mkv", video_codec="vp9")
    assert [float(one["start_time"]) for one in probed(in_matroska.video)["streams"]] == pytest.approx(
        [0, 0], abs=0.001
    )


@pytest.mark.parametrize(
    ("name", "cause"),
    [("song.mkv", "no_video_stream"), ("words.mkv", "no_video_stream"), ("list.mp4", "unreadable_media")],
)
def test_a_file_without_a_picture_is_refused(
    shared_studio: Studio, write: Make, text: Any, tmp_path: Path, name: str, cause: str
) -> None:
    film = write("film.mp4", 5, sound=[440])
    if name == "list.mp4":
        film = text(name, f"#EXTM3U\n{film}\n")
    else:
        both = muxed(shared_studio, film, format="mkv", subtitles=[text("s.srt", SRT)]).video.path
        film = tmp_path / name
        with av.open(str(both)) as source, av.open(str(film), "w") as file:
            stream: Any = source.streams[1 if name == "song.mkv" else 2]
            copy: Any = file.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    file.mux(packet)
    with pytest.raises(TaskFailed) as failed:
        muxed(shared_studio, film)
    assert failed.value.cause == cause


@pytest.mark.parametrize("shortest", [False, True])
@pytest.mark.parametrize("cut", ["film", "sound"])
def test_an_input_that_is_cut_short_is_told(shared_studio: Studio, write: Make, cut: str, shortest: bool) -> None:
    films = {name: write(f"{name}.mkv", 100, sound=[440]) for name in ("film", "sound")}
    films[cut].write_bytes(films[cut].read_bytes()[: films[cut].stat().st_size // 3])
    result = muxed(shared_studio, films["film"], sound=[films["sound"]], shortest=shortest)
    assert [one.code for one in result.warnings] == ["truncated"]
    assert f"'{cut}.mkv'" in result.warnings[0].message


def test_a_film_with_subtitles_that_is_cut_short_is_told(shared_studio: Studio, write: Make, tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("1\n00:00:00,100 --> 00:00:00,900\nOne\n")
    whole = muxed(shared_studio, write("film.mkv", 100, sound=[440]), subtitles=[tmp_path / "a.srt"]).video.path
    short = tmp_path / "short.mkv"
    short.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert [one.code for one in muxed(shared_studio, short).warnings] == ["truncated"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sound_offsets": [1.0]}, "'sound_offsets' has more values \\(1\\) than there are files \\(0\\)"),
        ({"sound_offsets": [1e6]}, "at most 86400"),
        ({"tags": ["title"]}, "'title' is not a tag"),
        ({"format": "webm", "video_codec": "h264"}, "'webm' does not take the codec 'h264'"),
    ],
)
def test_what_does_not_fit_together_is_refused_at_once(
    shared_studio: Studio, write: Make, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidParams, match=message):
        muxed(shared_studio, write("film.mp4", 5), **params)


@pytest.mark.parametrize(
    ("params", "content", "code"),
    [
        ({"subtitles": 1}, "not subtitles", "unreadable_media"),
        ({"subtitles": 1}, "1\n00:00:01,00 -> 00:00:02\nX\n", "unreadable_media"),
        ({"subtitles": 1, "subtitle_offsets": [-5]}, SRT, "invalid_input"),
        ({"subtitles": 1, "subtitle_languages": ["xyzzy"]}, SRT, "not_found"),
        ({"subtitles": 1, "default_subtitles": 2}, SRT, "not_found"),
        ({"sound": 1}, SRT, "invalid_input"),
        ({"chapters": 1}, ";FFMETADATA1\n[CHAPTER]\nSTART=9\nEND=1\n", "unreadable_media"),
        ({"chapters": 1}, "nothing", "unreadable_media"),
        ({"cover": 1}, "nothing", "invalid_input"),
        ({"chapter_marks": ["Intro"]}, "", "invalid_params"),
        ({"tracks": ["fr"]}, "", "not_found"),
        ({"picture": 7}, "", "not_found"),
    ],
)
def test_bad_inputs_are_told(
    shared_studio: Studio, write: Make, text: Any, params: dict[str, Any], content: str, code: str
) -> None:
    file = text("bad.txt", content or " ")
    given = {
        name: ([file] if name in ("subtitles", "sound") else file) if value == 1 else value
        for name, value in params.items()
    }
    with pytest.raises((TaskFailed, InvalidInput)) as failed:
        muxed(shared_studio, write("film.mp4", 5), **given)
    assert getattr(failed.value, "cause", failed.value.code) == code


def test_an_interlaced_picture_that_is_encoded_is_told(shared_studio: Studio, write: Make) -> None:
    interlaced = {"flags": "+ildct+ilme", "top": "1"}
    path = write("a.mpg", 12, codec="mpeg2video", options=interlaced)
    assert "interlaced" in [one.code for one in muxed(shared_studio, path, format="webm").warnings]
    assert "interlaced" not in [one.code for one in muxed(shared_studio, path, format="mkv").warnings]


def test_a_whole_film_of_few_frames_is_not_told_as_cut_short(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", 6, rate=Fraction(1, 10), codec="mpeg4")
    assert muxed(shared_studio, path, tags=["title=slow"]).warnings == []
