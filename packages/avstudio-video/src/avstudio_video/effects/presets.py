"""Chains and outputs for common jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Preset = Literal["shorts", "square", "web", "proxy", "gif", "archive"]


@dataclass(frozen=True, slots=True)
class Job:
    """The effects of a preset, and its output."""

    chain: str
    output: Mapping[str, Any] = field(default_factory=dict)
    """Values of parameters that are not given."""


PRESETS: Mapping[Preset, Job] = MappingProxyType(
    {
        "shorts": Job("scale 1080 1920 blur upscale", {"format": "mp4"}),
        "square": Job("scale 1080 1080 blur upscale", {"format": "mp4"}),
        "web": Job("scale 1280 720", {"format": "mp4"}),
        "proxy": Job(
            "scale height=540",
            {
                "format": "mov",
                "quality": 35,
                "effort": "fast",
                "key_interval": 0.0,
                "sound_codec": "pcm",
            },
        ),
        "gif": Job("fps 12, scale width=480", {"format": "gif"}),
        "archive": Job("", {"format": "mkv", "codec": "ffv1", "sound_codec": "flac"}),
    }
)
