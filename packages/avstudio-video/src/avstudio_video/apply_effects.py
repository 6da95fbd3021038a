"""`video.effects`: a video through a chain of effects."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from avstudio_core import Artifact, Context, Needs, Processor, Review
from avstudio_core.errors import MissingDependency
from avstudio_video.effects.presets import PRESETS
from avstudio_video.effects_params import EffectsParams, EffectsResult
from avstudio_video.encoding.containers import CONTAINERS, chosen_codec
from avstudio_video.memory import rewritten_mb
from avstudio_video.vocabulary import EffectsWords

if TYPE_CHECKING:
    from avstudio_video.effects.effect import Effect

REVERSED_MB = 400
"""Of the frames and the samples that the effect 'reverse' keeps, at most."""
EXTRAS = {"text": "text", "subtitles": "text", "stabilize": "opencv"}
"""The extras of this package that effects need."""
MODULES = {"text": "PIL", "opencv": "cv2"}


class Effects(EffectsWords, Processor[EffectsParams, EffectsResult]):
    """Edit a video: trim, crop, scale, rotate, change the speed, colour, text, subtitles, sound; encode it.

    All effects are applied in their order, in one pass. The picture is as players show it: upright, with square
    pixels. A constant frame rate stays the same, and a variable one stays variable, unless the chain has `fps`.
    Times of effects are those of the source. Sound follows the picture, and ends with it.
    """

    name: ClassVar[str] = "video.effects"
    version: ClassVar[str] = "4"
    accepts: ClassVar[tuple[str, ...]] = ("video/*", "image/*", "application/octet-stream")
    errors: ClassVar[tuple[str, ...]] = ("no_video_stream", "no_audio_stream", "invalid_input", "missing_dependency")

    def outputs(self, params: EffectsParams) -> dict[str, str]:
        saved = {"preset": "application/json"} if params.save else {}
        return {"video": CONTAINERS[params.with_preset().container].media_type} | saved

    def needs(self, params: EffectsParams, source: Artifact | None) -> Needs:
        given = params.with_preset()
        given.check()
        for effect in given.chain:
            if effect.enabled and (extra := EXTRAS.get(effect.type)) and find_spec(MODULES[extra]) is None:
                raise MissingDependency.extra(f"The effect '{effect.type}'", "avstudio-video", extra)
        return Needs(memory_mb=_memory_mb(given, source))

    def run(self, source: Artifact, params: EffectsParams, context: Context) -> EffectsResult:
        from avstudio_video.effects_run import EffectsRun

        context.progress(0.0, "read")
        given = params.with_preset()
        return EffectsRun(source, given, context).render(_effects(given))

    def review(self, result: EffectsResult, context: Context) -> Review:
        """Open the file, and compare its length and the ends of its picture and its sound."""
        from avstudio_video.effects.inspection import fault

        if result.video.media_type in ("image/webp", "image/png"):
            return Review.accept()  # their last frame has no length, and FFmpeg cannot read animated WebP
        longest = float(result.effective.get("longest_frame") or 0.0)  # type: ignore[arg-type]
        if result.applied and abs(result.applied[-1].length - result.duration) > longest:
            return Review.send_back(f"It is {result.duration:.3f} s long and not {result.applied[-1].length:.3f} s.")
        reason = fault(result.video.path, result.duration, longest, sound=result.video.facts.channels is not None)
        return Review.send_back(reason) if reason else Review.accept()


def _memory_mb(params: EffectsParams, source: Artifact | None) -> int:
    """What a run takes for the size to which the picture is scaled, or for that of the source."""
    pixels, reversed_mb = None, 0
    for one in params.chain:
        if one.enabled and one.type == "scale":
            width, height = one.width or 0, one.height or 0
            pixels = (width or height * 16 // 9) * (height or width * 9 // 16)
        if one.enabled and one.type == "reverse":
            reversed_mb = REVERSED_MB
    return rewritten_mb(source, chosen_codec(params.container, params.codec), pixels) + reversed_mb


def _effects(params: EffectsParams) -> list[Effect]:
    """All effects in their order. Raises `InvalidInput`, and `InvalidParams` for a file that none of them needs."""
    from avstudio_video.effects.chain import effects_of, read_file

    preset = effects_of(PRESETS[params.preset].chain) if params.preset else []
    file = read_file(params.chain_file) if params.chain_file else []
    effects: list[Effect] = [*preset, *file, *params.chain]
    params.refuse_unused(one.type for one in effects)
    return effects
