"""Requests to language models, from the studio to the ledger."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from avstudio_core import Principal, Studio, hookimpl
from avstudio_core.chat import (
    ChatRequest,
    Delta,
    Image,
    Message,
    ModelWarning,
    Reply,
    Text,
    Tool,
    ToolCall,
    Usage,
    Vectors,
)
from avstudio_core.errors import (
    AVStudioError,
    BackendDown,
    BadAnswer,
    ContextTooLong,
    CredentialsRefused,
    EgressRefused,
    InvalidInput,
    InvalidParams,
    ModelError,
    NoModel,
    NotEnoughMemory,
    NotFound,
    OverBudget,
    PartialAnswer,
    RateLimited,
    RequestRefused,
    StorageError,
    TaskCancelled,
    TaskFailed,
    Unsupported,
)
from avstudio_core.language_models import Can, Model
from avstudio_core.testing import scripted, until
from avstudio_core.testing.scripted import Scripted

MODELS = """
[backends.near]
kind = "scripted"
options = { models = ["small"] }

[backends.coding]
kind = "scripted"
options = { models = ["qwen-coder"] }

[backends.cloud]
kind = "scripted"
local = false
base_url = "https://models.example/v1"
options = { models = ["big"] }

[backends.dark]
kind = "scripted"
local = false
options = { models = ["unpriced"] }

[models."near/small"]
quality = 0.6

[models."coding/qwen-coder"]
quality = 0.55

[models."cloud/big"]
quality = 0.95
can = { vision = true, sampling = false, context = 5000, output = 100 }

[prices."cloud/big"]
input = 10
output = 1000
"""
Make = Callable[..., Studio]
SHORT = 0.5
"""A time limit in seconds that is over soon, but long enough to call a model whose backend is known."""


class Unlisted(Scripted):
    """A cloud that is not asked for its models before each request."""

    name = "unlisted"
    lists_cheaply = False
    always_local = False

    def _names(self) -> list[str]:
        return ["medium"]


class Locked(Unlisted):
    """A cloud that refuses every request, also for its models."""

    name = "locked"
    lists_cheaply = True
    refusal = CredentialsRefused("The cloud refuses its key.", hint="Give another key.")

    async def models(self) -> list[Model]:
        raise self.refusal


class Slow(Scripted):
    """A server that does not list its models before it is ready."""

    name = "slow"
    ready = threading.Event()

    async def models(self) -> list[Model]:
        while not self.ready.is_set():
            await asyncio.sleep(0.01)
        return await super().models()


class Broken(Locked):
    """One that cannot even be created."""

    name = "broken"

    def __init__(self, *_: object) -> None:
        raise self.refusal


slow = ModuleType("slow")
unlisted = ModuleType("unlisted")
locked = ModuleType("locked")
locked.register_backends = hookimpl(lambda: [Locked, Broken])  # type: ignore[attr-defined]
slow.register_backends = hookimpl(lambda: [Slow])  # type: ignore[attr-defined]
unlisted.register_backends = hookimpl(lambda: [Unlisted])  # type: ignore[attr-defined]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A studio with two local scripted models and two of the cloud, of which one has no price."""
    made: list[Studio] = []

    def studio(models: str = MODELS, *, add: list[ModuleType] | None = None, **settings: Any) -> Studio:
        home = tmp_path / f"home-{len(made)}"
        home.mkdir()
        (home / "models.toml").write_text(models, encoding="utf-8")
        settings = {"executor": "inline", "plugins": "", **settings}
        made.append(Studio(home=home, add=[scripted, *(add or [])], **settings))
        return made[-1]

    yield studio
    for one in made:
        one.close()


def backend(studio: Studio, name: str) -> Scripted:
    found = studio.llm._gateway.backends.find(name).backend
    assert isinstance(found, Scripted)
    return found


def calls(studio: Studio, count: int = 1) -> list[dict[str, Any]]:
    """What the ledger has, oldest first, once it has so many: calls are settled behind their answers."""
    query = """
        select backend, model, outcome, error, rule, task, sum(cost_micro) as cost, input, output from api_calls
        join cost_records on cost_records.call_id = api_calls.id
        join token_usage on token_usage.call_id = api_calls.id group by api_calls.id order by api_calls.rowid
    """

    def settled() -> list[dict[str, Any]] | None:
        with studio._database.read() as connection:
            found = [dict(row) for row in connection.exec_driver_sql(query).mappings()]
        return found if len(found) >= count else None

    return until(settled)


def test_a_question_is_answered_by_the_nearest_model(make: Make) -> None:
    studio = make()
    answer = studio.chat("Is anybody there?", system="Be brief.")
    assert (answer.text, answer.model, answer.cost) == ("Yes.", "near/small", 0.0)
    [heard] = backend(studio, "near").heard
    assert isinstance(heard, ChatRequest)
    assert [(turn.role, turn.text) for turn in heard.messages] == [
        ("system", "Be brief."),
        ("user", "Is anybody there?"),
    ]


