"""Libraries of the extras."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from avstudio_core.errors import MissingDependency


def _imported(module: str) -> Any:
    """A module; what its import changes in the environment is undone. Raises what the import raises."""
    before = dict(os.environ)
    try:
        return import_module(module)
    finally:
        if os.environ != before:
            os.environ.clear()
            os.environ.update(before)


def opencv(purpose: str) -> Any:
    """OpenCV. Raises `MissingDependency`."""
    try:
        return _imported("cv2")
    except ImportError as error:
        raise MissingDependency.extra(purpose, "avstudio-video", "opencv") from error


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
        return _imported("torchcodec.decoders")
    except (ImportError, OSError, RuntimeError) as error:
        if not find_spec("torchcodec") or not find_spec("torch"):
            raise MissingDependency.extra(purpose, "avstudio-video", "torchcodec") from error
        message = f"{purpose} needs FFmpeg's shared libraries and a torch of the same release; one cannot be loaded."
        hint = "Install FFmpeg (Debian: apt-get install ffmpeg), and torchcodec 0.13 for torch 2.13."
        raise MissingDependency(message, hint=hint) from error
