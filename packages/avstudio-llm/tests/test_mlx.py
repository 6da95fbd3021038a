"""The backend `mlx` with a real model, SmolLM2-135M-Instruct, where `nox -s smollm` has prepared it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import avstudio_llm
from avstudio_core import Studio
from avstudio_core.chat import ChatRequest, Image, Message, Reply, Tool
from avstudio_core.errors import BackendDown, ContextTooLong, InvalidInput, NotEnoughMemory, Unsupported
from avstudio_core.kinds.backend import BackendConfig
from avstudio_core.language_models import Model
from avstudio_core.testing import BackendContract, until
from avstudio_llm.backends.mlx.backend import Mlx

PREPARED = (
    Path(os.environ.get("AVSTUDIO_TEST_MODELS", "~/.cache/av-studio-tests")).expanduser() / "SmolLM2-135M-Instruct"
)
TOOL = Tool(name="cut", parameters={"type": "object", "properties": {"at": {"type": "number"}}})

needs_model = pytest.mark.skipif(
    find_spec("mlx_lm") is None or not (PREPARED / "config.json").is_file(),
    reason="The model is not prepared. Run: nox -s smollm",
)


def copied(folder: Path, name: str, **config: Any) -> Path:
    """The model under another name, and with a configuration of its own; its weights are on the disk once."""
    made = folder / name
    made.mkdir(parents=True)
    for file in PREPARED.iterdir():
        (made / file.name).symlink_to(file)
    if config:
        (made / "config.json").unlink()
        whole = json.loads((PREPARED / "config.json").read_text(encoding="utf-8"))
        (made / "config.json").write_text(json.dumps(whole | config), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Its budget holds one model, not two."""
    home = tmp_path_factory.mktemp("studio")
    with Studio(home=home, plugins="llm", memory_mb=1500, local_only=True, hub_cache=home / "hub") as made:
        yield made


@pytest.fixture(scope="module")
def backend(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlx]:
    """One for all tests here, for a model takes long to load."""
    folder = tmp_path_factory.mktemp("models")
    copied(folder, "one")
    copied(folder, "two")
    broken = copied(folder, "broken")
    (broken / "model.safetensors").unlink()
    (broken / "model.safetensors").write_bytes((PREPARED / "model.safetensors").read_bytes()[:100_000])
    config = BackendConfig(name="mlx", kind="mlx", options={"folders": [str(folder)]})
    made = Mlx(config, studio.llm._gateway)
    yield made
    asyncio.run(made.close())
    assert studio.pool.loaded() == []


def named(backend: Mlx, name: str) -> Model:
    return next(model for model in asyncio.run(backend.models()) if model.name == name)


def ask(backend: Mlx, prompt: Any, name: str = "one", **options: Any) -> Reply:
    return asyncio.run(backend.chat(ChatRequest.of(prompt, **options), named(backend, name)))


def process_of(backend: Mlx, name: str) -> int:
    process = backend._residents[name].process
    assert process is not None
    assert process.pid is not None
    return process.pid


@needs_model
def test_it_knows_the_capital_of_france(backend: Mlx) -> None:
    reply = ask(backend, "What is the capital of France?", temperature=0.0)
    assert "Paris" in reply.text
    assert reply.finish == "stop"
    assert reply.usage is not None
    assert 20 < reply.usage.input < 60
    assert 5 < reply.usage.output < 20


