"""Denoising a real voice: its distance from noise before and after, with white and with pink noise at several levels.

The recording counts as clean; its own noise is part of the voice. Not speed, but quality: the figures are exact.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import paired
import soundfile as sf
from numpy.typing import NDArray

from avstudio_audio.media.decode import decode
from avstudio_core import Studio

VOICE = Path(__file__).resolve().parents[2] / "shared" / "data" / "jfk.flac"
RATE = 48_000
LEVELS = (0, 5, 10, 20)
"""Distances of the voice from the noise, in dB."""
Sound = NDArray[np.float64]


def noise(kind: str, length: int) -> Sound:
    white: Sound = np.random.default_rng(3).standard_normal(length)
    if kind == "white":
        return white
    spectrum = np.fft.rfft(white)
    return np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), length)


def distance(got: Sound, voice: Sound) -> float:
    """The scale-invariant ratio of signal to distortion, in dB (Le Roux et al., 2019)."""
    part = voice * (got @ voice) / (voice @ voice)
    return float(10 * np.log10((part @ part) / np.sum((got - part) ** 2)))


def main() -> None:
    paired.arguments(__doc__)
    paired.headline("avstudio-audio", "pyrnnoise")
    if not VOICE.exists():
        raise SystemExit(f"This benchmark needs the recording '{VOICE}'.")
    voice = decode(VOICE, rate=RATE, channels=1).data[0].astype(np.float64)
    with tempfile.TemporaryDirectory() as home, Studio(home=home, executor="inline") as studio:
        path = Path(home) / "noisy.wav"
        for kind in ("white", "pink"):
            hiss = noise(kind, len(voice))
            for level in LEVELS:
                scale = np.sqrt(np.mean(voice**2) / np.mean(hiss**2) / 10 ** (level / 10))
                sf.write(path, 0.5 * (voice + scale * hiss), RATE, "FLOAT")
                result = studio.run("audio.denoise", path, format="wav-float")
                after = distance(decode(result.sound.path).data[0][: len(voice)].astype(np.float64), voice)
                print(f"{kind} noise, {level} dB before: {after:.1f} dB after", flush=True)


if __name__ == "__main__":
    main()
