"""What the parameters of `video.cut` name, found in the video and in the documents beside it."""

from __future__ import annotations

from collections.abc import Iterator

from avstudio_core import Artifact, Context
from avstudio_core.documents.spoken_words import SpokenWords
from avstudio_core.errors import InvalidInput
from avstudio_core.quotes import quoted
from avstudio_core.spans import span_of
from avstudio_video.cut_params import CutParams
from avstudio_video.media.limits import Limits
from avstudio_video.media.scene_document import tell_other_video
from avstudio_video.timeline.choice import Choice, Choices
from avstudio_video.timeline.scenes import scene_choices
from avstudio_video.timeline.silence import loud_spans, silences

SLACK = 0.001
"""Seconds by which a part may end after the video without a warning."""


class CutChoices:
    """Finds all spans of a request."""

    def __init__(self, source: Artifact, params: CutParams, end: float, context: Context) -> None:
        """`end` is that of the video, in seconds."""
        self._source, self._params, self._end, self._context = source, params, end, context

    def found(self) -> Choices:
        """Raises `InvalidInput`, and `UnreadableMedia` for documents of another kind."""
        params = self._params
        choices = Choices([*self._times(params.keep)], [*self._times(params.remove)])
        for text, choice in zip(params.keep, choices.keep, strict=True):
            self._tell_late(text, choice)
        if params.scenes:
            tell_other_video(params.scenes, self._source.name, self._end, self._context.warn)
            choices.keep += scene_choices(params.scenes, params.keep_scenes)
            choices.remove += scene_choices(params.scenes, params.remove_scenes)
        if params.transcript:
            self._add_words(params.transcript, choices)
        if params.silence is not None:
            choices.remove += self._silences(params.silence)
        if params.keeps and not choices.keep:
            listed = ", ".join(map(quoted, params.keep_phrases))
            message = f"Nothing of '{self._source.name}' would be kept: it does not have {listed}."
            raise InvalidInput(message, hint="Check the words of the transcript: they can be wrong.")
        choices.remove.sort(key=lambda one: one.span)
        return choices

    def _times(self, texts: list[str]) -> Iterator[Choice]:
        for text in texts:
            start, end = span_of(text)
            if start >= self._end:
                hint = f"The video ends at {self._end:.3f} s."
                raise InvalidInput(f"The part '{text}' is not in '{self._source.name}'.", hint=hint)
            yield Choice((start, end), "time")

    def _tell_late(self, text: str, choice: Choice) -> None:
        late = choice.span[1] - self._end
        if SLACK < late < float("inf"):
            self._context.warn("span_shortened", f"'{self._source.name}' ends {late:.3f} s before the part '{text}'.")

    def _add_words(self, document: Artifact, choices: Choices) -> None:
        params, words = self._params, SpokenWords.read(document)
        if params.fillers:
            choices.remove += [Choice(one.span, "filler", one.text) for one in words.fillers()]
        for into, phrases in ((choices.keep, params.keep_phrases), (choices.remove, params.remove_phrases)):
            for phrase in phrases:
                found = [*words.phrases(phrase, sentences=params.sentences, pauses=into is choices.remove)]
                if not found:
                    self._context.warn("phrase_missing", f"'{phrase}' is not in '{document.name}'.")
                into += [Choice(one.span, "phrase", one.text) for one in found]

    def _silences(self, level: float) -> Iterator[Choice]:
        params, limits = self._params, Limits.of(self._context.settings)
        loud = loud_spans(self._source.path, level, params.min_silence, limits, self._tell_read)
        if not loud:
            raise InvalidInput(
                f"The sound of '{self._source.name}' is always below {level:g} dBFS.", hint="Give a lower 'silence'."
            )
        return silences(loud, self._end, params.min_silence, params.padding)

    def _tell_read(self, time: float) -> None:
        self._context.progress(0.2 * min(1.0, time / self._end), "listen")
