"""The words by which requests name the processors of this package, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from avstudio_core import Example


class ProbeWords:
    """Requests for `audio.probe`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "what is in this file",
            "what kind of file",
            "how long",
            "file info",
            "properties",
            "metadata",
            "sample rate",
            "bit rate",
            "codec",
            "inspect",
            "probe",
        ],
        "de": [
            "was ist in der datei",
            "was für eine datei",
            "wie lang",
            "dateiinfo",
            "eigenschaften",
            "metadaten",
            "abtastrate",
            "bitrate",
            "codec",
            "untersuche",
        ],
    }
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="What is in this file?"),
        Example(request="Could you tell me how long it is?"),
        Example(request="Wie lang ist die Aufnahme?", language="de"),
    )


class ConvertWords:
    """Requests for `audio.convert`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": ["convert", "convert to", "as mp3", "as wav", "as flac", "transcode", "resample", "extract the sound"],
        "de": ["konvertiere", "umwandeln", "wandle um", "als mp3", "als wav", "als flac", "tonspur herausziehen"],
    }
    slots: ClassVar[Mapping[str, str]] = {"format": "one_of", "channels": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Convert this to mp3", params={"format": "mp3"}),
        Example(request="Convert it to mono wav", params={"format": "wav", "channels": "mono"}),
        Example(request="Konvertiere das in mp3", params={"format": "mp3"}, language="de"),
    )


class MixWords:
    """Requests for `audio.mix`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": ["mix", "mix together", "mix down", "overlay", "remix the stems", "put the stems together"],
        "de": ["mische", "mischen", "zusammenmischen", "abmischen", "lege übereinander"],
    }
    slots: ClassVar[Mapping[str, str]] = {"format": "one_of", "length": "one_of", "on_clip": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Mix it down"),
        Example(request="Mische das zusammen", language="de"),
    )


class EffectsWords:
    """Requests for `audio.effects`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "effects",
            "add an effect",
            "add reverb",
            "add an echo",
            "reverb",
            "compress the dynamics",
            "equalizer",
            "make it sound like",
            "distort",
        ],
        "de": ["effekte", "füge hall hinzu", "hall", "echo hinzufügen", "equalizer", "verzerre", "klinge wie"],
    }
    nouns: ClassVar[Mapping[str, Sequence[str]]] = {
        "telephone": ["telephone", "phone", "telefon"],
        "podcast_voice": ["podcast voice", "podcaststimme"],
        "lofi": ["lofi", "lo-fi"],
    }
    slots: ClassVar[Mapping[str, str]] = {"preset": "one_of", "format": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Make it sound like a telephone", params={"preset": "telephone"}),
        Example(request="Lass es klingen wie am Telefon", params={"preset": "telephone"}, language="de"),
    )


class AnalyzeWords:
    """Requests for `audio.analyze`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "analyse",
            "analyze",
            "tempo",
            "bpm",
            "how fast is",
            "beats",
            "what key",
            "key of",
            "structure of",
            "verse and chorus",
            "waveform",
            "spectrogram",
            "find the silence",
        ],
        "de": [
            "analysiere",
            "tempo",
            "wie schnell ist",
            "taktschläge",
            "welche tonart",
            "tonart",
            "aufbau des liedes",
            "strophe und refrain",
            "wellenform",
            "spektrogramm",
            "finde die stille",
        ],
    }
    nouns: ClassVar[Mapping[str, Sequence[str]]] = {
        "waveform": ["waveform", "wellenform"],
        "spectrogram": ["spectrogram", "spektrogramm"],
        "analysis": ["analysis", "analyse"],
    }
    slots: ClassVar[Mapping[str, str]] = {"analyses": "one_of", "pictures": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="What is the tempo of this song?", params={"analyses": ["tempo"]}),
        Example(request="Draw a waveform", params={"pictures": ["waveform"]}),
        Example(request="Welche Tonart hat das Lied?", language="de"),
    )


class DenoiseWords:
    """Requests for `audio.denoise`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "denoise",
            "remove the noise",
            "remove noise",
            "remove the hiss",
            "clean up the speech",
            "noise reduction",
        ],
        "de": ["entrausche", "entferne das rauschen", "rauschen entfernen", "rauschunterdrückung"],
    }
    nouns: ClassVar[Mapping[str, Sequence[str]]] = {
        "sound": ["denoised recording", "recording without noise", "entrauschte aufnahme"]
    }
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Remove the noise from this recording"),
        Example(request="Entferne das Rauschen", language="de"),
    )


class PeaksWords:
    """Requests for `audio.peaks`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": ["peaks", "waveform data", "waveform for a player", "audiowaveform"],
        "de": ["wellenform", "wellenformdaten", "pegelspitzen"],
    }
    slots: ClassVar[Mapping[str, str]] = {"formats": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Compute the peaks for a web player"),
        Example(request="Berechne die Wellenform", language="de"),
    )


