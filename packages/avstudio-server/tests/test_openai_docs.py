"""The page on OpenAI's client: its tables have every parameter of the real client, and say what the code does."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

pytest.importorskip("fastapi", reason="avstudio-server[rest] is not installed")
openai = pytest.importorskip("openai", reason="openai is not installed")
PAGE = (Path(__file__).parents[3] / "docs" / "howto" / "openai.md").read_text(encoding="utf-8")
OF_THE_CLIENT = {"extra_headers", "extra_query", "extra_body", "timeout"}
ROW = re.compile(r"^\| (`.+?) \| (\w+) \|", re.MULTILINE)


def rows(section: str) -> dict[str, str]:
    """What a section of the page says about each parameter."""
    text = PAGE.partition(f"### {section}\n")[2].partition("\n#")[0]
    return {name: found[2] for found in ROW.finditer(text) for name in re.findall(r"`(\w+)`", found[1])}


def parameters(*methods: Any) -> set[str]:
    return {name for one in methods for name in inspect.signature(one).parameters} - OF_THE_CLIENT


def is_what(names: set[str], request: type[BaseModel], refused: tuple[str, ...]) -> dict[str, str]:
    followed = set(request.model_fields) | {"file"}
    return {name: "refused" if name in refused else "followed" if name in followed else "ignored" for name in names}


def test_the_tables_have_every_parameter_of_the_client() -> None:
    from avstudio_server.openai.chat_request import REFUSED, ChatCompletionRequest
    from avstudio_server.openai.embeddings import EmbeddingRequest
    from avstudio_server.openai.transcription_request import REFUSED as NOT_HEARD, TranscriptionRequest

    client = openai.OpenAI(api_key="none")
    chat = parameters(client.chat.completions.create)
    assert rows("Chat completions") == is_what(chat, ChatCompletionRequest, REFUSED)
    assert rows("Embeddings") == is_what(parameters(client.embeddings.create), EmbeddingRequest, ())
    sound = parameters(client.audio.transcriptions.create, client.audio.translations.create)
    assert rows("Transcriptions and translations") == is_what(sound, TranscriptionRequest, NOT_HEARD)


def test_the_page_has_the_parameters_of_the_studio() -> None:
    from avstudio_server.openai.chat_request import OURS
    from avstudio_server.openai.transcription_request import TranscriptionRequest

    assert set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE)) == set(OURS)
    forms = TranscriptionRequest.model_json_schema()["properties"]["response_format"]["enum"]
    (line,) = [line for line in PAGE.splitlines() if "`verbose_json`;" in line]
    assert set(re.findall(r"`(\w+)`", line)) == {"response_format", *forms}
