"""What `video.mux` writes: the inputs with chapters, cover, tags and their common end."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avstudio_core import Artifact
from avstudio_video.encoding.containers import CONTAINERS, chosen_codec, usual_codec
from avstudio_video.encoding.pixel_formats import Detail
from avstudio_video.encoding.video_track import VideoEncoding
from avstudio_video.media.damage import Ending, tell_lead, tell_opaque, tell_timecode
from avstudio_video.media.file_end import cut_short
from avstudio_video.media.limits import Limits
from avstudio_video.media.streams import codec_of, stated_end
from avstudio_video.media.tags import file_tags, without_timecode
from avstudio_video.media.timecode import later, timecode_of, uncounted
from avstudio_video.mux_inputs import MuxInputs, Warn
from avstudio_video.mux_picture import MuxPicture
from avstudio_video.muxer.assembly import Assembly
from avstudio_video.muxer.chapters import Chapter, chapters_of, in_order, of_file, read_chapters
from avstudio_video.muxer.cover import Cover, own_cover, read_cover
from avstudio_video.muxer.feeds import CopiedPart, CuePart
from avstudio_video.muxer.inputs import MuxInput, end_of, lead_of
from avstudio_video.muxer.picture import EncodedPicture, PictureEncoding
from avstudio_video.packets.subtitle_file import tell_style_blocks
from avstudio_video.sound.tracks import tell_others

if TYPE_CHECKING:
    from avstudio_core import Context
    from avstudio_video.mux_params import MuxParams


LATE = 1
"""Seconds for which subtitles may stay after the video."""


def opened_assembly(source: Artifact, params: MuxParams, context: Context, opened: ExitStack) -> Assembly:
    """Open all files, and choose what of them goes into the new file.

    Raises `InvalidInput` and `UnreadableMedia`. Warns about what the format cannot store, and what is encoded for it.
    """
    limits, warn = Limits.of(context.settings), context.warn
    inputs = MuxInputs(source, params, limits, opened)
    for one in inputs.new:
        tell_others(one.input.name, one.input.container, one.stream, warn)
    for file in params.subtitles:
        tell_style_blocks(file, warn)
    made = Assembly(inputs.format, inputs.files, inputs.wanted, sound_codec=params.audio_codec)
    if encoding := _encoding(inputs, params, warn):
        made.picture = PictureEncoding(encoding, lambda one: MuxPicture(one, params, encoding, context))
    made.duration = _duration(inputs, params, limits)
    made.end = _shortest(inputs, made, limits, warn) if params.shortest else None
    delay = _delayed(inputs, limits, warn) if made.picture is None else Fraction(0)
    made.chapters = _chapters(inputs, params, made.end or made.duration, warn)
    made.end = None if made.end is None else made.end + delay
    made.cover = _cover(inputs, params, limits, warn)
    made.attachments = _attachments(inputs, params)
    made.tags = _tags(inputs, params)
    _leave_out_timecode(inputs, made, warn)
    _tell_dropped(inputs, made, params, warn)
    return made


def _encoding(inputs: MuxInputs, params: MuxParams, warn: Warn) -> VideoEncoding | None:
    """How the pictures are encoded; `None` if they are copied. Warns with `picture_encoded`."""
    codecs = [codec_of(one) for one in inputs.pictures]
    taken = all(map(CONTAINERS[inputs.format].takes, inputs.pictures))
    if not params.burned and (params.video_codec == "copy" or (taken and params.video_codec in ("auto", *codecs[:1]))):
        return None
    bits = max(Detail.of(one.codec_context.pix_fmt or "yuv420p").bits for one in inputs.pictures)
    chosen = chosen_codec(inputs.format, params.picture_codec or usual_codec(inputs.format, bits))
    if params.video_codec == "auto" and not taken:
        message = f"'{inputs.format}' does not take the picture in {', '.join(codecs)}: it was encoded as {chosen}."
        warn("picture_encoded", message)
    return VideoEncoding(chosen, params.quality)


def _duration(inputs: MuxInputs, params: MuxParams, limits: Limits) -> Fraction:
    """The length of the file, or of the picture if the file may end with it."""
    stated = inputs.video.container.duration
    if stated and not params.shortest:
        return Fraction(stated, 1_000_000)
    return end_of(inputs.video.path, inputs.main.index, limits)


def _shortest(inputs: MuxInputs, made: Assembly, limits: Limits, warn: Warn) -> Fraction:
    """The end of the picture, or of the new sound that ends first. Warns with `truncated`."""
    ends = [made.duration]
    if made.picture is None:  # else what encodes it tells
        _tell_end(inputs.video, inputs.main, made.duration, warn)
    for one in inputs.sounds:
        if one.labels is not None:
            end = end_of(one.input.path, one.stream.index, limits)
            _tell_end(one.input, one.stream, end, warn)
            ends.append(end + one.input.shift)
    return min(ends)


def _delayed(inputs: MuxInputs, limits: Limits, warn: Warn) -> Fraction:
    """Make all inputs later by the frames before 0, if the container cannot hide them."""
    if CONTAINERS[inputs.format].edited:
        return Fraction(0)
    lead = lead_of(inputs.video.path, inputs.main.index, limits)
    if lead:
        for one in inputs.files:
            one.shift += lead
        tell_lead(inputs.video.name, inputs.format, lead, warn)
    return lead


def _chapters(inputs: MuxInputs, params: MuxParams, end: Fraction, warn: Warn) -> list[Chapter]:
    """The chapters that are given, or else those of the video."""
    own = [] if "chapters" in params.drop else of_file(inputs.video.container, inputs.video.origin)
    given = read_chapters(params.chapters) if params.chapters else chapters_of(params.chapter_marks)
    chapters = given or own
    kept = in_order(chapters, float(end))
    if len(kept) < len(chapters):
        late = len(chapters) - len(kept)
        warn("chapters_dropped", f"{late} chapter{'s begin' if late > 1 else ' begins'} after the end of the video.")
    return kept


def _cover(inputs: MuxInputs, params: MuxParams, limits: Limits, warn: Warn) -> Cover | None:
    if params.cover:
        Ending(missing=cut_short(params.cover.path)).tell(params.cover.name, warn)
        return read_cover(params.cover.path, params.cover.name, limits)
    own = None if "cover" in params.drop else own_cover(inputs.video.path, limits)
    if own and not CONTAINERS[inputs.format].covered:
        warn("streams_dropped", f"'{inputs.format}' does not store the cover of '{inputs.video.name}'.")
        return None
    return own


def _attachments(inputs: MuxInputs, params: MuxParams) -> list[Any]:
    wanted = inputs.format == "mkv" and "attachments" not in params.drop
    return [one for one in inputs.unused if wanted and one.type == "attachment"]


def _tags(inputs: MuxInputs, params: MuxParams) -> dict[str, str]:
    """The tags of the file: the video's, and those that are given."""
    kept = {} if "tags" in params.drop else inputs.video.container.metadata
    tags = file_tags(kept, changed=False)
    for name, value in params.given_tags():
        tags = {key: one for key, one in tags.items() if key.lower() != name.lower()}
        tags |= {name: value} if value else {}
    return tags


