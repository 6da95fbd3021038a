"""Every check of every contract fails for a plugin that breaks just that, and passes for the one it was made from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

import pytest

PROCESSOR = '''
    """A good processor."""
    import wave
    from avstudio_core import *
    from pydantic import Field

    class CopyParams(Params):
        gain: float = Field(1.0, ge=0, le=2, description="Factor.")

    class CopyResult(Result):
        seconds: float = Field(0.0, description="Length.")
        copied: Artifact = Field(description="The copy.")

    class Copy(Processor[CopyParams, CopyResult]):
        """Copy a recording."""

        name = "audio.copy"
        accepts = ("audio/*",)

        def outputs(self, params):
            return {"copied": "audio/wav"}

        def needs(self, params, source):
            return Needs()

        def run(self, source, params, context):
            context.check()
            try:
                with wave.open(str(source.path)) as file:
                    seconds = file.getnframes() / file.getframerate()
            except wave.Error as error:
                raise UnreadableMedia(f"'{source.name}' is no WAV: {error}.") from error
            path = context.new_path("copy.wav")
            path.write_bytes(source.path.read_bytes())
            return CopyResult(seconds=seconds, copied=context.publish(path, "copy.wav", "audio/wav"))

    @hookimpl
    def register_processors():
        return [Copy]
'''
WEIGHTS = """
    from avstudio_core import *

    class Small(Weights):
        name = "small-1"
        family = "copying"
        licence = "MIT"
        repository = "owner/small"
        revision = "0123456789012345678901234567890123456789"
        files = (WeightsFile("model.bin", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3),)
        memory_mb = 100

    @hookimpl
    def register_weights():
        return [Small]
"""
MEMORY = """
    from avstudio_core import *

    class Memory(MemoryManager):
        device = "npu"

        def present(self):
            return True

        def total_mb(self):
            return 100

        def available_mb(self):
            return 50

    @hookimpl
    def register_memory_managers():
        return [Memory]
"""
EXECUTOR = """
    from avstudio_core import *
    from avstudio_core.tasks.executors.inline import InlineExecutor

    class Here(InlineExecutor):
        name = "here"

        def __init__(self, host, report):
            super().__init__(host, lambda one: self.pass_on(one, report))

        def pass_on(self, one, report):
            report(one)

    @hookimpl
    def register_executors():
        return [Here]
"""
ROUTER = """
    from avstudio_core import *
    from avstudio_core.route_decision import Rejected, RouteDecision
    from avstudio_core.kinds.router import Router

    class Cheapest(Router):
        name = "cheapest"

        def route(self, wishes, candidates):
            free = [one for one in candidates if one.obstacle is None]
            kept = sorted((one for one in free if self.fits(one, wishes)), key=lambda one: one.estimate.cost_micro)
            if not kept:
                raise NoModel("No model can answer.")
            first, *others = kept
            return RouteDecision(
                rule="cheapest",
                reason="The cheapest.",
                chosen=first.model.id,
                context=first.model.can.context,
                estimate=first.estimate,
                fallbacks=tuple(one.model.id for one in others),
                rejected=tuple(Rejected(model=one.model.id, reason="unfit") for one in candidates if one not in kept),
            )

        def fits(self, one, wishes):
            far = not one.model.local
            dear = wishes.max_cost is not None and one.estimate.cost_micro > wishes.max_cost * 1_000_000
            if far and (wishes.require_local or wishes.private or dear):
                return False
            return one.model.quality >= wishes.require_quality

    @hookimpl
    def register_routers():
        return [Cheapest]
"""
BOOK = """
    from math import ceil
    from avstudio_core import *
    from avstudio_core.kinds.price_book import PriceBook

    class Book(PriceBook):
        name = "book"

        def cost(self, model, usage):
            if (model.priced_as or model.id) != "cloud/known":
                return None
            return ceil(0.25 * usage.input + 1.25 * usage.output)

    @hookimpl
    def register_price_books():
        return [Book]
