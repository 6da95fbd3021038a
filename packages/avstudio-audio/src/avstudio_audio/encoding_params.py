"""The parameters of all processors that write sound in a format that the user chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from avstudio_audio.media.formats import AudioFormat, Dither, Encoding
from avstudio_audio.media.traits import FLOAT, TRAITS
from avstudio_audio.sound_params import SoundParams
from avstudio_core.errors import InvalidParams

if TYPE_CHECKING:
    from avstudio_core import Params


NOISES = ("tpdf", "shaped")
"""The kinds of dither that add noise."""

ENCODING = ("bits", "dither", "bit_rate", "quality")
"""Parameters that have no effect without encoding."""


class EncodingParams(SoundParams):
    """How to write sound."""

    format: AudioFormat = Field(default=AudioFormat.FLAC, description="File format, with its codec.")
    bits: Literal[8, 16, 24, 32] | None = Field(
        default=None,
        description="Bits of a sample; 32 is floating point, except in wav32. By default those of the source, if the "
        "format has them.",
    )
    dither: Literal["auto", "none", "tpdf", "shaped"] = Field(
        default="auto",
        description="Noise that replaces the distortion of rounding: 'auto' is 'tpdf' where bits are lost.",
    )
    bit_rate: int | None = Field(
        default=None,
        ge=6,
        le=1_024,
        description="Bit rate of a lossy format, for all channels together.",
        json_schema_extra={"unit": "kbit/s"},
    )
    quality: Literal["low", "medium", "high"] = Field(
        default="high", description="Quality of a lossy format without a bit rate."
    )
    tags: bool = Field(default=True, description="Whether to keep tags, cover and chapters.")


def check_encoding(params: Any) -> None:
    """Raises `InvalidParams` for parameters that contradict the format."""
    rate = params.bit_rate * 1000 if params.bit_rate else None
    traits = TRAITS[params.format]
    traits.check(Encoding(params.format, params.bits, bit_rate=rate))
    possible = traits.codecs if params.bits is None else (params.bits,)
    if params.dither in NOISES and not any(0 < bits < FLOAT for bits in possible):
        what = f"'{params.format}'" + (f" with {params.bits} bits" if params.bits else "")
        hint = "Leave out 'dither', or choose a format with 16 or 24 bits."
        raise InvalidParams(f"{what} does not round samples: the dither '{params.dither}' has no effect.", hint=hint)


def check_copied(params: Any, names: tuple[str, ...] = ()) -> None:
    """Raises `InvalidParams` for parameters, `names` among others, that would change sound that is copied."""
    given = differing(params, (*names, *ENCODING)) if params.stream_copy else []
    if given:
        what = ", ".join(f"'{name}'" for name in given)
        raise InvalidParams(f"{what} cannot be changed if 'stream_copy' is set.", hint="Leave out one of them.")


def encoding_of(params: Any, bits: int | None, *, changed: bool) -> Encoding:
    """The encoding for sound with samples of some bits (`None` for lossy codecs), `changed` if it was processed."""
    traits = TRAITS[params.format]
    possible = [one for one in traits.codecs if one]
    if params.bits is not None or not possible:
        chosen = traits.bits(Encoding(params.format, params.bits))
    elif bits is None:
        chosen = possible[0]
    else:
        chosen = min((one for one in possible if one >= bits), default=max(possible))
    falls = changed or bits is None or bits > chosen
    auto = Dither.TPDF if falls and 0 < chosen < FLOAT else Dither.NONE
    dither = auto if params.dither == "auto" else Dither(params.dither)
    if not 0 < chosen < FLOAT:
        dither = Dither.NONE
    rate = params.bit_rate * 1000 if params.bit_rate else None
    return Encoding(params.format, chosen or None, dither, rate, params.quality)


def tell_encoding(params: Any, bits: int | None, chosen: Encoding, name: str, warn: Callable[[str, str], None]) -> None:
    """Warn if a format has fewer bits than the source, and the user did not choose them, and of dither without use."""
    tell_dither(params, chosen, warn)
    if params.bits is None and bits and chosen.bits and bits > chosen.bits:
        warn("bits_reduced", f"'{name}' has {bits} bits, but '{chosen.format}' stores {chosen.bits} of them.")


def tell_dither(params: Any, chosen: Encoding, warn: Callable[[str, str], None]) -> None:
    """Warn if noise was asked for, but samples are written without rounding, as the source has them."""
    if params.dither in NOISES and chosen.dither is Dither.NONE:
        message = f"'dither' has no effect: the samples of this '{chosen.format}' file are not rounded."
        warn("parameter_ignored", message)


def differing(params: Params, names: tuple[str, ...]) -> list[str]:
    """Those of some parameters that do not have their default."""
    fields = type(params).model_fields
    return [name for name in names if getattr(params, name) != fields[name].default]
