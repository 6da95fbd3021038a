"""The backend `ollama` against a server that keeps to the documented protocol, and against a real one where
OLLAMA_HOST answers."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from avstudio_core import Needs, Studio
from avstudio_core.chat import ChatRequest, Delta, EmbedRequest, Image, Message, Reply, Text, Tool, ToolCall, Usage
from avstudio_core.errors import (
    AVStudioError,
    BackendDown,
    BadAnswer,
    ContextTooLong,
    EgressRefused,
    InvalidInput,
    NotFound,
    RateLimited,
    Unsupported,
)
from avstudio_core.kinds.backend import BackendConfig
from avstudio_core.language_models import Can, Model
from avstudio_core.testing import until
from avstudio_llm.backends.ollama.backend import Ollama
from avstudio_llm.backends.ollama.protocol import address_of, full_name, lines, parsed

MB = 1 << 20
NESTED = Tool(
    name="cut",
    description="Cut a clip.",
    parameters={
        "type": "object",
        "properties": {
            "range": {"type": "object", "properties": {"from": {"type": "number", "default": 0}}},
            "label": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["range"],
        "additionalProperties": False,
    },
)


class OllamaServer(ThreadingHTTPServer):
    """Keeps to Ollama's protocol; its models say the user's words again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.models: dict[str, dict[str, Any]] = {
            "echo:latest": {"size": 400 * MB, "capabilities": ["completion", "tools", "vision", "thinking"]},
            "other:1b": {"size": 400 * MB, "capabilities": ["completion"]},
            "vectors:latest": {"size": 50 * MB, "capabilities": ["embedding"]},
        }
        self.loaded: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.fault = ""
        self.hung_up = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for asked, body in self.asked if asked == path]


