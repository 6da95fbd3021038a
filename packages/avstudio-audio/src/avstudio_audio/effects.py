"""`audio.effects`: a recording through a chain of effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from avstudio_audio.effects_params import ACCEPTED, EffectsParams, EffectsResult
from avstudio_audio.effects_take import PLAYED, Take
from avstudio_audio.encoding_params import check_encoding
from avstudio_audio.media.progress import told_before
from avstudio_audio.model_choice import choose_threads
from avstudio_audio.rack.presets import PRESETS
from avstudio_audio.rack.settings import PLUGINS
from avstudio_audio.vocabulary import EffectsWords
from avstudio_core import Artifact, Context, Needs, Processor
from avstudio_core.errors import InvalidInput, InvalidParams, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.media.progress import Warn
    from avstudio_audio.media.stream import SoundStream
    from avstudio_audio.rack.catalogue import AnyEffect
    from avstudio_audio.rack.ducker import Levels
    from avstudio_audio.rack.player import Player

    Block = NDArray[np.float32]

MEMORY_MB = 300
LONGEST_IMPULSE = 30
"""In seconds."""


class Effects(EffectsWords, Processor[EffectsParams, EffectsResult]):
    """Play a recording through effects: filters, dynamics, echoes, rooms, distortion, pitch, speed, plugins.

    Effects are in a row, or in parallel branches, and their parameters can change over time. Echoes are kept, delays
    of the effects are compensated, and a chain whose sound explodes is an error.
    """

    name: ClassVar[str] = "audio.effects"
    accepts: ClassVar[tuple[str, ...]] = ACCEPTED
    errors: ClassVar[tuple[str, ...]] = ("invalid_input", "not_allowed")

    def outputs(self, params: EffectsParams) -> dict[str, str]:
        saved = {"preset": "application/json"} if params.save else {}
        return {"sound": params.format.media_type} | saved

    def needs(self, params: EffectsParams, source: Artifact | None) -> Needs:
        from importlib.util import find_spec

        check_encoding(params)
        if find_spec("pedalboard") is None:
            raise MissingDependency.extra("'audio.effects'", "avstudio-audio", "effects")
        return Needs(memory_mb=MEMORY_MB)

    def run(self, source: Artifact, params: EffectsParams, context: Context) -> EffectsResult:
        from avstudio_audio.media.limits import Limits
        from avstudio_audio.media.stream import open_stream

        context.progress(0.0, "read")
        effects, limits = _effects(params), Limits.of(context.settings)
        share = PLAYED if params.match_loudness else 0.98
        with open_stream(
            source.path,
            track=params.track,
            progress=lambda part: context.progress(share * part, "play"),
            warn=context.warn,
            limits=limits,
        ) as stream:
            _tell_late(effects, stream.length / stream.rate / params.tempo, context.warn)
            _tell_unused(effects, params, context.warn)
            player = _player(effects, stream, params, context)
            take = Take(source, params, context, stream, player, limits)
            take.record()
        return take.result(effects)


def _effects(params: EffectsParams) -> list[AnyEffect]:
    """All effects in their order. Raises `InvalidParams`, `InvalidInput`."""
    from avstudio_audio.rack.chain import effects_of, read_file

    preset = effects_of(PRESETS[params.preset]) if params.preset else []
    file = read_file(params.chain_file) if params.chain_file else []
    effects = [*preset, *file, *params.chain]
    if not effects and params.tempo == 1:
        hint = "Give a 'chain' such as 'highpass 80, reverb 0.5', a 'preset', a 'chain_file', or a 'tempo'."
        raise InvalidParams("The chain of effects is empty.", hint=hint)
    return effects


def _tell_late(effects: Sequence[AnyEffect], end: float, warn: Warn) -> None:
    from avstudio_audio.rack.catalogue import each

    for one in each(effects):
        if one.start and one.start >= end and not one.bypass:
            message = f"The effect '{one.type}' begins at {one.start:g} s, but the sound ends at {end:g} s."
            warn("effect_unheard", message)


def _tell_unused(effects: Sequence[AnyEffect], params: EffectsParams, warn: Warn) -> None:
    from avstudio_audio.rack.catalogue import each

    types = {one.type for one in each(effects)}
    for name, user in (("sidechain", "duck"), ("impulses", "convolution")):
        if getattr(params, name) and user not in types:
            warn("parameter_ignored", f"'{name}' has no effect: the chain does not have the effect '{user}'.")


def _player(effects: Sequence[AnyEffect], stream: SoundStream, params: EffectsParams, context: Context) -> Player:
    from avstudio_audio.rack.devices import Devices
    from avstudio_audio.rack.player import Player
    from avstudio_audio.rack.stages import HIGHEST, too_high

    for name, frequency in too_high(effects, stream.rate).items():
        most = HIGHEST * stream.rate
        message = (
            f"The effect '{name}' has a frequency of {frequency:g} Hz, but the sound ends at {stream.rate / 2:g} Hz"
        )
        context.warn("frequency_lowered", f"{message}: {most:g} Hz is used.")
    impulses = [_impulse(one, stream, context) for one in params.impulses]
    sidechain = _levels(params.sidechain, context) if params.sidechain else None
    devices = Devices(stream.rate, impulses, sidechain, context.settings[PLUGINS])
    threads = choose_threads(context.settings.threads)
    return Player(effects, stream.rate, stream.channels, devices.make, threads=threads)


def _levels(file: Artifact, context: Context) -> Levels:
    from avstudio_audio.media.limits import Limits
    from avstudio_audio.media.stream import open_stream
    from avstudio_audio.rack.ducker import Levels

    with open_stream(file.path, warn=context.warn, limits=Limits.of(context.settings)) as stream:
        return Levels(stream.blocks_from(), stream.rate)


def _impulse(file: Artifact, stream: SoundStream, context: Context) -> Block:
    """An impulse response at the rate of the sound, with one channel or as many. Raises `InvalidInput`."""
    from avstudio_audio.media.decode import decode
    from avstudio_audio.media.limits import Limits

    limits = Limits.of(context.settings)
    found = decode(file.path, rate=stream.rate, warn=context.warn, limits=limits)
    if found.channels not in (1, stream.channels):
        found = decode(file.path, rate=stream.rate, channels=1, warn=told_before, limits=limits)
    if not found.data.any():
        raise InvalidInput(f"The impulse response '{file.name}' is silent.", hint="Give a recording of a room.")
    if found.length > LONGEST_IMPULSE * stream.rate:
        message = f"The impulse response '{file.name}' has {found.length / stream.rate:.1f} s of sound."
        raise InvalidInput(message, hint=f"Give one of at most {LONGEST_IMPULSE} s.")
    return found.data
