from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

import pytest
from hypothesis import given, strategies as st
from pydantic import Field

from avstudio_core import Artifact, Context, Needs, Params, Plan, Processor, Result, Step
from avstudio_core.errors import InvalidParams, InvalidPlan, NotFound
from avstudio_core.parameters import parameters
from avstudio_core.plans.check import check
from avstudio_core.plans.references import Ref


class SplitParams(Params):
    stems: tuple[str, ...] = Field(default=("vocals", "drums"), description="Stems to make.")
    shifts: int = Field(default=1, ge=0, le=10, description="Shifts.")
    mode: Literal["fast", "good"] = Field(default="fast", description="How.")
    gains: dict[str, float] = Field(default={}, description="By stem.")


class Split(Processor[SplitParams, Result]):
    """Split."""

    name = "audio.split"
    accepts = ("audio/*",)

    def outputs(self, params: SplitParams) -> Mapping[str, str]:
        return dict.fromkeys(params.stems, "audio/wav")

    def needs(self, params: SplitParams, source: Artifact | None) -> Needs:
        if "tuba" in params.stems:
            raise NotFound.among("stem", "tuba", ["vocals", "drums", "tube"])
        return Needs()

    def run(self, source: Artifact, params: SplitParams, context: Context) -> Result:
        raise NotImplementedError


class Write(Processor[Params, Result]):
    """Write."""

    name = "audio.write"
    accepts = ("audio/*",)

    def outputs(self, params: Params) -> Mapping[str, str]:
        return {"text": "text/plain"}

    def run(self, source: Artifact, params: Params, context: Context) -> Result:
        raise NotImplementedError


class Make(Processor[Params, Result]):
    """Make."""

    name = "audio.make"

    def outputs(self, params: Params) -> Mapping[str, str]:
        return {"made": "audio/wav"}

    def run(self, source: None, params: Params, context: Context) -> Result:
        raise NotImplementedError


class Tell(Processor[Params, Result]):
    """Tell of several files of different kinds."""

    name = "text.tell"
    accepts = ("text/plain", "text/*")
    source_optional = True

    def outputs(self, params: Params) -> Mapping[str, str]:
        return {"page": "text/html", "words": "text/plain", "more": "text/html"}

    def run(self, source: Artifact | None, params: Params, context: Context) -> Result:
        raise NotImplementedError


KNOWN = {kind.name: kind(None) for kind in (Split, Write, Make, Tell)}  # type: ignore[arg-type]


def known(name: str) -> Processor[Any, Any]:
    if name not in KNOWN:
        raise NotFound.among("processor", name, KNOWN)
    return KNOWN[name]


def refusal(expression: str, source_type: str | None = None) -> tuple[str, str]:
    """What is said of an expression, and the part of it that is underlined."""
    with pytest.raises(InvalidPlan) as refused:
        check(Plan.parse(expression), known, source_type)
    said, line, carets = str(refused.value).split("\n")
    start = carets.index("^")
    assert set(carets[start:]) == {"^"}
    return said, line[start : start + len(carets) - start]


def test_a_pipe_is_steps_that_read_from_each_other() -> None:
    plan = Plan.parse("audio.split:vocals shifts=2 'mode=good' | audio.write")
    assert plan.steps == (
        Step(id="split", processor="audio.split", params={"shifts": "2", "mode": "good"}, place=(0, 18)),
        Step(id="write", processor="audio.write", source=Ref(step="split", output="vocals"), place=(42, 53)),
    )


def test_steps_of_one_verb_are_numbered() -> None:
    plan = Plan.parse("a.copy | b.copy | c.copy")
    assert [(step.id, str(step.source)) for step in plan.steps] == [
        ("copy", "None"),
        ("copy2", "copy"),
        ("copy3", "copy2"),
    ]


def test_a_pipe_in_quotes_belongs_to_its_parameter() -> None:
    (step,) = Plan.parse("audio.split prompt='this | that'").steps
    assert step.params == {"prompt": "this | that"}


def test_the_json_form_is_the_same_plan() -> None:
    plan = Plan.parse("audio.split:vocals shifts=2 | audio.write")
    again = Plan.from_json(plan.model_dump_json())
    assert [step.model_dump() for step in again.steps] == [step.model_dump() for step in plan.steps]
    text = '{"steps": [{"id": "split", "processor": "audio.split", "params": {"shifts": "2"}},'
    assert Plan.from_json(text + ' {"id": "write", "processor": "audio.write", "source": "split.vocals"}]}') == again


