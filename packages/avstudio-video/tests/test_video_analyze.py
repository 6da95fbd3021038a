"""`video.analyze` through the studio: scenes equal to PySceneDetect's, and events with known times."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import avstudio_video
from avstudio_core import Artifact, MediaFacts, Studio
from avstudio_core.documents.scenes import Scene, Scenes
from avstudio_core.errors import InvalidParams, TaskFailed
from avstudio_core.testing import ProcessorContract
from avstudio_video.analyze import Analyze
from avstudio_video.analyze_params import AnalyzeParams
from avstudio_video.exports.cut_list import CutList
from avstudio_video.exports.report import report
from avstudio_video.media.cores import usable_cores
from avstudio_video.scenes.sheet_frames import SheetFrames, SheetSteps

pytest.importorskip("cv2", reason="avstudio-video[opencv] is not installed")

Make = Callable[..., Path]
Pictures = list[NDArray[np.uint8]]


def shots(lengths: Sequence[int], size: tuple[int, int] = (64, 48), seed: int = 1) -> Pictures:
    """Shots of so many frames: each has other coarse colours, which move slowly."""
    rng, (width, height) = np.random.default_rng(seed), size
    made = []
    for length in lengths:
        blocks = rng.integers(0, 256, (6, 6, 3), np.uint8).repeat(-(-height // 3), 0).repeat(-(-width // 3), 1)
        made += [np.ascontiguousarray(blocks[n // 2 :, n // 2 :][:height, :width]) for n in range(length)]
    return made


def analyzed(studio: Studio, path: Path, **params: Any) -> Any:
    return studio.run("video.analyze", path, **params)


def starts(result: Any) -> list[int]:
    return [one.start_frame for one in result.scenes[1:]]


class TestAnalyze(ProcessorContract):
    plugin = avstudio_video
    processor = "video.analyze"
    params = {"exports": ["csv", "edl", "otio", "fcpxml", "webvtt", "ffmetadata", "qp"]}  # noqa: RUF012

    @pytest.fixture
    def sample(self, write: Make) -> Path:
        return write("film.mp4", shots([20, 20]))


def detected(path: Path, name: str, least: int) -> list[int]:
    """The cuts that PySceneDetect finds."""
    scenedetect = pytest.importorskip("scenedetect", reason="PySceneDetect is not installed")
    kinds = {
        "adaptive": scenedetect.AdaptiveDetector,
        "content": scenedetect.ContentDetector,
        "threshold": scenedetect.ThresholdDetector,
        "histogram": scenedetect.HistogramDetector,
        "hash": scenedetect.HashDetector,
    }
    video = scenedetect.open_video(str(path), backend="pyav")
    manager = scenedetect.SceneManager()
    manager.add_detector(kinds[name](min_scene_len=least))
    manager.detect_scenes(video)
    return [start.frame_num for start, _ in manager.get_scene_list()[1:]]


def film() -> Pictures:
    """Cuts, some of them close together, a fade through black, and a flash."""
    bright = shots([20, 18, 4, 5, 20, 30, 16, 17], seed=3)
    fade = [(bright[-1] * level).astype(np.uint8) for level in (0.6, 0.3, 0.05, 0.0, 0.0, 0.05, 0.3, 0.6)]
    flash = [np.full_like(bright[0], 255)]
    return [*bright, *fade, *shots([20], seed=5), *flash, *shots([25], seed=6)]


@pytest.mark.parametrize("detector", ["adaptive", "content", "threshold", "histogram", "hash"])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
def test_cuts_are_those_of_pyscenedetect(shared_studio: Studio, write: Make, detector: str, rate: Fraction) -> None:
    path = write("a.mp4", film(), rate=rate)
    least = round(Fraction("0.6") * rate)
    result = analyzed(shared_studio, path, detectors=[detector])
    assert starts(result) == detected(path, detector, least)
    assert len(result.scenes) > 1


SIZES = (320, 180), (512, 288), (768, 432), (1280, 720), (300, 170), (1278, 718), (720, 1280), (1280, 715)


@pytest.mark.parametrize("size", SIZES)
def test_scores_are_the_same_at_every_size(shared_studio: Studio, write: Make, size: tuple[int, int]) -> None:
    scenedetect = pytest.importorskip("scenedetect", reason="PySceneDetect is not installed")
    path = write("a.mkv", shots([3, 2], size), codec="ffv1")
    manager = scenedetect.SceneManager(scenedetect.StatsManager())
    manager.add_detector(scenedetect.ContentDetector(min_scene_len=0))
    manager.detect_scenes(scenedetect.open_video(str(path)))
    video = scenedetect.open_video(str(path))
    [score] = manager.stats_manager.get_metrics(scenedetect.FrameTimecode(3, video.frame_rate), ["content_val"])
    result = analyzed(shared_studio, path, detectors=["content"], min_scene=0)
    assert [one.score for one in result.scenes if one.start_frame == 3] == [pytest.approx(score, abs=1e-9)]


def test_forty_hard_cuts_are_all_found_and_nothing_else(shared_studio: Studio, write: Make) -> None:
    lengths = [16 + number % 3 for number in range(41)]
    path = write("a.mp4", shots(lengths), options={"preset": "ultrafast"})
    for detector in ("adaptive", "content"):
        assert starts(analyzed(shared_studio, path, detectors=[detector])) == [*accumulate(lengths)][:-1]


STEPS = [0, 20, 60, 160]
"""Levels of grey shots; a frame differs from the one before by a third of what their levels differ."""


def greys(write: Make) -> Path:
    pictures = [np.full((48, 64, 3), level, np.uint8) for level in STEPS for _ in range(20)]
    return write("grey.mkv", pictures, codec="ffv1", format="yuv444p")


@pytest.mark.parametrize(("threshold", "cuts"), [(4, [20, 40, 60]), (10, [40, 60]), (None, [60]), (60, [])])
def test_a_threshold_chooses_the_cuts(
    shared_studio: Studio, write: Make, threshold: float | None, cuts: list[int]
) -> None:
    assert starts(analyzed(shared_studio, greys(write), detectors=["content"], threshold=threshold)) == cuts


@pytest.mark.parametrize("detector", ["auto", "adaptive"])
@pytest.mark.parametrize(("least", "cuts"), [(4, [20, 40, 60]), (10, [40, 60]), (None, [60]), (60, [])])
def test_the_least_difference_of_a_cut_is_chosen(
    shared_studio: Studio, write: Make, detector: str, least: float | None, cuts: list[int]
) -> None:
    params = {} if least is None else {"min_content": least}
    assert starts(analyzed(shared_studio, greys(write), detectors=[detector], **params)) == cuts


def test_several_detectors_find_the_cuts_of_each(shared_studio: Studio, write: Make) -> None:
    result = analyzed(shared_studio, write("a.mp4", film()), detectors=["content", "threshold", "adaptive"])
    kinds = {tuple(one.detectors): one.transition for one in result.scenes}
    assert kinds[()] == "start"
    assert kinds["threshold",] == "fade"
    assert kinds["content", "adaptive"] == "cut"


def test_times_are_true_at_a_variable_rate(shared_studio: Studio, write: Make) -> None:
    times = [*range(20), *range(20, 60, 2)]
    path = write("a.mp4", shots([20, 20]), times=times)
    result = analyzed(shared_studio, path, exports=["edl"])
    assert [(one.start, one.end) for one in result.scenes] == [(0.0, 0.8), (0.8, pytest.approx(2.4, abs=0.05))]
    assert Scenes.parse(result.document.path.read_text()).variable_rate


def test_frames_of_different_lengths_are_counted_for_encoders_and_told_for_editors(
    shared_studio: Studio, write: Make
) -> None:
    path = write("a.mp4", shots([20, 20]), times=[*range(0, 40, 2), *range(40, 60)])
    result = analyzed(shared_studio, path, exports=["qp"])
    assert result.exports["qp"].path.read_text() == "0 I -1\n20 I -1\n"
    assert result.warnings == []
    assert [one.code for one in analyzed(shared_studio, path, exports=["edl"]).warnings] == ["vfr_source_rounded"]


def test_a_grid_that_does_not_fit_is_told(shared_studio: Studio, write: Make) -> None:
    times = [4 * n for n in range(20)] + [82 + 4 * n for n in range(20)]
    path = write("a.mkv", shots([20, 20]), times=times, rate=25, unit=Fraction(1, 100))
    assert [one.code for one in analyzed(shared_studio, path, exports=["edl"]).warnings] == ["vfr_source_rounded"]
    assert analyzed(shared_studio, path, exports=["webvtt"]).warnings == []


def test_the_document_is_read_by_the_core(shared_studio: Studio, write: Make) -> None:
    result = analyzed(shared_studio, write("a.mp4", shots([20, 20])))
    scenes = Scenes.parse(result.document.path.read_text(encoding="utf-8"))
    assert result.document.media_type == "application/vnd.avstudio.scenes+json"
    assert (scenes.cuts, scenes.duration, scenes.rate) == ([0.8], 1.6, "25")
    assert scenes.scenes == result.scenes


def test_black_and_frozen_spans_are_found_with_their_times(shared_studio: Studio, write: Make) -> None:
    black, still = [np.zeros((48, 64, 3), np.uint8)] * 30, [shots([1], seed=9)[0]] * 30
    pictures = [*shots([20]), *black, *shots([20], seed=4), *still]
    path = write("a.mp4", pictures, options={"crf": "10", "bf": "0", "g": "1"})
    result = analyzed(shared_studio, path, analyses=["black", "freeze"], min_black=1, min_freeze=1)
    assert [(one.type, one.start, one.end) for one in result.events] == [
        ("black", 0.8, 2.0),
        ("freeze", 0.8, 2.0),
        ("freeze", 2.8, 4.0),
    ]
    assert analyzed(shared_studio, path, analyses=["black"], min_black=1.3).events == []


def test_black_and_frozen_spans_are_those_of_ffmpeg(shared_studio: Studio, write: Make) -> None:
    black = [np.full((48, 64, 3), 20, np.uint8)] * 30
    path = write("a.mp4", [*shots([20]), *black, *shots([30], seed=4)], options={"crf": "10"})
    result = analyzed(shared_studio, path, analyses=["black", "freeze"], min_black=1, min_freeze=1)
    found = {one.type: (one.start, one.end) for one in result.events}
    assert found["black"] == filtered(path, "blackdetect", "d=1", "lavfi.black_start", "lavfi.black_end")
    frozen = "lavfi.freezedetect.freeze_start", "lavfi.freezedetect.freeze_end"
    assert found["freeze"] == filtered(path, "freezedetect", "d=1", *frozen)


def filtered(path: Path, name: str, options: str, *keys: str) -> tuple[float, ...]:
    """What a filter of FFmpeg notes about frames."""
    found: dict[str, float] = {}
    with av.open(str(path)) as file:
        graph, stream = av.filter.Graph(), file.streams.video[0]
        source, filter, sink = graph.add_buffer(template=stream), graph.add(name, options), graph.add("buffersink")
        source.link_to(filter)
        filter.link_to(sink)
        graph.configure()
        for frame in file.decode(stream):
            graph.push(frame)
            notes = graph.pull().metadata
            found |= {key: float(value) for key, value in notes.items() if key in keys}
    return tuple(found[key] for key in keys)


@pytest.mark.parametrize(
    ("left", "right", "top", "bottom", "box"),
    [
        (0, 0, 8, 8, (0, 8, 64, 32)),
        (8, 16, 0, 0, (8, 0, 40, 48)),
        (10, 6, 4, 12, (10, 4, 48, 32)),
        (9, 0, 0, 7, (8, 0, 56, 42)),  # on even pixels
    ],
)
def test_black_bars_are_found(
    shared_studio: Studio, write: Make, left: int, right: int, top: int, bottom: int, box: tuple[int, ...]
) -> None:
    pictures = [np.zeros_like(one) for one in shots([8])]
    for picture in pictures:
        picture[top : 48 - bottom, left : 64 - right] = 128
    found = analyzed(shared_studio, write("a.mkv", pictures, codec="ffv1"), analyses=["letterbox"]).letterbox
    assert (found.x, found.y, found.width, found.height) == box


def test_black_bars_are_those_of_all_pictures_and_key_frames_are_found(shared_studio: Studio, write: Make) -> None:
    pictures = shots([30])
    for number, picture in enumerate(pictures):
        picture[: 16 if number < 15 else 8] = picture[40:] = 0
    result = analyzed(shared_studio, write("a.mp4", pictures), analyses=["letterbox", "keyframes"])
    box = result.letterbox
    assert (box.x, box.y, box.width, box.height) == (0, 8, 64, 32)
    assert result.keyframes == [0.0, 0.4, 0.8]
    assert analyzed(shared_studio, write("b.mp4", shots([5])), analyses=["letterbox"]).letterbox is None


def test_thumbnails_are_from_inside_their_scenes(shared_studio: Studio, write: Make) -> None:
    colours = [np.full((48, 64, 3), colour, np.uint8) for colour in ((250, 10, 10), (10, 10, 90)) for _ in range(20)]
    path = write("a.mp4", colours, rotation=90)
    result = analyzed(shared_studio, path, thumbnails=2, thumbnail_width=48, detectors=["content"])
    assert [*result.thumbnails] == ["scene_0001_1", "scene_0001_2", "scene_0002_1", "scene_0002_2"]
    for name, colour in (("scene_0001_2", 0), ("scene_0002_1", 2)):
        with av.open(str(result.thumbnails[name].path)) as file:
            picture = next(file.decode(video=0)).to_ndarray(format="rgb24")
        assert picture.shape == (64, 48, 3)
        assert picture.mean(axis=(0, 1)).argmax() == colour


def test_a_contact_sheet_shows_the_whole_video(shared_studio: Studio, write: Make) -> None:
    pictures = [np.full((48, 64, 3), 20 + 4 * number, np.uint8) for number in range(50)]
    for name in ("a.mp4", "a.mkv", "a.ts"):
        path = write(name, pictures, codec="mpeg4" if name == "a.ts" else "libx264")
        result = analyzed(shared_studio, path, analyses=["black"], contact_sheet=6, thumbnail_width=32)
        with av.open(str(result.sheet.path)) as file:
            sheet = next(file.decode(video=0)).to_ndarray(format="gray")
        cell = (24 + 7 + 4, 32 + 4)
        shown = [int(sheet[4 + row * cell[0] + 12, 4 + column * cell[1] + 16]) for row, column in np.ndindex(2, 5)][:6]
        assert shown == sorted(shown)
        assert shown[0] < 60 < 170 < shown[-1], name


def test_a_contact_sheet_that_does_not_fit_into_memory_is_refused(shared_studio: Studio, write: Make) -> None:
    path = write("tall.mp4", [np.zeros((256, 16, 3), np.uint8)] * 2)
    with pytest.raises(TaskFailed, match="takes 12288 MB of memory, more than 2000") as refused:
        analyzed(shared_studio, path, analyses=["black"], contact_sheet=100, thumbnail_width=800)
    assert refused.value.cause == "not_enough_memory"


def test_a_wrong_length_in_the_header_does_not_stop_a_contact_sheet() -> None:
    frames = SheetFrames(4, SheetSteps(4, 1e-12))
    for time in (0.0, 20_000.0, 40_000.0):
        frames.feed(time, np.zeros((12, 16, 3), np.uint8))
    assert frames.sheet() is not None

    widths = []
    for count in (3, 100):  # of a file that states a length of a thousand hours
        frames = SheetFrames(4, SheetSteps(4, 3.6e6))
        for number in range(count):
            frames.feed(number / 25, np.zeros((12, 16, 3), np.uint8))
        sheet = frames.sheet()
        widths.append(0 if sheet is None else sheet.shape[1])
    assert 0 < widths[0] < widths[1]


def test_a_format_that_is_named_twice_is_written_once(shared_studio: Studio, write: Make) -> None:
    assert [*analyzed(shared_studio, write("a.mp4", 5), exports=["edl", "edl"]).exports] == ["edl"]


def test_chapters_of_youtube_are_long_enough(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", shots([16, 14, 5, 13, 20]), rate=1)
    result = analyzed(shared_studio, path, exports=["youtube", "podcast"], min_scene=0.5)
    starts_at = [one.start for one in result.scenes]
    lines = result.exports["youtube"].path.read_text().splitlines()
    assert lines == ["0:00 Scene 1", "0:16 Scene 2", "0:30 Scene 3", "0:48 Scene 5"]
    chapters = json.loads(result.exports["podcast"].path.read_text())["chapters"]
    assert [one["startTime"] for one in chapters] == starts_at
    short = analyzed(shared_studio, write("b.mp4", shots([20, 20])), exports=["youtube"])
    assert [one.code for one in short.warnings] == ["few_chapters"]
    assert short.warnings[0].message.endswith("of at least 10 s each; 'b.mp4' has 1.")
    assert short.exports["youtube"].path.read_text() == "0:00 Scene 1\n"


def test_the_report_needs_no_other_file_and_runs_nothing(shared_studio: Studio, write: Make) -> None:
    path = write("<img src=x onerror=alert(1)>.mp4", shots([20, 20]))
    result = analyzed(shared_studio, path, exports=["html"], thumbnails=1)
    page = result.exports["html"].path.read_text(encoding="utf-8")
    assert "&lt;img src=x onerror=alert(1)&gt;.mp4" in page
    assert "<img src=x" not in page
    assert page.count('src="data:image/jpeg;base64,/9j/') == 2
    assert not re.search(r"<script|http:|https:|<link", page)
    assert "<td>0.800</td>" in page


def test_the_memory_of_a_run_follows_the_size_and_the_contact_sheet() -> None:
    facts, shelf = MediaFacts(width=7680, height=4320), None
    large = Artifact(id="a", sha256="0" * 64, name="a.mp4", media_type="video/mp4", size=1, facts=facts)
    processor = Analyze(shelf)  # type: ignore[arg-type]
    sheet = AnalyzeParams(contact_sheet=100, thumbnail_width=1600)
    assert processor.needs(AnalyzeParams(), None).memory_mb == 0
    assert processor.needs(AnalyzeParams(), large).memory_mb >= 2048
    assert processor.needs(sheet, None).memory_mb >= 1536


def test_a_report_is_written_picture_by_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(bytes(30_000))
    found = [Scene(id=n, start=n, end=n + 1, start_frame=25 * n, end_frame=25 * n + 25) for n in range(50)]
    scenes = Scenes(duration=50, rate="25", scenes=found)
    cuts = CutList.of(scenes, "a.mp4", None)
    parts = [len(part) for part in report(scenes, cuts, [[tmp_path / "a.jpg"] * 3] * 50, [])]
    assert max(parts) < 41_000 < sum(parts) / 100


def test_a_search_finds_what_a_video_has(shared_studio: Studio, write: Make) -> None:
    path = write("a.mp4", [*shots([20, 20]), *[np.zeros((48, 64, 3), np.uint8)] * 30])
    analyzed(shared_studio, path, analyses=["scenes", "black"], min_black=1, detectors=["content"])
    [hit] = shared_studio.library.search("2 cut 1 black", kind="scenes").items
    assert hit.snippet == "3 scenes: 2 cut, 1 black"


def test_scenes_tell_how_sharp_they_are_and_how_much_they_move(shared_studio: Studio, write: Make) -> None:
    cv2 = pytest.importorskip("cv2", reason="avstudio-video[opencv] is not installed")
    still = [np.random.default_rng(2).integers(0, 255, (48, 64, 3), np.uint8)] * 20
    soft = [cv2.GaussianBlur(255 - still[0], (0, 0), 4)] * 20
    panned = [np.roll(still[0] // 2, 2 * number, 1) for number in range(20)]
    panned[5:10] = [cv2.GaussianBlur(one, (0, 0), 4) for one in panned[5:10]]
    path = write("a.mp4", [*still, *soft, *panned], options={"crf": "5"})
    sharp, blurred, moving = analyzed(
        shared_studio, path, analyses=["scenes", "look"], detectors=["content"], min_scene=0.75
    ).scenes
    assert sharp.sharpness > 20 * blurred.sharpness
    assert sharp.blurred == 0
    assert moving.blurred == pytest.approx(0.25, abs=0.05)
    assert moving.motion > 5 * max(sharp.motion, blurred.motion)


def test_the_file_is_opened_once_and_each_frame_decoded_once(
    shared_studio: Studio, write: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.mp4", shots([20, 20]), sound=[440])
    opened: list[object] = []
    real = av.open

    def counted(*given: Any, **options: Any) -> Any:
        opened.append(given)
        return real(*given, **options)

    monkeypatch.setattr(av, "open", counted)
    everything = ["scenes", "black", "freeze", "letterbox", "keyframes", "silence", "loudness", "waveform", "speech"]
    result = analyzed(shared_studio, path, analyses=everything, thumbnails=1, exports=["edl"])
    assert (len(opened), result.frames) == (1, 40)


def pictures_decoded(work: Callable[[], object]) -> int:
    """How often FFmpeg's decoder of H.264 says that it takes a slice of a picture."""
    av.logging.set_skip_repeated(False)
    av.logging.set_level(av.logging.DEBUG)
    try:
        with av.logging.Capture(local=False) as logs:
            work()
    finally:
        av.logging.set_level(None)
        av.logging.set_skip_repeated(True)
    return sum(name == "h264" and text.startswith(("nal_unit_type: 1", "nal_unit_type: 5")) for _, name, text in logs)


