"""P1: Demucs through our engine over bare `demucs.apply`, and its precisions; the memory of one hour with Spleeter.

The network is HTDemucs in its published shape, with random weights: time does not depend on them.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import paired
import soundfile as sf
from numpy.typing import NDArray

from avstudio_audio.separation.demucs import Demucs
from avstudio_audio.separation.engine import Options
from avstudio_audio.separation.precision import Precision, fastest
from avstudio_core import Studio

Audio = NDArray[np.float32]
STEMS = ("drums", "bass", "other", "vocals")
RATE = 44_100
SEGMENT = Fraction(39, 5)
EXACT = Options(shifts=1, precision=Precision.FLOAT32)


def save_network(folder: Path) -> Any:
    """HTDemucs with random weights, in a file as demucs publishes them."""
    import torch
    from demucs.htdemucs import HTDemucs
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = HTDemucs(list(STEMS), segment=SEGMENT)
    segment = {"_type": "fraction", "numerator": SEGMENT.numerator, "denominator": SEGMENT.denominator}
    facts = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]"}
    facts["kwargs"] = json.dumps({"sources": STEMS, "segment": segment})
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(state, folder / "network.safetensors", facts)
    return network.eval()


def bare(network: Any, mix: Audio) -> Audio:
    """What `demucs.api.Separator` does with a model."""
    import torch
    from demucs.apply import apply_model

    random.seed(EXACT.seed)
    sound = torch.from_numpy(mix)
    mean, deviation = sound.mean(0).mean(), sound.mean(0).std() + 1e-8
    with torch.inference_mode():
        found = apply_model(network, ((sound - mean) / deviation)[None], shifts=1)[0] * deviation + mean
    return np.asarray(found)


def ours(engine: Demucs, mix: Audio, options: Options) -> Audio:
    stems = engine.separate(mix, options, progress=lambda part: None, cancelled=lambda: False)
    return np.stack([stems[name] for name in STEMS])


def snr(got: Audio, meant: Audio) -> float:
    return float(10 * np.log10(np.sum(meant**2, dtype=np.float64) / np.sum((got - meant) ** 2, dtype=np.float64)))


def hour_of_music(path: Path, minutes: int) -> None:
    moments = np.arange(60 * RATE) / RATE
    with sf.SoundFile(path, "w", RATE, 2) as file:
        for minute in range(minutes):
            chord = sum(np.sin(2 * np.pi * f * (1 + minute / 60) * moments) for f in (220, 277, 330)) * 0.1
            noise = 0.02 * np.random.default_rng(minute).standard_normal(len(moments))
            played = chord * np.exp(-2 * (moments % 0.5)) + noise
            file.write(np.stack((played, 0.9 * played), axis=1))


def separate_an_hour(minutes: int) -> None:
    """Separate so many minutes, and print the peak of this process in MB."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "hour.flac")
        hour_of_music(path, minutes)
        with Studio(home=Path(place, "home"), executor="inline") as studio:
            studio.run("audio.separate", path, model="spleeter-2stems")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


def peak_of_an_hour(minutes: int) -> float:
    """The same in a process of its own, which leaves the memory of this one as it is."""
    done = subprocess.run(
        [sys.executable, __file__, "--hour", str(minutes)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    if sys.argv[1:2] == ["--hour"]:
        separate_an_hour(int(sys.argv[2]))
        return
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-audio", "demucs", "torch")
    with tempfile.TemporaryDirectory() as place:
        network = save_network(Path(place))
        engine = Demucs.load(Path(place))
    minutes = 6 if arguments.quick else 60
    print(f"peak of {minutes} min with Spleeter: {peak_of_an_hour(minutes):.0f} MB  (aim 2000)", flush=True)
    seconds, pairs = (10, 2) if arguments.quick else (60, 6)
    mix = (0.1 * np.random.default_rng(0).standard_normal((2, seconds * RATE))).astype(np.float32)
    same = snr(ours(engine, mix, EXACT), bare(network, mix))
    assert same > 80, f"the outputs differ: {same:.0f} dB"
    for precision in dict.fromkeys((Precision.FLOAT32, Precision.BFLOAT16, fastest("cpu"))):
        options = replace(EXACT, precision=precision)
        times = paired.interleaved(
            lambda options=options: paired.timed(lambda: ours(engine, mix, options)),  # type: ignore[misc]
            lambda: paired.timed(lambda: bare(network, mix)),
            pairs,
        )
        exact = ours(engine, mix, EXACT)
        quality = "equal" if precision is Precision.FLOAT32 else f"{snr(ours(engine, mix, options), exact):.0f} dB"
        auto = ", auto" if precision is fastest("cpu") else ""
        print(f"engine / bare, {seconds} s, {precision}{auto}: {paired.ratio(*times)}, {quality}", flush=True)
    half = replace(EXACT, precision=Precision.BFLOAT16)
    overhead = paired.processor_time(lambda: ours(engine, mix, EXACT), lambda: bare(network, mix), pairs)
    gain = paired.processor_time(lambda: ours(engine, mix, half), lambda: ours(engine, mix, EXACT), pairs)
    print(f"processor time: engine / bare {overhead}; bfloat16 / float32 {gain}", flush=True)


if __name__ == "__main__":
    main()
