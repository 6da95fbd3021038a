"""The settings of this package."""

from __future__ import annotations

from avstudio_core import Setting

FRAME_PIXELS = Setting("frame_pixels", int, 67_108_864, "Frames of video with more pixels are refused.", 1)
