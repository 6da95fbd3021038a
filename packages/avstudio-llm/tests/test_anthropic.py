"""The Messages protocol against a real server on loopback."""

from __future__ import annotations

import json
from typing import Any

import avstudio_llm
from avstudio_core.chat import Reply
from avstudio_core.testing import Dialect, HttpBackendContract, Sent
from avstudio_llm.backends.anthropic import Anthropic

STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class Messages(Dialect):
    version = ""
    chat_at = "/v1/messages"
    models_at = "/v1/models"

    def models(self, *names: str) -> Sent:
        return Sent.data(
            {"data": [{"id": name, "type": "model", "display_name": name} for name in names], "has_more": False}
        )

    def streamed(self, reply: Reply) -> list[bytes]:
        assert reply.usage is not None
        pieces = [start(input_tokens=reply.usage.input, output_tokens=1), event("ping")]
        words = [word + " " for word in reply.text.split()[:-1]] + reply.text.split()[-1:]
        if words:
            pieces.append(event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
            pieces += [delta(0, type="text_delta", text=word) for word in words]
            pieces.append(event("content_block_stop", index=0))
        for number, call in enumerate(reply.tool_calls, 1):
            block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
            pieces.append(event("content_block_start", index=number, content_block=block))
            said = json.dumps(call.arguments)
            pieces += [delta(number, type="input_json_delta", partial_json=half) for half in ("", said[:9], said[9:])]
            pieces.append(event("content_block_stop", index=number))
        return [*pieces, end(STOPS[reply.finish], output_tokens=reply.usage.output)]

    def whole(self, reply: Reply) -> Sent:
        return Sent.events(self.streamed(reply))

    def refusal(self, status: int, message: str) -> Any:
        return {"type": "error", "error": {"type": "some_error", "message": message}, "request_id": "req_1"}

    def broken(self) -> bytes:
        return b'event: content_block_delta\ndata: {"half": \n\n'


def event(kind: str, **data: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps({"type": kind, **data}).encode())


def start(**usage: Any) -> bytes:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "small", "content": [], "usage": usage}
    return event("message_start", message={**message, "stop_reason": None})


def delta(index: int, **piece: Any) -> bytes:
    return event("content_block_delta", index=index, delta=piece)


def end(reason: str, **usage: Any) -> bytes:
    return event("message_delta", delta={"stop_reason": reason}, usage=usage) + event("message_stop")


class TestAnthropic(HttpBackendContract):
    plugin = avstudio_llm
    backend = Anthropic
    dialect = Messages()
