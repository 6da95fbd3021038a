"""The parameters of `video.mux`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from avstudio_core import Artifact, Params
from avstudio_core.errors import InvalidParams
from avstudio_core.quotes import quoted
from avstudio_core.time_param import ClockToo
from avstudio_video.effects.captions import CUE_SIZE, CuePlace, CueStyle
from avstudio_video.encoding.containers import SoundCodec, VideoCodec, VideoFormat, chosen_codec, chosen_sound

SOUND = ["audio/*", "video/*", "application/octet-stream"]
SUBTITLES = ["application/x-subrip", "text/*", "application/*", "video/*"]
CHAPTERS = ["application/vnd.avstudio.scenes+json", "text/*", "application/octet-stream"]
LISTS = {"sound": ("languages", "titles", "offsets"), "subtitle": ("languages", "titles", "offsets")}
"""Parameters with one value for each new file, after the name of its kind."""
MOST = 32
Offset = Annotated[float, Field(ge=-86_400, le=86_400), ClockToo]
"""Seconds: at most a day, since a delay is encoded as silence."""


class MuxParams(Params):
    """What the new file has, besides the picture; lists are in the order of the new files."""

    format: Literal["auto", VideoFormat] = Field(
        default="auto", description="Container of the file; by default that of the video, if it has one of these."
    )
    picture: int | None = Field(
        default=None, ge=0, description="Number of the one video stream to keep; by default all are kept."
    )
    video_codec: Literal["auto", "copy", "h264", "hevc", "av1", "vp9", "prores", "ffv1"] = Field(
        default="auto", description="Codec of the picture; by default it is copied if the format takes it."
    )
    quality: int = Field(default=50, ge=0, le=100, description="Quality of a picture that is encoded.")
    tracks: list[str] = Field(
        default=[],
        description="The video's own audio and subtitle tracks to keep, by number or language; by default all.",
        examples=[["en", "4"]],
    )
    sound: list[Artifact] = Field(
        default=[],
        max_length=MOST,
        description="Recordings that become audio tracks; of several tracks in a file, the main one is taken.",
        json_schema_extra={"accepts": [*SOUND]},
    )
    sound_mode: Literal["replace", "add"] = Field(
        default="replace", description="Whether `sound` replaces the video's own sound, or is added to it."
    )
    sound_languages: list[str] = Field(
        default=[], description="Language of each recording, as a code or a name; by default its own."
    )
    sound_titles: list[str] = Field(default=[], description="Title of each recording; by default its own.")
    sound_offsets: list[Offset] = Field(
        default=[],
        description="Delay of each recording; a negative one leaves out its start.",
        json_schema_extra={"unit": "s"},
    )
    default_sound: int | None = Field(
        default=None, ge=1, description="Number of the audio track that players choose, from 1, the video's own first."
    )
    audio_codec: Literal["auto", "copy", "aac", "opus", "mp3", "flac", "alac", "pcm"] = Field(
        default="auto", description="Codec of all sound; by default it is copied if the format takes it."
    )
    subtitles: list[Artifact] = Field(
        default=[],
        max_length=MOST,
        description="Files of subtitles, transcripts, or videos with subtitles, that become subtitle tracks.",
        json_schema_extra={"accepts": [*SUBTITLES]},
    )
    subtitle_mode: Literal["replace", "add"] = Field(
        default="add", description="Whether `subtitles` replaces the video's own subtitles, or is added to them."
    )
    subtitle_languages: list[str] = Field(
        default=[], description="Language of each file, as a code or a name; by default its own."
    )
    subtitle_titles: list[str] = Field(default=[], description="Title of each file; by default its own.")
    subtitle_offsets: list[Offset] = Field(
        default=[], description="Delay of each file of subtitles.", json_schema_extra={"unit": "s"}
    )
    default_subtitles: int | None = Field(
        default=None,
        ge=0,
        description="Number of the subtitle track that players show, from 1, the video's own first; 0 for none.",
    )
    forced_subtitles: list[int] = Field(
        default=[], description="Numbers of subtitle tracks that players show even if subtitles are off."
    )
    burned: Artifact | None = Field(
        default=None,
        description="Subtitles, a transcript, or a video with subtitles, to draw on the picture; it is encoded.",
        json_schema_extra={"accepts": [*SUBTITLES]},
    )
    burned_track: str = Field(
        default="default", description="The track of a video with several: its number or its language."
    )
    burned_offset: Offset = Field(default=0.0, description="Their delay.", json_schema_extra={"unit": "s"})
    burned_style: CueStyle = Field(default="outline", description="The look of the subtitles that are drawn.")
    burned_size: float = Field(
        default=CUE_SIZE, ge=0.01, le=0.3, description="Size of their letters, as a part of the height."
    )
    burned_position: CuePlace = Field(default="bottom", description="Where on the picture they are.")
    burned_font: Artifact | None = Field(
        default=None,
        description="Their font, TrueType or OpenType; by default one of the system.",
        json_schema_extra={"accepts": ["font/*", "application/*"]},
    )
    chapters: Artifact | None = Field(
        default=None,
        description="Chapters, from scenes, a WebVTT file, or FFmpeg's metadata; by default those of the video.",
        json_schema_extra={"accepts": [*CHAPTERS]},
    )
    chapter_marks: list[str] = Field(
        default=[], description="Chapters by time and title.", examples=[["0:00 Opening", "1:30 The harbour"]]
    )
    cover: Artifact | None = Field(
        default=None, description="The cover picture, in mp4 and mkv.", json_schema_extra={"accepts": ["image/*"]}
    )
    tags: list[str] = Field(
        default=[],
        description="Tags of the file to set; an empty value removes one.",
        examples=[["title=The harbour", "comment="]],
    )
    drop: list[Literal["sound", "subtitles", "chapters", "cover", "attachments", "tags"]] = Field(
        default=[], description="What of the video to leave out."
    )
    shortest: bool = Field(
        default=False, description="Whether the file ends with the picture or the shortest new recording."
    )

    @property
    def picture_codec(self) -> VideoCodec | None:
        """The codec that is given for the picture."""
        return None if self.video_codec == "auto" or self.video_codec == "copy" else self.video_codec

    @property
    def wanted_sound(self) -> SoundCodec | None:
        """The codec that is given for the sound."""
        return None if self.audio_codec == "auto" or self.audio_codec == "copy" else self.audio_codec

    def check(self) -> None:
        """Raises `InvalidParams` for what does not fit together."""
        for kind, names in LISTS.items():
            files = self.sound if kind == "sound" else self.subtitles
            for name in (f"{kind}_{one}" for one in names):
                if len(getattr(self, name)) > len(files):
                    message = (
                        f"'{name}' has more values ({len(getattr(self, name))}) than there are files ({len(files)})."
                    )
                    raise InvalidParams(message, hint="Give one for each file.")
        if self.format != "auto":
            chosen_codec(self.format, self.picture_codec)
            chosen_sound(self.format, self.wanted_sound)
        fields = type(self).model_fields
        looks = [name for name in fields if name.startswith("burned_")]
        given = [name for name in looks if getattr(self, name) != fields[name].default]
        if given and not self.burned:
            raise InvalidParams(f"'{given[0]}' is given without 'burned'.", hint="Give the subtitles with 'burned'.")
        if self.burned and self.video_codec == "copy":
            message = "'burned' draws on the picture, and 'video_codec' is 'copy'."
            raise InvalidParams(message, hint="Give another codec, or none.")
        if self.chapters and self.chapter_marks:
            raise InvalidParams("'chapters' and 'chapter_marks' are both given.", hint="Give one of them.")
        self.given_tags()

    def given_tags(self) -> list[tuple[str, str]]:
        """The tags as names and values. Raises `InvalidParams`."""
        found = []
        for tag in self.tags:
            name, equals, value = tag.partition("=")
            if not equals or not name.strip():
                hint = "Give a name and a value: 'title=The harbour'."
                raise InvalidParams(f"{quoted(tag)} is not a tag.", hint=hint)
            found.append((name.strip(), value.strip()))
        return found
