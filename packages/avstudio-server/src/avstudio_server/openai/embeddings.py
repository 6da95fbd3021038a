"""`/v1/embeddings`: texts as vectors."""

from __future__ import annotations

import base64
from array import array
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from avstudio_server.http.caller import CallerSession
from avstudio_server.openai.errors import ERRORS, about, refusal

router = APIRouter(prefix="/v1", tags=["openai"], responses=ERRORS)


class EmbeddingRequest(BaseModel):
    """Texts to convert, in OpenAI's form."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    input: str | list[str] | list[int] | list[list[int]] = Field(min_length=1)
    model: str = "auto"
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1)


@router.post("/embeddings", response_model=dict[str, Any])
async def embeddings(given: EmbeddingRequest, session: CallerSession) -> Response:
    """Convert texts to vectors, in OpenAI's form."""
    options = {"dimensions": given.dimensions} if given.dimensions else {}
    texts = _texts(given.input)
    with about("model"):
        found = await session.llm.aembed(texts, model=given.model, **options)
    data = [
        {"object": "embedding", "index": index, "embedding": _written(vector, given.encoding_format)}
        for index, vector in enumerate(found.vectors)
    ]
    used = {"prompt_tokens": found.usage.input, "total_tokens": found.usage.input}
    answer = {"object": "list", "model": found.model, "data": data, "usage": used}
    return JSONResponse(answer, headers={"x-avs-model": found.model, "x-avs-cost-usd": f"{found.cost:.6f}"})


def _texts(given: str | list[Any]) -> str | list[str]:
    """What has to be converted. Raises `InvalidParams` for numbers of tokens, which differ by model."""
    if isinstance(given, str) or all(isinstance(one, str) for one in given):
        return given
    message = "'input' has numbers of tokens, which mean other words for each model."
    raise refusal(
        "input", message, hint="Send texts; in LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False)."
    )


def _written(vector: tuple[float, ...], form: str) -> list[float] | str:
    """A vector as numbers, or as base64 of 32-bit floats in little-endian order."""
    if form == "float":
        return list(vector)
    packed = array("f", vector)
    if _BIG_ENDIAN:
        packed.byteswap()
    return base64.b64encode(packed.tobytes()).decode()


_BIG_ENDIAN = array("H", [1]).tobytes() == b"\0\1"
