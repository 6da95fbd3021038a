"""Estimates of tokens, before a server has counted them."""

from __future__ import annotations

import json
import math

from avstudio_core.chat import ChatRequest, EmbedRequest, Reply

BYTES_PER_TOKEN = 3.5
"""Bytes of UTF-8 per token: 4 to 5 in English prose, about 3 in code and in most other scripts."""
DENSE, DENSE_SHARE = "0123456789+/=|%#", 0.12
"""Characters that are tokens of their own, and the share of them from which a text is dense."""
TURN = 16
"""The most tokens that a server's template may add for a message, a tool and the whole request."""
MARGIN = 1.2
"""The factor by which a server's count of a prompt may exceed our estimate."""
IMAGE_BOUND, IMAGE = 8000, 1500
"""Tokens of a picture: the most that any current provider counts, and the usual number."""


def bound(text: str) -> int:
    """The upper bound of a text's tokens: no tokenizer makes more than one token of a byte."""
    return len(text.encode("utf-8", errors="replace"))


def estimate(text: str) -> int:
    """The estimated number of a text's tokens."""
    return math.ceil(bound(text) / BYTES_PER_TOKEN)


def generous(request: ChatRequest, usual: int | None = None) -> int:
    """A high estimate: a message of digits or symbols counts a token for each byte.

    `usual` is the usual estimate, if it is already known.
    """
    usual = of_request(request)[0] if usual is None else usual
    return usual + sum(bound(text) - estimate(text) for message in request.messages if _is_dense(text := message.text))


def of_request(request: ChatRequest | EmbedRequest) -> tuple[int, int]:
    """The tokens that a model will read: an estimate, and an upper bound."""
    if isinstance(request, EmbedRequest):
        size = sum(map(bound, request.texts))
        return math.ceil(size / BYTES_PER_TOKEN), size + TURN * len(request.texts)
    size = images = 0
    for message in request.messages:
        size += bound(message.text)
        images += message.images
        size += sum(bound(call.name) + _size(call.arguments) for call in message.tool_calls)
    size += sum(bound(tool.description) + _size(tool.parameters) for tool in request.tools)
    size += _size(request.answer_schema) if request.answer_schema else 0
    turns = TURN * (len(request.messages) + 4 * len(request.tools) + 4)
    return math.ceil(size / BYTES_PER_TOKEN) + images * IMAGE, size + turns + images * IMAGE_BOUND


def room(request: ChatRequest, context: int, usual: int | None = None) -> int:
    """The tokens that a prompt leaves for the answer in a context; at least 1."""
    return max(1, context - int(generous(request, usual) * MARGIN) - TURN * len(request.messages))


def of_reply(reply: Reply) -> int:
    """The estimated tokens that a model has written."""
    calls = sum(bound(call.name) + _size(call.arguments) for call in reply.tool_calls)
    return math.ceil((bound(reply.text) + bound(reply.reasoning) + calls) / BYTES_PER_TOKEN)


def _size(value: object) -> int:
    return len(json.dumps(value))


def _is_dense(text: str) -> bool:
    """Whether a text has more digits and symbols than prose and code have."""
    odd = sum(text.count(sign) for sign in DENSE)
    return odd > DENSE_SHARE * len(text)
