"""Every test of every contract fails for a plugin that breaks its rule, and passes for the correct one."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from avstudio_core.chat import Wishes
from avstudio_core.testing import (
    AgentContract,
    ExecutorContract,
    InterfaceContract,
    MemoryManagerContract,
    PriceBookContract,
    ProcessorContract,
    RouterContract,
    SecretStoreContract,
    WeightsContract,
    agent_contract,
    executor_contract,
    exercises,
    interface_contract,
    memory_manager_contract,
)
from avstudio_core.testing.bites import noticed
from avstudio_core.testing.contract import Contract, in_time, rule
from avstudio_core.testing.router_contract import WISHES

PROCESSOR = '''
    """A good processor."""
    import wave

    class CopyParams(Params):
        gain: float = Field(1.0, ge=0, le=2, description="Factor.")
        names: list[str] = Field([], description="Names.")

    class CopyResult(Result):
        seconds: float = Field(0.0, description="Length.", json_schema_extra={"view": "text", "of": "copied"})
        copied: Artifact = Field(description="The copy.")

    class Copy(Processor[CopyParams, CopyResult]):
        """Copy a recording."""

        name = "audio.copy"
        cues = {"en": ("copy",)}
        nouns = {"copied": ("duplicate",)}
        examples = (Example(request="Copy it, twice as loud", params={"gain": 2.0}),)
        accepts = ("audio/*",)

        def outputs(self, params):
            return {"copied": "audio/wav"}

        def needs(self, params, source):
            return Needs(model="copier", model_digest="1")

        def run(self, source, params, context):
            context.check()
            context.model("copier", object)
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
    from avstudio_core.tasks.executors.inline import InlineExecutor

    class Lent:
        def __init__(self, host):
            self.lent = host

        def __getattr__(self, name):
            return getattr(self.lent, name)

    class Here(InlineExecutor):
        name = "here"

        def __init__(self, host, report):
            super().__init__(Lent(host), lambda one: self.pass_on(one, report))

        def pass_on(self, one, report):
            report(one)

    @hookimpl
    def register_executors():
        return [Here]
"""
ROUTER = """
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
SECRETS = """
    import json
    from pathlib import Path
    from tempfile import mkdtemp

    PLACE = Path(mkdtemp()) / "vault.json"

    class Vault(SecretStore):
        name = "vault"

        @property
        def place(self):
            return self.home / "vault.json"

        def read(self):
            return json.loads(self.place.read_text()) if self.place.exists() else {}

        def get(self, name):
            return self.read().get(name)

        def set(self, name, value):
            self.place.write_text(json.dumps({**self.read(), name: value}))

        def delete(self, name):
            self.place.write_text(json.dumps({key: one for key, one in self.read().items() if key != name}))

    @hookimpl
    def register_secret_stores():
        return [Vault]
"""
INTERFACE = """
    class WaitOptions(Options):
        seconds: float = Field(0.05, gt=0, le=1, description="Seconds between two looks.")

    class Wait(Interface[WaitOptions]):
        "Wait until it is stopped."

        name = "wait"

        def serve(self, studio, options, stop):
            while not stop.wait(options.seconds):
                pass

        def mount(self, studio):
            return Mount("/wait", print)

    @hookimpl
    def register_interfaces():
        return [Wait]
"""
AGENT = """
    from avstudio_core.agents import Answer, Draft, Handoff, Refusal

    class Copier(Agent):
        "Plan copies."

        name = "copier"
        abilities = ("exercise.*",)

        def turn(self, message, view):
            name = "exercise.copy" if "copy" in view.request else "exercise.wait"
            if name not in view.processors:
                return Refusal(reason="not_possible", text="Nothing here can copy.")
            return Draft(plan=name, source=view.files[0].id)

    @hookimpl
    def register_agents():
        return [Copier]