def _leave_out_timecode(inputs: MuxInputs, made: Assembly, warn: Warn) -> None:
    """Leave out a timecode that the container cannot store. Warns with `timecode_left_out`."""
    code, rate = timecode_of(*(one.metadata for one in inputs.pictures), made.tags), inputs.main.guessed_rate
    if code and rate and CONTAINERS[made.format].edited and later(code, Fraction(rate), Fraction(0)) is None:
        made.tags = without_timecode(made.tags)
        for one in made.wanted:
            one.timed = False
        tell_timecode(inputs.video.name, uncounted(code, Fraction(rate)), warn)


def _tell_dropped(inputs: MuxInputs, made: Assembly, params: MuxParams, warn: Warn) -> None:
    """Warn about streams that the new file does not have, except those that the container writes itself."""
    chapters = bool(inputs.video.container.chapters())
    own = [one for one in inputs.unused if one.type == "data" and (chapters or "timecode" in one.metadata)]
    lost = [one for one in inputs.unused if one not in own and one not in made.attachments]
    if "attachments" in params.drop:
        lost = [one for one in lost if one.type != "attachment"]
    if lost := [*inputs.left_out, *lost]:
        listed = ", ".join(f"{one.index} ({codec_of(one) or one.type})" for one in lost)
        warn("streams_dropped", f"'{inputs.format}' does not store these streams of '{inputs.video.name}': {listed}.")


