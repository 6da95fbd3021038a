"""SubRip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from avstudio_core.documents.cues import Cue, CueWord
from avstudio_core.documents.formats.captions import Captions, spans, split
from avstudio_core.documents.subtitles import MEDIA_TYPES, Subtitles

MEDIA_TYPE = MEDIA_TYPES["srt"]


def written(captions: Captions) -> str:
    """A file; with `highlight`, a cue for each word, in which that word is underlined."""
    shown = [one for cue in captions.cues for one in (_each_word(cue) if captions.highlight else [cue])]
    return Subtitles.of(shown, "srt").written([cue.text for cue in shown])


def _each_word(cue: Cue) -> Sequence[Cue]:
    return list(_underlined(cue)) or [cue]


def _underlined(cue: Cue) -> Iterator[Cue]:
    for number, (begin, end, _) in enumerate(spans(cue)):
        if round(begin, 3) < round(end, 3):
            text = "".join(_marked(word, number == at) for at, word in enumerate(cue.words))
            yield Cue(round(begin, 3), round(end, 3), text)


def _marked(word: CueWord, current: bool) -> str:
    before, bare = split(word)
    return f"{before}<u>{bare}</u>" if current else word.text
