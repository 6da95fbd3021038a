"""Errors of video files, in addition to those of `avstudio_core.errors`.

UnreadableMedia (core)      a file that cannot be decoded
├── NoAudioStream           a file without sound
└── NoVideoStream           a file without video
"""

from __future__ import annotations

from avstudio_core.errors import UnreadableMedia


class NoAudioStream(UnreadableMedia):
    """A video without an audio stream."""

    code = "no_audio_stream"


class NoVideoStream(UnreadableMedia):
    """A file without a video stream, or with an empty one; covers of sound files do not count."""

    code = "no_video_stream"
