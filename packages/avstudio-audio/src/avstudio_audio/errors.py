"""What can go wrong with sound, beside the errors of `avstudio_core.errors`.

UnreadableMedia (core)      a file that does not decode to what is needed
└── NoAudio                 there is no sound in it
"""

from __future__ import annotations

from avstudio_core.errors import UnreadableMedia


class NoAudio(UnreadableMedia):
    """A file without an audio stream, or with an empty one."""

    code = "no_audio"
