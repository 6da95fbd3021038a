"""The fields of a request for a transcription, and what they mean to the processor that transcribes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from avstudio_core.errors import AVStudioError, InvalidParams, NotFound
from avstudio_core.quotes import quoted
from avstudio_server.openai.errors import refusal
from avstudio_server.operations import form_fields

if TYPE_CHECKING:
    from avstudio_server.openai.transcriber import Transcriber

NATIVE = {"language": "language", "prompt": "prompt", "keywords": "hotwords", "temperature": "temperature"}
"""Fields that are parameters of a processor, if it has them, and their names there."""
REFUSED = ("include", "known_speaker_names", "known_speaker_references")
"""Fields that cannot be followed: probabilities of tokens are not kept, and speakers are not told apart."""
PART = re.compile(r"chunking_strategy\[(\w+)\]")


class TranscriptionRequest(BaseModel):
    """The fields that OpenAI has. What would change the answer, and cannot be followed, is refused."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    model: str = Field(default="auto", description="A model of `/v1/models`; OpenAI's names choose the default one.")
    language: str | None = None
    languages: list[str] = []
    prompt: str | None = None
    keywords: list[str] = Field(default=[], description="Names and terms to expect.")
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "ass", "lrc", "ttml", "tsv"] = Field(
        default="json", description="OpenAI does not have `ass`, `lrc`, `ttml` and `tsv`."
    )
    temperature: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    timestamp_granularities: list[Literal["word", "segment"]] = Field(default=[], description="For `verbose_json`.")
    include: list[str] = []
    chunking_strategy: Literal["auto"] | dict[str, str] | None = None
    stream: bool = False
    known_speaker_names: list[str] = []
    known_speaker_references: list[str] = []

    @classmethod
    def of(cls, texts: Mapping[str, list[str]]) -> tuple[TranscriptionRequest, dict[str, list[str]]]:
        """The request in the fields of a form, and the other fields. Raises `InvalidParams`."""
        known, others, parts = dict[str, Any](), dict[str, list[str]](), dict[str, str]()
        for name, given in texts.items():
            if found := PART.fullmatch(name):
                parts[found[1]] = _once(name, given)
            elif name in LISTS:
                known[name] = given
            elif name in cls.model_fields:
                known[name] = _once(name, given)
            else:
                others[name] = given
        try:
            request = cls.model_validate(known | ({"chunking_strategy": parts} if parts else {}))
        except ValidationError as error:
            first = error.errors()[0]
            name, message = str(first["loc"][0]), first["msg"].replace("Input should", "it should")
            raise refusal(name, f"'{name}' is {quoted(str(first['input']))}: {message}.") from None
        return request, others

    @property
    def words(self) -> bool:
        """Whether the times of words are wanted."""
        return "word" in self.timestamp_granularities

    def params(self, others: Mapping[str, list[str]], of: Transcriber, task: str) -> dict[str, Any]:
        """The parameters of the processor. Raises `InvalidParams`, and `NotFound` for the model or the task."""
        self._refuse_unsupported()
        made = of.model(self.model) | self._native(of) | self._vad(of) | _task(task, of)
        made |= {"word_timestamps": True} if self.words and of.has("word_timestamps") else {}
        try:
            more = form_fields.read(others, of.declaration.params, of.declaration.inputs)
        except InvalidParams as error:
            raise named(error, others) from None
        if twice := made.keys() & more.keys():
            name = min(twice)
            raise refusal(name, f"'{name}' is given twice, by another field.", "Leave one of both out.")
        return made | more

    def _refuse_unsupported(self) -> None:
        timed = self.response_format == "verbose_json"
        wrong = {name: (bool(getattr(self, name)), "leave it out") for name in REFUSED} | {
            "timestamp_granularities": (bool(self.timestamp_granularities) and not timed, "use 'verbose_json'"),
            "stream": (self.stream and self.response_format not in ("json", "text"), "use 'json' or 'text'"),
            "languages": (len(self.languages) > 1 or bool(self.languages and self.language), "give one language"),
        }
        for name, (given, way) in wrong.items():
            if given:
                raise refusal(name, f"'{name}' cannot be followed in this request.", f"{way[0].upper()}{way[1:]}.")

    def _native(self, of: Transcriber) -> dict[str, Any]:
        """The parameters that have a field of their own."""
        language = self.language or next(iter(self.languages), None)
        given = {
            "language": language,
            "prompt": self.prompt,
            "keywords": self.keywords,
            "temperature": self.temperature,
        }
        wanted = {name: value for name, value in given.items() if value}
        for name in wanted:
            if not of.has(NATIVE[name]):
                message = f"'{name}' cannot be followed by '{of.declaration.name}'."
                raise refusal(name, message, "Leave it out.")
        return {NATIVE[name]: value for name, value in wanted.items()}

    def _vad(self, of: Transcriber) -> dict[str, Any]:
        """`auto` leaves the choice to the processor; `server_vad` leaves out what is not speech."""
        if not isinstance(self.chunking_strategy, dict):
            return {}
        unknown = self.chunking_strategy.keys() - {"type"}
        if self.chunking_strategy.get("type") != "server_vad" or unknown or not of.has("vad"):
            message = f"'chunking_strategy' cannot be {quoted(str(self.chunking_strategy))}."
            raise refusal("chunking_strategy", message, "Use 'auto', or 'server_vad' without numbers.")
        return {"vad": True}


LISTS = frozenset(name for name, one in TranscriptionRequest.model_fields.items() if "list" in str(one.annotation))
"""The fields that may be given several times."""


def named(error: AVStudioError, fields: Mapping[str, Any]) -> AVStudioError:
    """An error with the field that its message names."""
    param = next((name for name in re.findall(r"'([^']+)'", error.message) if name in fields), None)
    if isinstance(error, InvalidParams) and error.param is None:
        error.param = param
    return error


def _once(name: str, given: list[str]) -> str:
    if len(given) > 1:
        raise refusal(name, f"'{name}' is given {len(given)} times.", "Give it once.")
    return given[0]


def _task(task: str, of: Transcriber) -> dict[str, Any]:
    if task == "transcribe":
        return {}
    if task not in of.declaration.params.get("properties", {}).get("task", {}).get("enum", ()):
        raise NotFound(f"'{of.declaration.name}' does not translate.", hint="Transcribe, and translate the text.")
    return {"task": task}