class Handler(BaseHTTPRequestHandler):
    server: OllamaServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/api/tags":
            self._json({"models": [self._details(name, 1) for name in self.server.models]})
        elif self.path == "/api/ps":
            self._json({"models": [self._details(name, 1.25) for name in self.server.loaded]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))
        name = full_name(body["model"])
        model = self.server.models.get(name)
        if model is None:
            self._json({"error": f"model '{body['model']}' not found"}, 404)
        elif self.path == "/api/show" and self.server.fault == "shows nothing" and name == "other:1b":
            self._json({"error": "cannot open the blob"}, 500)
        elif self.path == "/api/show":
            info = {"general.architecture": "llama", "llama.context_length": 8192}
            info = {} if "most" in model else info
            self._json({"capabilities": model["capabilities"], "template": "{{ .Prompt }}", "model_info": info})
        elif self.path == "/api/generate" and body.get("keep_alive") == 0:
            self.server.loaded.pop(name, None)
            self._json({"model": name, "response": "", "done": True, "done_reason": "unload"})
        elif self.path == "/api/embed":
            self._embed(name, body)
        elif self.path == "/api/chat":
            self._chat(name, body)

    def _embed(self, name: str, body: dict[str, Any]) -> None:
        self.server.loaded[name] = body["keep_alive"]
        vectors = [[float(len(text)), 0.5] for text in body["input"]]
        self._json({"model": name, "embeddings": vectors, "prompt_eval_count": len(vectors)})

    def _chat(self, name: str, body: dict[str, Any]) -> None:
        if self.server.fault.isdigit():
            self._json({"error": "model requires more system memory (9 GiB)"}, int(self.server.fault))
        elif body.get("tools") and "tools" not in self.server.models[name]["capabilities"]:
            self._json({"error": f"registry/library/{name} does not support tools"}, 400)
        elif (
            len(words := body["messages"][-1]["content"].split()) > self._room(name, body)
            and self.server.fault != "cuts"
        ):
            inner = {"error": {"code": 400, "message": "exceeds the available context size"}}
            inner["error"]["type"] = "exceed_context_size_error"
            self._json({"error": json.dumps(inner)}, 400)
        else:
            self.server.loaded[name] = body.get("keep_alive", "5m")
            self._answer(name, body, words)

    def _room(self, name: str, body: dict[str, Any]) -> int:
        """An old server takes no more than the model's own context, and does not report it."""
        most: int = self.server.models[name].get("most", 1 << 20)
        return min(int(body["options"].get("num_ctx", 4096)), most)

    def _answer(self, name: str, body: dict[str, Any], words: list[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Connection", "close")
        self.end_headers()
        limit = body["options"].get("num_predict", len(words))
        if body.get("tools") and words[0] == "call":
            call = {"function": {"name": body["tools"][0]["function"]["name"], "arguments": {"range": {"from": 1}}}}
            said: list[dict[str, Any]] = [{"content": "", "tool_calls": [call]}]
        elif "format" in body:
            said = [{"content": '{"ok":'}, {"content": " true}"}]
        else:
            said = [{"content": "", "thinking": "Hm."}, *({"content": f"{word} "} for word in words[:limit])]
        try:
            for message in said:
                self._line({"model": name, "message": {"role": "assistant", **message}, "done": False})
                self._stumble()
            reason = "length" if limit < len(words) else "stop"
            done = {"model": name, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": reason}
            read = max(7, min(len(words), self._room(name, body)))
            counts = {} if self.server.fault == "uncounted" else {"prompt_eval_count": read, "eval_count": len(said)}
            self._line(done | counts)
        except (BrokenPipeError, ConnectionResetError, ConnectionAbortedError):
            self.server.hung_up.set()

    def _stumble(self) -> None:
        if self.server.fault == "error":
            self._line({"error": "an error was encountered while running the model: CUDA error"})
        elif self.server.fault == "garbage":
            self.wfile.write(b'{"model": "echo", "mess\n')
        elif self.server.fault == "closing":
            raise BrokenPipeError
        elif self.server.fault == "slow":
            time.sleep(0.02)
        elif self.server.fault == "hanging":
            self.server.hung_up.wait(20)

    def _line(self, line: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self.wfile.flush()

    def _json(self, answer: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _details(self, name: str, factor: float) -> dict[str, Any]:
        model = self.server.models[name]
        remote = {"remote_host": model["remote"]} if "remote" in model else {}
        digest = "" if self.server.fault == "has no digests" else f"sha {name}"
        return {"name": name, "model": name, "size": int(model["size"] * factor), "digest": digest, **remote}

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.hung_up.set()
        made.shutdown()
        thread.join()


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(home=tmp_path / "home", plugins="llm", memory_mb=1000, local_only=True) as made:
        yield made


Connect = Callable[[str], Ollama]


@pytest.fixture
def connect(studio: Studio) -> Iterator[Connect]:
    """Backends that reach a server by its address."""
    made: list[Ollama] = []

    def make(url: str) -> Ollama:
        made.append(Ollama(BackendConfig(name="ollama", kind="ollama", base_url=url), studio.llm._gateway))
        return made[-1]

    yield make
    for backend in made:
        asyncio.run(backend.close())


@pytest.fixture
def backend(server: OllamaServer, connect: Connect) -> Ollama:
    return connect(server.url)


def model_of(name: str = "echo:latest", memory_mb: int = 500, *, local: bool = True) -> Model:
    return Model(backend="ollama", name=name, local=local, memory_mb=memory_mb)


def ask(backend: Ollama, prompt: Any = "one two three", model: Model | None = None, **options: Any) -> Reply:
    return asyncio.run(backend.chat(ChatRequest.of(prompt, **options), model or model_of()))


# Any server


@pytest.fixture(params=["written", "real"])
def place(request: pytest.FixtureRequest, connect: Connect) -> tuple[Ollama, Model]:
    """A backend and a model of it that chats, which fits the budget."""
    if request.param == "real":
        host = os.environ.get("OLLAMA_HOST")
        if not host:
            pytest.skip("No real server: start Ollama, and set OLLAMA_HOST.")
        backend = connect(host)
    else:
        backend = connect(request.getfixturevalue("server").url)
    chatting = [model for model in asyncio.run(backend.models()) if model.can.chat and model.local]
    if not chatting:
        pytest.skip("The server has no model: ollama pull smollm2:135m")
    return backend, min(chatting, key=lambda model: model.memory_mb)


def test_a_model_answers_is_counted_and_is_freed(place: tuple[Ollama, Model], studio: Studio) -> None:
    backend, model = place
    reply = ask(backend, "Say yes.", model, max_tokens=5, temperature=0.0, seed=1)
    assert reply.text.strip() or reply.reasoning
    assert reply.usage is None or reply.usage.output >= 1
    assert [loaded.lane for loaded in studio.pool.loaded()] == [f"ollama/{model.name}"]
    asyncio.run(backend.close())
    assert studio.pool.loaded() == []
    assert not asyncio.run(backend._server.is_loaded(model.name))


def test_a_stream_given_up_leaves_the_model_idle(place: tuple[Ollama, Model], studio: Studio) -> None:
    backend, model = place

    async def first_word() -> Delta:
        answer = backend.stream(ChatRequest.of("Count to ten."), model)
        first = await anext(answer)
        await answer.aclose()  # type: ignore[attr-defined]
        return first

    assert asyncio.run(first_word()).finish is None
    assert studio.pool.holds(f"ollama/{model.name}")
    assert backend._residents[model.name].evict()
    assert studio.pool.loaded() == []


def test_an_unknown_model_is_cured_by_pulling_it(place: tuple[Ollama, Model], studio: Studio) -> None:
    with pytest.raises(Unsupported, match=r"not have the model 'nosuch'\. .*ownload it: ollama pull nosuch"):
        ask(place[0], model=model_of("nosuch"))


# What is sent


def test_schemas_of_tools_go_whole(server: OllamaServer, backend: Ollama) -> None:
    reply = ask(backend, "call it", tools=(NESTED,))
    (body,) = server.bodies("/api/chat")
    assert body["tools"] == [{"type": "function", "function": NESTED.model_dump()}]
    (call,) = reply.tool_calls
    assert (call.name, call.arguments, reply.finish) == ("cut", {"range": {"from": 1}}, "tool_calls")
    assert call.id


def test_answers_of_tools_name_their_tool(server: OllamaServer, backend: Ollama) -> None:
    call = ToolCall(id="c1", name="cut", arguments={"range": {"from": 1}})
    turns = (
        Message(role="user", content="Cut."),
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", content="done it is", tool_call_id="c1"),
    )
    assert ask(backend, turns).text == "done it is "
    sent = server.bodies("/api/chat")[0]["messages"]
    assert sent[1]["tool_calls"] == [{"id": "c1", "function": {"name": "cut", "arguments": {"range": {"from": 1}}}}]
    assert sent[2] == {"role": "tool", "content": "done it is", "tool_name": "cut", "tool_call_id": "c1"}


def test_options_images_and_schemas_go_where_the_protocol_has_them(server: OllamaServer, backend: Ollama) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
    picture = (Text(text="What is it?"), Image(media_type="image/png", data="aGk="))
    options: dict[str, Any] = {"temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": ("x",), "max_tokens": 9}
    reply = ask(backend, (Message(role="user", content=picture),), answer_schema=schema, **options)
    (body,) = server.bodies("/api/chat")
    assert json.loads(reply.text) == {"ok": True}
    assert body["messages"] == [{"role": "user", "content": "What is it?", "images": ["aGk="]}]
    assert body["options"] == {"temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": ["x"], "num_predict": 9}
    assert (body["format"], body["truncate"], body["shift"]) == (schema, False, False)


def test_a_long_prompt_has_a_context_that_fits(server: OllamaServer, backend: Ollama) -> None:
    listed = {model.name: model for model in asyncio.run(backend.models())}
    for prompt in ("short", "word " * 3000, "short"):
        ask(backend, prompt, listed["echo:latest"])
    sizes = [body["options"].get("num_ctx") for body in server.bodies("/api/chat")]
    assert sizes == [None, 8192, 8192]
    with pytest.raises(ContextTooLong, match="Send less"):
        ask(backend, "word " * 9000, listed["echo:latest"])


def test_digits_have_a_context_that_fits(server: OllamaServer, backend: Ollama) -> None:
    """Each of their characters is a token."""
    ask(backend, "0123456789abcdef" * 400)
    ask(backend, "plain words of prose " * 300)
    assert [body["options"].get("num_ctx") for body in server.bodies("/api/chat")] == [16384, 16384]


def test_a_prompt_that_was_cut_is_not_answered_in_silence(server: OllamaServer, backend: Ollama) -> None:
    """As servers do that know no `truncate`."""
    server.fault = "cuts"
    listed = {model.name: model for model in asyncio.run(backend.models())}
    with pytest.raises(ContextTooLong, match="read 8192 tokens of the prompt and no more"):
        ask(backend, "word " * 9000, listed["echo:latest"])


OLD = {"old:1b": {"size": 400 * MB, "capabilities": ["completion"], "most": 2048}}


def test_a_context_that_an_old_server_does_not_report_is_not_filled_in_silence(
    server: OllamaServer, backend: Ollama
) -> None:
    server.models, server.fault = OLD, "cuts"
    with pytest.raises(ContextTooLong, match="read 2048 tokens of the prompt and no more"):
        ask(backend, "word " * 3000, model_of("old:1b"))


@pytest.mark.parametrize(
    ("fault", "longest", "warned"),
    [("drops", None, "read 7 tokens of a prompt of about 42"), ("uncounted", None, "does not report"), ("", 8192, "")],
)
def test_a_prompt_that_may_be_cut_has_a_warning(
    server: OllamaServer, backend: Ollama, fault: str, longest: int | None, warned: str
) -> None:
    """Old servers drop the first messages, until the rest fits."""
    server.models, server.fault = OLD, fault
    before = [Message(role="user", content="word " * 3000), Message(role="assistant", content="Yes.")]
    talk = [*before, Message(role="user", content="And now?")] if fault == "drops" else before[:1]
    model = model_of("old:1b").model_copy(update={"can": Can(context=longest)})
    server.models = {"old:1b": {**OLD["old:1b"], "most": 8192}}
    found = ask(backend, talk, model).warnings
    assert [code for code, _ in found] == ["prompt_cut"] * bool(warned)
    assert warned in str(found)


def test_a_name_without_its_tag_is_the_latest(server: OllamaServer, tmp_path: Path) -> None:
    section = f'[backends.ollama]\nbase_url = "{server.url}"\n'
    (tmp_path / "models.toml").write_text(section, encoding="utf-8")
    with Studio(home=tmp_path, plugins="llm") as studio:
        for name in ("ollama/echo", "echo", "ollama/echo:latest"):
            assert studio.chat("again", model=name).model == "ollama/echo:latest"
        with pytest.raises(NotFound, match="Did you mean 'ollama/other:1b'"):
            studio.chat("again", model="ollama/other")


def test_half_of_a_character_is_refused(backend: Ollama) -> None:
    with pytest.raises(InvalidInput, match="lone surrogate"):
        ask(backend, "\ud800")


# What comes back


def test_reasoning_words_counts_and_reasons_come_apart(backend: Ollama) -> None:
    reply = ask(backend, "one two three", max_tokens=2)
    assert (reply.reasoning, reply.text, reply.finish) == ("Hm.", "one two ", "length")
    assert reply.usage is not None
    assert (reply.usage.input, reply.usage.output) == (7, 3)


def test_what_is_not_counted_is_not_known(server: OllamaServer, backend: Ollama) -> None:
    server.fault = "uncounted"
    assert ask(backend).usage is None


def test_models_tell_what_they_can(backend: Ollama, server: OllamaServer) -> None:
    first = asyncio.run(backend.models())
    echo, other, vectors = asyncio.run(backend.models())
    assert first == [echo, other, vectors]
    assert (echo.can.tools, echo.can.vision, echo.can.json_schema, echo.can.context) == (True, True, True, 8192)
    assert (other.can.tools, other.can.vision) == (False, False)
    assert (vectors.can.chat, vectors.can.embed) == (False, True)
    assert all(model.local and model.memory_mb > 50 for model in first)
    assert len(server.bodies("/api/show")) == 3


def test_a_model_that_the_server_cannot_describe_hides_no_other(backend: Ollama, server: OllamaServer) -> None:
    server.fault = "shows nothing"
    listed = {model.name: model.can for model in asyncio.run(backend.models())}
    assert listed["echo:latest"].tools
    assert listed["other:1b"] == Can()


def test_a_negative_count_is_not_known() -> None:
    line = parsed(b'{"done": true, "prompt_eval_count": -1, "eval_count": 3}')
    assert line.delta("echo", called=False).usage is None


def test_models_without_a_digest_have_their_own_abilities(backend: Ollama, server: OllamaServer) -> None:
    server.fault = "has no digests"
    listed = {model.name: model.can for model in asyncio.run(backend.models())}
    assert [listed[name].embed for name in ("echo:latest", "vectors:latest")] == [False, True]


@pytest.mark.parametrize(
    ("arguments", "read"),
    [('{"a": 1}', {"a": 1}), ("", {}), (None, {}), ({"a": 1}, {"a": 1}), ("[1]", None), ("{", None)],
)
def test_calls_of_tools_in_the_formats_of_servers(arguments: object, read: dict[str, Any] | None) -> None:
    said = {"content": None, "tool_calls": [{"function": {"name": "cut", "arguments": arguments}}]}
    line = json.dumps({"message": said, "done": True}).encode()
    if read is None:
        with pytest.raises(ValueError, match="arguments"):
            parsed(line)
    else:
        (call,) = parsed(line).delta("echo", called=False).tool_calls
        assert (call.name, call.arguments) == ("cut", read)


def test_texts_become_vectors(backend: Ollama) -> None:
    made = asyncio.run(backend.embed(EmbedRequest.of(["a", "bcd"]), model_of("vectors:latest", 60)))
    assert made.vectors == [[1.0, 0.5], [3.0, 0.5]]
    assert made.usage is not None
    assert made.usage.input == 2


def test_texts_go_in_batches_if_the_section_says_so(server: OllamaServer, studio: Studio) -> None:
    config = BackendConfig(name="ollama", kind="ollama", base_url=server.url, embed_batch=2)
    made = asyncio.run(
        Ollama(config, studio.llm._gateway).embed(EmbedRequest.of(["a", "bc", "def"]), model_of("vectors", 60))
    )
    assert [body["input"] for body in server.bodies("/api/embed")] == [["a", "bc"], ["def"]]
    assert [vector[0] for vector in made.vectors] == [1, 2, 3]
    assert made.usage == Usage(input=3)


@given(
    st.lists(st.text(min_size=1).map(lambda text: json.dumps(text, ensure_ascii=False).encode()), max_size=6), st.data()
)
def test_lines_come_whole_however_they_are_cut(wanted: list[bytes], data: st.DataObject) -> None:
    stream = b"\n".join(wanted) + data.draw(st.sampled_from([b"", b"\n", b"\n\n"]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = list(zip([0, *cuts], [*cuts, len(stream)], strict=True))

    async def pieces() -> AsyncIterator[bytes]:
        for start, end in edges:
            yield stream[start:end]

    async def read() -> list[bytes]:
        return [line async for line in lines(pieces())]

    assert asyncio.run(read()) == wanted


@pytest.mark.parametrize(
    ("given_host", "address"),
    [
        (None, "http://127.0.0.1:11434"),
        ("", "http://127.0.0.1:11434"),
        ("box", "http://box:11434"),
        ("box:80", "http://box:80"),
        (":8080", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:1", "http://127.0.0.1:1"),
        ("http://box", "http://box:80"),
        ("https://box", "https://box:443"),
        ("https://box:99/ollama/", "https://box:99/ollama"),
        ("::1", "http://[::1]:11434"),
        ("[::]:5", "http://[::1]:5"),
        (' "box" ', "http://box:11434"),
    ],
)
def test_every_form_of_ollama_host_is_understood(given_host: str | None, address: str) -> None:
    assert address_of(given_host) == address


def test_an_invalid_host_is_an_obstacle(connect: Connect, studio: Studio) -> None:
    obstacle = connect("box:port").obstacle()
    assert obstacle is not None
    assert "'box:port' is not an address" in obstacle


# Memory


def test_the_pool_knows_what_the_server_holds(server: OllamaServer, backend: Ollama, studio: Studio) -> None:
    ask(backend, model=model_of(memory_mb=100))
    assert server.loaded == {"echo:latest": "360s"}
    until(lambda: [model.memory_mb for model in studio.pool.loaded()] == [500])


def test_two_that_do_not_fit_take_turns(server: OllamaServer, backend: Ollama, studio: Studio) -> None:
    for name in ("echo:latest", "other:1b", "echo:latest"):
        ask(backend, model=model_of(name, 600))
        assert list(server.loaded) == [name]
        assert [model.lane for model in studio.pool.loaded()] == [f"ollama/{name}"]


def test_one_that_answers_is_not_unloaded(server: OllamaServer, backend: Ollama, studio: Studio) -> None:
    server.fault = "slow"

    async def both() -> list[Reply]:
        long = asyncio.create_task(backend.chat(ChatRequest.of("word " * 30), model_of("echo:latest", 600)))
        while not server.loaded:
            await asyncio.sleep(0.01)
        other = await backend.chat(ChatRequest.of("short"), model_of("other:1b", 600))
        assert long.done()
        return [await long, other]

    long, other = asyncio.run(both())
    assert (long.text, other.text) == ("word " * 30, "short ")


def test_a_call_that_waits_for_memory_can_be_cancelled(backend: Ollama, studio: Studio) -> None:
    studio.pool.admit("elsewhere", Needs(model="elsewhere", memory_mb=900), lambda: False, lambda: False)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await backend.chat(ChatRequest.of("one"), model_of())

    asyncio.run(give_up())
    until(lambda: not studio.pool.waiting())
    assert [model.lane for model in studio.pool.loaded()] == ["elsewhere"]
    studio.pool.release("elsewhere")
    assert ask(backend).text == "one two three "


def test_what_the_server_unloads_by_itself_is_noticed(server: OllamaServer, backend: Ollama, studio: Studio) -> None:
    ask(backend)
    server.loaded.clear()
    asyncio.run(backend.models())
    assert studio.pool.loaded() == []


def test_a_server_that_is_gone_holds_nothing(server: OllamaServer, backend: Ollama, studio: Studio) -> None:
    ask(backend)
    server.shutdown()
    server.server_close()
    assert backend._residents["echo:latest"].evict()
    assert studio.pool.loaded() == []


def test_a_model_of_the_cloud_is_not_local_and_passes_the_gate(server: OllamaServer, backend: Ollama) -> None:
    server.models["big:120b-cloud"] = {"size": 1, "capabilities": ["completion"], "remote": "https://ollama.com"}
    cloud = asyncio.run(backend.models())[-1]
    assert not cloud.local
    for private in (False, True):
        with pytest.raises(EgressRefused):
            ask(backend, "secret", cloud, private=private)
    assert server.bodies("/api/chat") == []


# Bad luck


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("error", BackendDown, "CUDA error"),
        ("garbage", BadAnswer, "cannot be read: the line"),
        ("closing", BackendDown, "broke off in the middle"),
        ("hanging", BackendDown, "did not answer within"),
        ("500", Unsupported, "Choose a smaller model"),
        ("503", Unsupported, "requires more system memory"),
        ("429", RateLimited, "received too many requests"),
    ],
)
def test_each_failure_is_named(
    server: OllamaServer, backend: Ollama, studio: Studio, fault: str, error: type[AVStudioError], said: str
) -> None:
    server.fault = fault
    with pytest.raises(error, match=said):
        ask(backend, timeout=1.0 if fault == "hanging" else 10.0)
    server.fault = ""
    server.hung_up.set()
    assert ask(backend).text == "one two three "


def test_a_server_that_is_down_says_how_to_start_it(connect: Connect) -> None:
    backend = connect("http://127.0.0.1:9")
    with pytest.raises(BackendDown, match=r"does not answer at '127\.0\.0\.1:9'\. Start it: ollama serve"):
        asyncio.run(backend.models())


def test_tools_that_a_model_lacks_may_be_asked_elsewhere(backend: Ollama) -> None:
    with pytest.raises(Unsupported, match="cannot do this with model"):
        ask(backend, "call", model_of("other:1b"), tools=(NESTED,))
    with pytest.raises(Unsupported, match="Leave tool_choice at 'auto'"):
        ask(backend, "call", tools=(NESTED,), tool_choice="required")


def test_giving_up_stops_the_server(server: OllamaServer, backend: Ollama) -> None:
    server.fault = "slow"

    async def one_word() -> None:
        answer = backend.stream(ChatRequest.of("word " * 2000), model_of())
        await anext(answer)
        await answer.aclose()  # type: ignore[attr-defined]

    asyncio.run(one_word())
    assert server.hung_up.wait(20)


def test_loops_on_several_threads_share_a_backend(server: OllamaServer, backend: Ollama, studio: Studio) -> None:
    texts: list[str] = []
    threads = [threading.Thread(target=lambda: texts.append(ask(backend).text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert texts == ["one two three "] * 8
    assert [model.lane for model in studio.pool.loaded()] == ["ollama/echo:latest"]


def test_through_the_studio(server: OllamaServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "models.toml").write_text(f'[backends.ollama]\nbase_url = "{server.url}"\n', encoding="utf-8")
    with Studio(home=home, plugins="llm", local_only=True) as studio:
        answer = studio.chat("good day", model="ollama/echo:latest")
        assert (answer.text, answer.cost_micro, answer.usage.output) == ("good day ", 0, 3)
        assert studio.chat("again", require_local=True).text == "again "
    assert server.loaded == {}
