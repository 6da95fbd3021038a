"""The sound that is transcribed, and its separated voice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from avstudio_audio.media.decode import decode
from avstudio_audio.media.limits import Limits
from avstudio_audio.media.samples import Samples
from avstudio_audio.speech.spans import RATE
from avstudio_audio.speech.voice import Voice, music_below
from avstudio_core import Artifact, Context
from avstudio_core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def channel_sound(source: Artifact, track: str | None, context: Context, *, apart: bool) -> Samples:
    """The mono mix of a recording at 16 kHz, or, `apart`, its two channels. Raises `InvalidInput` for other numbers."""
    from avstudio_audio.media.contents import probe

    limits = Limits.of(context.settings)
    if apart and (count := probe(source.path, limits).facts().channels) != 2:
        message = f"'{source.name}' has {count} channels: a speaker for each channel needs two."
        raise InvalidInput(message, hint="Transcribe it without a speaker for each channel.")
    return decode(
        source.path,
        rate=RATE,
        channels=2 if apart else 1,
        track=track,
        progress=lambda part: context.progress(0.05 * part, "decode"),
        warn=context.warn,
        limits=limits,
    )


def separated(speech: Artifact, sound: Samples, context: Context) -> Samples:
    """The voice of a recording, from the same time on, and as long as it."""
    import numpy as np

    found = decode(
        speech.path, rate=RATE, channels=sound.channels, warn=context.warn, limits=Limits.of(context.settings)
    ).from_zero()
    begin = round(sound.start * RATE)
    part = found.data[:, begin : begin + sound.length]
    data: Any = np.pad(part, ((0, 0), (0, sound.length - part.shape[1])))
    return Samples(np.ascontiguousarray(data), RATE, sound.start)


def voice_of(isolation: str, channel: NDArray[np.float32], voice: NDArray[np.float32]) -> Voice | None:
    """How a separated voice helps to transcribe a channel."""
    if isolation == "auto" and not music_below(channel, voice):
        return None
    return Voice(voice, align=isolation in ("align_only", "auto"), sung=isolation == "auto")
