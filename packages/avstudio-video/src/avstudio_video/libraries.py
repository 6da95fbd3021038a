"""Libraries of the extras."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from avstudio_core.errors import MissingDependency


def opencv(purpose: str) -> Any:
    """OpenCV; some of its wheels set environment variables, which is undone. Raises `MissingDependency`."""
    before = dict(os.environ)
    try:
        import cv2
    except ImportError as error:
        raise MissingDependency.extra(purpose, "avstudio-video", "opencv") from error
    os.environ.clear()
    os.environ.update(before)
    return cv2


def pillow(purpose: str) -> Any:
    """Pillow's modules of pictures, drawing and fonts. Raises `MissingDependency`."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingDependency.extra(purpose, "avstudio-video", "text") from error
    return Image, ImageDraw, ImageFont


def torchcodec(purpose: str) -> Any:
    """The decoders of torchcodec. Raises `MissingDependency`, also if the libraries that it needs cannot be loaded."""
    try:
        return import_module("torchcodec.decoders")
    except (ImportError, OSError, RuntimeError) as error:
        if not find_spec("torchcodec") or not find_spec("torch"):
            raise MissingDependency.extra(purpose, "avstudio-video", "torchcodec") from error
        message = f"{purpose} needs FFmpeg's shared libraries and a torch of the same release; one cannot be loaded."
        hint = "Install FFmpeg (Debian: apt-get install ffmpeg), and torchcodec 0.13 for torch 2.13."
        raise MissingDependency(message, hint=hint) from error