def tell_encoded(assembly: Assembly, params: MuxParams, warn: Warn) -> None:
    """Warn about sound and styles that the format does not take, and about detail that the picture loses."""
    for made in (one for one in assembly.tracks if not one.copied):
        source, codec = f"'{made.wanted.input.name}'", codec_of(made.wanted.stream)
        if made.wanted.kind == "audio" and params.audio_codec == "auto":
            message = f"'{assembly.format}' does not take the sound of {source} in {codec}: it was encoded as"
            warn("sound_encoded", f"{message} {made.codec}.")
        if isinstance(made.part, EncodedPicture):
            made.part.pictures.tell(made.part.track.format)
        if codec == "ass" or (isinstance(made.part, CuePart) and made.part.track.rich):
            warn(
                "styles_lost", f"'{assembly.format}' does not store the styles and places of the subtitles in {source}."
            )


def tell_copied(assembly: Assembly, warn: Warn) -> None:
    """Warn about transparency that the format does not store."""
    for made in assembly.tracks:
        if isinstance(made.part, CopiedPart) and made.part.track.clear and not CONTAINERS[assembly.format].clear:
            tell_opaque(made.wanted.input.name, assembly.format, warn)


def tell_late_subtitles(assembly: Assembly, warn: Warn) -> None:
    """Warn about new subtitles that go on after picture and sound: the file is as long as they are."""
    played = [one.wanted.input for one in assembly.tracks if one.wanted.kind != "subtitle"]
    end = max([assembly.duration, *(one.end for one in played)])
    for given in assembly.inputs:
        if given not in played and given.end > end + LATE:
            message = f"The subtitles of '{given.name}' end {float(given.end - end):.3f} s after the video."
            warn("subtitles_late", message)


def tell_damage(assembly: Assembly, warn: Warn) -> None:
    """Warn about inputs that end before their header says, what could not be decoded, and sound that is clipped."""
    for muxed in assembly.tracks:
        wanted = muxed.wanted
        if muxed.overload:
            muxed.overload.tell(wanted.input.name, warn)
        stream = f"Stream {wanted.stream.index} of '{wanted.input.name}'"
        if muxed.lost:
            warn("damaged", f"{stream} is damaged: {muxed.lost} packets are lost.")
        if muxed.silent:
            warn("gaps", f"{stream} has gaps of {muxed.silent:.2f} s between its packets of sound.")
    for given in assembly.inputs:
        _tell_input(given, assembly, warn)


def _tell_input(given: MuxInput, assembly: Assembly, warn: Warn) -> None:
    """Warn about the packets of one input."""
    read = [one.wanted.stream for one in assembly.tracks if one.wanted.input is given and one.wanted.kind != "subtitle"]
    drawn = any(one.wanted.input is given and isinstance(one.part, EncodedPicture) for one in assembly.tracks)
    if given.corrupt:
        warn("damaged", f"'{given.name}' is damaged: {given.corrupt} packets are corrupt.")
    if not drawn and (assembly.end is None or not read):  # else it was told before
        _tell_end(given, read[-1] if read else None, given.end - given.shift, warn)


def _tell_end(given: MuxInput, stream: Any, end: Fraction, warn: Warn) -> None:
    """Warn with `truncated` about an input whose picture or sound ends at a time."""
    stated = stated_end(stream, given.origin) if stream else 0.0
    Ending(float(end), stated, cut_short(given.path)).tell(given.name, warn)
