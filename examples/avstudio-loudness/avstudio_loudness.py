"""Loudness by ITU-R BS.1770-4 for AV-Studio."""

from __future__ import annotations

from pydantic import Field

from avstudio_core import Artifact, Context, InvalidInput, Params, Processor, Result, UnreadableMedia, hookimpl


class LoudnessParams(Params):
    target: float = Field(default=-16.0, ge=-70, le=0, description="Target level.", json_schema_extra={"unit": "LUFS"})


class LoudnessResult(Result):
    integrated: float = Field(description="Integrated loudness.", json_schema_extra={"unit": "LUFS"})
    peak: float = Field(description="Highest sample.", json_schema_extra={"unit": "dBFS"})
    gain: float = Field(description="The gain that would reach the target.", json_schema_extra={"unit": "dB"})


class Loudness(Processor[LoudnessParams, LoudnessResult]):
    """Measure the integrated loudness of a recording."""

    name = "audio.loudness"
    accepts = ("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg", "audio/aiff")

    def run(self, source: Artifact, params: LoudnessParams, context: Context) -> LoudnessResult:
        import numpy as np
        import pyloudnorm
        import soundfile

        context.progress(0.0, "measuring")
        try:
            samples, rate = soundfile.read(source.path, always_2d=True)
            lufs = pyloudnorm.Meter(rate, "DeMan").integrated_loudness(samples)  # the filters of the standard
        except soundfile.LibsndfileError as error:
            raise UnreadableMedia(f"'{source.name}' cannot be decoded: {error.error_string}") from error
        except ValueError as error:  # too short for a block of 0.4 s, or too many channels
            raise InvalidInput(f"The loudness of '{source.name}' cannot be measured: {error}") from error
        if lufs == float("-inf"):
            raise InvalidInput(f"'{source.name}' is silent: it has no loudness.")
        return LoudnessResult(integrated=lufs, peak=20 * np.log10(np.abs(samples).max()), gain=params.target - lufs)


@hookimpl
def register_processors() -> list[type[Loudness]]:
    return [Loudness]