def test_a_stream_ends_with_its_answer(make: Make) -> None:
    studio = make()
    backend(studio, "near").says = [["One ", "two.", Delta(finish="stop", usage=Usage(input=4, output=2))]]
    stream = studio.stream("Count.")
    with pytest.raises(ModelError, match="to its end"):
        _ = stream.answer
    assert [delta.text for delta in stream] == ["One ", "two."]
    assert (stream.answer.text, stream.answer.usage.output) == ("One two.", 2)


def test_an_event_loop_may_ask_too(make: Make) -> None:
    studio = make()

    async def both() -> tuple[str, str]:
        streamed = [delta.text async for delta in studio.stream("Again?")]
        return (await studio.achat("Once?")).text, "".join(streamed)

    assert asyncio.run(both()) == ("Yes.", "Yes.")


def test_a_stream_that_is_left_stops_the_model_and_is_paid(make: Make) -> None:
    studio = make()
    backend(studio, "cloud").says = [["word "] * 50 + [30.0]]
    for _ in studio.stream("Talk.", model="cloud/big"):
        break
    [call] = calls(studio)
    assert (call["outcome"], backend(studio, "cloud").stopped) == ("cancelled", 1)
    assert call["cost"] > 0


@pytest.mark.parametrize("name", ["locked", "broken"])
def test_the_error_of_a_backend_keeps_its_kind_and_its_hint(make: Make, name: str) -> None:
    studio = make("", add=[locked])
    backend(studio, "scripted").can = Can(chat=False)
    found = next(one for one in studio.llm.models() if one.model.backend == name)
    assert (found.obstacle, found.hint) == ("The cloud refuses its key", "Give another key.")
    with pytest.raises(NoModel, match=rf"{name}/\*: The cloud refuses its key") as refused:
        studio.llm.route("Hello?")
    assert refused.value.hint == "Give another key. See the list of models."


def test_a_named_model_of_a_broken_backend_is_refused_with_the_kind_and_hint(make: Make) -> None:
    with pytest.raises(CredentialsRefused, match="The cloud refuses its key") as refused:
        make("", add=[locked]).chat("Hello?", model="broken/medium")
    assert refused.value.hint == "Give another key."


@pytest.mark.parametrize("streamed", [False, True])
def test_the_warnings_of_a_backend_are_in_the_answer(make: Make, streamed: bool) -> None:
    studio = make()
    backend(studio, "near").says = [
        ["Yes.", Delta(finish="stop", warnings=(ModelWarning("prompt_cut", "A part is missing."),))]
    ]
    stream = studio.stream("Is it?")
    answer = studio.chat("Is it?") if not streamed else stream.answer if list(stream) else None
    assert answer is not None
    assert [(one.code, one.message) for one in answer.warnings] == [("prompt_cut", "A part is missing.")]


@pytest.mark.parametrize("ending", ["cancelled", "timed out"])
@pytest.mark.parametrize("verb", ["chat", "stream"])
def test_a_call_that_ends_before_its_first_word_costs_the_estimate(make: Make, verb: str, ending: str) -> None:
    studio = make()
    cloud = backend(studio, "cloud")
    cloud.says = [[30.0]]

    async def ask(timeout: float) -> None:
        if verb == "chat":
            await studio.achat("Talk.", model="cloud/big", timeout=timeout)
        async for _ in studio.stream("Talk.", model="cloud/big", timeout=timeout):
            pass

    async def cancel() -> None:
        asked = asyncio.create_task(ask(30.0))
        while not cloud.heard:
            await asyncio.sleep(0.001)
        asked.cancel()
        await asked

    estimate = studio.llm.route("Talk.", model="cloud/big").estimate  # from now on, a choice takes no time
    with pytest.raises((asyncio.CancelledError, BackendDown)):
        asyncio.run(cancel() if ending == "cancelled" else ask(SHORT))
    call = calls(studio)[-1]
    assert (call["input"], call["output"]) == (estimate.input_tokens, estimate.output_tokens)
    assert call["cost"] == estimate.cost_micro


@pytest.mark.parametrize("verb", ["chat", "stream", "embed"])
@pytest.mark.parametrize("reported", [Usage(input=10**30), Usage(input=1, output=10**12), Usage(seconds=float("inf"))])
def test_a_report_of_impossible_usage_does_not_count(make: Make, verb: str, reported: Usage) -> None:
    studio = make()
    backend(studio, "near").says = [Reply("Yes.", usage=reported)]
    backend(studio, "near").embeds = [Vectors([[1.0]], reported)]
    if verb == "stream":
        list(stream := studio.stream("Hello?"))
        usage = stream.answer.usage
    else:
        usage = getattr(studio.llm, verb)("Hello?").usage
    assert usage.estimated
    assert calls(studio)[0]["input"] == usage.input < 10


