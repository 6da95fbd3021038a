"""Each rule for local backends detects a backend that breaks it, and accepts the correct one."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from avstudio_core.testing import BackendContract
from avstudio_core.testing.bites import noticed

PARROT = '''
    import asyncio, json, random
    from avstudio_core.chat import *

    WORDS = "hawk owl wren rook crow swan duck teal gull tern kite jay".split()

    class Parrot(Backend):
        """One model that does all that it is asked."""

        name = "parrot"
        always_local = True

        def obstacle(self):
            return None

        async def models(self):
            can = Can(tools=True, json_schema=True, embed=True)
            return [Model(backend=self.config.name, name="polly", local=True, can=can)]

        async def stream(self, request, model):
            await asyncio.sleep(0)
            read = sum(len(turn.text) for turn in request.messages)
            if request.tools and request.tool_choice == "required":
                call = ToolCall(id="1", name=request.tools[0].name)
                yield Delta(tool_calls=(call,), finish="tool_calls", usage=Usage(input=read, output=1))
                return
            words = self.words(request)
            written = words[: request.max_tokens]
            for word in written:
                yield Delta(word)
            finish = "length" if len(words) > len(written) else "stop"
            yield Delta(finish=finish, usage=Usage(input=read, output=len(written) or 1))

        def words(self, request):
            if request.answer_schema:
                return ['{"zebras": 3}']
            chance = random.Random(request.seed)
            words = [chance.choice(WORDS) + " " for _ in range(20)] if request.temperature else WORDS
            words = [word.strip() + " " for word in words]
            for stop in request.stop:
                words = words[: next((n for n, word in enumerate(words) if stop in word), len(words))]
            return words

        async def embed(self, request, model):
            return Vectors([[float(len(text)), 1.0] for text in request.texts], Usage(input=1))

    @hookimpl
    def register_backends():
        return [Parrot]
'''
WHOLE = "        def words"
BAD = [
    ("its_name_is_a_word", 'name = "parrot"\n', 'name = "A parrot"\n'),
    ("its_plugin_registers_it", "return [Parrot]", "return []"),
    ("importing_it_is_light", "import asyncio,", "import librosa, asyncio,"),
    ("nothing_stands_against_it", "return None", 'return "too tired"'),
    ("it_lists_its_models_under_its_own_name", "backend=self.config.name", 'backend="other"'),
    ("it_lists_its_models_under_its_own_name", 'name="polly"', 'name=""'),
    ("it_lists_its_models_under_its_own_name", "can=can)]", "can=can)] * 2"),
    ("it_lists_its_models_under_its_own_name", "always_local = True", "always_local = False"),
    ("a_chat_answers", "yield Delta(word)", "pass"),
    ("a_chat_answers", "Usage(input=read, output=len", "Usage(input=0, output=len"),
    ("a_stream_comes_to_an_end", "finish=finish, ", ""),
    ("a_stream_comes_to_an_end", "yield Delta(word)", "yield Delta(word, finish='stop')"),
    ("a_stream_comes_to_an_end", "or 1))\n", "or 1))\n            yield Delta('more')\n"),
    (
        "a_stream_may_be_left",
        "yield Delta(word)",
        "try:\n                    yield Delta(word)\n"
        "                except GeneratorExit:\n                    raise RuntimeError('stay') from None",
    ),
    ("no_word_comes_twice", "for word in written:", "for word in (*written, *written):"),
    ("no_word_comes_twice", "yield Delta(word)", "yield Delta(''.join(written[: written.index(word) + 1]))"),
    (
        "no_word_comes_twice",
        WHOLE,
        "        async def chat(self, request, model):\n"
        "            return Reply('hawk', usage=Usage(input=1, output=1))\n\n" + WHOLE,
    ),
    ("an_answer_is_as_short_as_asked", "words[: request.max_tokens]", "words"),
    ("an_answer_is_as_short_as_asked", '"length" if len(words) > len(written) else "stop"', '"stop"'),
    ("an_answer_is_as_short_as_asked", '"length" if len(words) > len(written) else "stop"', '"length"'),
    ("a_stop_ends_the_answer", "for stop in request.stop:", "for stop in ():"),
    ("a_seed_repeats_the_answer", "random.Random(request.seed)", "random.Random()"),
    ("the_conversation_reaches_the_model", "in request.messages)", "in request.messages[-1:])"),
    ("the_conversation_reaches_the_model", "in request.messages)", "in request.messages if turn.role != 'system')"),
    ("tools_that_are_claimed_are_used", "if request.tools and", "if False and"),
    ("tools_that_are_claimed_are_used", "name=request.tools[0].name", "name='other'"),
    ("tools_that_are_claimed_are_used", 'finish="tool_calls"', 'finish="stop"'),
    ("tools_that_are_claimed_are_used", 'id="1"', 'id=""'),
    ("tools_that_are_claimed_are_used", "(tool_calls=(call,)", "(tool_calls=(call, call)"),
    ("no_tool_is_called_where_none_may_be", 'request.tool_choice == "required"', "request.tool_choice"),
    ("an_unknown_model_raises_an_error_of_the_core", "read = sum", "read = {'polly': 0}[model.name] + sum"),
    ("a_schema_that_is_claimed_is_kept", "if request.answer_schema:", "if False:"),
    ("texts_become_vectors", "in request.texts]", "in request.texts[1:]]"),
    ("texts_become_vectors", "in request.texts]", "in request.texts[::-1][1:]] + [[3.0, 1.0]]"),
    ("texts_become_vectors", "float(len(text))", "random.random()"),
    ("texts_become_vectors", "        async def embed", "        async def bed"),
    ("texts_become_vectors", "Usage(input=1))\n\n    @", "Usage(input=0))\n\n    @"),
    ("it_gives_others_their_turn", "            can = Can", "            __import__('time').sleep(0.5); can = Can"),
    ("it_gives_others_their_turn", "return Vectors", "__import__('time').sleep(0.5); return Vectors"),
    ("it_gives_others_their_turn", "await asyncio.sleep(0)", "__import__('time').sleep(0.5)"),
]
"""Which rule is broken, and what in the good backend becomes what."""


def backend_of(source: str) -> dict[str, Any]:
    """What the tests of a class are told: the backend that is made from source."""

    @pytest.fixture(autouse=True)
    def plugin_of_class(
        self: Any, request: pytest.FixtureRequest, write_plugin: Callable[..., ModuleType], tmp_path: Any
    ) -> None:
        (tmp_path / "plugins" / "librosa.py").write_text("")
        request.cls.plugin = write_plugin(source)

    return {"plugin_of_class": plugin_of_class, "backend": property(lambda self: self.plugin.Parrot)}


TestGood = type("TestGood", (BackendContract,), {**backend_of(PARROT), "__module__": __name__})
for _number, (_rule, _old, _new) in enumerate(BAD):
    assert _old in PARROT, _old
    globals()[f"TestBad_{_number}_{_rule}"] = noticed(
        BackendContract, f"test_{_rule}", **backend_of(PARROT.replace(_old, _new))
    )
TestHanging = noticed(
    BackendContract,
    "test_a_chat_answers",
    **backend_of(PARROT.replace("await asyncio.sleep(0)", "await asyncio.sleep(1e6)")),
    limit_seconds=0.3,
)
TestBlocked = noticed(
    BackendContract,
    "test_a_chat_answers",
    **backend_of(PARROT.replace("await asyncio.sleep(0)", "__import__('time').sleep(1e6)")),
    limit_seconds=0.3,
)


def test_every_rule_has_a_backend_that_breaks_it() -> None:
    rules = {name for name in dir(BackendContract) if name.startswith("test_")}
    assert rules == {f"test_{rule}" for rule, _, _ in BAD}
