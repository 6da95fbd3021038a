"""The codecs of pictures: their encoders, and what quality and effort mean for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from avstudio_video.encoding.containers import VideoCodec
from avstudio_video.encoding.pixel_formats import PLANAR, closest

Effort = Literal["fast", "balanced", "small"]
Options = dict[str, str]
EVEN: tuple[VideoCodec, ...] = ("h264", "hevc", "av1", "vp9", "prores")
"""The codecs whose pictures have an even width and height."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """One encoder of FFmpeg."""

    name: str
    formats: tuple[str, ...]
    """Pixel formats that it is given, the usual one first; others keep more bits or more colour."""
    options: Callable[[int, Effort], Options]
    """Its options for a quality from 0 to 100, and an effort."""

    @property
    def is_deep(self) -> bool:
        """Whether it can be given pictures of 10 bits, which HDR needs."""
        return any("10" in one for one in self.formats)

    def format_for(self, given: str, *, faithful: bool) -> str:
        """The pixel format that keeps most of the given one, or itself, if `faithful`, though few players show it."""
        import av

        plain = given.replace("yuvj", "yuv")
        known = av.Codec(self.name, "w").video_formats or [] if faithful else []
        kept = plain in [one.name for one in known] and "f16" not in plain and "f32" not in plain
        return plain if kept else closest(self.formats, plain)


def _scale(quality: int, middle: float, span: float) -> str:
    """A rate factor: `middle` at a quality of 50, and `span` lower at 100."""
    return str(round(middle + (50 - quality) * span / 50))


@cache
def _has_avx512() -> bool:
    """Whether x264 would use AVX-512, with which it makes other files of the same pictures of some widths."""
    import numpy as np

    shown: Any = np.show_config(mode="dicts")
    found = shown.get("SIMD Extensions", {}).get("found", [])
    return any(one.startswith(("AVX512", "X86_V4")) for one in found)


def _x264(quality: int, effort: Effort) -> Options:
    preset = {"fast": "veryfast", "balanced": "medium", "small": "slow"}[effort]
    steady = {"x264-params": "asm=avx2"} if _has_avx512() else {}
    return {"crf": _scale(quality, 21, 16), "preset": preset} | steady


def _x265(quality: int, effort: Effort) -> Options:
    preset = {"fast": "veryfast", "balanced": "medium", "small": "slow"}[effort]
    return {"crf": _scale(quality, 25, 16), "preset": preset, "x265-params": "log-level=none"}


def _av1(quality: int, effort: Effort) -> Options:
    return {"crf": _scale(quality, 32, 25), "preset": {"fast": "11", "balanced": "8", "small": "5"}[effort]}


def _vp9(quality: int, effort: Effort) -> Options:
    speed = {"fast": "6", "balanced": "4", "small": "2"}[effort]
    return {"crf": _scale(quality, 31, 24), "b": "0", "cpu-used": speed, "deadline": "good", "row-mt": "1"}


def _prores(quality: int, effort: Effort) -> Options:
    return {"profile": str(min(3, quality // 25)), "vendor": "apl0"}


def _webp(quality: int, effort: Effort) -> Options:
    return {"quality": str(quality), "compression_level": {"fast": "2", "balanced": "4", "small": "6"}[effort]}


def _nvenc(quality: int, effort: Effort) -> Options:
    preset = {"fast": "p2", "balanced": "p4", "small": "p6"}[effort]
    return {"rc": "vbr", "cq": _scale(quality, 24, 16), "b": "0", "preset": preset}


def _qsv(quality: int, effort: Effort) -> Options:
    preset = {"fast": "veryfast", "balanced": "medium", "small": "slow"}[effort]
    return {"global_quality": _scale(quality, 24, 16), "preset": preset}


def _amf(quality: int, effort: Effort) -> Options:
    factor = _scale(quality, 24, 16)
    preset = {"fast": "speed", "balanced": "balanced", "small": "quality"}[effort]
    return {"rc": "cqp", "qp_i": factor, "qp_p": factor, "quality": preset}


def _videotoolbox(quality: int, effort: Effort) -> Options:
    return {"flags": "+qscale", "global_quality": str(118 * quality)}  # FFmpeg multiplies its quality by 118


def _lossless(quality: int, effort: Effort) -> Options:
    return {}


SOFTWARE: Mapping[VideoCodec, Encoder] = MappingProxyType(
    {
        "h264": Encoder("libx264", ("yuv420p",), _x264),
        "hevc": Encoder("libx265", ("yuv420p", "yuv420p10le"), _x265),
        "av1": Encoder("libsvtav1", ("yuv420p", "yuv420p10le"), _av1),
        "vp9": Encoder("libvpx-vp9", ("yuv420p",), _vp9),
        "prores": Encoder("prores_ks", ("yuv422p10le",), _prores),
        "ffv1": Encoder(
            "ffv1",
            PLANAR,
            _lossless,
        ),
        "gif": Encoder("gif", ("pal8",), _lossless),
        "webp": Encoder("libwebp_anim", ("yuv420p",), _webp),
        "apng": Encoder("apng", ("rgb24",), _lossless),
    }
)
"""The encoders that need no device."""


def _on_devices(name: str, *formats: str) -> tuple[Encoder, ...]:
    return (
        Encoder(f"{name}_nvenc", formats, _nvenc),
        Encoder(f"{name}_qsv", formats, _qsv),
        Encoder(f"{name}_amf", formats, _amf),
        Encoder(f"{name}_videotoolbox", formats, _videotoolbox),
    )


HARDWARE: Mapping[VideoCodec, tuple[Encoder, ...]] = MappingProxyType(
    {
        "h264": _on_devices("h264", "nv12"),
        "hevc": _on_devices("hevc", "nv12", "p010le"),
        "av1": _on_devices("av1", "nv12", "p010le"),
    }
)
"""The encoders of devices, in the order in which they are tried."""
