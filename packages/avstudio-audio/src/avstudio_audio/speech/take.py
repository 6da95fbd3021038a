"""The transcript of one channel, and what looks wrong in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from avstudio_audio.speech.transcript_review import Recording, raised, review, without_inventions
from avstudio_core import CodedWarning
from avstudio_core.documents.transcript import Transcript

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.speech.options import Options
    from avstudio_audio.speech.whisper import Whisper

IMPROBABLE = -1.0
"""A segment whose tokens have a lower mean log probability is doubted."""
MUSIC_DB = -25.0
"""What is left without the voice is music if its level, relative to the voice, is higher."""


@dataclass(frozen=True, slots=True)
class Voice:
    """The separated voice of a channel: mono at 16 kHz, as long as the channel."""

    sound: NDArray[np.float32]
    align: bool
    """Whether it gives the times of words."""


@dataclass(frozen=True, slots=True)
class Take:
    """The transcript of a channel."""

    transcript: Transcript
    dropped: list[CodedWarning]
    """What was left out, and why."""
    findings: list[CodedWarning]
    """What looks wrong, so that another run is worth while."""
    gain_db: float
    """The gain with which the channel was amplified."""


def taken(  # noqa: PLR0913
    whisper: Whisper,
    channel: NDArray[np.float32],
    start: float,
    options: Options,
    *,
    voice: Voice | None,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> Take:
    """Transcribe a channel, `(samples,)` at 16 kHz, that begins at `start` seconds; a very quiet one is amplified."""
    gain = raised(channel)
    found = whisper.transcribe(
        channel,
        options,
        progress=progress,
        cancelled=cancelled,
        voice=voice.sound if voice else None,
        align=voice is not None and voice.align,
    )
    recording = Recording(channel, start, gain)
    transcript, dropped = without_inventions(found.shifted(start), recording)
    return Take(transcript, dropped, review(transcript, recording), gain)


def music_below(sound: NDArray[np.float32], voice: NDArray[np.float32]) -> bool:
    """Whether there is audible sound besides a voice."""
    import numpy as np

    rest, spoken = (float(np.mean(np.square(one), dtype=np.float64)) for one in (sound - voice, voice))
    return rest > 0 and (spoken == 0 or 10 * math.log10(rest / spoken) > MUSIC_DB)


def low_confidence(transcript: Transcript) -> list[CodedWarning]:
    """A warning about words that the model itself doubts."""
    doubted = [one for one in transcript.segments if one.avg_logprob < IMPROBABLE]
    if not doubted:
        return []
    first = doubted[0]
    place = f"first '{first.text}' at {first.start:.1f} s"
    message = f"{len(doubted)} of {len(transcript.segments)} segments are improbable, {place}."
    return [CodedWarning(code="low_confidence", message=message)]
