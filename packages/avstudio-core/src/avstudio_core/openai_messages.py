"""Converts messages and tools in the common form of OpenAI's protocol into ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from avstudio_core.quotes import quoted

ROLES = {"developer": "system"}
PARTS = ("text", "image", "image_url")
_CARRIED = re.compile(r"data:([a-z0-9.+/-]+);base64,(.*)", re.IGNORECASE | re.DOTALL)


def taken(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message in the form of our `Message`; one that is already in that form does not change.

    A message without parts is an empty text, as one without content.

    Raises `ValueError` for a picture given by its address, which the model's server would have to fetch, and for other
    content than text and pictures.
    """
    own = {name: value for name, value in message.items() if not (value is None and name in ("content", "tool_calls"))}
    if isinstance(own.get("role"), str):
        own["role"] = ROLES.get(own["role"], own["role"])
    content = own.get("content", "")
    if isinstance(content, list | tuple):
        own["content"] = [_part(part) for part in content] or ""
    elif not isinstance(content, str):
        raise ValueError("the content is neither text nor a list of parts")
    if isinstance(own.get("tool_calls"), list | tuple):
        own["tool_calls"] = [_call(call) for call in own["tool_calls"]]
    return own


def tool_taken(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """The tool in the form of our `Tool`; one that is already in that form does not change."""
    if not isinstance(function := tool.get("function"), Mapping):
        return tool
    own = ("name", "description", "parameters")
    return {name: function[name] for name in own if function.get(name) is not None}


def _part(part: Any) -> Any:
    if not isinstance(part, Mapping):
        return part
    if (kind := part.get("type", "text")) not in PARTS:
        raise ValueError(f"a part of the type {quoted(kind)} is not supported: give one of {', '.join(PARTS)}")
    if kind != "image_url":
        return part
    address = part.get("image_url")
    url = str(address.get("url", "") if isinstance(address, Mapping) else address)
    if not (carried := _CARRIED.fullmatch(url)):
        raise ValueError(f"the picture '{url[:80]}' is an address: give its data as in 'data:image/png;base64,…'")
    return {"type": "image", "media_type": carried[1], "data": carried[2]}


def _call(call: Any) -> Any:
    if not isinstance(call, Mapping) or not isinstance(function := call.get("function"), Mapping):
        return call
    arguments = function.get("arguments") or {}
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"the arguments of the call '{function.get('name')}' are not JSON: {error}") from None
    return {"id": call.get("id") or "", "name": function.get("name"), "arguments": arguments}