@needs_model
def test_what_was_read_before_is_not_read_again(backend: Mlx) -> None:
    first = ask(backend, "Name a colour.", max_tokens=4)
    turns = [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": first.text}]
    reply = ask(backend, [*turns, {"role": "user", "content": "And one more."}], max_tokens=4)
    assert first.usage is not None
    assert reply.usage is not None
    assert first.usage.input - 5 < reply.usage.cached < reply.usage.input


@needs_model
def test_length_stop_strings_and_seed_are_kept(backend: Mlx) -> None:
    cut = ask(backend, "What is the capital of France?", max_tokens=3)
    assert (cut.finish, cut.usage and cut.usage.output) == ("length", 3)
    stopped = ask(backend, "What is the capital of France?", stop=(" is Par",))
    assert (stopped.text, stopped.finish) == ("The capital of France", "stop")
    wild = [ask(backend, "Write.", max_tokens=6, temperature=1.8, seed=seed).text for seed in (5, 5, 6)]
    assert wild[0] == wild[1] != wild[2]


@needs_model
def test_leaving_a_stream_stops_the_work(backend: Mlx) -> None:
    """Else the second answer would wait for the 8,000 tokens of the first: longer than a test may take."""

    async def leave_and_ask() -> Reply:
        answer = backend.stream(ChatRequest.of("Tell a very long story."), named_model)
        for _ in range(3):
            assert (await anext(answer)).finish is None
        await answer.aclose()  # type: ignore[attr-defined]
        return await backend.chat(ChatRequest.of("What is the capital of France?"), named_model)

    named_model = named(backend, "one")
    assert "Paris" in asyncio.run(leave_and_ask()).text


@needs_model
def test_giving_up_while_the_prompt_is_read_stops_the_work(backend: Mlx) -> None:
    """Else the second answer would wait for the reading of the first prompt: longer than a test may take."""

    async def give_up_and_ask() -> Reply:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await backend.chat(ChatRequest.of("word " * 6000), model)
        return await backend.chat(ChatRequest.of("What is the capital of France?"), model)

    model = named(backend, "one")
    assert "Paris" in asyncio.run(give_up_and_ask()).text


@needs_model
def test_questions_from_several_loops_wait_for_each_other(backend: Mlx) -> None:
    texts: list[str] = []
    model = named(backend, "one")

    def work() -> None:
        texts.append(asyncio.run(backend.chat(ChatRequest.of("What is the capital of France?"), model)).text)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(set(texts)) == 1
    assert len(texts) == 3


@needs_model
def test_a_prompt_that_does_not_fit_is_refused_before_it_is_read(backend: Mlx) -> None:
    with pytest.raises(ContextTooLong, match=r"have 9\d{3} tokens, but 'one' reads 8192 with the answer"):
        ask(backend, "word " * 9000)


@needs_model
def test_what_a_model_lacks_is_reported(backend: Mlx) -> None:
    with pytest.raises(Unsupported, match="cannot call tools"):
        ask(backend, "Cut it.", tools=(TOOL,))
    with pytest.raises(Unsupported, match="tool_choice"):
        ask(backend, "Cut it.", tools=(TOOL,), tool_choice="required")
    with pytest.raises(Unsupported, match="cannot read images"):
        ask(backend, (Message(role="user", content=(Image(media_type="image/png", data="aGk="),)),))
    with pytest.raises(InvalidInput, match="lone surrogate"):
        ask(backend, "\ud800")


@needs_model
def test_the_pool_knows_the_process(backend: Mlx, studio: Studio) -> None:
    ask(backend, "Hello.", max_tokens=1)
    (loaded,) = studio.pool.loaded()
    assert (loaded.lane, loaded.family) == ("mlx/one", "mlx_llm")
    assert 600 < loaded.memory_mb < 1500


@needs_model
def test_a_worker_that_is_killed_fails_its_call_and_is_replaced(backend: Mlx, studio: Studio) -> None:
    async def killed() -> str:
        text = ""
        async for delta in backend.stream(ChatRequest.of("Tell a very long story."), model):
            text += delta.text
            os.kill(process_of(backend, "one"), signal.SIGKILL)
        return text

    model = named(backend, "one")
    with pytest.raises(BackendDown, match="killed by SIGKILL, perhaps for lack of memory"):
        asyncio.run(killed())
    until(lambda: studio.pool.loaded() == [])
    assert "Paris" in ask(backend, "What is the capital of France?").text


@needs_model
def test_two_that_do_not_fit_together_evict_each_other(backend: Mlx, studio: Studio) -> None:
    ask(backend, "Hello.", max_tokens=1)
    first = process_of(backend, "one")
    ask(backend, "Hello.", "two", max_tokens=1)
    assert [model.lane for model in studio.pool.loaded()] == ["mlx/two"]
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


@needs_model
def test_a_broken_folder_is_named(backend: Mlx, studio: Studio) -> None:
    with pytest.raises(Unsupported, match=r"The MLX model in '.*broken' cannot be loaded"):
        ask(backend, "Hello.", "broken")
    assert "mlx/broken" not in {model.lane for model in studio.pool.loaded()}


@needs_model
def test_a_model_larger_than_the_budget_is_refused(backend: Mlx) -> None:
    model = named(backend, "one").model_copy(update={"memory_mb": 1501, "name": "broken"})
    with pytest.raises(NotEnoughMemory, match="needs 1501 MB"):
        asyncio.run(backend.chat(ChatRequest.of("Hello."), model))


@needs_model
def test_the_process_ends_with_its_studio(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from avstudio_core.settings_sources import load\n"
        "from avstudio_llm.backends.mlx.process import ModelProcess\n"
        "process = ModelProcess(Path(sys.argv[1]), load()); process.ready.result(); print(process.pid, flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(PREPARED)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as studio:
        assert studio.stdout is not None
        worker = int(studio.stdout.readline())
        studio.kill()
    until(lambda: not Path(f"/proc/{worker}").exists())


# Without loading


def written(folder: Path, architecture: str = "LlamaForCausalLM", template: str = "") -> Path:
    """The files by which a model's folder is known."""
    folder.mkdir(parents=True)
    config = {"model_type": "llama", "architectures": [architecture], "max_position_embeddings": 512}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"\0" * (10 << 20))
    if template:
        (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}), encoding="utf-8")
    return folder


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Callable[..., dict[str, Model]]]:
    opened: list[Studio] = []

    def list_models(*folders: Path, **settings: Any) -> dict[str, Model]:
        given = {"home": tmp_path / "home", "plugins": "llm", "hub_cache": tmp_path / "none", **settings}
        opened.append(Studio(**given))
        config = BackendConfig(name="mlx", kind="mlx", options={"folders": [str(folder) for folder in folders]})
        return {model.name: model for model in asyncio.run(Mlx(config, opened[-1].llm._gateway).models())}

    yield list_models
    for studio in opened:
        studio.close()


