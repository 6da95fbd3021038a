"""Errors of video files, in addition to those of `avstudio_core.errors`.

UnreadableMedia (core)      a file that cannot be decoded
└── NoVideoStream           a file without video
"""

from __future__ import annotations

from avstudio_core.errors import UnreadableMedia


class NoVideoStream(UnreadableMedia):
    """A file without a video stream, or with an empty one; covers of sound files do not count."""

    code = "no_video_stream"
