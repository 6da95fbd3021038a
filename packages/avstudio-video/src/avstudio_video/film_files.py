"""Finished videos of parts as outputs of a run, and the warnings about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from avstudio_core import Artifact, Context, MediaFacts
from avstudio_core.errors import InvalidInput
from avstudio_video.effects.colours import is_hdr
from avstudio_video.encoding.containers import CONTAINERS, ContainerName, VideoFormat
from avstudio_video.encoding.encoder_choice import chosen_encoder
from avstudio_video.encoding.hdr_options import tell_hdr_notes
from avstudio_video.encoding.pixel_formats import has_alpha, tell_reduced
from avstudio_video.media.damage import tell_opaque, tell_timecode
from avstudio_video.media.timecode import uncounted
from avstudio_video.muxer.labels import tell_marks

if TYPE_CHECKING:
    from avstudio_video.media.limits import Limits
    from avstudio_video.packets.join import JoinedPiece
    from avstudio_video.timeline.film import Film
    from avstudio_video.timeline.film_format import FilmFormat
    from avstudio_video.timeline.footage import Footage
    from avstudio_video.timeline.parts import Timeline

LATE = 0.1
"""Seconds of sound before the first picture or after the last one that are left out without a warning."""


def progress_of(context: Context) -> Callable[[float], None]:
    """What is called with the part of a new video that is written."""
    return lambda part: context.progress(0.2 + 0.78 * part, "write")


def published_film(film: Film, path: Path, name: ContainerName, context: Context) -> Artifact:
    """The file of an encoded timeline. Warns with `styles_lost` and `labels_lost`."""
    from avstudio_video.timeline.texts import tell_texts

    tell_texts(film.texts, name, context.warn)
    tell_marks((use for one in film.tracks for use in one.uses), name, context.warn)
    facts = MediaFacts(
        duration=float(film.timeline.length), width=film.canvas.shape.width, height=film.canvas.shape.height
    )
    return context.publish(path, path.name, CONTAINERS[name].media_type, facts)


def tell_film(film: Film, crossfade: float, warn: Callable[[str, str], None]) -> None:
    """Warn about what was lost of the sources, and about cross-fades that are shorter than the wanted one."""
    pictures = film.pictures
    _tell_fades(film, crossfade, warn)
    for one in film.footage:
        tell_left_out(one, [track.index for track in one.sounds] if film.tracks else [], len(film.texts), warn)
        if one.picture.interlaced:
            warn("interlaced", f"'{one.name}' is interlaced: its fields are encoded as one picture.")
    _tell_colours(film, warn)
    if (size := film.footage[0].upright_size) != (film.canvas.shape.width, film.canvas.shape.height):
        new = f"{film.canvas.shape.width}x{film.canvas.shape.height}"
        message = f"'{film.encoding.codec}' needs an even width and height: {size[0]}x{size[1]} becomes {new}."
        warn("odd_size", message)
    if pictures.resized:
        message = f"{pictures.resized} frames have another size than the first one of their file, and are scaled."
        warn("size_changed", message)
    if pictures.missing:
        warn("frames_missing", f"{pictures.missing} frames cannot be decoded; those before them are shown longer.")
    if pictures.corrupt:
        warn("damaged", f"{pictures.corrupt} frames are damaged.")
    for overload in film.overloads:
        overload.tell(film.footage[0].name, warn)
    _tell_sound(film, warn)


def _tell_fades(film: Film, wanted: float, warn: Callable[[str, str], None]) -> None:
    fades = [float(part.fade) for part in film.timeline.parts[1:]]
    short = [one for one in fades if wanted - one >= film.footage[0].grid.step]
    if short:
        message = f"{len(short)} of {len(fades)} cross-fades are shorter than {wanted:g} s, the shortest has"
        warn("fade_shortened", f"{message} {min(short):.3g} s: a fade takes at most half of the parts beside it.")


def _tell_colours(film: Film, warn: Callable[[str, str], None]) -> None:
    """Warn about light that is converted, and about detail that the codec does not keep."""
    hdr, written = is_hdr(film.canvas.shape), film.canvas.shape.pixels
    codec = film.encoding.codec
    encoder = chosen_encoder(codec, film.encoding.encoder, (film.canvas.shape.width, film.canvas.shape.height))
    for one in film.footage:
        if one.stream.hdr and not hdr:
            warn("hdr_to_sdr", f"'{one.name}' is HDR, and is converted to BT.709 for the new video.")
        elif hdr and not one.stream.hdr:
            warn("sdr_to_hdr", f"'{one.name}' is not HDR, and is converted for the new video, which is.")
        elif hdr:
            tell_hdr_notes(one.name, one.stream.notes, encoder.name, warn)
        tell_reduced(codec, written, one.name, one.picture.pixel_format or written, warn)
    if film.pictures.transparent and not has_alpha(written):
        warn("detail_reduced", f"'{codec}' is written as {written} here, without the transparency of the picture.")


def _tell_sound(film: Film, warn: Callable[[str, str], None]) -> None:
    for track in film.tracks:
        for reader in track.sound.readers.values():
            if reader.lost or reader.silent:
                message = f"{reader.lost} packets are lost, and {reader.silent:.2f} s are replaced by silence."
                warn("damaged", f"Track {reader.source.index} of '{reader.source.name}' is damaged: {message}")
    tell_outer_sound(film.timeline, film.footage, warn)


def tell_outer_sound(timeline: Timeline, footage: Sequence[Footage], warn: Callable[[str, str], None]) -> None:
    """Warn about sound before the first picture of a video or after its last one."""
    _tell_early_sound(timeline, footage, warn)
    _tell_late_sound(timeline, footage, warn)


def _tell_early_sound(timeline: Timeline, footage: Sequence[Footage], warn: Callable[[str, str], None]) -> None:
    for one in {part.source: footage[part.source] for part in timeline.parts if part.frames.start == 0}.values():
        early = float(one.grid.start) - min((sound.start or 0.0 for sound in one.sounds), default=float(one.grid.start))
        if early > LATE:
            warn("sound_left_out", f"'{one.name}' has {early:.2f} s of sound before its first picture: it is left out.")


def _tell_late_sound(timeline: Timeline, footage: Sequence[Footage], warn: Callable[[str, str], None]) -> None:
    for one in [footage[part.source] for part in timeline.parts if part.end == footage[part.source].grid.end]:
        late = max((end.real for end in one.sound_ends.values()), default=0.0) - float(one.grid.end)
        if late > LATE:
            warn("sound_left_out", f"'{one.name}' has {late:.2f} s of sound after its last picture, which is left out.")


def tell_left_out(footage: Footage, sounds: Sequence[int], texts: int, warn: Callable[[str, str], None]) -> None:
    """Warn about the streams that are not in the new file, which has so many tracks of text."""
    contents = footage.contents
    others = [one for one in contents.video if one.index != footage.stream.number]
    left = [
        ("video", len(others)),
        ("subtitle", len(contents.subtitles) - min(texts, sum(one.text for one in contents.subtitles))),
    ]
    left += [("audio", len(contents.audio) - len(sounds))]
    left += [(kind, [one.kind for one in contents.others].count(kind)) for kind in ("cover", "attachment")]
    named = [f"{count} {kind}" for kind, count in left if count > 0]
    if contents.timecode and footage.timecode(footage.grid.start) is None:
        tell_timecode(footage.name, uncounted(contents.timecode, footage.grid.rate), warn)
    if named:
        warn("streams_left_out", f"These streams of '{footage.name}' are left out: {', '.join(named)}.")


def copied_format(footage: Footage, wanted: FilmFormat, limits: Limits) -> VideoFormat:
    """The container for what is copied of a file. Raises `InvalidInput` if it does not take the pictures."""
    from avstudio_video.timeline.copied import copyable
    from avstudio_video.timeline.film_format import container_of

    found, formats = container_of(footage, wanted, "auto"), get_args(VideoFormat)
    name: VideoFormat | None = next((one for one in formats if one == found), None)
    if name is None:
        raise InvalidInput(f"'{footage.name}' cannot be copied as '{found}'.", hint="Let it be encoded.")
    if footage.stream.number in copyable(footage, name, limits):
        return name
    if wanted == "auto" and footage.stream.number in copyable(footage, "mkv", limits):
        return "mkv"
    message = f"'{name}' does not take the codec '{footage.picture.codec}' as it is."
    raise InvalidInput(message, hint="Give another format, or let it be encoded.")


def published_copy(
    files: Sequence[Footage], joined: Sequence[JoinedPiece], path: Path, name: VideoFormat, context: Context
) -> Artifact:
    """The file of copied parts, each of one of the files.

    Warns with `damaged`, `sound_left_out`, `labels_lost` and `detail_reduced` about what is not in it.
    """
    for source, number in dict.fromkeys(_unheard(files, joined)):
        message = f"Track {number} of '{source}' is far from its pictures in the file, and missing in copied parts."
        context.warn("sound_left_out", f"{message} Use the mode 'exact' or 'encode'.")
    copied = [one for one in files[0].sounds if one.codec in CONTAINERS[name].copied]
    tell_marks((use for one in copied for use in one.dispositions), name, context.warn)
    for source in dict.fromkeys(one.name for one in files if one.is_clear and not CONTAINERS[name].clear):
        tell_opaque(source, name, context.warn)
    if lost := sum(one.lost for one in joined):
        context.warn("damaged", f"{lost} packets are too damaged to be copied.")
    end = joined[-1].at + joined[-1].end - joined[-1].begin
    width, height = files[0].display_size
    facts = MediaFacts(duration=end, width=width or None, height=height or None)
    return context.publish(path, path.name, CONTAINERS[name].media_type, facts)


def _unheard(files: Sequence[Footage], joined: Sequence[JoinedPiece]) -> Iterator[tuple[str, int]]:
    """The name and the track of files of which a piece has nothing, although they have sound there."""
    for footage, piece in zip(files, joined, strict=True):
        for number in sorted(piece.empty):
            start = next((one.start or 0.0 for one in footage.sounds if one.index == number), 0.0)
            end = footage.sound_ends.get(number)
            if end and start < piece.end and end.real > piece.begin:
                yield footage.name, number
