"""`llm.chat`: a call to a language model as a durable task."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, JsonValue

from avstudio_core import Artifact, Context
from avstudio_core.chat import FinishReason
from avstudio_core.documents.timed_text import TEXTS, read
from avstudio_llm.model_processor import ModelParams, ModelProcessor, ModelResult, Tally, spoken
from avstudio_llm.vocabulary import ChatWords


class ChatParams(ModelParams):
    """The question, and the choice of the model."""

    prompt: str = Field(min_length=1, description="The question, or the instruction for the source.")
    system: str | None = Field(default=None, description="The role of the model, and how it should answer.")
    max_tokens: int | None = Field(default=None, ge=1, description="Limit of the answer, reasoning included.")
    temperature: float | None = Field(default=None, ge=0, le=2, description="0 gives the likeliest answer.")
    seed: int | None = Field(
        default=None, ge=0, le=2**31 - 1, description="The same seed gives the same answer, if the model supports it."
    )
    answer_schema: dict[str, JsonValue] | None = Field(
        default=None, description="JSON Schema that the answer must follow."
    )


class ChatResult(ModelResult):
    """The answer of the model."""

    text: str = Field(description="The answer.", json_schema_extra={"view": "text"})
    parsed: JsonValue = Field(default=None, description="The answer as data, if a schema was given.")
    finish: FinishReason = Field(
        default="stop", description="Why the answer ended: `length` means that it was cut off."
    )


class Chat(ChatWords, ModelProcessor[ChatParams, ChatResult]):
    """Ask a language model, optionally about a transcript, subtitles or a text."""

    name: ClassVar[str] = "llm.chat"
    accepts: ClassVar[tuple[str, ...]] = TEXTS
    source_optional: ClassVar[bool] = True

    def run(self, source: Artifact | None, params: ChatParams, context: Context) -> ChatResult:
        context.progress(0.0, "ask")
        prompt = params.prompt if source is None else f"{params.prompt}\n\n{source.name}:\n{read(source).text}"
        options: dict[str, Any] = {
            name: value
            for name in ("system", "temperature", "seed", "answer_schema")
            if (value := getattr(params, name)) is not None
        }
        answer = context.chat(prompt, **params.choice, **options)
        tally = Tally(context)
        tally.add(answer)
        text = spoken(answer)
        return ChatResult(text=text, parsed=answer.parsed, finish=answer.finish, **tally.result())