@pytest.mark.parametrize("verb", ["chat", "stream"])
def test_what_arrived_of_a_broken_answer_counts(make: Make, verb: str) -> None:
    studio = make()
    wanted = ToolCall(id="1", name="search", arguments={"words": "a long question " * 10})
    backend(studio, "cloud").says = [["Let me see.", Delta(tool_calls=(wanted,)), RequestRefused("No more.")]]
    with pytest.raises((PartialAnswer, RequestRefused)):
        list(getattr(studio, verb)("Search.", model="cloud/big"))
    assert 50 < calls(studio)[0]["output"] < 60


def test_what_a_server_does_not_count_is_estimated(make: Make) -> None:
    studio = make()
    backend(studio, "near").says = [["four words of text"]]
    answer = studio.chat("How many?")
    assert answer.usage.estimated
    assert answer.usage.output == 6


def test_a_cost_is_price_times_usage(make: Make) -> None:
    studio = make()
    backend(studio, "cloud").says = [Reply("Dear.", usage=Usage(input=11, output=7))]
    answer = studio.chat("What?", model="cloud/big")
    assert answer.cost_micro == 11 * 10 + 7 * 1000
    assert calls(studio)[0]["cost"] == answer.cost_micro


@pytest.mark.parametrize(
    "error",
    [
        BackendDown("It is gone."),
        RateLimited("Busy.", retry_after=90.0),
        CredentialsRefused("No."),
        NotEnoughMemory("Too big."),
        EgressRefused("Not there."),
    ],
)
def test_a_failure_before_the_first_word_falls_back_to_the_next(make: Make, error: AVStudioError) -> None:
    studio = make()
    backend(studio, "near").says = [error]
    answer = studio.chat("Hello?")
    assert (answer.model, answer.decision.chosen) == ("coding/qwen-coder", "near/small")
    assert [warning.code for warning in answer.warnings] == ["fallback"]
    assert [(call["model"], call["outcome"], call["error"]) for call in calls(studio, 2)] == [
        ("small", "failed", error.code),
        ("qwen-coder", "ok", None),
    ]


def test_a_failure_after_the_first_word_is_partial_and_keeps_the_text(make: Make) -> None:
    studio = make()
    backend(studio, "near").says = [["Once upon ", "a time", BackendDown("The server left.")]]
    with pytest.raises(PartialAnswer, match=r"'near/small' broke off in its answer: The server left\.") as caught:
        list(studio.stream("A story."))
    assert caught.value.text == "Once upon a time"
    assert [call["outcome"] for call in calls(studio)] == ["partial"]


def test_a_request_that_is_refused_is_not_asked_elsewhere(make: Make) -> None:
    studio = make()
    backend(studio, "near").says = [RequestRefused("Not like this.")]
    with pytest.raises(RequestRefused, match="Not like this"):
        studio.chat("Hello?")
    assert backend(studio, "coding").heard == []


@pytest.mark.parametrize("error", [RateLimited("Busy.", retry_after=1.0), BackendDown("Starting.", retry_after=1.0)])
def test_a_server_that_asks_for_a_pause_gets_it(make: Make, error: AVStudioError) -> None:
    """A whole second: the gateway itself would wait half of one."""
    studio = make()
    asked: list[float] = []

    def busy(request: ChatRequest) -> Any:
        asked.append(time.monotonic())
        return error if len(asked) == 1 else "Now."

    backend(studio, "near").says = [busy]
    assert studio.chat("Hello?", model="near/small").text == "Now."
    assert 1.0 <= asked[1] - asked[0] < 10.0


def test_a_pause_longer_than_the_callers_time_is_reported_at_once(make: Make) -> None:
    studio = make()
    backend(studio, "near").says = [RateLimited("Busy.", retry_after=90.0)]
    began = time.monotonic()
    with pytest.raises(RateLimited, match=r"Busy\. Try again in 90 s\."):
        studio.chat("Hello?", model="near/small", timeout=20.0)
    assert time.monotonic() - began < 10.0
    assert len(backend(studio, "near").heard) == 1


def test_the_time_bounds_the_whole_call_retries_included(make: Make) -> None:
    studio = make()
    backend(studio, "near").says = [BackendDown("Starting.")]
    with pytest.raises(BackendDown):
        studio.chat("Hello?", model="near/small", timeout=0.7)  # the pauses alone would take 1.5 s
    assert len(backend(studio, "near").heard) < 3
    assert all(request.timeout <= 0.7 for request in backend(studio, "near").heard)


