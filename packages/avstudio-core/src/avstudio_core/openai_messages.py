"""Converts messages in the common form of OpenAI's protocol into ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

ROLES = {"developer": "system"}
_CARRIED = re.compile(r"data:([a-z0-9.+/-]+);base64,(.*)", re.IGNORECASE | re.DOTALL)


def taken(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message in the form of our `Message`; one that is already in that form does not change.

    A message without parts is an empty text, as one without content.

    Raises `ValueError` for a picture given by its address, which the model's server would have to fetch.
    """
    own = {name: value for name, value in message.items() if not (value is None and name in ("content", "tool_calls"))}
    if isinstance(own.get("role"), str):
        own["role"] = ROLES.get(own["role"], own["role"])
    if isinstance(own.get("content"), list | tuple):
        own["content"] = [_part(part) for part in own["content"]] or ""
    if isinstance(own.get("tool_calls"), list | tuple):
        own["tool_calls"] = [_call(call) for call in own["tool_calls"]]
    return own


def _part(part: Any) -> Any:
    if not isinstance(part, Mapping) or part.get("type") != "image_url":
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
