"""The checks of the contract for backends fail for a backend that breaks just that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent
from xml.etree import ElementTree

import pytest

pytest.importorskip("openai")

HEAD = """
    import asyncio
    import avstudio_llm
    from avstudio_core.chat import *
    from avstudio_core.errors import *
    from avstudio_core.language_models import Can, Model
    from avstudio_core.testing import HttpBackendContract
    from avstudio_llm.backends.openai import OpenAI
    from avstudio_llm.testing import ChatCompletions

    class Ungated:
        def __init__(self, host):
            self.host = host

        def secret(self, variable):
            return self.host.secret(variable)

        def leave(self, url):
            pass
"""
BAD = {
    "test_its_name_is_a_word": """
        name = "Open AI"
    """,
    "test_nothing_stands_against_it": """
        def obstacle(self):
            return "too tired"
    """,
    "test_it_lists_its_models_under_its_own_name": """
        async def models(self):
            return [Model(backend="other", name="small", local=True)]
    """,
    "test_the_list_is_the_servers": """
        async def models(self):
            return (await super().models())[:1]
    """,
    "test_a_chat_and_a_stream_say_the_same": """
        async def chat(self, request, model):
            reply = await super().chat(request, model)
            reply.usage = None
            return reply
    """,
    "test_a_stream_comes_to_an_end": """
        async def stream(self, request, model):
            async for delta in super().stream(request, model):
                delta.finish = None
                yield delta
    """,
    "test_tool_calls_come_whole_and_with_an_id": """
        async def stream(self, request, model):
            async for delta in super().stream(request, model):
                delta.tool_calls = tuple(call.model_copy(update={"id": ""}) for call in delta.tool_calls)
                yield delta
    """,
    "test_a_tools_schema_reaches_the_server_whole": """
        async def chat(self, request, model):
            tools = tuple(Tool(name=tool.name) for tool in request.tools)
            return await super().chat(request.model_copy(update={"tools": tools}), model)
    """,
    "test_the_gate_is_asked_before_every_request": """
        def __init__(self, config, host):
            super().__init__(config, Ungated(host))
    """,
    "test_nothing_leaves_when_the_gate_is_shut": """
        def __init__(self, config, host):
            super().__init__(config, Ungated(host))
    """,
    "test_leaving_a_stream_hangs_up": """
        async def stream(self, request, model):
            whole = []
            async for delta in super().stream(request, model):
                whole.append(delta)
            for delta in whole:
                yield delta
    """,
    "test_cancelling_hangs_up": """
        async def chat(self, request, model):
            self.kept = asyncio.ensure_future(super().chat(request, model))
            return await asyncio.shield(self.kept)
    """,
    "test_a_server_that_is_down": """
        async def chat(self, request, model):
            try:
                return await super().chat(request, model)
            except BackendDown as error:
                raise BadAnswer(str(error))
    """,
    "test_a_server_that_hangs": """
        async def chat(self, request, model):
            try:
                return await super().chat(request, model)
            except BackendDown as error:
                raise BackendDown("It takes long.")
    """,
    "test_a_stream_that_breaks_off": """
        async def stream(self, request, model):
            try:
                async for delta in super().stream(request, model):
                    yield delta
            except BackendDown:
                yield Delta(finish="stop")
    """,
    "test_a_stream_of_broken_json": """
        async def stream(self, request, model):
            try:
                async for delta in super().stream(request, model):
                    yield delta
            except BadAnswer as error:
                raise ValueError(str(error))
    """,
    "test_how_long_to_wait": """
        async def chat(self, request, model):
            try:
                return await super().chat(request, model)
            except RateLimited as error:
                raise RateLimited(str(error), retry_after=1.0)
    """,
    "test_half_of_a_character_is_refused": """
        async def chat(self, request, model):
            text = request.messages[0].text.encode(errors="replace").decode()
            message = request.messages[0].model_copy(update={"content": text})
            return await super().chat(request.model_copy(update={"messages": (message,)}), model)
    """,
    "test_a_key_that_no_header_can_hold": """
        def obstacle(self):
            return None
    """,
    "test_a_refusal": """
        async def chat(self, request, model):
            try:
                return await super().chat(request, model)
            except ModelError:
                return await super().chat(request, model)
    """,
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of each check, by class and name."""
    folder = tmp_path_factory.mktemp("bad")
    tests = [dedent(HEAD)]
    for number, (test, body) in enumerate(BAD.items()):
        tests.append(f"class Bad{number}(OpenAI):\n{indent(dedent(body), '    ')}")
        for kind, backend in (("Bad", f"Bad{number}"), ("Good", "OpenAI")):
            others = f"if name.startswith('test_') and name != '{test}'"
            tests.append(
                f"class Test{kind}{number}(HttpBackendContract):\n"
                f"    plugin, backend, dialect = avstudio_llm, {backend}, ChatCompletions()\n"
                f"    ends_unsaid = True\n"
                f"for name in [name for name in dir(HttpBackendContract) {others}]:\n"
                f"    setattr(Test{kind}{number}, name, None)\n"
            )
    (folder / "test_bad.py").write_text("\n".join(tests), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=junit.xml", "test_bad.py"]
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return _read(folder / "junit.xml")


@pytest.mark.parametrize(("number", "test"), list(enumerate(BAD)))
def test_a_bad_one_fails_and_a_good_one_passes(outcomes: dict[str, str], number: int, test: str) -> None:
    assert outcomes[f"TestBad{number}.{test}"] == "failure"
    assert outcomes[f"TestGood{number}.{test}"] == "passed"


def _read(file: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for case in ElementTree.parse(file).iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}.{case.get('name', '').partition('[')[0]}"
        outcome = next((child.tag for child in case if child.tag in ("failure", "error")), "passed")
        found[name] = outcome if found.get(name, "passed") == "passed" else found[name]
    return found
