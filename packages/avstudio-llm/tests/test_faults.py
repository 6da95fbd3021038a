"""Errors that servers send instead of an answer."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from email.utils import formatdate

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from avstudio_core.errors import (
    BackendDown,
    ContextTooLong,
    CredentialsRefused,
    ModelError,
    RateLimited,
    RequestRefused,
    Unsupported,
)
from avstudio_core.kinds.backend import Backend, BackendConfig
from avstudio_core.studio import Studio
from avstudio_core.testing.backend_contract import KEY, Witness
from avstudio_llm.backends.google import Google
from avstudio_llm.failures import in_stream, refused, translated


@pytest.fixture
def backend(studio: Studio) -> Backend:
    witness = Witness(studio)
    witness.secrets["MY_KEY"] = KEY
    config = BackendConfig(name="mine", kind="google", base_url="http://localhost:1/v1", key_variable="MY_KEY")
    return Google(config, witness)


@pytest.mark.parametrize(("seconds", "waited"), [(2.0, 2.0), (600.0, None)])
def test_only_a_limit_of_the_caller_can_be_too_short_for_a_connection(
    backend: Backend, seconds: float, waited: float | None
) -> None:
    """A host that does not accept connections within our own limit is down, for every caller."""

    async def connect() -> None:
        async with translated(backend, "m", seconds):
            raise httpx2.ConnectTimeout("")

    with pytest.raises(BackendDown) as down:
        asyncio.run(connect())
    assert down.value.waited == waited


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
        "the request exceeds the available context size. try increasing the context size or enable context shift",
        "Trying to keep the first 10136 tokens when context the overflows. However, the model is loaded with context"
        " length of only 7866 tokens, which is not enough.",
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        "prompt is too long: 209000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "`inputs` tokens + `max_new_tokens` must be <= 4096",
        "Please reduce the length of the messages or completion.",
        "the input length exceeds the context length",
    ],
)
def test_a_request_that_does_not_fit_in_every_servers_words(backend: Backend, said: str) -> None:
    assert type(refused(backend, 400, {"error": {"message": said}}, "small")) is ContextTooLong
    assert type(in_stream(backend, {"error": said}, "small")) is ContextTooLong


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"object": "error", "message": "Invalid model: nosuch", "code": "1500"}, Unsupported),
        (400, {"error": {"message": "Model not found", "code": "model_not_found"}}, Unsupported),
        (403, {"error": {"message": "No access to model `x`", "code": "model_not_found"}}, Unsupported),
        (413, "too large", ContextTooLong),
        (429, {"error": {"message": "Check your plan and billing.", "code": "insufficient_quota"}}, CredentialsRefused),
        (400, {"error": {"message": "Your credit balance is too low to access the API."}}, CredentialsRefused),
        (402, None, CredentialsRefused),
        (422, {"detail": [{"type": "extra_forbidden", "msg": "Extra inputs are not permitted"}]}, RequestRefused),
        (429, {"error": {"message": "Rate limit reached for gpt-x: Limit 30000, Requested 40000."}}, RateLimited),
    ],
)
def test_a_refusal_is_known_by_its_words(backend: Backend, status: int, body: object, error: type[ModelError]) -> None:
    assert type(refused(backend, status, body, "small")) is error


def test_a_refusal_says_who_what_and_why(backend: Backend) -> None:
    error = refused(backend, 400, {"error": {"message": "temperature: must be below 1\nor so"}}, "small")
    said = "Backend 'mine' at 'localhost:1' refuses the request to the model 'small' (status 400): "
    assert str(error) == said + "'temperature: must be below 1 or so'."


@pytest.mark.parametrize("said", [f"Wrong key {KEY}!", "Incorrect API key provided: sk-ab***************cdef."])
def test_no_trace_of_a_key_is_repeated(backend: Backend, said: str) -> None:
    text = str(refused(backend, 401, {"error": {"message": said}}, "small"))
    assert "'MY_KEY'" in text
    assert not re.search(r"\*|cdef|0123456789", text)


def test_a_long_story_is_cut(backend: Backend) -> None:
    assert len(str(refused(backend, 500, "x" * 100_000, "small"))) < 500


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        *[({"retry-after": "1.5"}, 1.5), ({"retry-after-ms": "250", "retry-after": "9"}, 0.25)],
        *[({"retry-after": wait}, None) for wait in ("nan", "inf", "1e308", "")],
        ({}, None),
    ],
)
def test_how_long_to_wait(backend: Backend, headers: dict[str, str], seconds: float | None) -> None:
    error = refused(backend, 429, None, "small", headers)
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


def test_a_date_to_wait_for(backend: Backend) -> None:
    error = refused(backend, 429, None, "small", {"retry-after": formatdate(4_000_000_000, usegmt=True)})
    assert isinstance(error, RateLimited)
    assert error.retry_after is not None
    assert error.retry_after > 1_000_000


WITHOUT = """
import asyncio, sys
sys.modules["anthropic"] = None
from avstudio_core.errors import MissingDependency
from avstudio_core.kinds.backend import BackendConfig
from avstudio_core.language_models import Model
from avstudio_core.testing.backend_contract import question
from avstudio_llm.backends.anthropic import Anthropic

class Host:
    def secret(self, variable):
        return "key"

made = Anthropic(BackendConfig(name="anthropic", kind="anthropic"), Host())
print(made.obstacle())
try:
    asyncio.run(made.chat(question(), Model(backend="anthropic", name="small", local=False)))
except MissingDependency as error:
    print(error)
"""


def test_a_missing_library_is_reported_with_the_cure() -> None:
    ran = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    cure = "Backend 'anthropic' needs an extra that is not installed. Run: pip install 'avstudio-llm[anthropic]'"
    assert ran.stdout.splitlines() == [cure, cure]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "message", "code", "type", "detail"]), inner)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(300, 599), JSON, st.text(), st.dictionaries(st.sampled_from(["retry-after", "location"]), st.text()))
def test_whatever_a_server_says_is_one_line_of_ours(
    backend: Backend, status: int, body: object, model: str, headers: dict[str, str]
) -> None:
    for error in (refused(backend, status, body, "small", headers), in_stream(backend, body, "small")):
        assert isinstance(error, ModelError)
        assert str(error).startswith("Backend 'mine' at 'localhost:1' ")
        assert "\n" not in str(error)