@pytest.mark.parametrize("cores", [1, 2])
def test_ffmpeg_decodes_each_picture_once_and_those_between_ranges_twice(
    write: Make, tmp_path: Path, cores: int
) -> None:
    path = write("a.mp4", shots([75] * 4), options={"g": "100", "sc_threshold": "0", "threads": "1"}, sound=[440])
    wanted = {"analyses": ["scenes", "look", "black", "letterbox", "loudness"], "thumbnails": 1, "contact_sheet": 4}
    with Studio(home=tmp_path / "home", executor="inline", add=[avstudio_video], threads=cores) as studio:
        counted = pictures_decoded(lambda: studio.run("video.analyze", path, **wanted))

    def plainly() -> None:
        with av.open(str(path)) as file:
            assert len([*file.decode(video=0)]) == 300

    plain = pictures_decoded(plainly)
    assert counted == pytest.approx(plain * (302 if usable_cores(cores) > 1 else 300) / 300, abs=1)
    assert plain >= 300


@pytest.fixture(scope="module")
def cut_lists(shared_studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The exports of a film at a rate, with a timecode: `cut_lists(rate, timecode)`."""
    kept: dict[Any, dict[str, str]] = {}

    def make(write: Make, rate: Fraction, timecode: str | None = None) -> dict[str, str]:
        if (rate, timecode) not in kept:
            path = write("a film & more.mp4", shots([20, 20, 20]), rate=rate)
            names = ["csv", "edl", "otio", "fcpxml", "webvtt", "ffmetadata", "qp"]
            result = analyzed(shared_studio, path, exports=names, timecode=timecode, min_scene=0.3)
            assert starts(result) == [20, 40]
            kept[rate, timecode] = {
                name: file.path.read_text(encoding="utf-8") for name, file in result.exports.items()
            }
        return kept[rate, timecode]

    return make


RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(60000, 1001)]


@pytest.mark.parametrize("rate", RATES)
def test_opentimelineio_reads_the_cuts(write: Make, cut_lists: Any, rate: Fraction) -> None:
    otio = pytest.importorskip("opentimelineio", reason="opentimelineio is not installed")
    timeline = otio.adapters.read_from_string(cut_lists(write, rate)["otio"], "otio_json")
    clips = [*timeline.tracks[0]]
    assert [(one.source_range.start_time.value, one.source_range.duration.value) for one in clips] == [
        (0, 20),
        (20, 20),
        (40, 20),
    ]
    assert clips[0].source_range.start_time.rate == pytest.approx(float(rate))
    assert clips[0].media_reference.target_url == "a%20film%20%26%20more.mp4"


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("timecode", [None, "01:00:00:00"])
def test_a_reader_of_edl_finds_the_frames(write: Make, cut_lists: Any, rate: Fraction, timecode: str | None) -> None:
    otio = pytest.importorskip("opentimelineio", reason="opentimelineio is not installed")
    pytest.importorskip("otio_cmx3600_adapter", reason="otio-cmx3600-adapter is not installed")
    text = cut_lists(write, rate, timecode)["edl"]
    read = otio.adapters.read_from_string(text, "cmx_3600", rate=round(rate) if timecode else float(rate))
    first = 3600 * round(rate) if timecode else 0
    places = [(first + start, 20) for start in (0, 20, 40)]
    sources = [one.source_range for one in read.tracks[0]]
    assert [(one.start_time.value, one.duration.value) for one in sources] == places
    records = [read.tracks[0].range_of_child(one) for one in read.tracks[0]]
    assert [(one.start_time.value, one.duration.value) for one in records] == [(0, 20), (20, 20), (40, 20)]
    assert ("FCM: NON-DROP FRAME" in text) == (timecode is not None or rate.denominator == 1 or round(rate) == 24)
    assert ("01:00:00:20" in text) == (timecode is not None)


@pytest.mark.parametrize(
    ("rate", "labels"),
    [
        (Fraction(30000, 1001), ["00:00:59;20", "00:01:00;12", "00:01:01;02", "00:01:01;22"]),
        (Fraction(30000, 1001), ["00:00:59:20", "00:01:00:10", "00:01:01:00", "00:01:01:20"]),
        (Fraction(25), ["09:59:59:10", "10:00:00:05", "10:00:01:00", "10:00:01:20"]),
    ],
)
@pytest.mark.parametrize("name", ["a.mov", "a.mkv"])
def test_an_edl_has_the_timecode_of_the_file_and_the_reel(
    shared_studio: Studio, write: Make, name: str, rate: Fraction, labels: list[str]
) -> None:
    path = write(name, shots([20, 20, 20]), rate=rate, metadata={"timecode": labels[0]})
    result = analyzed(shared_studio, path, exports=["edl", "csv"], min_scene=0.3, reel="CARD_07")
    lines = [line.split() for line in result.exports["edl"].path.read_text().splitlines() if line[:3].isdigit()]
    spans = [[*span, *span] for span in pairwise(labels)]  # source and record
    assert lines == [[f"{n:03}", "CARD_07", "V", "C", *span] for n, span in enumerate(spans, 1)]
    rows = csv.DictReader(result.exports["csv"].path.read_text().splitlines())
    assert [row["start_timecode"] for row in rows] == labels[:-1]


def test_scenes_that_an_edl_cannot_number_are_told(shared_studio: Studio, write: Make) -> None:
    grey = [np.full((16, 16, 3), 40 + 160 * (number % 2), np.uint8) for number in range(1001)]
    path = write("a.mkv", grey, codec="ffv1")
    result = analyzed(shared_studio, path, detectors=["content"], min_scene=0, exports=["edl", "csv"])
    told = [(one.code, one.message) for one in result.warnings]
    assert told == [("events_left_out", "The EDL has the first 999 of 1001 scenes.")]
    events = [line[:3] for line in result.exports["edl"].path.read_text().splitlines() if line[:3].isdigit()]
    assert (len(events), events[-1]) == (999, "999")
    assert len(result.exports["csv"].path.read_text().splitlines()) == 1002


@pytest.mark.parametrize(
    ("rate", "frame", "label"),
    [
        (Fraction(30000, 1001), 1800, "00:01:00;02"),
        (Fraction(30000, 1001), 17982, "00:10:00;00"),
        (Fraction(30000, 1001), 107892, "01:00:00;00"),
        (Fraction(60000, 1001), 3600, "00:01:00;04"),
        (Fraction(24000, 1001), 86400, "01:00:00:00"),
        (Fraction(25), 1501, "00:01:00:01"),
    ],
)
def test_timecodes_label_frames(rate: Fraction, frame: int, label: str) -> None:
    from avstudio_video.media.timecode import count_of

    count = count_of(rate, None)
    assert count.label(frame) == label
    assert all(count.frame(count.label(one)) == one for one in range(frame - 40, frame + 40))


@pytest.mark.parametrize(
    ("rate", "label", "following"),
    [
        (Fraction(30000, 1001), "00:01:00;00", "00:01:00;02"),
        (Fraction(30000, 1001), "00:08:59;30", "00:09:00;02"),
        (Fraction(30000, 1001), "00:09:60;01", "00:10:00;00"),
        (Fraction(60000, 1001), "01:01:00;03", "01:01:00;04"),
        (Fraction(25), "00:00:00:25", "00:00:01:00"),
        (Fraction(25), "00:00:75:03", "00:01:00:00"),
        (Fraction(25), "00:59:60:30", "01:00:00:00"),
        (Fraction(25), "24:00:00:00", "00:00:00:00"),
    ],
)
def test_a_timecode_that_no_frame_has_is_refused_with_the_next_one(
    shared_studio: Studio, write: Make, rate: Fraction, label: str, following: str
) -> None:
    film = write("film.mp4", 10, rate=rate)
    with pytest.raises(TaskFailed) as caught:
        analyzed(shared_studio, film, exports=["edl"], timecode=label)
    assert f"'{label}' is not a timecode." in str(caught.value)
    assert caught.value.hint == f"The next one is '{following}'."


def test_a_wrong_timecode_of_the_file_is_told_and_not_counted(shared_studio: Studio, write: Make) -> None:
    path = write("a.mkv", shots([20, 20]), metadata={"timecode": "banana"})
    result = analyzed(shared_studio, path, exports=["edl", "webvtt"])
    assert [one.code for one in result.warnings] == ["timecode_left_out"]
    assert "00:00:00:00 00:00:00:20" in result.exports["edl"].path.read_text()


def test_final_cut_gets_times_on_the_grid(write: Make, cut_lists: Any) -> None:
    text = cut_lists(write, Fraction(30000, 1001), "01:00:00;00")["fcpxml"]
    root = ElementTree.fromstring(text)
    clips = root.findall(".//asset-clip")
    assert [one.get("offset") for one in clips] == ["0/30000s", "20020/30000s", "40040/30000s"]
    assert [one.get("duration") for one in clips] == ["20020/30000s"] * 3
    assert clips[1].get("start") == f"{(107892 + 20) * 1001}/30000s"
    assert clips[0].get("tcFormat") == "DF"
    otio = pytest.importorskip("opentimelineio", reason="opentimelineio is not installed")
    pytest.importorskip("otio_fcpx_xml_adapter", reason="otio-fcpx-xml-adapter is not installed")
    read = otio.adapters.read_from_string(text, "fcpx_xml")  # it takes 29.97 for 29
    assert [one.name for one in read.find_clips()] == ["Scene 1", "Scene 2", "Scene 3"]


def test_chapters_are_read_by_others(write: Make, cut_lists: Any, tmp_path: Path) -> None:
    texts = cut_lists(write, Fraction(25))
    (tmp_path / "a.ffmetadata").write_text(texts["ffmetadata"], encoding="utf-8")
    with av.open(str(tmp_path / "a.ffmetadata"), format="ffmetadata") as file:
        chapters = file.chapters()
        assert [(one["start"], one["end"]) for one in chapters] == [(0, 800), (800, 1600), (1600, 2400)]
        assert file.metadata["title"] == "a film & more.mp4"
    pysubs2 = pytest.importorskip("pysubs2", reason="pysubs2 is not installed")
    cues = pysubs2.SSAFile.from_string(texts["webvtt"], format_="vtt")
    assert [(one.start, one.end, one.text) for one in cues][1] == (800, 1600, "Scene 2")


def test_tables_and_encoder_files_have_every_scene(write: Make, cut_lists: Any) -> None:
    texts = cut_lists(write, Fraction(25))
    rows = [*csv.DictReader(io.StringIO(texts["csv"]))]
    assert [(row["start"], row["start_frame"], row["end_timecode"]) for row in rows] == [
        ("0.000000", "0", "00:00:00:20"),
        ("0.800000", "20", "00:00:01:15"),
        ("1.600000", "40", "00:00:02:10"),
    ]
    assert texts["qp"] == "0 I -1\n20 I -1\n40 I -1\n"


def test_the_real_video_has_the_cuts_of_pyscenedetect(shared_studio: Studio, nasa: Path) -> None:
    for detector in ("adaptive", "content", "hash"):
        found = analyzed(shared_studio, nasa, stream=0, detectors=[detector])
        assert starts(found) == detected(nasa, detector, 15)


@pytest.mark.parametrize(
    "params",
    [
        {"analyses": ["black"], "exports": ["edl"]},
        {"analyses": ["black"], "thumbnails": 1},
        {"analyses": ["look"]},
        {"detectors": ["content", "hash"], "threshold": 1},
        {"reel": "too long a name"},
    ],
)
def test_parameters_that_make_no_sense_are_refused_at_once(
    shared_studio: Studio, write: Make, params: dict[str, Any]
) -> None:
    with pytest.raises(InvalidParams):
        analyzed(shared_studio, write("a.mp4", 2), **params)
