"""Subtitles of videos that are cut and joined: they stay with their pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given, settings, strategies as st

from avstudio_core import Studio
from avstudio_core.spans import Span
from avstudio_video.packets.styled_cues import StyledCue
from avstudio_video.timeline.parts import Part, Timeline
from avstudio_video.timeline.texts import TextTrack, moved_texts

Make = Callable[..., Path]
CUES = [(0.2, 0.6, "One"), (0.8, 2.0, "<i>Two</i>"), (2.0, 3.0, "Three"), (3.2, 3.6, "Four")]


def srt(path: Path, shown: list[tuple[float, float, str]]) -> Path:
    lines = (
        f"{number}\n00:00:{start:06.3f} --> 00:00:{end:06.3f}\n{text}\n".replace(".", ",")
        for number, (start, end, text) in enumerate(shown, 1)
    )
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def film(shared_studio: Studio, write: Make, tmp_path: Path) -> Callable[..., Path]:
    """A film of 4 s, with a key frame every 0.4 s, sound and subtitles."""

    def make(name: str, shown: list[tuple[float, float, str]] = CUES, **params: Any) -> Path:
        given = {"subtitles": [srt(tmp_path / f"{name}.srt", shown)], "subtitle_languages": ["de"], **params}
        how = {"format": name.rpartition(".")[2], **given}
        made = shared_studio.run("video.mux", write(f"plain-{name}.mp4", 100, sound=[440]), **how).video
        (path := tmp_path / name).write_bytes(made.path.read_bytes())
        return path

    return make


def cues(path: Path, number: int = 0) -> list[tuple[float, float, str]]:
    """Start, end and text of the subtitles of a track."""
    found = []
    with av.open(str(path)) as file:
        stream: Any = file.streams.subtitles[number]
        for packet in file.demux(stream):
            for one in stream.codec_context.decode2(packet) or () if packet.size > 2 else ():
                start, end = (float(time * packet.time_base) for time in (packet.pts, packet.pts + packet.duration))
                found.append((round(start, 2), round(end, 2), one.ass.decode().split(",", 8)[8]))
    return found


def packets(path: Path) -> list[tuple[bytes, list[bytes]]]:
    """What the packets of subtitles have, and what they have beside it."""
    with av.open(str(path)) as file:
        found = [one for one in file.demux(subtitles=0) if one.size > 2]
        return [(bytes(one), [bytes(note) for note in one.iter_sidedata()]) for one in found]


def plain(text: str) -> str:
    return re.sub(r"\{[^}]*\}", "", text)


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mov"])
def test_subtitles_are_cut_with_the_film(shared_studio: Studio, film: Any, name: str, mode: str) -> None:
    result = shared_studio.run("video.cut", film(name), keep=["0-0.4", "0.8-1.2", "2.4-4"], mode=mode)
    assert result.warnings == []
    made = [(start, end, plain(text)) for start, end, text in cues(result.video.path)]
    assert made == [(0.2, 0.4, "One"), (0.4, 0.8, "Two"), (0.8, 1.4, "Three"), (1.6, 2.0, "Four")]
    [known] = shared_studio.run("video.probe", result.video).contents.subtitles
    assert (known.language, known.text) == ("deu" if name == "a.mp4" else "ger", True)


def test_subtitles_begin_with_the_key_frame_that_a_part_really_begins_with(shared_studio: Studio, film: Any) -> None:
    result = shared_studio.run("video.cut", film("a.mp4"), keep=["2.2-3"], mode="keyframe")
    assert (result.parts[0].start, cues(result.video.path)) == (2.0, [(0.0, 1.0, "Three")])


def test_a_subtitle_goes_on_after_what_is_removed_from_its_middle(shared_studio: Studio, film: Any) -> None:
    result = shared_studio.run("video.cut", film("a.mkv", [(0.8, 2.0, "Two")]), remove=["1.2-1.6", "3-4"])
    assert cues(result.video.path) == [(0.8, 1.6, "Two")]


def test_each_of_many_cues_goes_on_after_what_is_removed(shared_studio: Studio, film: Any) -> None:
    path = film("a.mkv", [(0.8, 2.0, f"Sign {number}") for number in range(6)])
    result = shared_studio.run("video.cut", path, remove=["1.2-1.6"])
    assert [one[1:] for one in cues(result.video.path)] == [(1.6, f"Sign {number}") for number in range(6)]


def test_shapes_become_no_cues_of_text(shared_studio: Studio, film: Any, tmp_path: Path) -> None:
    shown = ("{\\p1}m 0 0 l 9 9{\\p0}", "Hi")
    (alpha := tmp_path / "a.ass").write_text(
        "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        + "".join(f"Dialogue: 0,0:00:0{n}.20,0:00:0{n}.60,Big,,0,0,0,,{text}\n" for n, text in enumerate(shown))
    )
    result = shared_studio.run("video.cut", film("a.mkv", subtitles=[alpha]), keep=["0-2"], format="webm")
    with av.open(str(result.video.path)) as file:
        assert [bytes(one) for one in file.demux(subtitles=0) if one.pts is not None] == [b"Hi"]


def test_styles_are_kept_where_the_container_takes_them_and_told_elsewhere(
    shared_studio: Studio, film: Any, tmp_path: Path
) -> None:
    (alpha := tmp_path / "a.ass").write_text(
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Big,Arial,80\n\n"
        "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: 0,0:00:00.20,0:00:01.60,Big,,0,0,0,,{\\pos(9,9)}Hi\n"
    )
    path = film("a.mkv", subtitles=[alpha])
    kept = shared_studio.run("video.cut", path, keep=["0.4-1.2"])
    with av.open(str(kept.video.path)) as file:
        track: Any = file.streams.subtitles[0]
        assert b"Style: Big,Arial,80" in track.codec_context.extradata
    assert (kept.warnings, cues(kept.video.path)) == ([], [(0.0, 0.8, "{\\pos(9,9)}Hi")])
    told = shared_studio.run("video.cut", path, keep=["0.4-1.2"], format="mp4").warnings
    assert [one.code for one in told] == ["styles_lost"]


@pytest.mark.parametrize("mode", ["copy", "encode"])
def test_joined_films_have_the_subtitles_of_each(shared_studio: Studio, film: Any, write: Make, mode: str) -> None:
    one, other = film("a.mkv", [(1.0, 2.0, "One")]), film("b.mkv", [(0.4, 0.8, "Two")])
    silent = write("c.mkv", 100, sound=[440])
    result = shared_studio.run("video.concat", one, inputs=[silent, other], mode=mode)
    assert result.warnings == []
    assert cues(result.video.path) == [(1.0, 2.0, "One"), (8.4, 8.8, "Two")]


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_effects_keep_subtitles_with_their_pictures(shared_studio: Studio, film: Any, name: str) -> None:
    path, how = film(name), {"format": name.partition(".")[2]}
    result = shared_studio.run("video.effects", path, chain="trim 0.4 3.4, flip, speed 2", **how)
    assert result.warnings == []
    made = [(start, end, plain(text)) for start, end, text in cues(result.video.path)]
    assert made == [(0.0, 0.1, "One"), (0.2, 0.8, "Two"), (0.8, 1.3, "Three"), (1.4, 1.5, "Four")]
    for chain, told in (
        ("reverse", []),
        ("subtitles", [f"The styles and places of the subtitles in '{name}' are not drawn."]),
    ):
        given = {"subtitles": path} if chain == "subtitles" else {}
        without = shared_studio.run("video.effects", path, chain=chain, **given, **how)
        left_out = f"Tracks of '{name}' are left out: 1 subtitle."
        assert sorted(one.message for one in without.warnings) == sorted([*told, left_out])


@pytest.mark.parametrize("mode", ["copy", "encode"])
def test_joined_tracks_have_one_language(shared_studio: Studio, film: Any, tmp_path: Path, mode: str) -> None:
    files = {name: srt(tmp_path / f"{name}.srt", [(0.4, 0.8, f"In {name}")]) for name in ("de", "fr")}
    one, other = (
        film(f"{'-'.join(names)}.mkv", subtitles=[files[name] for name in names], subtitle_languages=names)
        for names in (["de", "fr"], ["fr", "de"])
    )
    joined = shared_studio.run("video.concat", one, inputs=[other], mode=mode).video
    assert [cues(joined.path, number) for number in (0, 1)] == [
        [(0.4, 0.8, f"In {name}"), (4.4, 4.8, f"In {name}")] for name in ("de", "fr")
    ]


def test_a_language_has_one_track_in_all_containers(shared_studio: Studio, film: Any, tmp_path: Path) -> None:
    given = srt(tmp_path / "a.srt", [(0.4, 0.8, "Text")])
    german, unknown = film("a.mkv", subtitles=[given]), film("b.mp4", subtitles=[given], subtitle_languages=[])
    result = shared_studio.run("video.concat", german, inputs=[film("c.mp4", subtitles=[given]), unknown])
    assert cues(result.video.path) == [(at + 0.4, at + 0.8, "Text") for at in (0.0, 4.0, 8.0)]
    assert len(shared_studio.run("video.probe", result.video).contents.subtitles) == 1


def test_tracks_of_the_same_language_and_use_are_joined_first(shared_studio: Studio, film: Any, tmp_path: Path) -> None:
    files = [srt(tmp_path / f"{name}.srt", [(0.4, 0.8, name)]) for name in ("known", "other", "French")]
    one = film("a.mkv", subtitles=files[:1], default_subtitles=1)
    two = film("b.mkv", subtitles=files, subtitle_languages=["", "de", "fr"], default_subtitles=3)
    made = shared_studio.run("video.concat", one, inputs=[two]).video
    assert [[text for *_, text in cues(made.path, number)] for number in range(3)] == [
        ["known", "other"], ["known"], ["French"]
    ]  # fmt: skip
    marks = [one.dispositions for one in shared_studio.run("video.probe", made).contents.subtitles]
    assert marks == [["default"], [], []]


def test_equal_texts_of_two_films_in_a_cross_fade_stay_two(shared_studio: Studio, film: Any) -> None:
    one, two = film("a.mkv", [(3.6, 3.9, "Yes")]), film("b.mkv", [(0.1, 0.7, "Yes")])
    result = shared_studio.run("video.concat", one, inputs=[two], crossfade=0.4)
    assert cues(result.video.path) == [(3.6, 3.9, "Yes"), (3.7, 4.3, "Yes")]


def test_a_subtitle_runs_through_parts_that_are_shorter_than_anybody_reads(shared_studio: Studio, film: Any) -> None:
    parts = [f"{number / 5}-{number / 5 + 0.08}" for number in range(20)]
    result = shared_studio.run("video.cut", film("a.mkv", [(0.04, 3.9, "Whole")]), keep=parts)
    assert cues(result.video.path) == [(0.04, 1.6, "Whole")]


@pytest.mark.parametrize("format", ["mkv", "mp4"])
def test_a_text_that_looks_like_a_command_is_kept(shared_studio: Studio, film: Any, format: str) -> None:
    path = film(f"a.{format}", [(0.2, 1.0, r"Open C:\p1\file")])
    result = shared_studio.run("video.cut", path, keep=["0-3"]).video.path
    assert packets(result) == packets(path)


@pytest.mark.parametrize("mode", ["auto", "copy"])
def test_subtitles_and_chapters_of_trimmed_films_are_with_their_pictures(
    shared_studio: Studio, write: Make, edited: Callable[[Path, int], Path], tmp_path: Path, mode: str
) -> None:
    trimmed = edited(write("a.mp4", 100), 25)  # 3 s, before which 0.2 s are hidden from the key frame on
    given = [srt(tmp_path / "a.srt", [(1.0, 1.4, "One")])]
    path = shared_studio.run("video.mux", trimmed, subtitles=given).video.path
    result = shared_studio.run("video.concat", path, inputs=[path], mode=mode)
    second = 3.0 if mode == "auto" else 3.2  # a copy shows what is hidden
    assert cues(result.video.path) == [(1.0, 1.4, "One"), (second + 1, second + 1.4, "One")]
    chapters = shared_studio.run("video.probe", result.video).contents.chapters
    assert [one.start for one in chapters] == pytest.approx([0, 3], abs=0.01)
    assert [one.code for one in result.warnings] == ["lead_in_shown"] * (mode == "copy")


def test_a_subtitle_of_the_whole_film_stays_one_beside_many_others(shared_studio: Studio, film: Any) -> None:
    many = [(0.0, 4.0, "All"), *((number / 5, number / 5 + 0.15, f"{number}") for number in range(20))]
    result = shared_studio.run("video.cut", film("a.mkv", many), remove=["2-2.4"])
    assert [one for one in cues(result.video.path) if one[2] == "All"] == [(0.0, 3.6, "All")]


def test_a_subtitle_on_both_sides_of_a_cross_fade_is_shown_once(shared_studio: Studio, film: Any) -> None:
    path = film("a.mkv", [(0.2, 3.0, "Long")])
    result = shared_studio.run("video.cut", path, keep=["0-1", "1.4-4"], crossfade=0.4)
    assert cues(result.video.path) == [(0.2, 2.2, "Long")]


def test_the_rest_of_a_subtitle_that_nobody_can_read_is_left_out(shared_studio: Studio, film: Any) -> None:
    path = film("a.mkv", [(0.2, 1.04, "Before"), (1.1, 1.14, "Brief"), (1.2, 1.6, "After")])
    result = shared_studio.run("video.cut", path, keep=["1-3"])
    assert [text for *_, text in cues(result.video.path)] == ["Brief", "After"]


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
@pytest.mark.parametrize("format", ["mp4", "webm"])
def test_packets_of_subtitles_keep_what_decoders_do_not_tell(
    shared_studio: Studio, film: Any, tmp_path: Path, format: str, mode: str
) -> None:
    (vtt := tmp_path / "a.vtt").write_text(
        "WEBVTT\n\nintro\n00:00.800 --> 00:01.600 line:10% align:start\n<v Bob>plain <b>bold words</b> and <i>more</i>\n"
    )
    path = film(f"a.{format}", subtitles=[vtt])
    result = shared_studio.run("video.cut", path, keep=["0.4-3"], mode=mode).video.path
    assert packets(result) == packets(path)


@pytest.mark.parametrize("mode", ["exact", "keyframe"])
def test_players_choose_the_same_sound_after_a_cut(shared_studio: Studio, write: Make, mode: str) -> None:
    sounds = [write(f"{number}.mkv", 50, sound=[440 * number]) for number in (1, 2)]
    path = shared_studio.run("video.mux", write("a.mkv", 50), sound=sounds, default_sound=2).video
    made = shared_studio.run("video.cut", path, keep=["0.4-1.2"], mode=mode).video
    facts = shared_studio.run("video.probe", made).contents.audio
    assert [one.dispositions for one in facts] == [[], ["default"]]


def test_webm_stays_webm(shared_studio: Studio, write: Make) -> None:
    path = write("a.webm", 10, codec="libvpx", options={"g": "5"})
    for mode in ("exact", "keyframe"):
        assert shared_studio.run("video.cut", path, keep=["0-0.2"], mode=mode).video.media_type == "video/webm"


def test_a_moving_image_has_no_subtitles_and_that_is_told(shared_studio: Studio, film: Any) -> None:
    warnings = shared_studio.run("video.cut", film("a.mkv"), keep=["0-0.4"], format="gif").warnings
    assert "These streams of 'a.mkv' are left out: 1 subtitle, 1 audio." in [one.message for one in warnings]


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30)), max_size=8),
    st.lists(st.tuples(st.integers(0, 90), st.integers(1, 20)), min_size=1, max_size=6),
)
@settings(max_examples=200)
def test_at_each_time_the_text_is_that_of_the_source(shown: list[Span], kept: list[Span]) -> None:
    texts = [
        StyledCue(Fraction(start), Fraction(start + length), f"{number},0,Default,,0,0,0,,{number}".encode())
        for number, (start, length) in enumerate(sorted(shown))
    ]
    parts = [Part(Fraction(start), Fraction(start + length), range(0)) for start, length in kept]
    timeline = Timeline.joined(parts)
    [made] = moved_texts([[TextTrack("subrip", None, {}, 0, texts)]], timeline)
    for part in timeline.parts:
        for tick in range(int(part.length)):
            time = Fraction(tick) + Fraction(1, 2)
            before = {one.text for one in texts if one.start <= part.start + time < one.end}
            assert {one.text for one in made.cues if one.start <= part.at + time < one.end} == before
    assert all(one.start < one.end <= timeline.length for one in made.cues)