def test_a_slow_list_of_models_does_not_exceed_the_callers_time(make: Make) -> None:
    """It counts as absent for this caller only."""
    Slow.ready.clear()
    studio = make(add=[slow])
    assert studio.chat("Hello?", model="near/small", timeout=2.0).text == "Yes."
    Slow.ready.set()
    assert studio.chat("Hello?", model="slow/one").text == "Yes."


def test_the_choice_of_a_model_is_part_of_the_time(make: Make) -> None:
    Slow.ready.clear()
    studio = make(add=[slow])
    studio.chat("Hello?", model="near/small", timeout=2.0)
    assert backend(studio, "near").heard[0].timeout < 1.1


def test_a_choice_that_takes_all_the_time_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = make()
    monkeypatch.setattr(backend(studio, "near"), "obstacle", lambda: time.sleep(0.2))
    with pytest.raises(BackendDown, match=r"The time limit of 0\.1 s passed before a model was called\."):
        studio.chat("Hello?", model="near/small", timeout=0.1)


def test_one_callers_short_time_shuts_a_backend_for_no_one(make: Make) -> None:
    studio = make()
    near = backend(studio, "near")
    near.says = [*([[30.0]] * 4), "Now."]
    while len(near.heard) < 4:  # it is not heard if the choice of the model takes all the time
        with pytest.raises(BackendDown):
            studio.chat("Quick!", model="near/small", timeout=0.05)
    assert studio.chat("Hello?").model == "near/small"


@pytest.mark.parametrize("used", [None, Usage(input=1000, output=6)])
def test_an_answer_that_cannot_be_used_is_paid_for(make: Make, used: Usage | None) -> None:
    """What the server reports, else our estimate: else a hard limit is overrun by answers that fail."""
    studio = make()
    error = BadAnswer("What?")
    error.used = used
    backend(studio, "cloud").says = [error]
    with pytest.raises(BadAnswer):
        studio.chat("Hello?", model="cloud/big")
    [call] = calls(studio)
    assert call["outcome"] == "failed"
    assert (call["input"], call["output"]) == ((1000, 6) if used else (2, 100))
    assert call["cost"] == call["input"] * 10 + call["output"] * 1000


def test_a_time_out_is_paid_for_and_a_server_that_is_not_there_is_not(make: Make) -> None:
    studio = make()
    backend(studio, "cloud").says = [[30.0], BackendDown("Nobody is there.")]
    studio.llm.route("Hello?", model="cloud/big")
    for _ in range(2):
        with pytest.raises(BackendDown):
            studio.chat("Hello?", model="cloud/big", timeout=SHORT)
    late, gone = calls(studio, 2)
    assert late["cost"] > 0
    assert gone["cost"] == 0


def test_embeddings_are_reserved_counted_and_paid_for(make: Make) -> None:
    studio = make(MODELS.replace("can = { vision", "can = { embed = true, vision"))
    studio.llm.embed(["four", "sixsix"], model="cloud/big")
    backend(studio, "cloud").embeds = [Vectors([[1.0], [NAN]], Usage(input=7)), Vectors([[1.0], [2.0]])]
    with pytest.raises(BadAnswer):
        studio.llm.embed(["one", "two"], model="cloud/big")
    assert studio.llm.embed(["one", "two"], model="cloud/big").usage == Usage(input=2, estimated=True)
    found = calls(studio, 3)
    assert [(call["outcome"], call["input"], call["cost"]) for call in found] == [
        ("ok", 10, 100),
        ("failed", 7, 70),
        ("ok", 2, 20),
    ]
    studio.ledger.set_budget("global", "day", 200)
    with pytest.raises(OverBudget):
        studio.llm.embed(["one", "two"], model="cloud/big")
    assert len(backend(studio, "cloud").heard) == 3


def test_an_answer_that_does_not_say_that_it_is_whole_has_a_warning(make: Make) -> None:
    studio = make()
    backend(studio, "near").says = [["Once upon a time."]]
    stream = studio.stream("A story.")
    assert "".join(delta.text for delta in stream) == "Once upon a time."
    assert [warning.code for warning in stream.answer.warnings] == ["unfinished"]


def test_an_answer_that_takes_too_long_is_given_up(make: Make) -> None:
    studio = make()
    backend(studio, "near").says = [[30.0]]
    studio.llm.route("Quick!", model="near/small")
    with pytest.raises(BackendDown, match=r"'near/small' did not answer within 0\.\d+ s"):
        studio.chat("Quick!", model="near/small", timeout=SHORT)


