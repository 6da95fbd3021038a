"""Reads files that libsndfile reads correctly and FFmpeg does not.

FFmpeg 8 uses the valid bits of a WAV sample as its size, loses all but one link of short chained Vorbis files and of
Ogg files whose links differ, delays the sound of a Vorbis file with one page, and shortens ALAC in some CAF files.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from avstudio_audio.media.downmix import SPEAKERS, mix
from avstudio_audio.media.ogg import OggLinks
from avstudio_audio.media.parts import at_place, parts
from avstudio_audio.media.progress import Warn
from avstudio_audio.media.resample import resampled
from avstudio_core.spans import Span

if TYPE_CHECKING:
    import numpy as np
    from av.container import InputContainer
    from numpy.typing import NDArray
    from soundfile import SoundFile


ONE_PAGE = 10.0
"""In seconds; FFmpeg reads Vorbis files with one link correctly if they are longer."""
BLOCK = 1 << 14
BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}

PCM_CODECS = {"PCM_U8": "pcm_u8", "PCM_16": "pcm_s16le", "PCM_24": "pcm_s24le", "PCM_32": "pcm_s32le"}


def sndfile_reader(container: InputContainer, path: Path, span: Span) -> SndfileReader | None:
    """A reader for a file that FFmpeg would read wrongly; `None` for any other file."""
    import soundfile

    if len(container.streams) != 1 or not container.streams.audio:
        return None
    try:
        if container.format.name == "ogg":
            return _ogg(container, path, span)
        if _is_alac_caf(container) or (container.format.name in ("wav", "w64") and _bits_differ(container, path)):
            return SndfileReader(path, [(0, path.stat().st_size)], span)
    except (soundfile.SoundFileError, OSError):
        return None
    return None


def _ogg(container: InputContainer, path: Path, span: Span) -> SndfileReader | None:
    """A reader for links that differ, and for Vorbis that is chained, or short and complete.

    Above two channels, the order of the channels differs between the codecs.
    """
    codec = container.streams.audio[0].codec_context
    vorbis = codec is not None and codec.name == "vorbis"
    links = OggLinks(path)
    chained, short = len(links.places) > 1, 0 < (container.duration or 0) / 1_000_000 < ONE_PAGE
    if not chained and not (vorbis and short):
        return None
    reader = SndfileReader(path, links.places, span, ended=links.ended)
    fits = reader.channels <= 2 and (vorbis or not reader.uniform)
    return reader if fits and (chained or reader.whole()) else None


def _is_alac_caf(container: InputContainer) -> bool:
    codec = container.streams.audio[0].codec_context
    return container.format.name == "caf" and codec is not None and codec.name == "alac"


def _bits_differ(container: InputContainer, path: Path) -> bool:
    """Whether FFmpeg and libsndfile disagree on the size of a PCM sample."""
    import soundfile

    codec = container.streams.audio[0].codec_context
    pcm = re.match(r"pcm_[sufd]+(\d+)", codec.name) if codec else None
    if pcm is None and codec is not None:
        return False
    bits = BITS.get(soundfile.info(path).subtype)
    return bits is not None and (pcm is None or bits != int(pcm[1]))


def _valid_bits(path: Path) -> int | None:
    """The bits of a sample that WAVE_FORMAT_EXTENSIBLE states, which can be fewer than those that it takes."""
    with path.open("rb") as file:
        head = at_place(file, 0, 12)
        if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            return None
        for kind, begin, end in parts(file, 12, path.stat().st_size, 8, _wave_chunk):
            if kind == b"fmt ":
                content = at_place(file, begin, min(end - begin, 40))
                extended = content[:2] == b"\xfe\xff" and len(content) >= 26
                return int.from_bytes(content[18:20], "little") or None if extended else None
    return None


def _wave_chunk(head: bytes) -> tuple[bytes, int]:
    length = int.from_bytes(head[4:8], "little")
    return head[:4], length + length % 2


class SndfileReader:
    """Reads a span as `AudioReader` does, from one or more places in a file, each of which is a complete file.

    Places with different rates or numbers of channels are converted to the highest.
    """

    def __init__(self, path: Path, places: list[tuple[int, int]], span: Span, *, ended: bool = True) -> None:
        self._path, self._places, self._ended = path, places, ended
        shapes: list[tuple[int, int, int]] = []
        kinds: set[tuple[int, int, str]] = set()
        for place in places:
            with self._opened(place) as sound:
                shapes.append((sound.samplerate, sound.channels, sound.frames))
                kinds.add((sound.samplerate, sound.channels, sound.subtype))
                self.pcm_codec = PCM_CODECS.get(sound.subtype) if sound.format.startswith("WAV") else None
                """FFmpeg's name of the codec that a WAV should have."""
                self.bits = _valid_bits(path) or BITS.get(sound.subtype)
        self.uniform = len(kinds) == 1
        """Whether all places have the same rate, channels and codec."""
        self.rate, self.channels = max(rate for rate, _, _ in shapes), max(channels for _, channels, _ in shapes)
        self._lengths = [-(-frames * self.rate // rate) for rate, _, frames in shapes]
        total = sum(self._lengths)
        self._begin = min(round(span[0] * self.rate), total)
        self._end = min(round(span[1] * self.rate), total) if math.isfinite(span[1]) else total
        self.start, self.length = self._begin / self.rate, self._end - self._begin
        self.speakers = SPEAKERS.get(self.channels, ("?",) * self.channels)
        self.states_length = True
        self._missing = 0

    def arrays(self) -> Iterator[NDArray[np.float32]]:
        import numpy as np

        at = 0
        for place, length in zip(self._places, self._lengths, strict=True):
            first, last = max(self._begin - at, 0), min(self._end - at, length)
            at += length
            for begin, block in self._blocks(place, first, last):
                yield block
                first = begin + block.shape[1]
            if first < last:  # damaged: keep what follows at its time
                self._missing += last - first
                yield np.zeros((self.channels, last - first), np.float32)

    def whole(self) -> bool:
        """Whether the file has all the samples that it states."""
        for _ in self.arrays():
            pass
        missing, self._missing = self._missing, 0
        return not missing

    def report(self, warn: Warn) -> None:
        """After the last array, warn if the file is `truncated` or `damaged`."""
        if not self._ended and self._end == sum(self._lengths):
            warn("truncated", f"'{self._path}' is cut short: it ends after {self._end / self.rate:.2f} s.")
        if self._missing:
            warn("damaged", f"'{self._path}' is damaged: {self._missing / self.rate:.2f} s are replaced by silence.")

    def _blocks(self, place: tuple[int, int], first: int, last: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        if first >= last:
            return
        with self._opened(place) as sound:
            at = sound.seek(first) if self.bits else 0  # in Vorbis, the position it returns is wrong
            for block in self._converted(sound):
                if at >= last:
                    return
                end = at + block.shape[1]
                if end > first:
                    yield max(at, first), block[:, max(first - at, 0) : last - at]
                at = end

    def _converted(self, sound: SoundFile) -> Iterator[NDArray[np.float32]]:
        """The rest of an open place, in the rate and channels of the whole."""
        blocks: Iterator[NDArray[np.float32]] = (
            block.T for block in sound.blocks(BLOCK, dtype="float32", always_2d=True)
        )
        if sound.samplerate != self.rate:
            blocks = resampled(blocks, sound.channels, sound.samplerate, self.rate)
        return (mix(block, self.channels) for block in blocks)

    def _opened(self, place: tuple[int, int]) -> SoundFile:
        import soundfile

        if place == (0, self._path.stat().st_size):
            return soundfile.SoundFile(self._path)
        with self._path.open("rb") as file:
            file.seek(place[0])
            return soundfile.SoundFile(io.BytesIO(file.read(place[1] - place[0])))
