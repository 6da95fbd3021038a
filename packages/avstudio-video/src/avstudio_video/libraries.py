"""Libraries of the extras."""

from __future__ import annotations

import os
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