def test_a_plan_is_checked_into_typed_parameters() -> None:
    plan = Plan.parse("audio.split:vocals stems=vocals,bass shifts=2 | audio.write")
    (_, split, *_), (_, write, *_) = check(plan, known, "audio/flac")
    assert split == SplitParams(stems=("vocals", "bass"), shifts=2)
    assert write == Params()


def test_of_several_outputs_the_one_that_is_most_welcome_is_read() -> None:
    (_, second) = check(Plan.parse("text.tell | text.tell"), known, None)
    assert second[0].source == Ref(step="tell", output="words")


def test_a_source_that_is_optional_may_be_left_out_but_must_fit() -> None:
    plan = Plan.parse("text.tell")
    (without,), (with_one,) = check(plan, known, None), check(plan, known, "text/vtt")
    assert (without._replace(reads="source"), with_one.reads) == (with_one, "source")
    assert "text.tell cannot read 'audio/wav'" in refusal("text.tell", "audio/wav")[0]


def test_steps_are_put_in_order() -> None:
    steps = (Step(id="b", processor="audio.write", source=Ref(step="a")), Step(id="a", processor="audio.make"))
    assert [step.id for step in Plan(steps=steps).ordered()] == ["a", "b"]


def test_a_very_long_chain_is_not_a_problem() -> None:
    chain = [Step(id=f"s{n}", processor="audio.write", source=Ref(step=f"s{n + 1}")) for n in range(3000)]
    plan = Plan(steps=(*chain, Step(id="s3000", processor="audio.make")))
    assert plan.ordered()[0].id == "s3000"


@pytest.mark.parametrize(
    ("expression", "said", "place"),
    [
        (
            "audio.spilt | audio.write",
            "No processor is named 'audio.spilt'. Did you mean 'audio.split'?",
            "audio.spilt",
        ),
        ("audio.make | audio.splt", "Did you mean 'audio.split'?", "audio.splt"),
        (
            "audio.make | audio.split:tuba stems=vocals | audio.write",
            "does not make 'tuba'. It makes: vocals.",
            "audio.split:tuba",
        ),
        ("audio.make | audio.split stems=tuba", "No stem is named 'tuba'. Did you mean 'tube'?", "audio.split"),
        (
            "audio.make | audio.split | audio.write",
            "'split' makes several files: vocals, drums.",
            "audio.split",
        ),
        (
            "audio.make | audio.split shift=2",
            "does not have a parameter 'shift'. Did you mean 'shifts'?",
            "audio.split",
        ),
        ("audio.split shifts=99", "'shifts' is '99': should be at most 10 (Shifts.)", "audio.split"),
        ("audio.split mode=slow", "'mode' is 'slow': should be 'fast' or 'good' (How.)", "audio.split"),
        (
            "audio.make | audio.write | audio.split",
            "audio.split cannot read 'text/plain'",
            "audio.split",
        ),
        ("audio.make | audio.split:tuba", "does not make 'tuba'. It makes: vocals, drums.", "audio.split:tuba"),
        ("audio.make | | audio.write", "A step is missing here", "^"),
        ("audio.make |", "A step is missing here", "^"),
        ("audio.make | 2fast", "'2fast' is not a step", "2fast"),
        ("audio.make | audio.split loud", "'loud' is not a parameter. Write name=value.", "loud"),
        ("audio.make | audio.write source=s.wav", "'s.wav' is not what a step can read. Write source=@", "audio.write"),
        ("audio.make | audio.write source=@source.x", "'@source.x' is not what a step can read", "audio.write"),
        ("audio.split shifts='1", "A quote is opened but not closed.", "shifts='1"),
        ("audio.make\t|\r\n  audio.spilt", "Did you mean 'audio.split'?", "audio.spilt"),
    ],
)
def test_a_refusal_marks_the_place(expression: str, said: str, place: str) -> None:
    message, marked = refusal(expression)
    assert said in message
    assert marked == place or place == "^"


def test_a_source_is_needed_and_must_fit() -> None:
    assert "audio.split needs a source. Give it sound." in refusal("audio.split")[0]
    assert "audio.split cannot read 'image/png'. It reads sound." in refusal("audio.split", "image/png")[0]


def test_a_source_that_no_one_reads_is_refused() -> None:
    with pytest.raises(InvalidPlan, match=r"audio\.make does not take a source\."):
        check(Plan.parse("audio.make"), known, "audio/wav")