def test_models_are_found_where_they_are(found: Callable[..., dict[str, Model]], tmp_path: Path) -> None:
    cached = tmp_path / "hub" / "models--mlx-community--Tiny-4bit"
    written(cached / "snapshots" / "old")
    written(cached / "snapshots" / "new", template="{% for tool in tools %}<tool_call>{% endfor %}")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("new")
    written(tmp_path / "hub" / "models--somebody--else" / "snapshots" / "x")
    written(tmp_path / "weights" / "shelved")
    written(tmp_path / "weights" / "speech", architecture="WhisperForConditionalGeneration")
    alone = written(tmp_path / "alone", template="{{ messages }}")
    models = found(alone, tmp_path / "missing", hub_cache=tmp_path / "hub", weights=tmp_path / "weights")
    assert set(models) == {"alone", "shelved", "mlx-community/Tiny-4bit"}
    assert {name: (model.can.chat, model.can.tools) for name, model in models.items()} == {
        "alone": (True, False),
        "shelved": (False, False),
        "mlx-community/Tiny-4bit": (True, True),
    }
    assert all(model.local and model.can.context == 512 and model.memory_mb == 512 for model in models.values())


def test_a_folder_that_cannot_be_read_is_not_a_model(found: Callable[..., dict[str, Model]], tmp_path: Path) -> None:
    for name, content in (("cut", b'{"model_type": '), ("list", b"[]"), ("binary", b"\xff\xfe")):
        (written(tmp_path / "models" / name) / "config.json").write_bytes(content)
    shutil.rmtree(written(tmp_path / "models" / "empty"))
    assert found(tmp_path / "models") == {}


def test_a_name_that_is_not_there_is_refused(studio: Studio) -> None:
    if find_spec("mlx_lm") is None:
        pytest.skip("mlx-lm is not installed: pip install 'avstudio-llm[mlx]'")
    backend = Mlx(BackendConfig(name="mlx", kind="mlx"), studio.llm._gateway)
    with pytest.raises(Unsupported, match="'nosuch' is not an MLX model on this machine"):
        asyncio.run(backend.chat(ChatRequest.of("Hello."), Model(backend="mlx", name="nosuch", local=True)))


@needs_model
class TestMlxKeepsTheContract(BackendContract):
    plugin = avstudio_llm
    backend = Mlx

    @pytest.fixture
    def config(self) -> BackendConfig:
        return BackendConfig(name="mlx", kind="mlx", options={"folders": [str(PREPARED)]})
