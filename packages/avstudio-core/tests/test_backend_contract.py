from __future__ import annotations

import json

import pytest

from avstudio_core.chat import ChatRequest, Delta, Reply, ToolCall, Usage
from avstudio_core.kinds.backend import Backend, BackendConfig
from avstudio_core.testing import BackendContract, scripted
from avstudio_core.testing.backend_contract import Witness
from avstudio_core.testing.scripted import Scripted


def obedient(request: ChatRequest) -> Reply | list[str | Delta | BaseException | float]:
    """It calls the tool that it is given, and else answers in two words, up to a stop."""
    usage = Usage(input=len(json.dumps(request.model_dump()["messages"])), output=2)
    if request.tools and request.tool_choice != "none":
        return Reply(tool_calls=(ToolCall(id="1", name=request.tools[0].name),), finish="tool_calls", usage=usage)
    words = "Good morning.".partition(request.stop[0])[0] if request.stop else "Good morning."
    return [words, Delta(finish="stop", usage=usage)]


class TestScripted(BackendContract):
    plugin = scripted
    backend = Scripted

    @pytest.fixture
    def made(self, config: BackendConfig, witness: Witness) -> Backend:
        made = Scripted(config, witness)
        made.says = [obedient]
        return made
