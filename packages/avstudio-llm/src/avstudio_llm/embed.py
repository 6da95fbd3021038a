"""`llm.embed`: texts as vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from avstudio_core import Artifact, Context, Review
from avstudio_core.documents.timed_text import TEXTS, Passage, read
from avstudio_core.errors import BadAnswer, InvalidParams
from avstudio_llm.model_processor import ModelParams, ModelProcessor, ModelResult, Tally
from avstudio_llm.vocabulary import EmbedWords

MEDIA_TYPE = "application/vnd.avstudio.vectors+json"
BATCH = 64
"""The most texts in one request."""


class EmbedParams(ModelParams):
    """What to embed, and the choice of the model."""

    texts: list[str] = Field(default=[], description="The texts, if no source is given.")
    dimensions: int | None = Field(
        default=None, ge=1, le=65_536, description="Length of the vectors, if the model supports a choice."
    )


class EmbedResult(ModelResult):
    """The vectors, with their texts and times."""

    vectors: Artifact = Field(
        description="JSON: `model`, `dimensions` and `items` of `text`, `start`, `end`, `vector`."
    )
    count: int = Field(ge=0, description="Number of vectors.")
    dimensions: int = Field(ge=1, description="Length of each vector.")


class Embed(EmbedWords, ModelProcessor[EmbedParams, EmbedResult]):
    """Convert texts, or the passages of a transcript, subtitles or a text, to vectors for semantic search."""

    name: ClassVar[str] = "llm.embed"
    accepts: ClassVar[tuple[str, ...]] = TEXTS
    source_optional: ClassVar[bool] = True

    def outputs(self, params: EmbedParams) -> dict[str, str]:
        return {"vectors": MEDIA_TYPE}

    def run(self, source: Artifact | None, params: EmbedParams, context: Context) -> EmbedResult:
        context.progress(0.0, "read")
        passages = _passages(source, params)
        tally = Tally(context)
        vectors = _embedded(passages, params, context, tally)
        facts = tally.result()
        sizes = {len(vector) for vector in vectors}
        if len(vectors) != len(passages) or len(sizes) != 1 or 0 in sizes:
            raise BadAnswer(
                f"'{facts['model']}' returned {len(vectors)} vectors for {len(passages)} texts, "
                f"with the lengths {sorted(sizes)}."
            )
        name = source.name_for(".vectors.json") if source else "vectors.json"
        path = context.new_path(name)
        items = [
            {"text": passage.text, "start": passage.start, "end": passage.end, "vector": vector}
            for passage, vector in zip(passages, vectors, strict=True)
        ]
        path.write_text(
            json.dumps({"model": facts["model"], "dimensions": min(sizes), "items": items}), encoding="utf-8"
        )
        made = context.publish(path, name, MEDIA_TYPE)
        return EmbedResult(vectors=made, count=len(vectors), dimensions=min(sizes), **facts)

    def review(self, result: EmbedResult, context: Context) -> Review:
        return Review.accept() if result.count else Review.send_back("The result has no vectors.")


def _passages(source: Artifact | None, params: EmbedParams) -> Sequence[Passage]:
    if (source is None) == (not params.texts):
        raise InvalidParams("A source or 'texts' is required, but not both.", hint="Give a source or 'texts'.")
    return read(source).passages if source else [Passage(text) for text in params.texts]


def _embedded(
    passages: Sequence[Passage], params: EmbedParams, context: Context, tally: Tally
) -> list[tuple[float, ...]]:
    """A vector for each passage, all by the same model: vectors of different models cannot be compared."""
    options = params.choice | ({"dimensions": params.dimensions} if params.dimensions else {})
    vectors: list[tuple[float, ...]] = []
    for start in range(0, len(passages), BATCH):
        context.progress(start / len(passages), f"{start} of {len(passages)} texts")
        answer = context.embed([passage.text for passage in passages[start : start + BATCH]], **options)
        options["model"] = answer.model
        tally.add(answer)
        vectors += answer.vectors
    return vectors