"""
SUBCLASS = {
    PROCESSOR: 'ProcessorContract):\n    processor = "audio.copy"',
    WEIGHTS: 'WeightsContract):\n    weights = "small-1"',
    MEMORY: "MemoryManagerContract):\n    manager = property(lambda self: self.plugin.Memory)",
    EXECUTOR: 'ExecutorContract):\n    executor = "here"',
    ROUTER: "RouterContract):\n    router = property(lambda self: self.plugin.Cheapest)",
    BOOK: 'PriceBookContract):\n    known = "cloud/known"\n    book = property(lambda self: self.plugin.Book)',
}
HEAD = "from avstudio_core import *"
FILE = 'WeightsFile("model.bin", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3)'
BAD = [
    (PROCESSOR, "its_name_is_a_medium_and_a_verb", 'name = "audio.copy"', 'name = "copy"'),
    (PROCESSOR, "its_docstring_begins_with_a_summary", '"""Copy a recording."""', ""),
    (PROCESSOR, "its_fields_say_what_they_are", ', description="Factor."', ""),
    (PROCESSOR, "its_parameters_have_defaults", "Field(1.0, ge=0", "Field(ge=0"),
    (PROCESSOR, "its_numbers_have_bounds", "ge=0, le=2, ", ""),
    (PROCESSOR, "no_parameter_has_a_name_that_is_taken", "gain: float", "options: float"),
    (PROCESSOR, "its_parameters_survive_json", "gain: float = Field(1.0, ge=0, le=2", "gain: bytes = Field(b'\\xff'"),
    (PROCESSOR, "its_needs_are_known_before_there_is_a_source", "Needs()", "Needs(seconds=source.size)"),
    (PROCESSOR, "importing_and_declaring_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
    (PROCESSOR, "importing_and_declaring_it_is_light", "return {", "import librosa; return {"),
    (PROCESSOR, "a_run_explains_itself", "return CopyResult(", "return Artifact.model_construct("),
    (PROCESSOR, "a_run_makes_what_was_promised", '{"copied": "audio/wav"}', '{"copied": "audio/flac"}'),
    (PROCESSOR, "a_run_makes_what_was_promised", '{"copied": "audio/wav"}', "{}"),
    (
        PROCESSOR,
        "a_run_leaves_its_source_alone",
        "context.check()",
        "context.check(); source.path.write_bytes(b'RIFF')",
    ),
    (PROCESSOR, "the_same_work_is_done_once", "Needs()", "Needs(model_digest=__import__('uuid').uuid4().hex)"),
    (PROCESSOR, "a_cancelled_run_stops", "context.check()", "pass"),
    (PROCESSOR, "it_refuses_another_media_type", '"audio/*"', '"audio"'),
    (PROCESSOR, "it_says_plainly_that_a_file_is_unreadable", "except wave.Error", "except KeyError"),
    (WEIGHTS, "it_says_what_it_is", 'licence = "MIT"', 'licence = ""'),
    (WEIGHTS, "it_says_what_it_is", "memory_mb = 100", "memory_mb = 0"),
    (WEIGHTS, "its_files_are_named_once_and_stay_inside", f"({FILE},)", f"({FILE}, {FILE})"),
    (WEIGHTS, "its_files_are_named_once_and_stay_inside", '"model.bin"', '"../model.bin"'),
    (WEIGHTS, "its_digests_and_sizes_are_such", "ba7816bf8f01cfea4", "BA7816BF8F01CFEA4"),
    (WEIGHTS, "its_digests_and_sizes_are_such", ", 3)", ", 0)"),
    (WEIGHTS, "pickles_are_pinned", FILE, 'WeightsFile("model.pt")'),
    (WEIGHTS, "the_hub_is_asked_for_a_commit", "0123456789012345678901234567890123456789", "main"),
    (WEIGHTS, "there_is_a_way_to_get_it", 'repository = "owner/small"', ""),
    (WEIGHTS, "what_is_at_hand_is_right", ", 3)", ', 3, ("carrier:abd",))'),
    (WEIGHTS, "importing_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
    (MEMORY, "it_names_its_device", '"npu"', '"A fine device"'),
    (MEMORY, "its_figures_make_sense", "return 50", "return 500"),
    (MEMORY, "a_device_has_memory_when_it_is_there", "return True", "return False"),
    (MEMORY, "the_studio_budgets_with_it", "return [Memory]", "return []"),
    (MEMORY, "importing_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
    (EXECUTOR, "a_run_is_published", "report(one)", "report(one.model_copy(update={'result': None}))"),
    (
        EXECUTOR,
        "a_failing_run_fails_its_own_task_only",
        "report(one)",
        "report(one.model_copy(update={'traceback': ''}))",
    ),
    (EXECUTOR, "a_running_task_is_cancelled", "def pass_on", "def stop(self, job_id): pass\n\n        def pass_on"),
    (EXECUTOR, "progress_is_told", "report(one)", "one.kind == 'progress' or report(one)"),
    (EXECUTOR, "models_stay_loaded_between_jobs", "report(one)", "self._warm.drop(); report(one)"),
    (EXECUTOR, "what_closing_interrupts_is_run_by_the_next_studio", "report(one)", "one.kind == 'lost' or report(one)"),
    (EXECUTOR, "each_order_has_one_final_report", "report(one)", "report(one); one.final and report(one)"),
    (
        EXECUTOR,
        "an_order_that_waits_is_cancelled_at_once",
        "def pass_on",
        "def cancel(self, job_id): self.stop(job_id)\n\n        def pass_on",
    ),
    (EXECUTOR, "what_runs_when_it_closes_is_lost", "report(one)", "one.kind == 'lost' or report(one)"),
    (
        EXECUTOR,
        "there_is_room_in_a_lane_that_it_does_not_know",
        "def pass_on",
        "def room(self, lane): return 0\n\n        def pass_on",
    ),
    (ROUTER, "its_name_is_a_word", '"cheapest"\n\n', '"The cheapest"\n\n'),
    (ROUTER, "its_plugin_registers_it", "[Cheapest]", "[]"),
    (ROUTER, "importing_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
    (ROUTER, "it_explains_itself", "context=first.model.can.context", "context=1"),
    (ROUTER, "it_explains_itself", "estimate=first.estimate", "estimate=kept[-1].estimate"),
    (ROUTER, "it_explains_itself", '"The cheapest."', '""'),
    (ROUTER, "nobody_with_an_obstacle_is_tried", "if one.obstacle is None", ""),
    (ROUTER, "everybody_is_accounted_for", "for one in others", "for one in kept"),
    (ROUTER, "everybody_is_accounted_for", "for one in candidates if one not in kept", "for one in others"),
    (ROUTER, "everybody_is_accounted_for", '"unfit"', '""'),
    (ROUTER, "the_wishes_are_kept", "wishes.require_local or ", ""),
    (ROUTER, "the_wishes_are_kept", "wishes.private or ", ""),
    (ROUTER, "the_wishes_are_kept", " or dear", ""),
    (ROUTER, "the_wishes_are_kept", "one.model.quality >= wishes.require_quality", "True"),
    (ROUTER, "it_refuses_when_nobody_can", "NoModel(", "InvalidInput("),
    (ROUTER, "it_refuses_when_nobody_can", '"No model can answer."', '""'),
    (ROUTER, "it_refuses_rather_than_break_a_wish", "if not kept:", "kept = kept or free\n            if not kept:"),
    (
        ROUTER,
        "the_same_question_has_the_same_answer",
        "if not kept:",
        "kept = kept[getattr(self, 'before', 0) :]; self.before = 1\n            if not kept:",
    ),
    (BOOK, "its_name_is_a_word", '"book"', '"The book"'),
    (BOOK, "its_plugin_registers_it", "[Book]", "[]"),
    (BOOK, "importing_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
    (BOOK, "a_price_is_a_whole_number_of_millionths", "return ceil(", "return 1.0 * ceil("),
    (BOOK, "a_price_is_a_whole_number_of_millionths", "0.25 *", "0 *"),
    (BOOK, "what_it_does_not_know_has_no_price", "return None", "return 0"),
    (BOOK, "it_rounds_up", "return ceil(", "return round("),
    (BOOK, "more_never_costs_less", "usage.input +", "min(usage.input, 2_000 - usage.input) +"),
    (BOOK, "a_model_may_be_priced_under_another_name", "model.priced_as or ", ""),
]
TESTS = """
import pytest
from avstudio_core.testing import *
from avstudio_core.testing import executor_contract


