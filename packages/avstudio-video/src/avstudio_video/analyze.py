"""`video.analyze`: scenes and events of a video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from shutil import copyfile
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from avstudio_core import Artifact, Context, MediaFacts, Needs, Processor, Result, SearchText
from avstudio_core.documents.scenes import MEDIA_TYPE, Scene, Scenes
from avstudio_core.errors import MissingDependency
from avstudio_core.quotes import quoted
from avstudio_video.analyze_params import AnalyzeParams
from avstudio_video.exports.media_types import MEDIA_TYPES, SUFFIXES
from avstudio_video.memory import DECODERS, analyzed_mb
from avstudio_video.sound.loudness import Loudness
from avstudio_video.vocabulary import AnalyzeWords

if TYPE_CHECKING:
    from avstudio_video.analysis import Analysis
    from avstudio_video.exports.cut_list import CutList
    from avstudio_video.sound.measures import SoundMeasures

JSON, WAV = "application/json", "audio/wav"


class VideoEvent(BaseModel):
    """Something that lasts for some time, half-open."""

    model_config = ConfigDict(frozen=True)

    type: Literal["black", "freeze", "dissolve", "wipe", "fade", "fade_in", "fade_out", "flash", "silence"] = Field(
        description="What it is. `fade` goes out and in again."
    )
    start: float = Field(description="Start.", json_schema_extra={"unit": "s"})
    end: float = Field(description="End.", json_schema_extra={"unit": "s"})
    colour: Literal["black", "white", "other"] | None = Field(default=None, description="The colour of a fade.")


class PictureBox(BaseModel):
    """The picture inside black bars, in pixels as they are stored."""

    model_config = ConfigDict(frozen=True)

    x: int = Field(description="Left edge.", json_schema_extra={"unit": "px"})
    y: int = Field(description="Upper edge.", json_schema_extra={"unit": "px"})
    width: int = Field(description="Width.", json_schema_extra={"unit": "px"})
    height: int = Field(description="Height.", json_schema_extra={"unit": "px"})


class AnalyzeResult(Result):
    """What was found."""

    scenes: list[Scene] = Field(default=[], description="The scenes.", json_schema_extra={"view": "table"})
    document: Artifact | None = Field(default=None, description="The scenes as a document, for other steps.")
    exports: dict[str, Artifact] = Field(default={}, description="The scenes in other formats.")
    thumbnails: dict[str, Artifact] = Field(default={}, description="Pictures of the scenes: `scene_0001` …")
    events: list[VideoEvent] = Field(
        default=[],
        description="Transitions, flashes, black, frozen and silent spans.",
        json_schema_extra={"view": "table"},
    )
    letterbox: PictureBox | None = Field(default=None, description="The picture inside black bars, if it has some.")
    keyframes: list[float] | None = Field(
        default=None, description="Times of key frames, if they were asked for.", json_schema_extra={"unit": "s"}
    )
    loudness: Loudness | None = Field(default=None, description="Loudness of the main audio track.")
    sheet: Artifact | None = Field(default=None, description="The contact sheet.")
    waveform: Artifact | None = Field(default=None, description="Its waveform, as players read it.")
    speech: Artifact | None = Field(default=None, description="Its sound, mono at 16 kHz.")
    frames: int = Field(description="Frames that were decoded.")
    duration: float = Field(description="When the last frame ends.", json_schema_extra={"unit": "s"})

    def texts(self) -> Iterable[SearchText]:
        """What the video has, in one row: numbers of scenes, of transitions and of events."""
        yield from super().texts()
        kinds = Counter(
            [*("cut" for one in self.scenes if one.transition == "cut"), *(one.type for one in self.events)]
        )
        found = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.most_common())
        if self.document:
            text = f"{len(self.scenes)} scenes" + (f": {found}" if found else "")
            yield SearchText(kind="scenes", text=text, artifact=self.document.id)


class Analyze(AnalyzeWords, Processor[AnalyzeParams, AnalyzeResult]):
    """Find scenes, black and frozen spans, black bars and key frames of a video, and silence and loudness of its sound.

    All of it takes one pass over the file.
    Scenes become a document that other steps read, and cut lists and chapters for editors and players.
    """

    name: ClassVar[str] = "video.analyze"
    accepts: ClassVar[tuple[str, ...]] = ("video/*", "image/*", "application/octet-stream")
    errors: ClassVar[tuple[str, ...]] = ("no_audio_stream", "no_video_stream")

    def outputs(self, params: AnalyzeParams) -> dict[str, str]:
        files = {"scenes": ("document", MEDIA_TYPE), "waveform": ("waveform", JSON), "speech": ("speech", WAV)}
        made = dict(file for wish, file in files.items() if wish in params.analyses)
        made |= {"sheet": "image/jpeg"} if params.contact_sheet else {}
        return made | {name: MEDIA_TYPES[name] for name in params.exports}

    def needs(self, params: AnalyzeParams, source: Artifact | None) -> Needs:
        from importlib.util import find_spec

        params.check()
        if {"scenes", "freeze"} & {*params.analyses} and find_spec("cv2") is None:
            raise MissingDependency.extra("Finding scenes and frozen pictures", "avstudio-video", "opencv")
        kept = 4 * params.contact_sheet * params.thumbnail_width**2 * 9 // 16
        return Needs(memory_mb=analyzed_mb(source, 1 if "freeze" in params.analyses else DECODERS, kept))

    def run(self, source: Artifact, params: AnalyzeParams, context: Context) -> AnalyzeResult:
        from avstudio_video.analysis import Analysis

        context.progress(0.0, "read")
        made = Analysis.of(source.path, params, context)
        _tell(source, made, context)
        scenes = made.scenes()
        return AnalyzeResult(
            scenes=scenes.scenes if scenes else [],
            document=_document(source, scenes, context) if scenes else None,
            exports=_exports(source, scenes, made, params, context) if scenes and params.exports else {},
            thumbnails=_thumbnails(source, scenes, made, context) if scenes and params.thumbnails else {},
            events=_events(made),
            letterbox=_box(made),
            loudness=made.sound.loudness if made.sound else None,
            sheet=_sheet(source, made, context),
            waveform=_waveform(source, made, context),
            speech=_speech(source, made, context),
            keyframes=made.key_frames() if "keyframes" in params.analyses else None,
            frames=made.frames,
            duration=made.timeline.end,
        )


def _tell(source: Artifact, made: Analysis, context: Context) -> None:
    from avstudio_video.media.damage import Ending, tell_guessed, tell_lost
    from avstudio_video.media.file_end import cut_short

    passed = made.passed
    tell_guessed(source.name, passed.index, passed.rate, context.warn)
    if made.sound:
        _tell_sound(source.name, made.sound, context)
    if passed.corrupt:
        context.warn("damaged", f"{passed.corrupt} frames of '{source.name}' are damaged.")
    if passed.resized:
        message = f"{passed.resized} frames of '{source.name}' have another size, and are scaled to that of the first."
        context.warn("size_changed", message)
    ending = Ending(made.timeline.end, passed.stated_end, cut_short(source.path), passed.index)
    ending.tell(source.name, context.warn)
    tell_lost(source.name, passed.index, context.warn)


def _tell_sound(name: str, sound: SoundMeasures, context: Context) -> None:
    if sound.impossible:
        message = f"The sound of '{name}' has {sound.form}: {' and '.join(sound.impossible)} cannot be measured."
        context.warn("not_measured", message)
    if sound.lost:
        context.warn("damaged", f"{sound.lost} packets of the sound of '{name}' are damaged.")
    if sound.silent:
        context.warn("gaps", f"The sound of '{name}' has gaps of {sound.silent:.2f} s, which are silence here.")
    if sound.broken:
        message = f"{sound.broken} samples of the sound of '{name}' are not numbers, and count as 0."
        context.warn("damaged", message)


def _document(source: Artifact, scenes: Scenes, context: Context) -> Artifact:
    path = context.new_path(source.name_for(".scenes.json"))
    path.write_text(scenes.written(), encoding="utf-8")
    return context.publish(path, path.name, MEDIA_TYPE)


def _exports(
    source: Artifact, scenes: Scenes, made: Analysis, params: AnalyzeParams, context: Context
) -> dict[str, Artifact]:
    from avstudio_video.exports.cut_list import CutList
    from avstudio_video.exports.texts import exported, tell_chapters, tell_losses
    from avstudio_video.media.damage import tell_timecode
    from avstudio_video.media.timecode import readable

    cuts = CutList.of(scenes, source.name, params.timecode)
    tell_losses(cuts, params.exports, context.warn)
    if not params.timecode and scenes.timecode and readable(scenes.timecode, cuts.rate) is None:
        tell_timecode(source.name, f"{quoted(scenes.timecode)} is not the timecode of a frame", context.warn)
    if "youtube" in params.exports:
        tell_chapters(scenes, source.name, context.warn)
    files = {}
    for name in dict.fromkeys(params.exports):
        path = context.new_path(source.name_for(SUFFIXES[name]))
        with path.open("w", encoding="utf-8", newline="") as file:
            if name == "html":
                file.writelines(_report(scenes, cuts, made))
            else:
                file.write(exported(name, scenes, cuts, reel=params.reel, size=made.display_size))
        files[name] = context.publish(path, path.name, MEDIA_TYPES[name])
    return {str(name): file for name, file in files.items()}


def _report(scenes: Scenes, cuts: CutList, made: Analysis) -> Iterable[str]:
    from avstudio_video.exports.report import report

    return report(scenes, cuts, made.pictures(scenes), [(one.type, one.start, one.end) for one in _events(made)])


def _thumbnails(source: Artifact, scenes: Scenes, made: Analysis, context: Context) -> dict[str, Artifact]:
    files = {}
    for scene, paths in zip(scenes.scenes, made.pictures(scenes), strict=True):
        for number, picture in enumerate(paths, 1):
            key = f"scene_{scene.id + 1:04}" + (f"_{number}" if len(paths) > 1 else "")
            path = context.new_path(source.name_for(f".{key}.jpg"))
            copyfile(picture, path)
            files[key] = context.publish(path, path.name, "image/jpeg", MediaFacts())
    return files


def _events(made: Analysis) -> list[VideoEvent]:
    """All events, in order."""
    found = [VideoEvent(type=kind, start=start, end=end) for kind, start, end in made.events()]
    for one, start, end in made.transitions():
        found.append(VideoEvent(type=one.kind, start=start, end=end, colour=one.colour))
    for start, end in made.sound.silences() if made.sound else ():
        found.append(VideoEvent(type="silence", start=start, end=end))
    return sorted(found, key=lambda event: event.start)


def _sheet(source: Artifact, made: Analysis, context: Context) -> Artifact | None:
    from avstudio_video.frames.files import encoded

    pixels = made.sheet.sheet() if made.sheet else None
    if pixels is None:
        return None
    path = context.new_path(source.name_for(".sheet.jpg"))
    path.write_bytes(encoded(pixels, "jpeg", 85))
    return context.publish(path, path.name, "image/jpeg", MediaFacts())


def _waveform(source: Artifact, made: Analysis, context: Context) -> Artifact | None:
    if not made.sound or not made.sound.waveform:
        return None
    path = context.new_path(source.name_for(".waveform.json"))
    path.write_text(made.sound.waveform.json(), encoding="utf-8")
    return context.publish(path, path.name, JSON)


def _speech(source: Artifact, made: Analysis, context: Context) -> Artifact | None:
    if not made.speech or (made.sound and "speech" in made.sound.impossible):
        return None
    path = context.new_path(source.name_for(".speech.wav"))
    made.speech.rename(path)
    return context.publish(path, path.name, WAV)


def _box(made: Analysis) -> PictureBox | None:
    box = made.letterbox.box() if made.letterbox else None
    return PictureBox(x=box[0], y=box[1], width=box[2], height=box[3]) if box else None