@pytest.mark.parametrize("empty", ["", "  \n"])
def test_an_empty_expression_shows_an_example(empty: str) -> None:
    with pytest.raises(InvalidPlan, match=r"The plan is empty\. Write one such as: audio\.separate"):
        Plan.parse(empty)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"id": "a", "processor": "audio.write", "source": "a"}], "cycle: a → a"),
        (
            [{"id": "a", "processor": "audio.make"}, {"id": "b", "processor": "audio.make", "source": "a"}],
            "audio.make does not take a source",
        ),
        (
            [
                {"id": "a", "processor": "audio.write", "source": "c"},
                {"id": "b", "processor": "audio.write", "source": "a"},
                {"id": "c", "processor": "audio.write", "source": "b"},
            ],
            "The plan contains a cycle: a → c → b → a.",
        ),
        (
            [{"id": "a", "processor": "audio.write", "source": "x.y"}],
            "reads from 'x.y', which is not a step of the plan",
        ),
        ([{"id": "a", "processor": "p.q"}, {"id": "a", "processor": "p.q"}], "the id 'a'"),
        ([], "should not be empty"),
        ([{"id": "a b", "processor": "p.q"}], "'steps.0.id' is 'a b'"),
        ([{"id": "a"}], "steps.0.processor"),
        ([{"id": "a", "processor": "p.q", "colour": 1}], "steps.0.colour"),
        ([{"id": "a", "processor": "p.q", "source": 7}], "steps.0.source"),
    ],
)
def test_a_json_plan_that_cannot_run_is_refused(steps: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(InvalidPlan) as refused:
        check(Plan.from_json(json.dumps({"steps": steps})), known, None)
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["", "no json", "[]", '"text"', '{"steps": 3}', "{" * 5000])
def test_what_is_not_a_json_plan_is_refused(text: str) -> None:
    with pytest.raises(InvalidPlan, match="The plan is not valid"):
        Plan.from_json(text)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Plan(steps="x"), "'steps' is 'x'"),
        (lambda: Plan(steps=()), "'steps' is '()'"),
        (lambda: Plan(steps=[{"id": "a", "processor": "p.q"}, {"id": 1, "processor": "p.q"}]), "'steps.1.id' is '1'"),
        (lambda: Plan(steps=[{"id": "a", "processor": "p.q", "source": 7}]), "'steps.0.source' is '7'"),
        (lambda: Plan.model_validate(5), "'value' is '5'"),
        (lambda: Step(id=1, processor="p.q"), "'id' is '1': should be text"),
        (lambda: Step(id="a", processor="p.q", params={"a": object()}), "'params.a"),
        (lambda: Step(id="a", processor="p.q", source={"step": 3}), "'source.step' is '3'"),
        (lambda: Step(id="\ud800", processor="p.q"), "'id' is '\\ud800'"),
        (lambda: Ref(step=None), "'step' is 'None'"),
        (lambda: Ref.model_validate(7), "'value' is '7'"),
    ],
)
def test_a_part_of_a_plan_that_is_not_valid_is_refused(make: Callable[[], object], reason: str) -> None:
    with pytest.raises(InvalidPlan) as refused:
        make()
    assert str(refused.value).startswith(f"The plan is not valid: {reason}")


def test_parameters_speak_in_the_words_of_their_declaration() -> None:
    with pytest.raises(InvalidParams) as refused:
        parameters(known("audio.split"), {"shifts": -1, "stems": 3})
    said = str(refused.value)
    assert said.startswith("audio.split: ")
    assert "'shifts' is '-1': should be at least 0 (Shifts.)" in said
    assert "'stems' is '3'" in said
    assert "\n" not in said


def test_a_long_value_is_cut_in_a_refusal() -> None:
    with pytest.raises(InvalidParams) as refused:
        parameters(known("audio.split"), {"mode": "x" * 1000})
    assert len(str(refused.value)) < 200


names = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
values = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)
stages = st.tuples(names, names, st.none() | names, st.dictionaries(names, values, max_size=3))


@given(st.lists(stages, min_size=1, max_size=4))
def test_what_is_written_as_a_pipe_is_read_back(chain: list[tuple[str, str, str | None, dict[str, str]]]) -> None:
    plan = Plan.parse(" | ".join(_written(*stage) for stage in chain))
    assert [step.processor for step in plan.steps] == [f"{medium}.{verb}" for medium, verb, _, _ in chain]
    assert [step.params for step in plan.steps] == [params for _, _, _, params in chain]
    assert len({step.id for step in plan.steps}) == len(chain)
    read = [(step.source.step, step.source.output) for step in plan.steps if step.source]
    assert read == [(step.id, stage[2]) for step, stage in zip(plan.steps, chain, strict=True)][:-1]
    assert Plan.from_json(plan.model_dump_json()).steps == tuple(
        step.model_copy(update={"place": None}) for step in plan.steps
    )


