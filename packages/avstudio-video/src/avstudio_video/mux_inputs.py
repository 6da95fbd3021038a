"""The files and streams that `video.mux` puts together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, get_args

from avstudio_core import Artifact
from avstudio_core.errors import NotFound
from avstudio_core.quotes import quoted
from avstudio_video.effects.cue_files import chosen_track
from avstudio_video.encoding.containers import CONTAINERS, VideoFormat
from avstudio_video.media.container import open_media
from avstudio_video.media.streams import chosen_video, codec_of, is_cover
from avstudio_video.muxer.inputs import MuxInput, Wanted
from avstudio_video.muxer.labels import Labels
from avstudio_video.packets.subtitle_file import TEXTS, best_stream, open_subtitles
from avstudio_video.sound.tracks import DEFAULT, chosen_tracks, speaks

if TYPE_CHECKING:
    from avstudio_video.media.limits import Limits
    from avstudio_video.mux_params import MuxParams

Warn = Callable[[str, str], None]


class MuxInputs:
    """The open files; tracks are in the order of the new file."""

    def __init__(self, source: Artifact, params: MuxParams, limits: Limits, opened: ExitStack) -> None:
        """Raises `NotFound`, `NoAudioStream`, `NoVideoStream`, `UnreadableMedia`."""
        self._params, self._limits, self._opened = params, limits, opened
        container = opened.enter_context(open_media(source.path, limits))
        chosen_video(container, source.path, params.picture)
        self.video = MuxInput(container, source.path, source.name)
        self.format = _chosen_format(source, container, params.format)
        self.files = [self.video]
        self.left_out: list[Any] = []
        """Streams of the video that the format does not store."""
        pictures = [one for one in _pictures(container) if params.picture in (None, one.index)]
        self._pictures = [Wanted(self.video, one) for one in pictures]
        own = self._own_tracks()
        self.sounds = [*own["audio"], *self._new_sounds()]
        self._subtitles = [*own["subtitle"], *self._new_subtitles()]
        self._choose_defaults()

    @property
    def wanted(self) -> list[Wanted]:
        return [*self._pictures, *self.sounds, *self._subtitles]

    @property
    def new(self) -> list[Wanted]:
        """The tracks of other files than the video."""
        return [one for one in self.wanted if one.labels is not None]

    @property
    def pictures(self) -> list[Any]:
        """The streams of the pictures."""
        return [one.stream for one in self._pictures]

    @property
    def main(self) -> Any:
        """The stream of the picture, the first one if there are several."""
        return self._pictures[0].stream

    @property
    def unused(self) -> list[Any]:
        """Other streams of the video: data and attachments."""
        return [one for one in self.video.container.streams if one.type not in ("video", "audio", "subtitle")]

    def _own_tracks(self) -> dict[str, list[Wanted]]:
        """The audio and subtitle tracks of the video that are kept."""
        params, container = self._params, self.video.container
        streams: list[Any] = [*container.streams.audio, *container.streams.subtitles]
        self._refuse_unknown(streams)
        dropped = {
            "audio": "sound" in params.drop or (params.sound and params.sound_mode == "replace"),
            "subtitle": "subtitles" in params.drop or (params.subtitles and params.subtitle_mode == "replace"),
        }
        drawn = self._drawn_track()
        kept = [one for one in streams if not dropped[one.type] and one.codec_context and one is not drawn]
        kept = [one for one in kept if not params.tracks or any(_is_named(one, name) for name in params.tracks)]
        self.left_out = [one for one in kept if not self._is_storable(one)]
        wanted = [Wanted(self.video, one) for one in kept if one not in self.left_out]
        return {kind: [one for one in wanted if one.kind == kind] for kind in dropped}

    def _drawn_track(self) -> Any:
        """The track that is drawn on the picture, if it is one of the video."""
        params, container = self._params, self.video.container
        own = params.burned is not None and params.burned.path == self.video.path
        return (
            chosen_track(container, self.video.name, params.burned_track)
            if own and container.streams.subtitles
            else None
        )

    def _refuse_unknown(self, streams: Sequence[Any]) -> None:
        for name in self._params.tracks:
            if not any(_is_named(one, name) for one in streams):
                listed = ", ".join(f"{one.index} ({one.language or one.type})" for one in streams) or "none"
                raise NotFound(
                    f"'{self.video.name}' has no track {quoted(name)}.", hint=f"Choose one of these: {listed}."
                )

    def _is_storable(self, stream: Any) -> bool:
        return stream.type == "audio" or CONTAINERS[self.format].takes(stream) or codec_of(stream) in TEXTS

    def _new_sounds(self) -> list[Wanted]:
        params, found = self._params, []
        for number, file in enumerate(params.sound):
            container = self._opened.enter_context(open_media(file.path, self._limits))
            [stream] = chosen_tracks(container, file.path, DEFAULT)
            self.files.append(MuxInput(container, file.path, file.name, _at(params.sound_offsets, number)))
            labels = Labels(_text(params.sound_languages, number), _text(params.sound_titles, number))
            found.append(Wanted(self.files[-1], stream, labels))
        return found

    def _new_subtitles(self) -> list[Wanted]:
        params, found = self._params, []
        for number, file in enumerate(params.subtitles):
            container = self._opened.enter_context(open_subtitles(file, self._limits))
            stream = best_stream(container)
            if not self._is_storable(stream):
                message = f"The subtitles of '{file.name}' are pictures ({codec_of(stream)}), which"
                raise NotFound(f"{message} '{self.format}' does not store.", hint="Give the format 'mkv'.")
            self.files.append(MuxInput(container, file.path, file.name, _at(params.subtitle_offsets, number)))
            labels = Labels(_text(params.subtitle_languages, number), _text(params.subtitle_titles, number))
            found.append(Wanted(self.files[-1], stream, labels))
        return found

    def _choose_defaults(self) -> None:
        """Mark the tracks that players choose: the first one, if all sound is new or none was marked."""
        params = self._params
        _choose(self._pictures, None if _are_marked(self._pictures) else 1, "picture")
        number = 1 if self.sounds and not _are_marked([one for one in self.sounds if not one.labels]) else None
        _choose(self.sounds, params.default_sound or number, "default_sound")
        _choose(self._subtitles, params.default_subtitles, "default_subtitles")
        for given in params.forced_subtitles:
            _refuse_missing(self._subtitles, given, "forced_subtitles")
            self._subtitles[given - 1].forced = True


def _are_marked(tracks: Sequence[Wanted]) -> bool:
    """Whether players choose one of some tracks."""
    from av.stream import Disposition

    return any(one.stream.disposition & Disposition.default for one in tracks)


def _choose(tracks: Sequence[Wanted], number: int | None, name: str) -> None:
    if number is None:
        return
    if number:
        _refuse_missing(tracks, number, name)
    for place, one in enumerate(tracks, 1):
        one.default = place == number


def _refuse_missing(tracks: Sequence[Wanted], number: int, name: str) -> None:
    if not 1 <= number <= len(tracks):
        raise NotFound(f"'{name}' has the value '{number}', but the number of such tracks is {len(tracks)}.")


def _chosen_format(source: Artifact, container: Any, wanted: Literal["auto"] | VideoFormat) -> VideoFormat:
    """The wanted container, or the video's own one, or another one that takes its pictures as they are."""
    if wanted != "auto":
        return wanted
    known: tuple[VideoFormat, ...] = get_args(VideoFormat)
    own: VideoFormat = next((name for name in known if CONTAINERS[name].media_type == source.media_type), "mp4")
    usual: tuple[VideoFormat, ...] = (own, "mp4", "mkv")
    return next((name for name in usual if all(map(CONTAINERS[name].takes, _pictures(container)))), own)


def _pictures(container: Any) -> list[Any]:
    """The video streams that are not covers."""
    return [one for one in container.streams.video if one.codec_context and not is_cover(one)]


def _is_named(stream: Any, name: str) -> bool:
    return name == str(stream.index) or speaks(stream, name)


def _at(offsets: Sequence[float], number: int) -> Fraction:
    return Fraction(offsets[number]) if number < len(offsets) else Fraction(0)


def _text(texts: Sequence[str], number: int) -> str | None:
    return texts[number] or None if number < len(texts) else None
