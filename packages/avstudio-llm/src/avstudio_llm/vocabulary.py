"""The words by which requests name the processors of this package, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from avstudio_core import Example


class ChatWords:
    """Requests for `llm.chat`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": ["ask the model", "ask", "chat", "answer", "explain", "rewrite"],
        "de": ["frag das modell", "frag", "frage", "beantworte", "erkläre", "formuliere"],
    }
    slots: ClassVar[Mapping[str, str]] = {"prompt": "text", "temperature": "number"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            request="Ask the model what the speaker thinks about tariffs",
            params={"prompt": "What does the speaker think about tariffs?"},
        ),
        Example(request="Frag das Modell, worum es geht", params={"prompt": "Worum geht es?"}, language="de"),
    )


class EmbedWords:
    """Requests for `llm.embed`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": ["embed", "embeddings", "vectors", "searchable", "search by meaning", "semantic search"],
        "de": ["einbetten", "vektoren", "durchsuchbar", "nach bedeutung suchen", "semantische suche"],
    }
    nouns: ClassVar[Mapping[str, Sequence[str]]] = {
        "vectors": ["vectors", "embeddings", "search index", "vektoren", "suchindex"],
    }
    slots: ClassVar[Mapping[str, str]] = {"dimensions": "count"}
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Make it searchable"),
        Example(request="Mach den Text durchsuchbar", language="de"),
    )


class SummarizeWords:
    """Requests for `llm.summarize`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "summarise",
            "summarize",
            "summary",
            "sum up",
            "key points",
            "gist",
            "minutes of the meeting",
            "chapters",
        ],
        "de": [
            "fasse zusammen",
            "fass zusammen",
            "zusammenfassen",
            "zusammenfassung",
            "kernaussagen",
            "kurzfassung",
            "kapitel",
        ],
    }
    nouns: ClassVar[Mapping[str, Sequence[str]]] = {
        "summary": [
            "summary",
            "gist",
            "key points",
            "minutes",
            "chapters",
            "zusammenfassung",
            "kurzfassung",
            "kapitel",
        ],
    }
    slots: ClassVar[Mapping[str, str]] = {
        "language": "language",
        "length": "one_of",
        "style": "one_of",
        "focus": "text",
        "most_chapters": "count",
    }
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Summarise this meeting in bullet points", params={"style": "bullets"}),
        Example(request="A short summary in German", params={"length": "short", "language": "de"}),
        Example(request="Schreib eine Zusammenfassung auf Englisch", params={"language": "en"}, language="de"),
    )


class TranslateWords:
    """Requests for `llm.translate`."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {
        "en": [
            "translate",
            "translation",
            "subtitles in",
            "into french",
            "into german",
            "into english",
            "into spanish",
        ],
        "de": [
            "übersetze",
            "übersetzen",
            "übersetzung",
            "untertitel auf",
            "ins deutsche",
            "ins englische",
            "ins französische",
        ],
    }
    nouns: ClassVar[Mapping[str, Sequence[str]]] = {
        "subtitles": ["translation", "translated subtitles", "übersetzung", "übersetzte untertitel"],
    }
    slots: ClassVar[Mapping[str, str]] = {
        "to": "language",
        "source_language": "language",
        "format": "one_of",
        "lines": "count",
    }
    examples: ClassVar[tuple[Example, ...]] = (
        Example(request="Translate that into French", params={"to": "French"}),
        Example(request="Übersetze die Untertitel ins Deutsche", params={"to": "German"}, language="de"),
    )
