"""The difference between two recordings, as mixing engineers hear it: one minus the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from avstudio_core import Artifact, Context, InvalidInput, Params, Processor, Result, UnreadableMedia, hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SOUND = ("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg", "audio/aiff")


class CompareParams(Params):
    reference: Artifact = Field(description="The recording to compare with.", json_schema_extra={"accepts": [*SOUND]})
    others: list[Artifact] = Field(
        default=[], description="More recordings to compare with.", json_schema_extra={"accepts": [*SOUND]}
    )


class CompareResult(Result):
    differences: list[Artifact] = Field(description="The source minus each recording.")
    levels: list[float] = Field(description="The highest sample of each.", json_schema_extra={"unit": "dBFS"})


class Compare(Processor[CompareParams, CompareResult]):
    """Subtract recordings from a recording, and measure what is left."""

    name = "audio.compare"
    accepts = SOUND

    def outputs(self, params: CompareParams) -> Mapping[str, str]:
        return {f"differences.{number}": "audio/wav" for number in range(1 + len(params.others))}

    def run(self, source: Artifact, params: CompareParams, context: Context) -> CompareResult:
        import numpy as np
        import soundfile

        ours, rate = _read(source)
        files, levels = [], []
        for number, other in enumerate((params.reference, *params.others)):
            context.progress(number / (1 + len(params.others)), f"comparing with {other.name}")
            theirs, other_rate = _read(other)
            if (other_rate, theirs.shape) != (rate, ours.shape):
                raise InvalidInput(f"'{other.name}' has another length, sample rate or number of channels.")
            path = context.new_path(f"{number}.wav")
            soundfile.write(path, ours - theirs, rate, subtype="FLOAT")
            files.append(context.publish(path, source.name_for(f".{number}.difference.wav"), "audio/wav"))
            levels.append(20 * float(np.log10(max(np.abs(ours - theirs).max(initial=0.0), 1e-10))))
        return CompareResult(differences=files, levels=levels)


def _read(artifact: Artifact) -> tuple[NDArray[np.float32], int]:
    """Its samples, `(samples, channels)`, and its sample rate."""
    import soundfile

    try:
        samples, rate = soundfile.read(artifact.path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise UnreadableMedia(f"'{artifact.name}' cannot be decoded: {error.error_string}") from error
    return samples, rate


@hookimpl
def register_processors() -> list[type[Compare]]:
    return [Compare]