def test_a_backend_that_keeps_failing_is_left_alone(make: Make) -> None:
    studio = make()
    backend(studio, "near").says = [BackendDown("It is gone.")]
    for _ in range(4):
        studio.chat("Hello?")
    assert len(backend(studio, "near").heard) == 3
    rejected = {one.model: one.reason for one in studio.llm.route("Hello?").rejected}
    assert "failed 3 times in a row" in rejected["near/small"]


def test_an_outage_of_all_models_that_may_answer_is_told_as_one(make: Make) -> None:
    studio = make()
    for name in ("near", "coding", "scripted"):
        backend(studio, name).says = [BackendDown("It is gone.")]
    for _ in range(3):
        with pytest.raises(BackendDown, match="It is gone"):
            studio.chat("Hello?", require_local=True)
    with pytest.raises(BackendDown, match="it failed 3 times in a row; the next try is in"):
        studio.chat("Hello?", require_local=True)


def test_what_a_model_cannot_do_is_refused_never_left_out(make: Make) -> None:
    studio = make()
    picture = Message(role="user", content=(Text(text="What is it?"), Image(media_type="image/png", data="AAAA")))
    with pytest.raises(Unsupported, match="'near/small' cannot answer: it does not support pictures"):
        studio.chat([picture], model="near/small")
    with pytest.raises(Unsupported, match="it does not support temperature"):
        studio.chat("Roll.", model="cloud/big", temperature=1.0)
    with pytest.raises(ContextTooLong, match="do not fit its context of 5000"):
        studio.chat("word " * 5000, model="cloud/big")
    assert studio.chat([picture], max_tokens=10).model == "cloud/big"


def test_tool_calls_come_back_with_their_ids(make: Make) -> None:
    studio = make()
    call = ToolCall(id="call-1", name="weather", arguments={"where": {"city": "Oslo"}})
    backend(studio, "near").says = [Reply(tool_calls=(call,), finish="tool_calls")]
    answer = studio.chat("Rain?", tools=[Tool(name="weather")])
    assert (answer.tool_calls, answer.finish) == ((call,), "tool_calls")
    assert answer.message.tool_calls == (call,)


SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}


def test_an_answer_is_held_to_its_schema(make: Make) -> None:
    studio = make()
    backend(studio, "near").says = ['```json\n{"age": 7}\n```']
    assert studio.chat("How old?", answer_schema=SCHEMA).parsed == {"age": 7}
    heard = backend(studio, "near").heard[0]
    assert isinstance(heard, ChatRequest)
    assert "JSON Schema" in heard.messages[0].text


def test_an_answer_that_does_not_fit_is_sent_back_once(make: Make) -> None:
    studio = make()
    backend(studio, "near").says = ['{"age": "seven"}', '{"age": 7}']
    answer = studio.chat("How old?", answer_schema=SCHEMA)
    assert (answer.parsed, answer.usage.output) == ({"age": 7}, 6)
    assert [warning.code for warning in answer.warnings] == ["repaired"]
    backend(studio, "near").says = ["I am seven."]
    with pytest.raises(BadAnswer, match=r"The answer of 'near/small' does not follow the schema\. It is not JSON"):
        studio.chat("How old?", answer_schema=SCHEMA)


def test_a_repair_is_paid_for_with_all_that_it_reads(make: Make) -> None:
    studio = make()
    backend(studio, "cloud").says = ["wrong " * 400, '{"age": 7}']
    studio.ledger.set_budget("global", "day", 20_000)  # room for the question, not for the question and the answer
    with pytest.raises(OverBudget):
        studio.chat("How old?", model="cloud/big", answer_schema=SCHEMA, max_tokens=1)
    assert len(backend(studio, "cloud").heard) == 1


@pytest.mark.parametrize(
    ("prompt", "options", "kind", "said"),
    [
        ("", {}, InvalidInput, "The prompt is empty"),
        (" \n", {}, InvalidInput, "The prompt is empty"),
        ("broken \udc80", {}, InvalidInput, r"at character 8: '\\udc80'"),
        ("Hello", {"temperature": 3}, InvalidParams, "'temperature' is '3'"),
        ("Hello", {"temprature": 1}, NotFound, "Did you mean 'temperature'"),
        ("Hello", {"model": "near/smal"}, NotFound, "Did you mean 'near/small'"),
        ("Hello", {"model": "auto:cooking"}, NotFound, "No type of task is named 'cooking'"),
        ("Hello", {"answer_schema": {"type": "objekt"}}, InvalidParams, "is not a valid JSON Schema"),
        ("Hello", {"model": "dark/unpriced"}, OverBudget, "its price is unknown"),
    ],
)
def test_a_bad_request_is_reported_before_anything_is_asked(
    make: Make, prompt: str, options: dict[str, Any], kind: type[Exception], said: str
) -> None:
    studio = make()
    with pytest.raises(kind, match=said):
        studio.chat(prompt, **options)
    assert not any(backend(studio, name).heard for name in ("near", "coding", "cloud", "dark"))


