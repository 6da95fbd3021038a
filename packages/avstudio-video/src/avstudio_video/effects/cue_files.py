"""The cues of subtitle files, transcripts and videos with subtitles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import TYPE_CHECKING, Any

from avstudio_core.documents.cues import Cue, cues
from avstudio_core.documents.pieces import plain
from avstudio_core.documents.subtitle_rules import rules
from avstudio_core.documents.subtitles import Subtitles
from avstudio_core.documents.timed_text import content
from avstudio_core.documents.transcript import Transcript
from avstudio_core.errors import UnreadableMedia
from avstudio_core.quotes import quoted
from avstudio_video.media.limits import Limits
from avstudio_video.media.streams import codec_of, origin_of
from avstudio_video.packets.styled_cues import cues_of as styled_cues
from avstudio_video.packets.subtitle_file import KNOWN, TEXTS, best_stream, has_tracks, open_subtitles

if TYPE_CHECKING:
    from avstudio_core import Artifact

OVERRIDE = re.compile(r"\{[^}]*\}")


def cues_of(file: Artifact, limits: Limits) -> list[Cue]:
    """The cues of SubRip, WebVTT, SubStation Alpha, a transcript, or the main subtitles of a video, without markup.

    Raises `UnreadableMedia`, also for subtitles that are pictures.
    """
    if has_tracks(file):
        return _of_tracks(file, limits)
    text = content(file)
    try:
        if text.lstrip().startswith("{"):
            said = Transcript.parse(text)
            return cues(said, rules("netflix", said.language))
        if "[events]" in text.lower():
            return _of_tracks(file, limits)
        return [
            Cue(one.start, one.end, words)
            for one in Subtitles.parse(text).cues
            if (words := unescape("\n".join(plain(line) for line in one.text.split("\n"))).strip())
        ]
    except UnreadableMedia as error:
        raise UnreadableMedia(
            f"{quoted(file.name)} cannot be read: {error.message}", hint=error.hint or KNOWN
        ) from None


def _of_tracks(file: Artifact, limits: Limits) -> list[Cue]:
    with open_subtitles(file, limits) as container:
        stream = best_stream(container)
        if codec_of(stream) not in TEXTS:
            message = f"The subtitles of '{file.name}' are pictures ({codec_of(stream)}), which cannot be drawn."
            raise UnreadableMedia(message, hint="Give them as text.")
        found = sorted(_read(container, stream), key=lambda cue: cue.start)
    if not found:
        raise UnreadableMedia(f"'{file.name}' contains no text with times.", hint=KNOWN)
    return found


def _read(container: Any, stream: Any) -> Iterator[Cue]:
    origin = origin_of(container) if container.streams.video or container.streams.audio else 0
    for packet in container.demux(stream):
        for one in styled_cues(packet) if packet.size else ():
            text = OVERRIDE.sub("", one.text.decode(errors="replace"))
            if words := re.sub(r"\\[Nn]", "\n", text).replace("\\h", " ").strip():
                yield Cue(float(one.start - origin), float(one.end - origin), words)