"""
HEAD = "@hookimpl"
FILE = 'WeightsFile("model.bin", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3)'
FINISHED = (
    "[*iter(lambda: any(one.waiting or one.begun for one in self.lanes.values()) and not __import__('time').sleep(0.01),"
    " False)]"
)
"""Waits until an executor has nothing to do."""
SLEEP = "__import__('time').sleep(1e6)"
UUID = "__import__('uuid').uuid4()"
GOOD: dict[type[Contract], tuple[str, dict[str, Any]]] = {
    ProcessorContract: (PROCESSOR, {"processor": "audio.copy"}),
    WeightsContract: (WEIGHTS, {"weights": "small-1"}),
    MemoryManagerContract: (MEMORY, {"manager": property(lambda self: self.plugin.Memory)}),
    ExecutorContract: (EXECUTOR, {"executor": "here"}),
    RouterContract: (ROUTER, {"router": property(lambda self: self.plugin.Cheapest)}),
    InterfaceContract: (
        INTERFACE,
        {"interface": property(lambda self: self.plugin.Wait)},
    ),
    AgentContract: (
        AGENT,
        {
            "agent": property(lambda self: self.plugin.Copier),
            "requests": ("Please copy it",),
            "studio_plugins": pytest.fixture(lambda self: [self.plugin, exercises]),
        },
    ),
    SecretStoreContract: (SECRETS, {"store": property(lambda self: self.plugin.Vault)}),
    PriceBookContract: (BOOK, {"known": "cloud/known", "book": property(lambda self: self.plugin.Book)}),
}
"""For each contract a plugin that keeps it, and what its tests are told."""


def more(method: str) -> tuple[str, str]:
    """Another method of the executor."""
    return "        def pass_on", f"        def {method}\n\n        def pass_on"


def lends(method: str) -> tuple[str, str]:
    """Another method of what is lent to the executor."""
    return "        def __getattr__", f"        def {method}\n\n        def __getattr__"


BAD: dict[type[Contract], list[tuple[str, str, str]]] = {
    ProcessorContract: [
        ("its_name_is_a_medium_and_a_verb", 'name = "audio.copy"', 'name = "copy"'),
        ("its_docstring_begins_with_a_summary", '"""Copy a recording."""', '"""Copy a recording"""'),
        ("its_docstring_begins_with_a_summary", "Copy a recording.", f"Copy a {'very ' * 30}long recording."),
        ("its_fields_say_what_they_are", ', description="Factor."', ""),
        ("its_parameters_have_defaults", "Field(1.0, ge=0", "Field(ge=0"),
        ("its_numbers_have_bounds", "ge=0, le=2, ", ""),
        ("no_parameter_has_a_name_that_is_taken", "gain: float", "options: float"),
        ("its_parameters_survive_json", "gain: float = Field(1.0, ge=0, le=2", "gain: bytes = Field(b'\\xff'"),
        ("its_needs_are_known_before_there_is_a_source", "return Needs(", "return Needs(seconds=source.size, "),
        ("its_examples_are_valid", "2.0})", "3.0})"),
        ("its_words_are_in_its_examples", '"copy",', '"clone",'),
        ("its_viewer_hints_lead_to_fields", '"of": "copied"', '"of": "nothing"'),
        ("importing_and_declaring_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
        ("importing_and_declaring_it_is_light", "return {", "import librosa; return {"),
        ("importing_and_declaring_it_is_light", "return Needs(", "import librosa; return Needs("),
        ("importing_and_declaring_it_is_light", "return Needs(", "source and __import__('librosa'); return Needs("),
        ("a_run_explains_itself", "return CopyResult(", "return Artifact.model_construct("),
        ("a_run_makes_what_was_promised", '{"copied": "audio/wav"}', '{"copied": "audio/flac"}'),
        ("a_run_makes_what_was_promised", '{"copied": "audio/wav"}', "{}"),
        ("a_run_leaves_its_source_alone", "context.check()", "source.path.write_bytes(b'RIFF')"),
        ("the_same_work_is_done_once", 'model_digest="1"', f"model_digest={UUID}.hex"),
        ("the_same_work_gives_the_same_result", "source.path.read_bytes()", f"source.path.read_bytes() + {UUID}.bytes"),
        ("the_same_work_gives_the_same_result", "(seconds=seconds", "(seconds=__import__('time').time()"),
        ("a_run_leaves_its_parameters_alone", "context.check()", "params.names.append('x')"),
        ("a_run_leaves_its_parameters_alone", "context.check()", "object.__setattr__(params, 'gain', 2.0)"),
        ("a_run_writes_into_its_own_folder_only", "context.check()", "open('copy.wav', 'w').close()"),
        (
            "a_run_writes_into_its_own_folder_only",
            "context.check()",
            "(source.path.parent / 'copy.wav').write_bytes(b'')",
        ),
        ("a_run_writes_into_its_own_folder_only", "context.check()", "__import__('tempfile').mkdtemp()"),
        ("a_run_writes_into_its_own_folder_only", "context.check()", "open(__file__ + '.log', 'a').close()"),
        ("a_run_makes_what_was_promised", "path.write_bytes(source.path.read_bytes())", "path.write_bytes(b'')"),
        ("a_run_leaves_its_process_as_it_was", "context.check()", "__import__('os').chdir('/')"),
        ("a_run_leaves_its_process_as_it_was", "context.check()", f"__import__('os').environ['X_ID'] = str({UUID})"),
        (
            "a_run_leaves_its_process_as_it_was",
            "context.check()",
            f"__import__('threading').Thread(None, __import__('time').sleep, str({UUID}), (9,), daemon=True).start()",
        ),
        ("a_model_stays_loaded", 'context.model("copier"', f"context.model({UUID}.hex"),
        ("a_run_names_its_model", 'Needs(model="copier", model_digest="1")', "Needs()"),
        ("a_run_names_its_model", ', model_digest="1"', ""),
        ("a_run_names_its_model", 'context.model("copier", object)', "object()"),
        ("a_cancelled_run_stops", "context.check()", "pass"),
        ("a_cancelled_run_stops", "context.check()", "context.cancelled()"),
        (
            "a_cancelled_run_stops",
            "            context.check()",
            "            with __import__('contextlib').suppress(BaseException):\n                context.check()",
        ),
        ("it_refuses_another_media_type", '"audio/*"', '"audio"'),
        ("it_says_plainly_that_a_file_is_unreadable", "except wave.Error", "except KeyError"),
    ],
    WeightsContract: [
        ("it_says_what_it_is", 'licence = "MIT"', 'licence = ""'),
        ("it_says_what_it_is", "memory_mb = 100", "memory_mb = 0"),
        ("its_files_are_named_once_and_stay_inside", f"({FILE},)", f"({FILE}, {FILE})"),
        ("its_files_are_named_once_and_stay_inside", '"model.bin"', '"../model.bin"'),
        ("its_digests_and_sizes_are_such", "ba7816bf8f01cfea4", "BA7816BF8F01CFEA4"),
        ("its_files_are_named_once_and_stay_inside", f"({FILE},)", f"({FILE}, WeightsFile('Model.bin'))"),
        ("its_files_are_named_once_and_stay_inside", '"model.bin"', r'"..\\model.bin"'),
        ("its_files_are_named_once_and_stay_inside", '"model.bin"', '"."'),
        ("it_says_what_it_is", 'family = "copying"', 'family = " "'),
        ("its_digests_and_sizes_are_such", ", 3)", ", 0)"),
        ("its_digests_and_sizes_are_such", ", 3)", ", 3.5)"),
        ("pickles_are_pinned", FILE, 'WeightsFile("model.pt")'),
        ("the_hub_is_asked_for_a_commit", "0123456789012345678901234567890123456789", "main"),
        ("there_is_a_way_to_get_it", 'repository = "owner/small"', ""),
        ("the_package_that_carries_a_file_has_it", ", 3)", ', 3, ("carrier:nothing",))'),
        ("the_package_that_carries_a_file_has_it", ", 3)", ', 3, ("carrier",))'),
        ("what_is_at_hand_is_right", ", 3)", ', 3, ("carrier:abd",))'),
        ("what_is_at_hand_is_right", ", 3)", ', 4, ("carrier:abc",))'),
        ("importing_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
    ],
    MemoryManagerContract: [
        ("it_names_its_device", '"npu"', '"A fine device"'),
        ("its_figures_make_sense", "return 50", "return 500"),
        ("its_figures_make_sense", "return 50", "return 50.5"),
        ("its_figures_come_fast", "return 50", "__import__('time').sleep(0.6); return 50"),
        ("a_device_has_memory_when_it_is_there", "return True", "return False"),
        ("the_studio_budgets_with_it", "return [Memory]", "return []"),
        ("importing_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
    ],
    ExecutorContract: [
        ("its_name_is_a_word", 'name = "here"', 'name = "Right here"'),
        ("a_run_is_published", "report(one)", "report(one.model_copy(update={'result': None}))"),
        ("a_result_names_the_package_of_its_processor", *lends("distribution(self, name): return ''")),
        ("warnings_and_reviews_reach_the_studio", "report(one)", "report(one.model_copy(update={'review': Review()}))"),
        (
            "warnings_and_reviews_reach_the_studio",
            *more("start(self, order): super().start(order.model_copy(update={'feedback': None}))"),
        ),
        (
            "warnings_and_reviews_reach_the_studio",
            "report(one)",
            "one.result = one.result.replace('\"exercise\"', '\"other\"'); report(one)",
        ),
        (
            "strict_makes_a_warning_an_error",
            *more("start(self, order): super().start(order.model_copy(update={'strict': False}))"),
        ),
        ("a_run_may_ask_a_language_model", *lends("ask(self, ask, tell): return lambda: None")),
        (
            "a_refused_request_reaches_the_run",
            *lends("ask(self, ask, tell): return self.lent.ask(ask, lambda one: one.code or tell(one))"),
        ),
        ("a_model_that_is_too_big_is_refused", *more("admit(self, lane, order, evict): return True")),
        ("an_idle_model_makes_room", *more("admit(self, lane, order, evict): return True")),
        ("an_idle_model_makes_room", *more("_evict(self, lane, held): return False")),
        ("a_run_has_a_time_limit", *more("_stop_overtime(self): pass")),
        ("a_failing_run_fails_its_own_task_only", "report(one)", "report(one.model_copy(update={'traceback': ''}))"),
        ("a_running_task_is_cancelled", *more("stop(self, job_id): pass")),
        ("progress_is_reported", "report(one)", "one.kind == 'progress' or report(one)"),
        ("models_stay_loaded_between_jobs", "report(one)", "self._warm.drop(); report(one)"),
        ("what_closing_interrupts_is_run_by_the_next_studio", "report(one)", "one.kind == 'lost' or report(one)"),
        ("each_order_has_one_final_report", "report(one)", "report(one); one.final and report(one)"),
        ("an_order_that_waits_is_cancelled_at_once", *more("cancel(self, job_id): self.stop(job_id)")),
        ("what_runs_when_it_closes_is_lost", "report(one)", "one.kind == 'lost' or report(one)"),
        ("start_returns_at_once", *more(f"start(self, order): super().start(order); {FINISHED}")),
        ("there_is_room_in_a_lane_that_it_does_not_know", *more("room(self, lane): return 0")),
    ],
    RouterContract: [
        ("its_name_is_a_word", '"cheapest"\n\n', '"The cheapest"\n\n'),
        ("its_plugin_registers_it", "[Cheapest]", "[]"),
        ("importing_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
        ("it_explains_itself", "context=first.model.can.context", "context=1"),
        ("it_explains_itself[quality]", "estimate=first.estimate", "estimate=kept[-1].estimate"),
        ("it_explains_itself", '"The cheapest."', '""'),
        ("no_one_with_an_obstacle_is_tried", "if one.obstacle is None", ""),
        ("everybody_is_accounted_for", "for one in others", "for one in kept"),
        ("everybody_is_accounted_for", "for one in candidates if one not in kept", "for one in others"),
        ("everybody_is_accounted_for", '"unfit"', '""'),
        ("the_wishes_are_kept[local]", "wishes.require_local or ", ""),
        ("the_wishes_are_kept[private]", "wishes.private or ", ""),
        ("the_wishes_are_kept[cheap]", " or dear", ""),
        ("the_wishes_are_kept[quality]", "one.model.quality >= wishes.require_quality", "True"),
        ("it_refuses_when_no_one_can", "NoModel(", "InvalidInput("),
        ("it_refuses_when_no_one_can", '"No model can answer."', '""'),
        ("it_refuses_rather_than_break_a_wish", "if not kept:", "kept = kept or free\n            if not kept:"),
        (
            "the_same_question_has_the_same_answer",
            "if not kept:",
            "kept = kept[getattr(self, 'before', 0) :]; self.before = 1\n            if not kept:",
        ),
        (
            "the_same_question_has_the_same_answer",
            "if not kept:",
            "self.count = getattr(self, 'count', 0) + 1\n            if not kept or self.count % 7 == 0:",
        ),
        ("the_same_question_has_the_same_answer", "if not kept:", "candidates.reverse()\n            if not kept:"),
    ],
    SecretStoreContract: [
        ("its_name_is_a_word", '"vault"\n', '"The vault"\n'),
        ("its_plugin_registers_it", "[Vault]", "[]"),
        ("importing_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
        ("what_is_not_set_is_none", ".get(name)", ".get(name, '')"),
        ("what_is_set_can_be_read", "{**self.read(), name: value}", "{name: value}"),
        ("what_is_deleted_is_none", "if key != name", ""),
        ("other_data_folders_have_their_own", 'self.home / "vault.json"', "PLACE"),
        (
            "it_does_not_show_the_value",
            "def set(self, name, value):",
            "def set(self, name, value):\n            self.last = value",
        ),
    ],
    PriceBookContract: [
        ("its_name_is_a_word", '"book"', '"The book"'),
        ("its_plugin_registers_it", "[Book]", "[]"),
        ("importing_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
        ("a_price_is_a_whole_number_of_millionths", "return ceil(", "return 1.0 * ceil("),
        ("a_price_is_a_whole_number_of_millionths", "0.25 *", "0 *"),
        ("what_it_does_not_know_has_no_price", "return None", "return 0"),
        ("it_rounds_up", "return ceil(", "return round("),
        ("more_never_costs_less", "usage.input +", "min(usage.input, 2_000 - usage.input) +"),
        ("more_never_costs_less", "return ceil(", "usage.input < 10**7 or 1 / 0\n            return ceil("),
        ("tokens_from_the_cache_have_a_price", "0.25 * usage.input", "0.25 * (usage.input - usage.cached)"),
        ("a_price_comes_fast", "return ceil(", "__import__('time').sleep(0.2); return ceil("),
        ("a_model_may_be_priced_under_another_name", "model.priced_as or ", ""),
    ],
    AgentContract: [
        ("its_name_is_a_word", '"copier"\n', '"The copier"\n'),
        ("its_docstring_begins_with_a_summary", '"Plan copies."', '"Plan copies"'),
        ("its_plugin_registers_it", "[Copier]\n", "[]\n"),
        ("importing_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
        ("its_plans_are_within_its_abilities", '("exercise.*",)', '("exercise.wait",)'),
        ("its_plans_are_within_its_abilities", "plan=name", "plan=name + ' |'"),
        ("its_plans_are_within_its_abilities", "view.files[0].id", "'art_2'"),
        ("its_plans_are_within_its_abilities", "return Draft(plan=name,", "return dict(plan=name,"),
        ("its_plans_are_within_its_abilities", "return Draft(", "return Handoff(to_agent='copier') or Draft("),
        ("it_plans_only_with_what_is_there", "if name not in view.processors", "if not name"),
        ("a_turn_is_pure", "plan=name", f"plan=name, declines=({UUID}.hex,)"),
        ("a_turn_is_pure", "return Draft(", "view.processors.pop('exercise.wait', 0); return Draft("),
        ("a_turn_is_quick", "return Draft(", "__import__('time').sleep(0.6); return Draft("),
        ("it_survives_hostile_input", "return Draft(", "'Delete' in view.request and 1 / 0; return Draft("),
    ],
    InterfaceContract: [
        ("its_name_is_a_command", '"wait"\n', '"Wait here"\n'),
        ("its_docstring_begins_with_a_summary", '"Wait until it is stopped."', '"Wait until it is stopped"'),
        ("its_docstring_begins_with_a_summary", "Wait until", f"Wait {'very ' * 30}long until"),
        ("its_options_say_what_they_are", ', description="Seconds between two looks."', ""),
        ("its_options_say_what_they_are", "gt=0, le=1, ", ""),
        ("its_plugin_registers_it", "[Wait]\n", "[]\n"),
        ("importing_it_is_light", HEAD, f"import librosa\n    {HEAD}"),
        ("it_refuses_unknown_options", "(Options):", "(Options):\n        model_config = {'extra': 'ignore'}"),
        ("it_serves_until_it_is_stopped", "while not", "if not"),
        ("it_serves_until_it_is_stopped", "pass\n", "raise RuntimeError\n"),
        ("it_serves_until_it_is_stopped", "while not", "while __import__('time').sleep(1.6) or not"),
        ("it_ends_at_once_if_it_is_stopped_before", "while not", "while __import__('time').sleep(1.6) or not"),
        ("it_serves_again", "while not", "delattr(Wait, 'mount')\n            while not"),
        (
            "it_leaves_no_thread",
            "while not",
            "__import__('threading').Thread(target=__import__('time').sleep, args=(9,), daemon=True).start()\n"
            "            while not",
        ),
        ("what_it_mounts_is_an_application_with_a_prefix", '"/wait"', '"wait"'),
        ("what_it_mounts_is_an_application_with_a_prefix", "print", "None"),
    ],
}
"""For each contract: which rule is broken, and what in the good plugin becomes what."""
HANGING: list[tuple[type[Contract], str, str, str]] = [
    (ProcessorContract, "a_model_stays_loaded", "context.check()", SLEEP),
    (ProcessorContract, "a_cancelled_run_stops", "context.check()", SLEEP),
    (ProcessorContract, "its_needs_are_known_before_there_is_a_source", "return Needs(", f"{SLEEP}; return Needs("),
    (RouterContract, "it_explains_itself", "first, *others", f"{SLEEP}; first, *others"),
    (PriceBookContract, "it_rounds_up", "return ceil(", f"{SLEEP}; return ceil("),
]
"""Plugins that hang where they break the rule: the time limit of the rule's test ends it."""