def test_a_model_without_a_price_is_taken_where_that_is_allowed(make: Make) -> None:
    assert make().chat("Hello", model="dark/unpriced", allow_unpriced=True).text == "Yes."


@pytest.mark.parametrize("named", [True, False])
def test_a_budget_of_zero_allows_only_free_calls(make: Make, named: bool) -> None:
    studio = make()
    studio.ledger.set_budget("global", "day", 0)
    wish = {"model": "dark/unpriced"} if named else {"require_quality": 0.7}
    with pytest.raises((OverBudget, NoModel), match=r"(?i)budget"):
        studio.chat("Hello", allow_unpriced=True, **wish)
    assert backend(studio, "dark").heard == []
    assert studio.chat("Hello").model == "near/small"


def test_a_price_of_zero_is_a_known_price(make: Make) -> None:
    studio = make(MODELS + '[prices."dark/unpriced"]\ninput = 0\noutput = 0\n')
    answer = studio.chat("Hello", model="dark/unpriced")
    assert (answer.text, answer.cost) == ("Yes.", 0.0)


def test_a_misspelt_model_is_unknown_before_its_price_is(make: Make) -> None:
    studio = make(MODELS + '[backends.far]\nkind = "unlisted"\nlocal = false\n', add=[unlisted])
    with pytest.raises(NotFound, match="Did you mean 'far/medium'"):
        studio.chat("Hello", model="far/meduim")
    with pytest.raises(OverBudget, match="its price is unknown"):
        studio.chat("Hello", model="far/medium")


def test_a_budget_without_room_is_a_reason_before_the_call(make: Make) -> None:
    studio = make()
    studio.ledger.set_budget("global", "day", 5000)
    with pytest.raises(OverBudget, match=r"\$0\.005"):
        studio.chat("Hello?", model="cloud/big")
    with pytest.raises(OverBudget) as refused:
        studio.session(Principal("ann")).chat("Hello?", model="cloud/big")
    assert "are left" not in refused.value.message
    assert backend(studio, "cloud").heard == []
    rejected = {one.model: one.reason for one in studio.llm.route("Hello?").rejected}
    assert rejected["cloud/big"].startswith("over budget")
    assert studio.chat("Hello?", model="cloud/big", max_tokens=1).text == "Yes."


def test_private_words_stay_here_even_if_every_model_here_is_down(make: Make) -> None:
    studio = make()
    for name in ("near", "coding", "scripted"):
        backend(studio, name).says = [CredentialsRefused("Locked.")]
    for wish in ("private", "require_local"):
        with pytest.raises(CredentialsRefused, match="Locked"):
            studio.chat("My diary.", **{wish: True})
    assert backend(studio, "cloud").heard == []
    for far in ("cloud/big", "dark/unpriced"):  # the second passes on from this machine
        with pytest.raises(EgressRefused, match=rf"'{far}' cannot answer: .* the data is private"):
            studio.chat("My diary.", model=far, private=True)


@pytest.mark.parametrize(
    ("model", "wish", "reason"),
    [
        ("cloud/big", {"require_local": True}, "it is not on this machine"),
        ("cloud/big", {"max_cost": 0.0001}, "it would cost about"),
        ("dark/unpriced", {"max_cost": 0, "allow_unpriced": True}, "its price is unknown"),
    ],
)
def test_a_named_model_keeps_the_limits_of_the_request(
    make: Make, model: str, wish: dict[str, Any], reason: str
) -> None:
    studio = make()
    with pytest.raises((NoModel, OverBudget), match=f"'{model}' cannot answer: {reason}"):
        studio.chat("My diary.", model=model, **wish)
    assert backend(studio, model.partition("/")[0]).heard == []
    assert studio.chat("Hello?", model="near/small", **wish).text == "Yes."


