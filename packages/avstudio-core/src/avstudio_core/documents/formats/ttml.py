"""Timed Text Markup Language (W3C)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from avstudio_core.documents.cues import Cue
from avstudio_core.documents.formats.captions import Captions, spans, split
from avstudio_core.documents.timestamps import stamp

MEDIA_TYPE = "application/ttml+xml"
_HEAD = """<?xml version="1.0" encoding="utf-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata" \
xmlns:tts="http://www.w3.org/ns/ttml#styling" xml:lang="{language}" xml:space="preserve">
<head>
<styling><style xml:id="s" tts:textAlign="center" tts:color="white"/></styling>
<layout><region xml:id="r" tts:origin="10% 80%" tts:extent="80% 20%" tts:displayAlign="after"/></layout>
</head>
<body style="s" region="r"><div>
"""
_TAIL = "</div></body>\n</tt>\n"
_NO_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
_TAG = re.compile(r"[^A-Za-z0-9-]")


def written(captions: Captions) -> str:
    """A document; with `highlight`, each word is a `span` with its times, which are relative to the cue."""
    head = _HEAD.format(language=_TAG.sub("", captions.transcript.language))
    return head + "".join(_paragraph(cue, captions.highlight) for cue in captions.cues) + _TAIL


def _paragraph(cue: Cue, highlight: bool) -> str:
    text = "".join(_words(cue)) if highlight and cue.words else _text(cue.text)
    return f'<p begin="{stamp(cue.start)}" end="{stamp(cue.end)}">{text}</p>\n'


def _words(cue: Cue) -> Iterator[str]:
    for begin, end, word in spans(cue):
        before, bare = split(word)
        times = f'begin="{stamp(begin - cue.start)}" end="{stamp(end - cue.start)}"'
        yield f"{_text(before)}<span {times}>{_text(bare)}</span>"


def _text(text: str) -> str:
    return escape(_NO_XML.sub("", text), quote=False).replace("\n", "<br/>")