pytestmark = pytest.mark.timeout(600)  # one run of pytest with a test of each bad plugin


@pytest.fixture(autouse=True)
def patience(request, monkeypatch):
    if "Bad" in request.cls.__name__:
        monkeypatch.setattr(executor_contract, "PATIENCE_SECONDS", 0.4)
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one run of pytest says: each bad plugin's own test, and every test of the good ones."""
    folder = tmp_path_factory.mktemp("bite")
    (folder / "librosa.py").write_text("")
    (folder / "carrier").mkdir()
    (folder / "carrier" / "__init__.py").write_text("")
    (folder / "carrier" / "abd").write_text("abd")
    tests, chosen = TESTS, []
    for number, good in enumerate(SUBCLASS):
        tests += _subclass(folder, f"Good{number}", good, good)
        chosen.append(f"test_all.py::TestGood{number}")
    for number, (good, test, old, new) in enumerate(BAD):
        assert old in good
        tests += _subclass(folder, f"Bad{number}", good, good.replace(old, new))
        chosen.append(f"test_all.py::TestBad{number}::test_{test}")
    (folder / "test_all.py").write_text(tests)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:asyncio",
        "-p",
        "no:cacheprovider",
        "--junitxml=found.xml",
        "--durations=12",
    ]
    ran = subprocess.run([*command, *chosen], cwd=folder, capture_output=True, text=True, check=False)
    print(ran.stdout[-3000:])
    assert ran.returncode == 1, ran.stdout + ran.stderr
    found: dict[str, str] = {}
    for case in ElementTree.parse(folder / "found.xml").iter("testcase"):
        name = f"{case.attrib['classname'].rpartition('.')[2]}.{case.attrib['name']}"
        name = name.partition("[")[0]
        if found.get(name, "passed") == "passed":
            found[name] = case[0].tag if len(case) else "passed"
    return found


def _subclass(folder: Path, name: str, good: str, plugin: str) -> str:
    (folder / f"plugin_{name.lower()}.py").write_text(dedent(plugin))
    return f"\nimport plugin_{name.lower()}\nclass Test{name}({SUBCLASS[good]}\n    plugin = plugin_{name.lower()}\n"


def test_the_good_ones_pass(outcomes: dict[str, str]) -> None:
    good = {name: outcome for name, outcome in outcomes.items() if name.startswith("TestGood")}
    assert len(good) > 30
    assert {name: one for name, one in good.items() if one not in ("passed", "skipped")} == {}


@pytest.mark.parametrize("number", range(len(BAD)), ids=lambda number: f"{number}-{BAD[number][1]}")
def test_a_bad_one_fails(outcomes: dict[str, str], number: int) -> None:
    assert outcomes[f"TestBad{number}.test_{BAD[number][1]}"] in ("failure", "error")


def test_every_check_has_a_plugin_that_it_catches(outcomes: dict[str, str]) -> None:
    checks = {name.partition(".")[2] for name in outcomes if name.startswith("TestGood")}
    assert checks == {f"test_{test}" for _, test, _, _ in BAD}