def test_a_model_on_another_machine_is_not_local_whatever_its_backend_says(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    studio = make('[backends.far]\nkind = "scripted"\nbase_url = "https://models.example/v1"\n')
    far = next(one.model for one in studio.llm.models() if one.model.backend == "far")
    assert not far.local
    assert "returned 'far/one' as local" in caplog.text
    with pytest.raises(NoModel, match="it is not on this machine"):
        studio.chat("My diary.", model="far/one", require_local=True, allow_unpriced=True)


def test_a_missing_backend_says_how_to_get_one(make: Make) -> None:
    studio = make("")
    backend(studio, "scripted").says = [BackendDown("It is gone.")]
    backend(studio, "scripted").can = backend(studio, "scripted").can.model_copy(update={"chat": False})
    with pytest.raises(NoModel, match="See the list of models"):
        studio.chat("Hello?")


ASKING = """
class Poem(Params):
    local: bool = True

class Said(Result):
    text: str

class Muse(Processor[Poem, Said]):
    "Ask for a poem."
    name = "llm.muse"
    cacheable = False

    def run(self, source, params, context):
        pieces = []
        answer = context.chat("A poem.", on_text=pieces.append, require_local=params.local)
        assert "".join(pieces) == answer.text
        return Said(text=answer.text)

@hookimpl
def register_processors(): return [Muse]
"""


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_run_asks_through_its_studio(make: Make, write_plugin: Callable[[str], ModuleType], executor: str) -> None:
    studio = make(add=[write_plugin(ASKING)], executor=executor)
    backend(studio, "near").says = [["Roses ", "are ", "red.", Delta(finish="stop")]]
    handle = studio.submit("llm.muse")
    assert handle.result().text == "Roses are red."
    tokens = [event.data for event in handle.events() if event.type == "llm.token"]
    assert "".join(str(token["token"]) for token in tokens) == "Roses are red."
    assert tokens[-1]["done"] is True
    assert calls(studio)[0]["task"] == handle.task_id


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_run_hears_what_went_wrong(make: Make, write_plugin: Callable[[str], ModuleType], executor: str) -> None:
    studio = make(add=[write_plugin(ASKING)], executor=executor)
    backend(studio, "near").says = [["Roses ", RequestRefused("No poems.")]]
    with pytest.raises(TaskFailed, match="broke off in its answer: No poems") as caught:
        studio.run("llm.muse")
    assert caught.value.cause == "partial"


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_run_hears_half_a_character(make: Make, write_plugin: Callable[[str], ModuleType], executor: str) -> None:
    studio = make(add=[write_plugin(ASKING)], executor=executor)
    backend(studio, "near").says = [["Roses \ud83c", Delta(finish="stop")]]
    assert "Roses \ufffd" in str(studio.submit("llm.muse").result(20))


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_cancelling_a_run_stops_the_model(make: Make, write_plugin: Callable[[str], ModuleType], executor: str) -> None:
    studio = make(add=[write_plugin(ASKING)], executor=executor)
    began = threading.Event()

    def poem(request: ChatRequest) -> Any:
        began.set()
        return ["Roses ", 60.0]

    backend(studio, "near").says = [poem]
    handle = studio.submit("llm.muse")
    assert began.wait(30)
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result()
    assert calls(studio)[0]["outcome"] == "cancelled"
    assert backend(studio, "near").stopped == 1


EMBEDDING = """
class Words(Params):
    pass

class Count(Result):
    count: int

class Embedding(Processor[Words, Count]):
    "Embed two words."
    name = "llm.words"
    cacheable = False

    def run(self, source, params, context):
        return Count(count=len(context.embed(["one", "two"]).vectors))

@hookimpl
def register_processors(): return [Embedding]
"""
NAN = float("nan")


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        ([[1.0, NAN], [1.0, 2.0]], "Vector 1 from 'near/small' is not a list of finite numbers"),
        ([[1.0], [[1.0]]], "Vector 2 from"),
        (["AACAPw==", "AACAPw=="], "Vector 1 from"),
        ([None, None], "Vector 1 from"),
        ([[], []], "Vector 1 from"),
        (None, "no list of vectors for 2 texts"),
        ([[1.0]], "1 vectors for 2 texts"),
        ([[1.0], [1.0, 2.0]], "different lengths: 1, 2"),
        ([["1.0"], [10**400]], "Vector 1 from"),
    ],
)
def test_vectors_that_cannot_be_used_are_a_bad_answer(make: Make, vectors: Any, said: str) -> None:
    studio = make()
    backend(studio, "near").embeds = [Vectors(vectors, Usage(input=5))]
    with pytest.raises(BadAnswer, match=said):
        studio.llm.embed(["one", "two"], model="near/small")


@pytest.mark.parametrize("executor", ["inline", "local"])
@pytest.mark.parametrize("error", [RuntimeError("a defect of\nthe backend"), KeyError("data"), SystemExit(3)])
def test_whatever_is_raised_behind_a_relay_reaches_the_run(
    make: Make, write_plugin: Callable[[str], ModuleType], executor: str, error: BaseException
) -> None:
    studio = make(add=[write_plugin(EMBEDDING)], executor=executor)
    for name in studio.llm._gateway.backends.all():
        backend(studio, name).embeds = [error]
    with pytest.raises(TaskFailed, match=type(error).__name__):
        studio.submit("llm.words").result(20)


