"""Transcripts in OpenAI's forms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from avstudio_core.documents.cues import cues
from avstudio_core.documents.formats.captions import Captions
from avstudio_core.documents.subtitle_formats import FORMATS
from avstudio_server.openai.errors import refusal

if TYPE_CHECKING:
    from avstudio_core import CodedWarning
    from avstudio_core.documents.transcript import Transcript
    from avstudio_server.openai.transcription_request import TranscriptionRequest

STREAM = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class TranscriptionAnswer:
    """What is answered: a transcript, and what went with it."""

    def __init__(self, transcript: Transcript, task: str, warnings: list[CodedWarning]) -> None:
        self._transcript = transcript
        self._task = task
        self._usage = {"type": "duration", "seconds": transcript.duration}
        self._more = {"warnings": [one.model_dump() for one in warnings]} if warnings else {}

    def response(self, request: TranscriptionRequest, headers: dict[str, str]) -> Response:
        """The answer in the form that was asked for. Raises `InvalidParams` if there are no times of words."""
        if request.stream:
            events = b"".join(b"data: %b\n\n" % event for event in self._events())
            return Response(events, headers=headers | STREAM, media_type="text/event-stream")
        match request.response_format:
            case "json":
                return JSONResponse(self._plain(), headers=headers)
            case "verbose_json":
                return JSONResponse(self._verbose(request), headers=headers)
            case "text":
                text = f"{self._transcript.text}\n"
            case form:
                text = FORMATS[form].written(Captions(self._transcript, cues(self._transcript)))
        return Response(text, headers=headers, media_type="text/plain")

    def _plain(self) -> dict[str, Any]:
        languages = [{"code": self._transcript.language}] if self._transcript.text else []
        return {"text": self._transcript.text, "languages": languages, "usage": self._usage, **self._more}

    def _verbose(self, request: TranscriptionRequest) -> dict[str, Any]:
        found = self._transcript
        made: dict[str, Any] = {
            "task": self._task,
            "language": "english" if self._task == "translate" else found.language,
            "duration": found.duration,
            "text": found.text,
            "usage": self._usage,
            **self._more,
        }
        if request.words:
            made["words"] = self._words()
        if "segment" in request.timestamp_granularities or not request.words:
            made["segments"] = self._segments()
        return made

    def _segments(self) -> list[dict[str, Any]]:
        """The segments. A transcript does not contain tokens, nor what belongs to the decoding of one."""
        unknown = {"seek": 0, "temperature": 0.0, "tokens": []}
        found = self._transcript.segments
        return [one.model_dump(exclude={"words"}) | unknown | {"id": number} for number, one in enumerate(found)]

    def _words(self) -> list[dict[str, Any]]:
        words = [word for segment in self._transcript.segments for word in segment.words]
        if self._transcript.text and not words:
            message = "The transcript has no times of words."
            raise refusal("timestamp_granularities", message, "Ask for 'segment', or for another model.")
        return [
            {"word": one.text.strip(), "start": one.start, "end": one.end, "probability": one.probability}
            for one in words
        ]

    def _events(self) -> Iterator[bytes]:
        """The events of a stream: a piece for each segment, and the whole."""
        texts = [text for one in self._transcript.segments if (text := one.text.strip())]
        for number, text in enumerate(texts):
            yield _json({"type": "transcript.text.delta", "delta": f" {text}" if number else text})
        yield _json({"type": "transcript.text.done", **self._plain()})
        yield b"[DONE]"


def _json(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()