class NormalizeWords:
    """Requests for `audio.normalize`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "normalize",
            "normalise",
            "loudness",
            "how loud",
            "make it louder",
            "lufs",
            "true peak",
            "same volume",
            "level the volume",
        ],
        "de": ["normalisiere", "normalisieren", "lautheit", "wie laut", "mach es lauter", "lufs", "pegel angleichen"],
    }
    slots: ClassVar[Mapping[str, str]] = {"target": "number(LUFS)", "preset": "one_of", "format": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Normalize this podcast", params={"preset": "podcast"}),
        Example(request="How loud is this recording?", params={"measure_only": True}),
        Example(request="Normalisiere die Aufnahme auf −23 LUFS", params={"target": -23}, language="de"),
    )


class SeparateWords:
    """Requests for `audio.separate`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "separate",
            "split into stems",
            "isolate",
            "stems",
            "unmix",
            "remove the vocals",
            "extract the vocals",
            "without the vocals",
            "only the vocals",
            "instrumental",
            "karaoke",
        ],
        "de": [
            "trenne",
            "trennen",
            "in spuren zerlegen",
            "isoliere",
            "stems",
            "gesang entfernen",
            "entferne den gesang",
            "ohne gesang",
            "nur den gesang",
            "instrumental",
            "karaoke",
        ],
    }
    nouns: ClassVar[Mapping[str, Sequence[str]]] = {
        "vocals": ["vocals", "vocal", "voice", "singer", "singing", "gesang", "stimme", "sänger", "sängerin"],
        "accompaniment": ["accompaniment", "instrumental", "backing track", "karaoke", "begleitung", "playback"],
        "drums": ["drums", "percussion", "schlagzeug", "trommeln"],
        "bass": ["bass", "bass line", "basslinie"],
        "guitar": ["guitar", "gitarre"],
        "piano": ["piano", "klavier"],
        "other": ["other instruments", "andere instrumente", "übrige instrumente"],
    }
    slots: ClassVar[Mapping[str, str]] = {"stems": "one_of", "format": "one_of", "gain": "number(dB)"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Isolate the singer", params={"stems": ["vocals"]}),
        Example(request="Just the instrumental, please.", params={"stems": ["accompaniment"]}),
        Example(request="Trenne Schlagzeug und Bass vom Rest", params={"stems": ["drums", "bass"]}, language="de"),
    )


class SubtitleWords:
    """Requests for `audio.subtitle`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "make subtitles from the transcript",
            "format the subtitles",
            "subtitle rules",
            "check the subtitles",
            "reading speed",
            "convert the subtitles",
        ],
        "de": [
            "untertitel aus dem transkript",
            "untertitel formatieren",
            "untertitel prüfen",
            "untertitelregeln",
            "lesegeschwindigkeit",
            "untertitel umwandeln",
        ],
    }
    nouns: ClassVar[Mapping[str, Sequence[str]]] = {
        "srt": ["subtitles", "captions", "srt", "untertitel"],
        "vtt": ["vtt", "webvtt", "web captions"],
        "ass": ["ass", "karaoke subtitles", "karaoke-untertitel"],
        "lrc": ["lrc", "synced lyrics", "liedtext mit zeiten"],
    }
    slots: ClassVar[Mapping[str, str]] = {
        "format": "one_of",
        "preset": "one_of",
        "lines": "count",
        "min_duration": "number(s)",
        "max_duration": "number(s)",
    }
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Format the subtitles by the rules of Netflix", params={"preset": "netflix"}),
        Example(request="Check the subtitles against the BBC's rules", params={"preset": "bbc"}),
        Example(request="Untertitel umwandeln in VTT", params={"format": ["vtt"]}, language="de"),
    )


class TranscribeWords:
    """Requests for `audio.transcribe`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "transcribe",
            "transcript",
            "subtitles",
            "captions",
            "write down what is said",
            "what is said",
            "speech to text",
            "lyrics",
            "dictation",
        ],
        "de": [
            "transkribiere",
            "transkript",
            "untertitel",
            "schreib den text auf",
            "schreib auf",
            "was gesagt wird",
            "verschriftliche",
            "mitschrift",
            "liedtext",
        ],
    }
    nouns: ClassVar[Mapping[str, Sequence[str]]] = {
        "transcript": ["transcript", "transkript", "mitschrift"],
        "srt": ["subtitles", "captions", "srt", "untertitel"],
        "vtt": ["vtt", "webvtt", "web captions"],
        "txt": ["text", "words", "lyrics", "text file", "wortlaut", "liedtext", "textdatei"],
        "ass": ["karaoke subtitles", "karaoke-untertitel"],
        "lrc": ["lrc", "synced lyrics", "liedtext mit zeiten"],
    }
    slots: ClassVar[Mapping[str, str]] = {"language": "language", "format": "one_of", "preset": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Transcribe this interview"),
        Example(
            request="Write English subtitles for this Japanese lecture", params={"language": "ja", "task": "translate"}
        ),
        Example(request="Schreib den Text auf, als Textdatei", params={"format": ["txt"]}, language="de"),
    )


class TrimWords:
    """Requests for `audio.trim`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "trim",
            "cut out",
            "cut from",
            "crop",
            "shorten",
            "keep only",
            "remove the silence",
            "leave out the part",
            "filler words",
        ],
        "de": ["schneide", "zuschneiden", "kürze", "herausschneiden", "stille entfernen"],
    }
    slots: ClassVar[Mapping[str, str]] = {"start": "time", "end": "time", "format": "one_of"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Trim this to the part from 10 to 20 seconds", params={"start": 10, "end": 20}),
        Example(request="Schneide die Aufnahme zu", language="de"),
    )