@pytest.mark.parametrize(
    ("said", "text", "reasoning"),
    [
        ("<think>Hm.</think>\n\nYes.", "Yes.", "Hm."),
        ("<think>Hm. </think>\n<think>Ah.</think>\nYes.", "Yes.", "Hm. Ah."),
        ("<THOUGHT>Hm.</THOUGHT>Yes.", "Yes.", "Hm."),
        ("<reasoning>Hm.</reasoning> <b>Yes.</b>", "<b>Yes.</b>", "Hm."),
        ("\n<thinking>Hm. <b></thinking>Yes.", "Yes.", "Hm. <b>"),
        ("<think>Hm.", "", "Hm."),
        ("[THINK]Hm. </think>[/THINK]Yes.", "Yes.", "Hm. </think>"),
        ("<seed:think>Hm.</seed:think>Yes.", "Yes.", "Hm."),
        ("Hm.\n</think>\nYes.", "Yes.", "Hm."),
        ("Hm.\n[/THINK]\nYes.", "Yes.", "Hm."),
        ("<thin ice>", "<thin ice>", ""),
        ("<thi", "<thi", ""),
        ("Write <think> and </think>.", "Write <think> and </think>.", ""),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_thoughts_are_not_part_of_the_answer(make: Make, said: str, text: str, reasoning: str, size: int) -> None:
    studio = make()
    pieces = [said[at : at + size] for at in range(0, len(said), size)]
    backend(studio, "near").says = [Reply(said, usage=Usage(input=1)), [*pieces, Delta(finish="stop")]]
    whole, stream = studio.chat("Well?"), studio.stream("Well?")
    streamed = list(stream)
    assert [(one.text, one.reasoning) for one in (whole, stream.answer)] == [(text, reasoning)] * 2
    if not said.startswith("Hm."):  # only at the end is it known to have been a thought
        assert "".join(delta.text for delta in streamed) == text


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["a\ud83d", "\ude00b"], "a😀b"),
        (["\ud83d", "a"], "\ufffda"),
        (["aä\ud83d"], "aä\ufffd"),
        (["\ude00"], "\ufffd"),
    ],
)
def test_halves_of_characters_are_joined_or_replaced(make: Make, pieces: list[str], text: str) -> None:
    studio = make()
    backend(studio, "near").says = [Reply("".join(pieces), usage=Usage(input=1)), [*pieces, Delta(finish="stop")]]
    whole, stream = studio.chat("Well?"), studio.stream("Well?")
    streamed = list(stream)
    assert [whole.text, stream.answer.text, "".join(delta.text for delta in streamed)] == [text] * 3


def test_instructions_are_one_system_message_the_first(make: Make) -> None:
    """Templates of Qwen 3.5 and others refuse a second one, and one that is not the first."""
    studio = make()
    backend(studio, "near").says = ['{"age": 7}']
    turns = [Message(role="user", content="How old?"), Message(role="system", content="Be exact.")]
    studio.chat(turns, system="Be brief.", answer_schema=SCHEMA)
    heard = backend(studio, "near").heard[0]
    assert isinstance(heard, ChatRequest)
    assert [message.role for message in heard.messages] == ["system", "user"]
    assert re.fullmatch(r"(?s)Be brief\.\n\nBe exact\.\n\nAnswer with JSON.*", heard.messages[0].text)


def test_a_prompt_of_digits_leaves_less_for_the_answer(make: Make) -> None:
    """Each digit may be a token: a server that counts them so refuses a longer answer."""
    studio = make(MODELS.replace("output = 100", "output = 4000"))
    studio.chat("0123456789" * 200, model="cloud/big", allow_unpriced=True)
    heard = backend(studio, "cloud").heard[0]
    assert isinstance(heard, ChatRequest)
    assert 2000 < (heard.max_tokens or 0) <= 3000


@pytest.mark.parametrize(("asked", "sent"), [(None, 100), (50, 50), (5000, 4900)])
def test_an_answer_may_be_as_long_as_fits_the_context(make: Make, asked: int | None, sent: int) -> None:
    studio = make(MODELS.replace("context = 5000, output = 100", "context = 5000, output = " + str(asked or 100)))
    studio.chat("Talk.", model="cloud/big", max_tokens=asked)
    heard = backend(studio, "cloud").heard[0]
    assert isinstance(heard, ChatRequest)
    assert sent - 20 < (heard.max_tokens or 0) <= (sent if asked != 5000 else 4999)


@pytest.mark.parametrize("used", [True, False])
def test_a_closed_studio_calls_no_model(make: Make, used: bool) -> None:
    studio = make()
    if used:
        studio.chat("Hello")
    door = studio.llm
    studio.close()
    for call in (
        lambda: studio.chat("Hello"),
        lambda: [*studio.stream("Hello")],
        lambda: door.embed("Hello"),
        lambda: door.route("Hello"),
        lambda: door.models(),
        lambda: asyncio.run(studio.achat("Hello")),
    ):
        with pytest.raises(StorageError, match=r"^The studio is closed\.$"):
            call()
