"""The words by which requests name the processors of this package, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from avstudio_core import Example


class ProbeWords:
    """Requests for `video.probe`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "what is in this video",
            "how long is the video",
            "video info",
            "frame rate",
            "resolution",
            "hdr",
            "keyframes",
            "chapters of the video",
            "inspect the video",
        ],
        "de": [
            "was ist in dem video",
            "wie lang ist das video",
            "videoinfo",
            "bildrate",
            "auflösung",
            "hdr",
            "schlüsselbilder",
            "kapitel des videos",
        ],
    }
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="What is in this video?"),
        Example(request="What frame rate does it have?"),
        Example(request="Wie lang ist das Video?", language="de"),
    )


class AnalyzeWords:
    """Requests for `video.analyze`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "scenes",
            "scene detection",
            "shots",
            "cut list",
            "find the cuts",
            "black frames",
            "letterbox",
            "frozen",
            "dissolves",
            "transitions",
        ],
        "de": ["szenen", "szenenerkennung", "einstellungen finden", "schnittliste", "schnitte finden", "schwarzbilder"],
    }
    nouns: ClassVar[Mapping[str, Sequence[str]]] = {
        "document": ["scene list", "szenenliste"],
        "edl": ["edl", "edit decision list"],
        "otio": ["otio", "opentimelineio"],
        "fcpxml": ["fcpxml", "final cut"],
        "webvtt": ["chapters", "kapitel"],
    }
    slots: ClassVar[Mapping[str, str]] = {
        "analyses": "one_of",
        "detectors": "one_of",
        "exports": "one_of",
        "min_scene": "number(s)",
        "thumbnails": "count",
    }
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Find the scenes of this film"),
        Example(request="Make a cut list as EDL", params={"exports": ["edl"]}),
        Example(request="Finde die Szenen", language="de"),
    )


class ConcatWords:
    """Requests for `video.concat`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": ["join the videos", "join these videos", "concatenate", "merge the clips", "one after the other"],
        "de": ["videos zusammenfügen", "videos verbinden", "videos aneinanderhängen", "füge die videos zusammen"],
    }
    slots: ClassVar[Mapping[str, str]] = {"crossfade": "number(s)", "format": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Join these videos with a cross-fade of 1 s", params={"crossfade": 1}),
        Example(request="Füge die Videos zusammen", language="de"),
    )


class CutWords:
    """Requests for `video.cut`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "cut the video",
            "cut out of the video",
            "trim the video",
            "jump cut",
            "rough cut",
            "remove the filler words",
            "remove the silences",
            "cut the silences",
            "remove the scene",
            "keep the scene",
            "keep only the sentence",
        ],
        "de": [
            "schneide das video",
            "kürze das video",
            "rohschnitt",
            "füllwörter entfernen",
            "entferne die füllwörter",
            "pausen herausschneiden",
            "szene entfernen",
        ],
    }
    nouns: ClassVar[Mapping[str, Sequence[str]]] = {
        "edl": ["edl", "edit decision list"],
        "otio": ["otio", "opentimelineio"],
        "fcpxml": ["fcpxml", "final cut"],
    }
    slots: ClassVar[Mapping[str, str]] = {"silence": "number(dBFS)", "crossfade": "number(s)", "exports": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Remove the filler words from this interview", params={"fillers": True}),
        Example(request="Cut the silences out of the lecture below -40 dBFS", params={"silence": -40}),
        Example(request="Entferne die Füllwörter", params={"fillers": True}, language="de"),
    )


class DecodeWords:
    """Requests for `video.decode`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": ["frame", "frames", "still", "screenshot", "thumbnail", "contact sheet", "picture from the video"],
        "de": ["standbild", "standbilder", "einzelbild", "einzelbilder", "vorschaubild", "kontaktbogen"],
    }
    slots: ClassVar[Mapping[str, str]] = {
        "times": "time",
        "count": "count",
        "every": "number(s)",
        "format": "one_of",
        "start": "time",
        "end": "time",
    }
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Take a screenshot at 10 seconds", params={"times": [10]}),
        Example(request="Make a contact sheet", params={"format": "sheet"}),
        Example(request="Zwölf Standbilder als png", params={"count": 12, "format": "png"}, language="de"),
    )


class EffectsWords:
    """Requests for `video.effects`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "edit the video",
            "crop the video",
            "scale the video",
            "rotate the video",
            "speed up the video",
            "slow motion",
            "vertical video",
            "make a gif",
            "proxy file",
            "burn in the subtitles",
            "colour grade",
            "stabilise",
            "stabilize",
            "convert the video",
        ],
        "de": [
            "video bearbeiten",
            "video zuschneiden",
            "video skalieren",
            "video drehen",
            "zeitlupe",
            "hochformat",
            "als gif",
            "untertitel einbrennen",
            "video stabilisieren",
            "video umwandeln",
        ],
    }
    slots: ClassVar[Mapping[str, str]] = {"preset": "one_of", "format": "one_of", "codec": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Make a vertical video for shorts", params={"preset": "shorts"}),
        Example(request="Convert the video to webm", params={"format": "webm"}),
        Example(request="Mach daraus ein Video im Hochformat für Shorts", params={"preset": "shorts"}, language="de"),
    )


class ExtractAudioWords:
    """Requests for `video.extract_audio`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "extract the audio",
            "extract the sound",
            "sound of the video",
            "audio track",
            "rip the audio",
            "soundtrack",
        ],
        "de": ["tonspur", "ton herausziehen", "ton aus dem video", "extrahiere den ton"],
    }
    slots: ClassVar[Mapping[str, str]] = {
        "track": "text",
        "format": "one_of",
        "channels": "one_of",
        "start": "time",
        "end": "time",
    }
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Extract the audio as wav", params={"format": "wav"}),
        Example(request="Give me every audio track", params={"track": "all"}),
        Example(request="Extrahiere den Ton als mp3", params={"format": "mp3"}, language="de"),
    )


class MuxWords:
    """Requests for `video.mux`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "mux",
            "remux",
            "replace the sound",
            "replace the audio",
            "add subtitles to the video",
            "add an audio track",
            "put the subtitles into the video",
            "add chapters to the video",
            "set the cover",
        ],
        "de": [
            "ton ersetzen",
            "ersetze den ton",
            "tonspur hinzufügen",
            "untertitel in das video",
            "kapitel in das video",
            "titelbild setzen",
        ],
    }
    slots: ClassVar[Mapping[str, str]] = {"format": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Remux this as mkv", params={"format": "mkv"}),
        Example(request="Add subtitles to the video"),
        Example(request="Ersetze den Ton", language="de"),
    )
