"""Requests in OpenAI's form are accepted."""

from __future__ import annotations

from typing import Any

import pytest

from avstudio_core.chat import ChatRequest, Image, Message, Text, Tool, ToolCall
from avstudio_core.errors import InvalidParams


def test_messages_in_openais_form_are_taken() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "cut", "arguments": '{"at": 1}'}}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    turns: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Cut?"}, picture]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "Done."},
    ]
    system, user, assistant, tool = ChatRequest.of(turns, stop="x").messages
    assert (system.role, system.text, tool.tool_call_id) == ("system", "Be brief.", "c1")
    assert user.content == (Text(text="Cut?"), Image(media_type="image/png", data="aGk="))
    assert (assistant.text, assistant.tool_calls) == ("", (ToolCall(id="c1", name="cut", arguments={"at": 1}),))
    assert ChatRequest.of(turns, stop="x").stop == ("x",)


def test_a_picture_that_is_an_address_is_refused_in_plain_words() -> None:
    turns: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]}]
    with pytest.raises(InvalidParams, match=r"'https://x\.example/a\.png' is an address"):
        ChatRequest.of(turns)


@pytest.mark.parametrize("stop", ["", [""], ["END", ""], [1], [None], "\ud800"])
def test_a_stop_that_no_answer_can_have_is_refused(stop: Any) -> None:
    with pytest.raises(InvalidParams, match=r"The request cannot be used: 'stop\.\d' is "):
        ChatRequest.of("Hello", stop=stop)
    assert ChatRequest.of("Hello", stop=[]).stop == ()


def test_tools_in_openais_form_are_taken() -> None:
    function = {"name": "cut", "description": "Cuts.", "parameters": {"type": "object", "properties": {}}}
    tools = [{"type": "function", "function": {**function, "strict": True}}, function]
    assert ChatRequest.of("Hello", tools=tools).tools == (Tool.model_validate(function),) * 2


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ([{"role": "user", "content": 5}], "the content is neither text nor a list of parts"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "a part of the type 'input_audio' is not supported"),
        ([None], "'messages.0' is 'None': should be an object"),
        ([], r"'messages' is '\(\)': should not be empty"),
        ({"role": "user", "content": "Hello"}, "is a single message. Put it in a list."),
        (Message(role="user", content="Hello"), "is a single message. Put it in a list."),
        (b"Hello", "is not a prompt. Give text"),
    ],
)
def test_a_prompt_of_another_form_is_refused_in_plain_words(prompt: Any, said: str) -> None:
    with pytest.raises(InvalidParams, match=said) as refused:
        ChatRequest.of(prompt)
    assert "tuple" not in str(refused.value)


def test_a_message_without_parts_is_an_empty_text() -> None:
    turns: Any = [{"role": "user", "content": []}]
    assert ChatRequest.of(turns).messages == ChatRequest.of("").messages
    with pytest.raises(InvalidParams, match="'messages' is"):
        ChatRequest.of([])
