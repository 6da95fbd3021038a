"""From a video to a video with subtitles and chapters, by the plan of the page, and from a given transcript."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from avstudio_core import Studio
from avstudio_core.documents.scenes import Scenes
from avstudio_core.documents.subtitles import Subtitles

av = pytest.importorskip("av", reason="avstudio-video is not installed")
avstudio_audio = pytest.importorskip("avstudio_audio", reason="avstudio-audio is not installed")
avstudio_video = pytest.importorskip("avstudio_video", reason="avstudio-video is not installed")
pytest.importorskip("cv2", reason="the extra avstudio-video[opencv] is not installed")
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "howto" / "mux-videos.md"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    plugins = [avstudio_audio, avstudio_video]
    with Studio(
        home=tmp_path_factory.mktemp("home"), executor="inline", offline=True, plugins="", add=plugins
    ) as studio:
        yield studio


def written(path: Path) -> tuple[list[tuple[float, float, str]], list[float], str | None]:
    """The cues, the starts of the chapters, and the language of the subtitles, as PyAV reads them."""
    with av.open(str(path)) as file:
        stream: Any = file.streams.subtitles[-1]
        chapters = [float(one["start"] * one["time_base"]) for one in file.chapters()]
        found = []
        for packet in file.demux(stream):
            for one in stream.codec_context.decode2(packet) or [] if packet.size > 2 else []:
                start, length = (float(stamp * packet.time_base) for stamp in (packet.pts, packet.duration))
                found.append((start, start + length, one.ass.decode().split(",", 8)[8].replace("\\N", "\n")))
        return found, chapters, stream.language


def checked(results: Any) -> list[tuple[float, float, str]]:
    """The cues of the video: they are those of the file of subtitles, and the chapters are the scenes."""
    cues, chapters, language = written(results["mux"].video.path)
    wanted = Subtitles.parse(results["subtitle"].subtitles["srt"].path.read_text(encoding="utf-8")).cues
    assert [time for one in cues for time in one[:2]] == pytest.approx(
        [time for one in wanted for time in (one.start, one.end)], abs=0.001
    )
    assert [one[2] for one in cues] == [one.text for one in wanted]
    scenes = Scenes.parse(results["analyze"].document.path.read_text(encoding="utf-8"))
    assert chapters == pytest.approx([one.start for one in scenes.scenes], abs=0.001)
    assert language == "eng"
    return cues


def test_a_given_transcript_becomes_subtitles_that_change_with_the_picture(
    studio: Studio, film: Path, tmp_path: Path
) -> None:
    texts = "We went to the harbour.", "Nobody was there at all."
    words = [
        {"start": 0.2 + n * 0.28, "end": 0.42 + n * 0.28, "text": f" {word}"}
        for n, word in enumerate(" ".join(texts).split())
    ]
    said = [
        {"id": 0, "start": 0.2, "end": 1.54, "text": texts[0], "words": words[:5]},
        {"id": 1, "start": 1.6, "end": 2.94, "text": texts[1], "words": words[5:]},
    ]
    document = tmp_path / "words.json"
    document.write_text(json.dumps({"language": "en", "duration": 4, "segments": said}))
    analyze = studio.run("video.analyze", film, min_scene=0.2)
    subtitle = studio.run("audio.subtitle", document, scenes=analyze.document, preset="netflix")
    added = {"subtitles": [subtitle.subtitles["srt"]], "subtitle_languages": ["en"], "chapters": analyze.document}
    cues = checked({"analyze": analyze, "subtitle": subtitle, "mux": studio.run("video.mux", film, **added)})
    assert [text for _, _, text in cues] == [*texts]
    assert cues[1][0] == pytest.approx(1.52, abs=0.001)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Four seconds with a cut at 1.52 s, and a tone."""
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as file:
        picture, track = file.add_stream("libx264", rate=25), file.add_stream("aac", rate=48_000)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        tone = numpy.sin(numpy.arange(4 * 48_000) / 20).astype(numpy.float32)[None] * 0.1
        frame = av.AudioFrame.from_ndarray(numpy.repeat(tone, 2, 0), "fltp", "stereo")
        frame.sample_rate = 48_000
        file.mux([*track.encode(frame), *track.encode(None)])
        for number in range(100):
            shade = numpy.full((48, 64, 3), 40 + 150 * (number >= 38), numpy.uint8)
            file.mux(picture.encode(av.VideoFrame.from_ndarray(shade, "rgb24")))
        file.mux(picture.encode(None))
    return path


def plans() -> list[str]:
    """The plans of the page."""
    found = re.findall(r"^avstudio pipe \"(.*?)\" film.mp4", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [" ".join(plan.split()) for plan in found]


def test_the_plan_of_the_page_subtitles_a_real_video(studio: Studio, real: Path) -> None:
    pytest.importorskip("faster_whisper", reason="the extras avstudio-audio[whisper,whisper-base] are not installed")
    results = studio.run_plan(plans()[0], real)
    cues = checked(results)
    assert "Space Flight Center in Greenbelt" in " ".join(text for _, _, text in cues).replace("\n", " ")
    assert results["subtitle"].report.breaches == []
    assert all(one.copied for one in results["mux"].tracks if one.kind != "subtitle")


def test_the_other_plan_of_the_page_burns_them_in(studio: Studio, real: Path) -> None:
    pytest.importorskip("faster_whisper", reason="the extras avstudio-audio[whisper,whisper-base] are not installed")
    pytest.importorskip("PIL", reason="the extra avstudio-video[text] is not installed")
    results = studio.run_plan(plans()[1], real)
    assert results["mux"].chapters == len(results["analyze"].scenes)
    before, after = (shades(path) for path in (real, results["mux"].video.path))
    last = Subtitles.parse(results["subtitle"].subtitles["srt"].path.read_text(encoding="utf-8")).cues[-1]
    assert last.end < before.shape[0] / 30 - 0.3
    drawn = abs(after - before)[:, 200:260].mean((1, 2))
    shown = round((last.start + last.end) / 2 * 30_000 / 1001)
    assert drawn[shown] > 3 * drawn[-5:].mean()


def shades(path: Path) -> Any:
    """The luma of all frames of the best picture, `(frames, 270, 480)`."""
    numpy = pytest.importorskip("numpy")
    with av.open(str(path)) as file:
        frames = [one.to_ndarray()[:270, :480] for one in file.decode(file.streams.best("video"))]
    return numpy.stack(frames).astype(numpy.int16)


@pytest.fixture
def real() -> Path:
    """A video of the Goddard Space Flight Center: two pictures of it, two sounds, two subtitles."""
    path = ROOT.parent / "shared" / "data" / "nasa_13013.mp4"
    if not path.exists():
        pytest.skip("the shared video is not here")
    return path
