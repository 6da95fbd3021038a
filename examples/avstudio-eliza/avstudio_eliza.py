"""ELIZA, the first chat program (Weizenbaum 1966), as a backend: it turns what you say into a question."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from avstudio_core import Backend, Can, Model, hookimpl
from avstudio_core.chat import ChatRequest, Delta

RULES = (
    (r".*\bI (?:need|want) (.+)", "What would it mean to you if you got {}?"),
    (r".*\bI(?:'m| am) (.+)", "How long have you been {}?"),
    (r".*\bI (?:feel|felt) (.+)", "Do you often feel {}?"),
    (r".*\bmy (mother|father|sister|brother|wife|husband)\b.*", "Tell me more about your {}."),
    (r".*\bbecause (.+)", "Is that the real reason?"),
    (r".*\byou (.+)", "We were discussing you, not me."),
)
OTHERWISE = "Please go on."
MIRROR = {"i": "you", "me": "you", "my": "your", "am": "are", "you": "me", "your": "my", "myself": "yourself"}


class Eliza(Backend):
    """One model, `eliza/doctor`, that needs neither a network nor memory."""

    name = "eliza"
    always_local = True
    lists_cheaply = True

    async def models(self) -> list[Model]:
        can = Can(sampling=False, context=4000)
        return [Model(backend=self.config.name, name="doctor", local=True, can=can, quality=0.05)]

    async def stream(self, request: ChatRequest, model: Model) -> AsyncIterator[Delta]:
        said = next((turn.text for turn in reversed(request.messages) if turn.role == "user"), "")
        text = answer(said)
        for stop in request.stop:
            text = text.partition(stop)[0]
        words = re.findall(r"\S+\s*", text)
        for word in words[: request.max_tokens]:
            yield Delta(text=word)
        yield Delta(finish="length" if len(words) > (request.max_tokens or len(words)) else "stop")


def answer(said: str) -> str:
    for pattern, question in RULES:
        if found := re.fullmatch(pattern, said.strip().rstrip(".!?"), re.IGNORECASE | re.DOTALL):
            words = found[1].split()
            return question.format(" ".join(MIRROR.get(word.lower(), word) for word in words))
    return OTHERWISE


@hookimpl
def register_backends() -> list[type[Backend]]:
    return [Eliza]