def written(source: str, patience: float | None = None) -> Any:
    """A fixture that makes the plugin of a class of tests from source."""

    @pytest.fixture(autouse=True)
    def plugin_of_class(
        self: Any,
        request: pytest.FixtureRequest,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        write_plugin: Callable[[str], ModuleType],
    ) -> None:
        folder = tmp_path / "plugins"
        (folder / "librosa.py").write_text("")
        (folder / "carrier").mkdir()
        for name in ("__init__.py", "abc", "abd"):
            (folder / "carrier" / name).write_text(name)
        request.cls.plugin = write_plugin(source)
        if patience is not None:
            monkeypatch.setattr(executor_contract, "PATIENCE_SECONDS", patience)
            monkeypatch.setattr(interface_contract, "ENDING_SECONDS", patience)
            monkeypatch.setattr(memory_manager_contract, "FIGURE_SECONDS", patience)
            monkeypatch.setattr(agent_contract, "TURN_SECONDS", patience)

    return plugin_of_class


def broken(contract: type[Contract], broken_rule: str, old: str, new: str, **attributes: Any) -> type[Any]:
    """The class of one test that a plugin is noticed; `…[local]` is a rule with the wishes of that name."""
    good, told = GOOD[contract]
    assert old in good, f"{old} is not in the good plugin"
    name, _, wishes = broken_rule.rstrip("]").partition("[")
    given: dict[str, Any] = {"wishes": Wishes(**WISHES[wishes or "nothing"])} if contract is RouterContract else {}
    given |= {"text": "Delete it"} if name == "it_survives_hostile_input" else {}
    attributes |= {"stopping_seconds": 1.0} if contract is InterfaceContract else {}
    given |= {"tokens": (1000, 0)} if name == "a_price_is_a_whole_number_of_millionths" else {}
    takes = getattr(contract, f"test_{name}").__code__.co_varnames
    given = {one: value for one, value in given.items() if one in takes}
    fixture = written(good.replace(old, new), patience=0.4)
    return noticed(contract, f"test_{name}", given, plugin_of_class=fixture, **told, **attributes)


