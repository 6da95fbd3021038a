"""All analyses of one recording, in one pass over its sound."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from avstudio_audio.analysis.chroma import Chroma
from avstudio_audio.analysis.onsets import RATE, Onsets
from avstudio_audio.analysis.picture_data import Extremes, Spectrogram
from avstudio_audio.analysis.silence import Silence
from avstudio_audio.analysis.spectrum import SpectrumSummary
from avstudio_audio.analysis.speech import Speech
from avstudio_audio.loudness.meter import Meter
from avstudio_audio.media.downmix import Mixdown
from avstudio_audio.media.resample import Resampler
from avstudio_audio.speech.spans import RATE as SPEECH_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.media.stream import SoundStream

Measured = Literal["onsets", "chroma", "loudness", "spectrum", "silence", "speech", "extremes", "spectrogram"]


class Measurements:
    """Feeds each block of a stream to the analyses that are wanted; each derived signal is computed once."""

    def __init__(self, stream: SoundStream, wanted: Collection[Measured], silence: tuple[float, float]) -> None:
        """`silence`: the level in dBFS below which sound is silent, and the shortest silence in seconds."""
        rate = stream.rate
        self.onsets = Onsets() if "onsets" in wanted else None
        self.chroma = Chroma() if "chroma" in wanted else None
        self.spectrum = SpectrumSummary(rate) if "spectrum" in wanted else None
        self.silence = Silence(rate, *silence) if "silence" in wanted else None
        self.loudness = Meter(rate, stream.channels, stream.speakers) if "loudness" in wanted else None
        self.speech = Speech() if "speech" in wanted else None
        self.extremes = Extremes(rate) if "extremes" in wanted else None
        self.spectrogram = Spectrogram(rate) if "spectrogram" in wanted else None
        self._mixdown = Mixdown(stream.speakers, 1, rate)
        self._slower = Resampler(1, rate, RATE) if self.onsets or self.chroma else None
        self._narrower = Resampler(1, rate, SPEECH_RATE) if self.speech else None
        self.samples = 0
        """Samples per channel until now."""

    def feed(self, block: NDArray[np.float32]) -> None:
        """Add the next block, `(channels, any)`."""
        self.samples += block.shape[1]
        for one in (self.silence, self.extremes):
            if one:
                one.feed(block)
        if self.loudness:
            self.loudness.add(block)
        mono = self._mixdown.mix(block)
        for other in (self.spectrum, self.spectrogram):
            if other:
                other.feed(mono[0])
        if self._slower:
            self._music(self._slower.feed(mono)[0])
        if self._narrower and self.speech:
            self.speech.feed(self._narrower.feed(mono)[0])

    def finish(self) -> None:
        """After the last block, give the analyses what the resamplers and windows held back."""
        if self._slower:
            self._music(self._slower.rest()[0])
        if self.chroma:
            self.chroma.finish()
        if self._narrower and self.speech:
            self.speech.feed(self._narrower.rest()[0])

    def _music(self, samples: NDArray[np.float32]) -> None:
        for one in (self.onsets, self.chroma):
            if one:
                one.feed(samples)
