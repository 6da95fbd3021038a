"""Errors of audio files, in addition to those of `avstudio_core.errors`.

UnreadableMedia (core)      a file that cannot be decoded
└── NoAudio                 a file without sound
"""

from __future__ import annotations

from avstudio_core.errors import UnreadableMedia


class NoAudio(UnreadableMedia):
    """A file without an audio stream, or with an empty one."""

    code = "no_audio"
