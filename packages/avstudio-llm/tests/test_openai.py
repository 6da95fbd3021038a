"""OpenAI's protocol against a real server on loopback."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import avstudio_llm
from avstudio_core.chat import ChatRequest, EmbedRequest, Image, Message, Reply, Text, ToolCall, Usage
from avstudio_core.errors import (
    AVStudioError,
    BackendDown,
    BadAnswer,
    ContextTooLong,
    CredentialsRefused,
    RateLimited,
    RequestRefused,
    Unsupported,
)
from avstudio_core.kinds.backend import Backend, BackendConfig
from avstudio_core.language_models import Can, Model
from avstudio_core.testing import HttpBackendContract, ModelServer, Sent
from avstudio_core.testing.backend_contract import Witness, heard, question, with_tool
from avstudio_llm.backends.openai import OpenAI
from avstudio_llm.testing import ChatCompletions, chunk, event

CHAT = "/chat/completions"
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
DONE = chunk({}, "stop")


def streamed(*pieces: bytes) -> Sent:
    return Sent.events(pieces)


class TestOpenAI(HttpBackendContract):
    plugin = avstudio_llm
    backend = OpenAI
    dialect = ChatCompletions()
    ends_unsaid = True

    def asked(self, server: ModelServer, made: Backend, model: Model, request: ChatRequest) -> Any:
        """What the server hears of a chat."""
        self.during(made, lambda: made.chat(request, model))
        return server.heard[-1].data

    def streaming(self, server: ModelServer, made: Backend, model: Model, *pieces: bytes) -> list[Any]:
        server.say(streamed(*pieces), at=CHAT)
        return self.during(made, lambda: heard(made.stream(with_tool(), model)))

    def test_every_kind_of_message(self, server: ModelServer, made: Backend, model: Model) -> None:
        picture = (Text(text="What is it?"), Image(media_type="image/png", data="aGk="))
        call = ToolCall(id="c1", name="cut", arguments={"a": "ü"})
        turns = (
            Message(role="system", content="Be kind."),
            Message(role="user", content=picture),
            Message(role="assistant", tool_calls=(call,)),
            Message(role="tool", tool_call_id="c1", content="Done."),
        )
        assert self.asked(server, made, model, ChatRequest(messages=turns))["messages"] == [
            {"role": "system", "content": "Be kind."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "cut", "arguments": '{"a": "ü"}'}}
                ],
            },
            {"role": "tool", "content": "Done.", "tool_call_id": "c1"},
        ]

    def test_a_picture_that_has_no_place_is_refused(self, made: Backend, model: Model) -> None:
        picture = Message(role="tool", tool_call_id="c1", content=(Image(media_type="image/png", data="aGk="),))
        with pytest.raises(Unsupported, match="'tool'"):
            self.during(made, lambda: made.chat(ChatRequest(messages=(picture,)), model))

    def test_parameters_are_sent_when_they_are_given(self, server: ModelServer, made: Backend, model: Model) -> None:
        given = question(temperature=0.5, top_p=0.9, seed=3, stop=("x",), max_tokens=9)
        data = self.asked(server, made, model, given)
        wanted = {"temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": ["x"], "max_tokens": 9}
        assert {name: data.get(name) for name in wanted} == wanted
        bare = self.asked(server, made, model, question())
        assert set(bare) == {"model", "messages"}

    def test_a_server_may_name_things_its_own_way(
        self, server: ModelServer, config: BackendConfig, witness: Witness, model: Model
    ) -> None:
        options = {"seed": "random_seed", "stream_usage": False, "max_tokens": "longest", "body": {"thinking": False}}
        made = OpenAI(config.model_copy(update={"options": options}), witness)
        self.during(made, lambda: heard(made.stream(question(seed=3, max_tokens=9), model)))
        data = server.heard[-1].data
        assert (data["random_seed"], data["longest"], data["thinking"]) == (3, 9, False)
        assert not {"seed", "max_tokens", "stream_options"} & set(data)

    def test_openai_itself_has_another_name_for_the_longest_answer(
        self, server: ModelServer, witness: Witness, model: Model
    ) -> None:
        class Here(OpenAI):
            default_url = server.url + "/v1"

        witness.secrets["OPENAI_API_KEY"] = "sk-own"
        made = Here(BackendConfig(name="openai", kind="openai"), witness)
        data = self.asked(server, made, model, question(max_tokens=9))
        assert data["max_completion_tokens"] == 9
        assert "max_tokens" not in data
        assert server.heard[-1].headers["authorization"] == "Bearer sk-own"

    def test_openai_itself_hears_which_account_pays(
        self, server: ModelServer, witness: Witness, model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Here(OpenAI):
            default_url = server.url + "/v1"

        witness.secrets["OPENAI_API_KEY"] = "sk-own"
        monkeypatch.setenv("OPENAI_ORG_ID", "org-own")
        monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-own")
        self.asked(server, Here(BackendConfig(name="openai", kind="openai"), witness), model, question())
        headers = server.heard[-1].headers
        assert (headers["openai-organization"], headers["openai-project"]) == ("org-own", "proj-own")

    def test_a_key_goes_to_its_own_server_only(
        self, server: ModelServer, witness: Witness, model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        witness.secrets["OPENAI_API_KEY"] = "sk-own"
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-own")
        monkeypatch.setenv("OPENAI_ORG_ID", "org-own")
        made = OpenAI(BackendConfig(name="mine", kind="openai", base_url=server.url + "/v1"), witness)
        assert made.obstacle() is None
        self.asked(server, made, model, question())
        assert "own" not in str(server.heard[-1].headers)

    def test_no_proxy_of_the_environment_is_used(
        self, server: ModelServer, made: Backend, model: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert self.asked(server, made, model, question())["model"] == "small"

    @pytest.mark.parametrize(
        "schema",
        [
            CLOSED,
            {**CLOSED, "additionalProperties": True},
            {**CLOSED, "required": []},
            {**CLOSED, "properties": {"a": {"type": "string", "minLength": 2}}},
            {**CLOSED, "properties": {"a": {"type": "array", "items": {"type": "object"}}}},
        ],
    )
    def test_only_a_schema_that_is_strict_is_declared_so(
        self, server: ModelServer, made: Backend, model: Model, schema: Any
    ) -> None:
        sent = self.asked(server, made, model, question(answer_schema=schema))["response_format"]
        declared = {"name": "answer", "schema": schema, "strict": schema is CLOSED}
        assert sent == {"type": "json_schema", "json_schema": declared}

    def test_a_schema_is_not_sent_to_a_model_that_knows_none(
        self, server: ModelServer, made: Backend, model: Model
    ) -> None:
        weak = model.model_copy(update={"can": Can()})
        assert "response_format" not in self.asked(server, made, weak, question(answer_schema=CLOSED))

    @pytest.mark.parametrize(
        ("counts", "expected"),
        [
            (
                {
                    "prompt_tokens": 100,
                    "completion_tokens": 20,
                    "total_tokens": 120,
                    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
                    "completion_tokens_details": {"reasoning_tokens": 15},
                },
                Usage(input=100, output=20, cached=60, cache_written=10, reasoning=15),
            ),
            ({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 27}, Usage(input=5, output=22)),
            ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, None),
            (
                {"prompt_tokens": 5, "completion_tokens": -1, "prompt_tokens_details": {"cached_tokens": 9}},
                Usage(input=5, cached=5),
            ),
            (None, None),
        ],
    )
    def test_usage(self, server: ModelServer, made: Backend, model: Model, counts: Any, expected: Usage | None) -> None:
        deltas = self.streaming(
            server, made, model, chunk({"content": "a"}), DONE, event({"choices": [], "usage": counts})
        )
        assert deltas[-1].usage == expected

    @pytest.mark.parametrize(
        ("delta", "text", "reasoning"),
        [
            ({"content": "a", "reasoning_content": "b"}, "a", "b"),
            ({"reasoning": "b"}, "", "b"),
            (
                {
                    "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": "b"}]},
                        {"type": "text", "text": "a"},
                    ]
                },
                "a",
                "b",
            ),
        ],
    )
    def test_thoughts_are_kept_apart(
        self, server: ModelServer, made: Backend, model: Model, delta: Any, text: str, reasoning: str
    ) -> None:
        first = self.streaming(server, made, model, chunk(delta), DONE)[0]
        assert (first.text, first.reasoning) == (text, reasoning)

    def test_calls_without_an_index_and_without_an_id(self, server: ModelServer, made: Backend, model: Model) -> None:
        pieces = [
            chunk({"tool_calls": [{"function": {"name": name, "arguments": '{"a": 1}'}}]}) for name in ("cut", "join")
        ]
        end = self.streaming(server, made, model, *pieces, DONE)[-1]
        assert [(call.name, call.arguments) for call in end.tool_calls] == [("cut", {"a": 1}), ("join", {"a": 1})]
        assert len({call.id for call in end.tool_calls}) == 2
        assert end.finish == "tool_calls"

    def test_calls_that_share_an_index(self, server: ModelServer, made: Backend, model: Model) -> None:
        pieces = [
            chunk({"tool_calls": [{"index": 0, "id": id, "function": {"name": "cut", "arguments": '{"a":'}}]})
            if not more
            else chunk({"tool_calls": [{"index": 0, "function": {"arguments": more}}]})
            for id, more in (("c1", ""), ("c1", " 1}"), ("c2", ""), ("c2", " 2}"))
        ]
        end = self.streaming(server, made, model, *pieces, DONE)[-1]
        assert [(call.id, call.arguments) for call in end.tool_calls] == [("c1", {"a": 1}), ("c2", {"a": 2})]

    @pytest.mark.parametrize(
        ("arguments", "read"),
        [
            ({"a": 1}, {"a": 1}),
            (None, {}),
            ("null", {}),
            ("", {}),
            ('{"a": 1}</tool_call>', {"a": 1}),
            (' {"a": 1}\n```', {"a": 1}),
            ('"{\\"a\\": 1}"', {"a": 1}),
            ('{"a": "1\n2"}', {"a": "1\n2"}),
        ],
    )
    def test_arguments_as_servers_send_them(
        self, server: ModelServer, made: Backend, model: Model, arguments: Any, read: dict[str, Any]
    ) -> None:
        call = {"index": 0, "id": "c1", "function": {"name": "cut", "arguments": arguments}}
        end = self.streaming(server, made, model, chunk({"tool_calls": [call]}), DONE)[-1]
        message = {"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
        server.say(Sent.data({"choices": [message]}), at=CHAT)
        whole = self.during(made, lambda: made.chat(with_tool(), model))
        assert [one.arguments for one in (*end.tool_calls, *whole.tool_calls)] == [read, read]

    @pytest.mark.parametrize(
        "pieces",
        [
            [(0, None, "cut", '{"a": 1}'), (0, None, "join", '{"a": 2}')],
            [(None, "c1", "cut", '{"a": '), (None, None, None, "1}"), (None, "c2", "join", '{"a": 2}')],
            [(0, "c1", "cut", '{"a": '), (0, "c9", None, "1}"), (1, "c2", "join", '{"a": 2}')],
            [(0, None, "cut", '{"a": '), (0, None, "cut", "1}"), (0, None, "join", '{"a": '), (0, None, "join", "2}")],
        ],
    )
    def test_the_pieces_of_parallel_calls(
        self, server: ModelServer, made: Backend, model: Model, pieces: list[tuple[Any, ...]]
    ) -> None:
        calls = [
            {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}
            for index, id, name, arguments in pieces
        ]
        end = self.streaming(server, made, model, *[chunk({"tool_calls": [call]}) for call in calls], DONE)[-1]
        assert [(call.name, call.arguments) for call in end.tool_calls] == [("cut", {"a": 1}), ("join", {"a": 2})]

    @pytest.mark.parametrize("said", [{"message": {"content": "a"}}, {"text": "a"}])
    def test_a_stream_of_messages(self, server: ModelServer, made: Backend, model: Model, said: Any) -> None:
        deltas = self.streaming(server, made, model, event({"choices": [said | {"finish_reason": "stop"}]}), DONE)
        assert "".join(delta.text for delta in deltas) == "a"

    @pytest.mark.parametrize("said", [{"detail": "Boom."}, {"message": "Boom.", "object": "error"}])
    def test_an_error_in_another_format(self, server: ModelServer, made: Backend, model: Model, said: Any) -> None:
        with pytest.raises(BackendDown, match="'Boom'"):
            self.streaming(server, made, model, chunk({"content": "a"}), event(said))
        server.say(Sent.data(said), at=CHAT)
        with pytest.raises(BackendDown, match="'Boom'"):
            self.during(made, lambda: made.chat(question(), model))

    def test_a_call_as_older_servers_send_it(self, server: ModelServer, made: Backend, model: Model) -> None:
        call = {"name": "cut", "arguments": '{"a": 1}'}
        end = self.streaming(server, made, model, chunk({"function_call": call}), DONE)[-1]
        server.say(Sent.data({"choices": [{"message": {"content": None, "function_call": call}}]}), at=CHAT)
        whole = self.during(made, lambda: made.chat(with_tool(), model))
        assert [(one.name, one.arguments) for one in (*end.tool_calls, *whole.tool_calls)] == [("cut", {"a": 1})] * 2

    @pytest.mark.parametrize("usage", [[1], "many", {"prompt_tokens": 3, "prompt_tokens_details": [1]}])
    def test_odd_extras_do_not_spoil_an_answer(
        self, server: ModelServer, made: Backend, model: Model, usage: Any
    ) -> None:
        odd = {"choices": [{"message": {"content": "a"}}], "model": 7, "usage": usage}
        server.say(Sent.data(odd), at=CHAT)
        reply = self.during(made, lambda: made.chat(question(), model))
        assert (reply.text, reply.model) == ("a", None)

    @pytest.mark.parametrize(
        "choice",
        [
            {"text": "Hello."},
            {"message": "Hello."},
            {"message": {"content": {"type": "text", "text": "Hello."}}},
            {"message": {"content": ["Hel", {"type": "output_text", "text": "lo."}]}},
            {"message": {"content": "Hello.", "refusal": {"reason": None}}},
        ],
    )
    def test_text_in_the_formats_of_servers(
        self, server: ModelServer, made: Backend, model: Model, choice: dict[str, Any]
    ) -> None:
        server.say(Sent.data({"choices": [choice]}), at=CHAT)
        reply = self.during(made, lambda: made.chat(question(), model))
        assert (reply.text, reply.finish) == ("Hello.", "stop")

    def test_a_compressed_answer_that_is_damaged(self, server: ModelServer, made: Backend, model: Model) -> None:
        server.say(Sent.data({"choices": []}, headers={"content-encoding": "gzip"}), at=CHAT)
        with pytest.raises(BadAnswer, match=r"cannot be read: DecodingError: [^.]+\.$"):
            self.during(made, lambda: made.chat(question(), model))

    def test_an_unreadable_answer_keeps_its_usage(self, server: ModelServer, made: Backend, model: Model) -> None:
        odd = {"choices": [{"message": {"content": 5}}], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
        server.say(Sent.data(odd), at=CHAT)
        with pytest.raises(BadAnswer) as unreadable:
            self.during(made, lambda: made.chat(question(), model))
        assert unreadable.value.used == Usage(input=10, output=5)

    def test_keep_alives_are_passed_over(self, server: ModelServer, made: Backend, model: Model) -> None:
        kept = (
            b": still here\n\n",
            b"id: 7\n\n",
            b"retry: 3000\n\n",
            b"data:\n\n",
            b"event: ping\ndata: \n\n",
            b"data: null\n\n",
        )
        deltas = self.streaming(server, made, model, *kept, chunk({"content": "a"}), *kept, DONE, b"data: [DONE]\n\n")
        assert "".join(delta.text for delta in deltas) == "a"

    def test_the_first_event_may_follow_a_byte_order_mark(
        self, server: ModelServer, made: Backend, model: Model
    ) -> None:
        pieces = b"\xef\xbb\xbf" + chunk({"content": "a"}), chunk({"content": "b"}), DONE
        assert "".join(delta.text for delta in self.streaming(server, made, model, *pieces)) == "ab"

    def test_an_error_in_place_of_an_answer(self, server: ModelServer, made: Backend, model: Model) -> None:
        server.say(Sent.data({"error": {"message": "Overloaded.", "code": 503}}), at=CHAT)
        assert [type(error) for error in self.both(made, model, question())] == [BackendDown, BackendDown]
        ended = {"message": {"content": "Half"}, "finish_reason": "error"}
        server.say(Sent.data({"choices": [ended]}), at=CHAT)
        with pytest.raises(BackendDown, match="ended its answer with an error"):
            self.during(made, lambda: made.chat(question(), model))
        with pytest.raises(BackendDown, match="ended its answer with an error"):
            self.streaming(server, made, model, chunk({"content": "Half"}), chunk({}, "error"))

    def test_an_answer_whose_end_is_not_said(self, server: ModelServer, made: Backend, model: Model) -> None:
        assert self.streaming(server, made, model, chunk({"content": "a"}))[-1].finish is None
        assert self.streaming(server, made, model, chunk({"content": "a"}), b"data: [DONE]\n\n")[-1].finish == "stop"
        with pytest.raises(BackendDown):
            self.streaming(server, made, model, chunk({"role": "assistant"}))

    @pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "\x00", [1], '{"a": NaN}', {"a": float("nan")}])
    def test_arguments_that_are_not_an_object(
        self, server: ModelServer, made: Backend, model: Model, arguments: Any
    ) -> None:
        call = {"index": 0, "id": "c1", "function": {"name": "cut", "arguments": arguments}}
        with pytest.raises(BadAnswer, match="tool 'cut'"):
            self.streaming(server, made, model, chunk({"tool_calls": [call]}), DONE)

    @pytest.mark.parametrize(
        ("said", "finish"),
        [
            *[
                ("stop", "stop"),
                ("eos", "stop"),
                ("length", "length"),
                ("model_length", "length"),
                ("MAX_TOKENS", "length"),
            ],
            *[("content_filter", "content_filter"), ("tool_calls", "tool_calls"), ("function_call", "tool_calls")],
        ],
    )
    def test_finish_reasons(self, server: ModelServer, made: Backend, model: Model, said: str, finish: str) -> None:
        assert self.streaming(server, made, model, chunk({"content": "a"}), chunk({}, said))[-1].finish == finish

    def test_a_refusal_of_the_model_is_its_text(self, server: ModelServer, made: Backend, model: Model) -> None:
        deltas = self.streaming(server, made, model, chunk({"refusal": "I will not."}), DONE)
        assert ("".join(delta.text for delta in deltas), deltas[-1].finish) == ("I will not.", "content_filter")

    @pytest.mark.parametrize(
        ("said", "error"),
        [
            ({"message": "Overloaded.", "type": "server_error"}, BackendDown),
            ({"message": "Slow down.", "code": "rate_limit_exceeded"}, RateLimited),
            ({"message": "Boom.", "code": 502}, BackendDown),
            ({"message": "No.", "code": "context_length_exceeded"}, ContextTooLong),
            ({"message": "Odd.", "type": {"not": "a word"}}, BackendDown),
        ],
    )
    def test_an_error_in_the_middle_of_a_stream(
        self, server: ModelServer, made: Backend, model: Model, said: Any, error: type[AVStudioError]
    ) -> None:
        with pytest.raises(error):
            self.streaming(server, made, model, chunk({"content": "a"}), event({"error": said}))

    def test_the_server_may_call_the_model_otherwise(self, server: ModelServer, made: Backend, model: Model) -> None:
        self.will_say(server, Reply(text="a", usage=Usage(input=1, output=1)))
        latest = model.model_copy(update={"name": "small-latest"})
        assert self.during(made, lambda: made.chat(question(), latest)).model == "small"
        assert self.during(made, lambda: made.chat(question(), model)).model is None

    def test_an_unknown_model_is_answered_with_a_near_one(
        self, server: ModelServer, made: Backend, model: Model
    ) -> None:
        server.say(Sent.data(self.dialect.refusal(404, "The model does not exist"), 404), at=CHAT)
        with pytest.raises(Unsupported, match=r"has no model 'smal'.*Did you mean 'small'\?"):
            self.during(made, lambda: made.chat(question(), model.model_copy(update={"name": "smal"})))

    def test_embeddings_keep_their_order(self, server: ModelServer, made: Backend, model: Model) -> None:
        server.say(_vectors([1, 0]), at="/embeddings")
        made_of = self.during(made, lambda: made.embed(EmbedRequest(texts=("a", "b"), dimensions=2), model))
        assert made_of.vectors == [[0.0, 0.5], [1.0, 0.5]]
        assert made_of.usage == Usage(input=2)
        assert server.heard[-1].data["dimensions"] == 2

    def test_many_texts_go_in_several_requests(self, server: ModelServer, made: Backend, model: Model) -> None:
        server.say(_vectors(range(2048)), _vectors([0]), at="/embeddings")
        request = EmbedRequest(texts=tuple(map(str, range(2049))))
        made_of = self.during(made, lambda: made.embed(request, model))
        assert [len(one.data["input"]) for one in server.heard] == [2048, 1]
        assert (len(made_of.vectors), made_of.usage) == (2049, Usage(input=2049))

    def test_a_section_says_how_many_texts_its_server_takes(
        self, server: ModelServer, config: BackendConfig, witness: Witness, model: Model
    ) -> None:
        server.say(*(_vectors(range(count)) for count in (2, 2, 1)), at="/embeddings")
        made = OpenAI(config.model_copy(update={"embed_batch": 2}), witness)
        made_of = self.during(made, lambda: made.embed(EmbedRequest(texts=tuple("abcde")), model))
        assert [one.data["input"] for one in server.heard] == [["a", "b"], ["c", "d"], ["e"]]
        assert [vector[0] for vector in made_of.vectors] == [0, 1, 0, 1, 0]
        assert made_of.usage == Usage(input=5)

    @pytest.mark.parametrize("words", ["batch size 64 > maximum allowed batch size 32", "Too many inputs in request"])
    def test_too_many_texts_name_the_setting(
        self, server: ModelServer, made: Backend, model: Model, words: str
    ) -> None:
        server.say(Sent.data({"error": words}, 413), at="/embeddings")
        with pytest.raises(RequestRefused, match="cannot fit the request") as refused:
            self.during(made, lambda: made.embed(EmbedRequest(texts=("a", "b")), model))
        assert refused.value.hint == "Set embed_batch in the section [backends.mine]."

    @pytest.mark.parametrize("numbers", [range(11), [None] * 11, [0] * 11, [str(n) for n in range(11)]])
    def test_vectors_in_the_order_of_their_numbers(
        self, server: ModelServer, made: Backend, model: Model, numbers: Any
    ) -> None:
        data = [{"index": number, "embedding": [float(place), 0.5]} for place, number in enumerate(numbers)]
        server.say(Sent.data({"data": data}), at="/embeddings")
        made_of = self.during(made, lambda: made.embed(EmbedRequest(texts=("a",) * 11), model))
        assert [vector[0] for vector in made_of.vectors] == list(range(11))

    @pytest.mark.parametrize("numbers", [[1, 1], [None, 1], ["a", "b"], [[0], [1]]])
    def test_vectors_that_are_wrongly_numbered(
        self, server: ModelServer, made: Backend, model: Model, numbers: Any
    ) -> None:
        data = [{"index": number, "embedding": [0.5]} for number in numbers]
        server.say(Sent.data({"data": data}), at="/embeddings")
        with pytest.raises(BadAnswer, match="it numbers its vectors as"):
            self.during(made, lambda: made.embed(EmbedRequest(texts=("a", "b")), model))

    def test_an_error_instead_of_vectors(self, server: ModelServer, made: Backend, model: Model) -> None:
        server.say(Sent.data({"error": {"message": "Model is loading.", "code": 503}}), at="/embeddings")
        with pytest.raises(BackendDown, match="Model is loading"):
            self.during(made, lambda: made.embed(EmbedRequest(texts=("a", "b")), model))

    def test_a_server_that_cannot_embed_is_not_down(self, server: ModelServer, made: Backend, model: Model) -> None:
        server.say(Sent.data({"error": {"message": "This server does not support embeddings."}}, 501))
        with pytest.raises(Unsupported, match="does not support embeddings"):
            self.during(made, lambda: made.embed(EmbedRequest(texts=("a",)), model))

    def test_a_vector_that_is_missing(self, server: ModelServer, made: Backend, model: Model) -> None:
        server.say(_vectors([0]), at="/embeddings")
        with pytest.raises(BadAnswer, match="1 vectors for 2 texts"):
            self.during(made, lambda: made.embed(EmbedRequest(texts=("a", "b")), model))

    def test_what_servers_tell_of_their_models(self, server: ModelServer, made: Backend) -> None:
        said = [
            {"id": "vllm", "max_model_len": 4096},
            {"id": "mistral", "capabilities": {"function_calling": True, "vision": False}, "max_context_length": 9},
            {"id": "router", "supported_parameters": ["tools", "structured_outputs"], "context_length": 7},
        ]
        server.say(Sent.data({"data": said}), at="/models")
        can = {model.name: model.can for model in self.during(made, made.models)}
        assert can["vllm"] == Can(context=4096)
        assert can["mistral"] == Can(tools=True, context=9)
        assert can["router"] == Can(tools=True, json_schema=True, context=7)

    def test_headers_and_query_of_a_server_hold_secrets(
        self, server: ModelServer, config: BackendConfig, witness: Witness, model: Model
    ) -> None:
        """As Azure and Copilot want them; nothing that the server repeats of a secret is shown."""
        witness.secrets["AZURE_KEY"] = "az-secret"
        more = {"headers": {"api-key": "$AZURE_KEY", "Editor-Version": "x/1"}, "query": {"api-version": "2026-01"}}
        made = OpenAI(config.model_copy(update=more), witness)
        self.asked(server, made, model, question())
        heard = server.heard[-1]
        assert (heard.headers["api-key"], heard.headers["editor-version"]) == ("az-secret", "x/1")
        assert heard.path.endswith("/chat/completions?api-version=2026-01")
        server.say(Sent.data(self.dialect.refusal(400, "Not with 'az-secret'."), 400), at=CHAT)
        assert all("az-secret" not in str(error) for error in self.both(made, model, question()))
        del witness.secrets["AZURE_KEY"]
        with pytest.raises(CredentialsRefused, match="needs the secret 'AZURE_KEY', which is not set"):
            self.during(made, lambda: made.chat(question(), model))

    def test_options_that_no_one_knows_are_an_obstacle(self, config: BackendConfig, witness: Witness) -> None:
        made = OpenAI(config.model_copy(update={"options": {"sed": "x"}}), witness)
        assert "[backends.mine], options.sed" in str(made.obstacle())

    def test_a_missing_key_is_an_obstacle_elsewhere(self, witness: Witness) -> None:
        made = OpenAI(BackendConfig(name="openai", kind="openai"), witness)
        assert made.obstacle() == "no key: set the secret 'OPENAI_API_KEY', or the environment variable of that name"

    @pytest.mark.parametrize("url", ["localhost:1234/v1", "/v1", "http://", "ftp://a/", "http://[::1"])
    def test_an_address_that_is_none_is_an_obstacle(self, config: BackendConfig, witness: Witness, url: str) -> None:
        made = OpenAI(config.model_copy(update={"base_url": url}), witness)
        assert f"'{url}' is not an address" in str(made.obstacle())

    def test_several_servers_at_once(self, server: ModelServer, config: BackendConfig, witness: Witness) -> None:
        with ModelServer() as second:
            second.say(self.dialect.models("other"), at="/models")
            other = config.model_copy(update={"name": "other", "base_url": second.url + "/v1"})
            backends = OpenAI(config, witness), OpenAI(other, witness)

            async def ask() -> list[list[Model]]:
                listed = await asyncio.gather(*(backend.models() for backend in backends))
                await asyncio.gather(*(backend.close() for backend in backends))
                return listed

            assert [[model.id for model in models] for models in asyncio.run(ask())] == [
                ["mine/small", "mine/large"],
                ["other/other"],
            ]


def _vectors(order: Any) -> Sent:
    data = [{"object": "embedding", "index": number, "embedding": [float(number), 0.5]} for number in order]
    return Sent.data({"data": data, "model": "small", "usage": {"prompt_tokens": len(data), "total_tokens": len(data)}})
