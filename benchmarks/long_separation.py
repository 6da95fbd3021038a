"""An hour, separated piece by piece in a studio, beside the output of `demucs.apply` for the whole file at once.

Both run in a process of their own, whose peak of memory is printed. The network is a narrow HTDemucs with random
weights, whose chunks have the length of the published one; everything but the width of its layers is as published.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import paired
import soundfile as sf
from numpy.typing import NDArray
from separation import RATE, SEGMENT, bare, hour_of_music

from avstudio_audio.separation.demucs_files import load_bag
from avstudio_core import Studio

Audio = NDArray[np.float32]
STEMS = ["vocals", "other"]
NARROW = {"channels": 8, "bottom_channels": 64, "t_heads": 4}
AIM_MB, AIM_DB = 2000, -60
MARGIN = 10
"""Seconds at both ends that are left out: the edges."""


def save_network(folder: Path) -> Path:
    """The network in a file as demucs publishes it."""
    import torch
    from demucs.htdemucs import HTDemucs
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = HTDemucs(STEMS, segment=SEGMENT, **NARROW)
    segment = {"_type": "fraction", "numerator": SEGMENT.numerator, "denominator": SEGMENT.denominator}
    facts = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]"}
    facts["kwargs"] = json.dumps({"sources": STEMS, "segment": segment, **NARROW})
    folder.mkdir()
    save_file({name: one.contiguous() for name, one in network.state_dict().items()}, folder / "net.safetensors", facts)
    return folder


def separate(folder: Path) -> None:
    """In a studio, to files of floats; the model and the recording are in the folder."""
    with Studio(home=folder / "home", executor="inline") as studio:
        result = studio.run(
            "audio.separate",
            folder / "hour.flac",
            model=str(folder / "model"),
            precision="float32",
            format="wav-float",
        )
        for name, stem in result.stems.items():
            (folder / f"{name}.wav").symlink_to(stem.path)


def separate_whole(folder: Path) -> None:
    """With the library alone, from memory to memory."""
    [network] = load_bag(folder / "model").models
    mix = sf.read(folder / "hour.flac", dtype="float32")[0].T.copy()
    for name, stem in zip(STEMS, bare(network.eval(), mix), strict=True):
        np.save(folder / f"{name}.npy", stem)


def peak(work: str, folder: Path) -> float:
    """Do this in a process of its own; its peak of memory in MB."""
    subprocess.run([sys.executable, __file__, f"--{work}", str(folder)], check=True)
    return float((folder / f"{work}.peak").read_text())


def difference(folder: Path, name: str) -> tuple[float, float]:
    """The level of the difference relative to the stem, in dB: of all, and of the worst second."""
    whole = np.load(folder / f"{name}.npy", mmap_mode="r")
    rest, stem = [], []
    with sf.SoundFile(folder / f"{name}.wav") as file:
        assert len(file) == whole.shape[1], f"{len(file)} samples, not {whole.shape[1]}"
        for second, block in enumerate(file.blocks(RATE, dtype="float32", always_2d=True)):
            meant = whole[:, second * RATE : second * RATE + len(block)].T
            rest.append(float(np.sum((block - meant) ** 2, dtype=np.float64)))
            stem.append(float(np.sum(meant**2, dtype=np.float64)))
    inside = slice(MARGIN, -MARGIN)
    worst = max(one / energy for one, energy in zip(rest[inside], stem[inside], strict=True))
    return decibels(sum(rest[inside]) / sum(stem[inside])), decibels(worst)


def decibels(ratio: float) -> float:
    return float(10 * np.log10(max(ratio, 1e-30)))


def main() -> None:
    works = {"--studio": separate, "--whole": separate_whole}
    if sys.argv[1:2] and sys.argv[1] in works:
        folder = Path(sys.argv[2])
        works[sys.argv[1]](folder)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        (folder / f"{sys.argv[1][2:]}.peak").write_text(str(used))
        return
    arguments = paired.arguments(__doc__)
    paired.headline("avstudio-audio", "demucs", "torch")
    minutes = 6 if arguments.quick else 60
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        save_network(folder / "model")
        hour_of_music(folder / "hour.flac", minutes)
        print(f"peak of {minutes} min in a studio: {peak('studio', folder):.0f} MB  (aim {AIM_MB})", flush=True)
        print(f"peak of the library, whole file: {peak('whole', folder):.0f} MB", flush=True)
        for name in STEMS:
            overall, worst = difference(folder, name)
            print(f"{name}: difference {overall:.0f} dB, worst second {worst:.0f} dB  (aim {AIM_DB})", flush=True)
            assert worst < AIM_DB


if __name__ == "__main__":
    main()