for _contract, (_good, _told) in GOOD.items():
    _name = f"TestGood{_contract.__name__}"
    globals()[_name] = type(_name, (_contract,), {**_told, "plugin_of_class": written(_good), "__module__": __name__})
for _contract, _cases in BAD.items():
    for _number, _case in enumerate(_cases):
        globals()[f"TestBad_{_contract.__name__}_{_number}_{_case[0]}"] = broken(_contract, *_case)
for _number, (_contract, *_rest) in enumerate(HANGING):
    globals()[f"TestHanging_{_contract.__name__}_{_number}"] = broken(_contract, *_rest, limit_seconds=0.3)


@pytest.mark.parametrize("contract", GOOD)
def test_every_rule_has_a_plugin_that_breaks_it(contract: type[Contract]) -> None:
    rules = {name for name in dir(contract) if name.startswith("test_")}
    assert rules == {f"test_{one.partition('[')[0]}" for one, _, _ in BAD[contract]}


@pytest.mark.parametrize("contract", GOOD)
def test_every_rule_has_a_description_in_one_sentence(contract: type[Contract]) -> None:
    tests = [getattr(contract, name) for name in dir(contract) if name.startswith("test_")]
    assert [test.__name__ for test in tests if not rule(test).endswith(".")] == []


def test_a_plugin_that_is_abandoned_leaves_the_current_folder_to_other_tests(tmp_path: Path) -> None:
    def hang() -> None:
        os.chdir(tmp_path)
        tempfile.tempdir = str(tmp_path)
        ended.wait(10)

    ended, before = threading.Event(), (os.getcwd(), tempfile.tempdir)
    with pytest.raises(AssertionError, match="did not end within"):
        in_time(hang, 0.1, "The test")
    assert (os.getcwd(), tempfile.tempdir) == before
    ended.set()
