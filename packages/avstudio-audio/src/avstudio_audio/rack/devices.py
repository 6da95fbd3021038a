"""The plugins of pedalboard for effects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_audio.rack.colours import GSM, Resample
from avstudio_audio.rack.ducker import Ducker, Levels
from avstudio_audio.rack.dynamics import Duck
from avstudio_audio.rack.external import External
from avstudio_audio.rack.filters import Ladder
from avstudio_audio.rack.pitch import PitchShift
from avstudio_audio.rack.spaces import Convolution
from avstudio_audio.rack.stages import limited
from avstudio_audio.rack.windows import Windows
from avstudio_core.errors import InvalidInput, InvalidParams, MissingDependency, NotAllowed
from avstudio_core.nearest import did_you_mean
from avstudio_core.quotes import quoted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from avstudio_audio.rack.effect import Effect

    Response = NDArray[np.float32]


class Devices:
    """Makes what sound goes through: plugins of pedalboard, and our own."""

    def __init__(
        self,
        rate: int,
        impulses: Sequence[Response] = (),
        sidechain: Levels | None = None,
        allowed: str | None = None,
    ) -> None:
        """`allowed` are the files and folders of VST3 and AU plugins, separated by commas."""
        self._rate, self._impulses, self._sidechain, self._allowed = rate, impulses, sidechain, allowed

    def make(self, effect: Effect) -> Any:
        """The plugin for an effect, or what is called like one.

        Raises `InvalidParams`, `InvalidInput`, `NotAllowed`, `MissingDependency`.
        """
        pedalboard = library()
        if isinstance(effect, Convolution):
            return self._convolution(effect)
        if isinstance(effect, Duck):
            return self._ducker(effect)
        if isinstance(effect, External):
            return self._external(effect)
        if isinstance(effect, PitchShift):
            return stretcher(self._rate, semitones=effect.semitones, formants=effect.formants)
        if isinstance(effect, GSM):
            return Windows(lambda sound: pedalboard.GSMFullRateCompressor()(sound, self._rate), self._rate)
        values = {name: getattr(effect, field) for field, name in effect.attributes.items()}
        values = {
            name: limited(name, value, self._rate) if isinstance(value, float) else value
            for name, value in values.items()
        }
        kind = getattr(pedalboard, effect.plugin)
        if isinstance(effect, Ladder):
            values["mode"] = getattr(kind.Mode, effect.mode)
        if isinstance(effect, Resample):
            values["quality"] = getattr(kind.Quality, effect.quality)
        return kind(**values)

    def _convolution(self, effect: Convolution) -> Any:
        if effect.impulse > len(self._impulses):
            message = f"The effect 'convolution' needs the impulse response '{effect.impulse}'"
            raise InvalidParams(f"{message}, but {len(self._impulses)} are given.", hint="Give files in 'impulses'.")
        return library().Convolution(self._impulses[effect.impulse - 1], 1.0, float(self._rate))

    def _ducker(self, effect: Duck) -> Ducker:
        if self._sidechain is None:
            hint = "Give the recording under which the sound is lowered in 'sidechain'."
            raise InvalidParams("The effect 'duck' needs a sidechain.", hint=hint)
        return Ducker(effect, self._sidechain)

    def _external(self, effect: External) -> Any:
        path = Path(effect.path).expanduser().resolve()
        listed = [Path(one.strip()).expanduser().resolve() for one in (self._allowed or "").split(",") if one.strip()]
        if not any(one == path or one in path.parents for one in listed):
            hint = "Plugins run as programs. Name its file or its folder in the setting 'effects_plugins'."
            raise NotAllowed(f"The plugin {quoted(effect.path)} is not allowed.", hint=hint)
        try:
            plugin = library().load_plugin(str(path), plugin_name=effect.name)
        except (ImportError, ValueError, RuntimeError) as error:
            hint = (
                "Check the path and the name; confined workers read only the folders of the system, and those in the "
            )
            hint += "setting 'worker_folders'."
            reason = " ".join(str(error).split())
            raise InvalidInput(f"The plugin {quoted(effect.path)} cannot be loaded: {reason}", hint=hint) from error
        _set(plugin, effect)
        return plugin


def stretcher(rate: int, tempo: float = 1.0, semitones: float = 0.0, *, formants: bool = False) -> Windows:
    """Rubber Band, which changes the speed by a factor, and the pitch. Raises `MissingDependency`.

    Pedalboard's plugins for it and for GSM forget the sound before each call, so they get it in windows.
    """
    stretch = library().time_stretch
    return Windows(lambda sound: stretch(sound, rate, tempo, semitones, preserve_formants=formants), rate, tempo)


def _set(plugin: Any, effect: External) -> None:
    """Set the plugin's own parameters. Raises `InvalidParams`."""
    for name, value in effect.values.items():
        if name not in plugin.parameters:
            hint = did_you_mean(name, plugin.parameters) or f"It has: {', '.join(plugin.parameters)}."
            message = f"The plugin {quoted(effect.path)} does not have the parameter {quoted(name)}."
            raise InvalidParams(message, hint=hint)
        try:
            setattr(plugin, name, value)
        except (ValueError, TypeError) as error:
            raise InvalidParams(f"{error}.", hint=f"Change '{name}' in the values of {quoted(effect.path)}.") from error


def library() -> Any:
    """Pedalboard. Raises `MissingDependency`."""
    try:
        import pedalboard
    except ImportError as error:
        raise MissingDependency.extra("'audio.effects'", "avstudio-audio", "effects") from error
    return pedalboard