pieces = [
    "audio.split",
    ":vocals",
    "|",
    " ",
    "'",
    '"',
    "=",
    "\\",
    "\n",
    "\r\n",
    "é",
    "1.2",
    ".",
    "-",
    "shifts",
    "audio.make",
    "a.2",
]


@pytest.mark.parametrize("read", [Plan.parse, Plan.from_json])
@given(text=st.text() | st.lists(st.sampled_from(pieces)).map("".join))
def test_nothing_but_a_refusal_comes_of_random_text(read: Callable[[str], Plan], text: str) -> None:
    try:
        plan = read(text)
        check(plan, known, "audio/wav")
    except InvalidPlan as error:
        assert str(error)


def _written(medium: str, verb: str, output: str | None, params: Mapping[str, str]) -> str:
    quoted = " ".join(f"{name}={_quoted(value)}" for name, value in params.items())
    return f"{medium}.{verb}{':' + output if output else ''} {quoted}"


def _quoted(value: str) -> str:
    """As a shell reads it: single quotes, and a single quote itself between double ones."""
    return "'" + value.replace("'", "'\"'\"'") + "'"


def test_structure_is_given_as_json() -> None:
    plan = Plan.parse("""audio.split gains='{"vocals": 0.5}' stems='["vocals", "drums"]'""")
    ((_, params, *_),) = check(plan, known, "audio/wav")
    assert (params.model_dump()["gains"], params.model_dump()["stems"]) == ({"vocals": 0.5}, ("vocals", "drums"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"it\'s", "it's"),
        (r"a\|b", "a|b"),
        (r'"say \"hi | you\""', 'say "hi | you"'),
        (r'"\n"', r"\n"),
        ("'a | b'c", "a | bc"),
        ("x,@@you", "x,@you"),
    ],
)
def test_a_bar_in_quotes_or_after_a_backslash_belongs_to_the_value(written: str, meant: str) -> None:
    first, second = Plan.parse(f"audio.make text={written} | audio.write").steps
    assert (first.params, second.processor) == ({"text": meant}, "audio.write")


def test_a_very_long_expression_is_read_at_once() -> None:
    assert len(str(Plan.parse(f"audio.make text={'x' * 3_000_000}").steps[0].params["text"])) == 3_000_000


def test_a_parameter_that_is_given_twice_is_refused() -> None:
    assert "The parameter 'shifts' is given twice." in refusal("audio.split shifts=1 shifts=2")[0]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"id": "b", "processor": "audio.write", "source": "a.tuba"}], "Step 'b': Step 'a' does not make 'tuba'"),
        ([{"id": "b", "processor": "audio.write", "source": "a"}], "or 'a.vocals' in a reference"),
        ([{"id": "b", "processor": "audio.write", "source": "x"}], "Step 'b' reads from 'x'"),
        ([{"id": "b", "processor": "audio.write", "source": "source.x"}], "the source of the plan is one file"),
        ([{"id": "b", "processor": "audio.write", "place": [0, 9]}], "no such field is known: 'place'"),
    ],
)
def test_a_json_plan_names_the_step_that_reads(steps: list[dict[str, Any]], said: str) -> None:
    text = json.dumps({"steps": [{"id": "a", "processor": "audio.split"}, *steps]})
    with pytest.raises(InvalidPlan) as refused:
        check(Plan.from_json(text), known, "audio/wav")
    assert said in str(refused.value)
    assert "Step 'b': Step 'b'" not in str(refused.value)


def test_json_cannot_bring_another_text_of_the_plan() -> None:
    with pytest.raises(InvalidPlan, match="no such field is known: 'expression'"):
        Plan.from_json('{"steps": [{"id": "a", "processor": "audio.make"}], "expression": "audio.write"}')


def test_a_parameter_without_an_end_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(InvalidPlan, match="nested too deeply"):
        Step(id="a", processor="audio.make", params={"text": loop})


def test_the_id_of_a_step_is_as_long_as_other_names_at_most() -> None:
    assert Step(id="a" * 200, processor="text.copy")
    with pytest.raises(InvalidPlan, match="at most 200 characters"):
        Step(id="a" * 201, processor="text.copy")


def test_a_plan_has_a_largest_number_of_steps() -> None:
    steps = [{"id": f"step{number}", "processor": "exercise.wait"} for number in range(5_001)]
    with pytest.raises(InvalidPlan, match=r"5001 steps\. Give at most 5000"):
        Plan.from_json(json.dumps({"steps": steps})).ordered()
