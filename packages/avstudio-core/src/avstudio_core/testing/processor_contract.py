"""What every processor must keep, as a test class to subclass."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import pytest
from pydantic_core import to_jsonable_python

from avstudio_core.errors import AVStudioError
from avstudio_core.testing.answers import Answers, answers
from avstudio_core.testing.contract import Contract
from avstudio_core.testing.fixtures import Tone
from avstudio_core.testing.light_imports import check_imports

if TYPE_CHECKING:
    from avstudio_core.artifact import Artifact
    from avstudio_core.kinds.processor import Processor
    from avstudio_core.studio import Studio
    from avstudio_core.testing.trial import Trial, Watched

_BOUNDS = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "enum", "const"}
_OTHER_FILES = {"text/plain": "other.txt", "image/png": "other.png", "audio/wav": "other.wav", "video/mp4": "other.mp4"}
_RUNS: WeakKeyDictionary[type[ProcessorContract], tuple[Watched, Watched]] = WeakKeyDictionary()
"""What two runs did, by class of tests: several tests judge the same runs."""
_ANSWERS: WeakKeyDictionary[type[ProcessorContract], Answers] = WeakKeyDictionary()
"""What a studio answered, by class of tests."""


class ProcessorContract(Contract):
    """What every processor must keep. Subclass it, name the plugin and the processor, and give a `sample`."""

    plugin: ModuleType
    processor: ClassVar[str]

    params: ClassVar[dict[str, Any]] = {}
    """Parameters for the runs of this contract: quick ones."""
    required: ClassVar[frozenset[str]] = frozenset()
    """The parameters that have no default on purpose; `params` gives them values."""

    @pytest.fixture
    def sample(self, tone: Tone) -> Path | None:
        """A small file to work on, or `None` for a processor that takes none."""
        return tone()

    @pytest.fixture
    def files(self) -> Mapping[str, Path | list[Path]]:
        """Small files for the parameters that are files, by name."""
        return {}

    @pytest.fixture(autouse=True)
    def _with_files(self, request: pytest.FixtureRequest, files: Mapping[str, Path | list[Path]]) -> None:
        if files:
            studio: Studio = request.getfixturevalue("studio")
            taken = {
                name: [studio.take_in(one) for one in given] if isinstance(given, list) else studio.take_in(given)
                for name, given in files.items()
            }
            self.params = {**self.params, **taken}  # type: ignore[misc]

    @pytest.fixture
    def declared(self, studio: Studio) -> Processor[Any, Any]:
        """The processor itself."""
        return studio.processor(self.processor)

    @pytest.fixture
    def trial(self, studio: Studio, declared: Processor[Any, Any], sample: Path | None, tmp_path: Path) -> Trial:
        """The processor, ready to run without a studio."""
        from avstudio_core.testing.trial import Trial

        return Trial(studio, declared, sample, self.params, tmp_path / "trial")

    def two_runs(self, trial: Trial) -> tuple[Watched, Watched]:
        """What two runs in one process did, one after the other, with the same source and parameters."""
        kept = _RUNS.get(type(self))
        if kept is None or kept[0].source != trial.source_sha256:
            kept = _RUNS[type(self)] = trial.run(), trial.run()
        return kept

    def two_answers(self, studio: Studio, sample: Path | None) -> Answers:
        """What a studio answered to equal work that it was given twice."""
        kept = _ANSWERS.get(type(self))
        if kept is None or kept.source != (studio.take_in(sample).sha256 if sample else ""):
            kept = _ANSWERS[type(self)] = answers(studio, self.processor, sample, self.params)
        return kept

    def test_its_name_is_a_medium_and_a_verb(self, declared: Processor[Any, Any]) -> None:
        """The name is `<medium>.<verb>` in small letters, digits and `_`, such as `audio.separate`."""
        assert re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", declared.name), f"'{declared.name}' is not."

    def test_its_docstring_begins_with_a_summary(self, declared: Processor[Any, Any]) -> None:
        """The docstring's first line is one sentence of at most 120 characters: the summary in every interface."""
        summary = (type(declared).__doc__ or "").strip().partition("\n")[0]
        assert summary.endswith("."), f"'{summary}' is not a sentence."
        assert len(summary) <= 120, f"It has {len(summary)} characters."

    def test_its_fields_say_what_they_are(self, declared: Processor[Any, Any]) -> None:
        """Each parameter and each field of the result has a description."""
        from avstudio_core.results import Result

        own = {name: one for name, one in declared.result_type.model_fields.items() if name not in Result.model_fields}
        fields = {**declared.params_type.model_fields, **own}
        assert [name for name, field in fields.items() if not field.description] == []

    def test_its_parameters_have_defaults(self, declared: Processor[Any, Any]) -> None:
        """Each parameter has a default, but those that the test's class names in `required`."""
        fields = declared.params_type.model_fields
        without = {name for name, field in fields.items() if field.is_required()}
        assert sorted(without - self.required) == [], "These have none. Is it meant? Then give values in 'params', too."
        assert sorted(self.required - without) == [], "'required' names these, which are not such parameters."

    def test_its_numbers_have_bounds(self, declared: Processor[Any, Any]) -> None:
        """Each number among the parameters has a lowest or a highest value."""
        properties = declared.params_type.model_json_schema().get("properties", {})
        assert [name for name, schema in properties.items() if unbounded(schema)] == []

    def test_no_parameter_has_a_name_that_is_taken(self, declared: Processor[Any, Any]) -> None:
        """No parameter is called `options`: `Studio.run(…, options=TaskOptions(…))` is about the task."""
        assert "options" not in declared.params_type.model_fields

    def test_its_parameters_survive_json(self, declared: Processor[Any, Any]) -> None:
        """Parameters are the same after they were written as JSON and read again."""
        given = declared.params_type(**self.params)
        from avstudio_core.artifact import with_artifacts

        read = declared.params_type.model_validate_json(given.model_dump_json())
        assert with_artifacts(read, _unplaced) == with_artifacts(given, _unplaced)

    def test_its_needs_are_known_before_there_is_a_source(self, declared: Processor[Any, Any]) -> None:
        """`needs` takes `None` for a source that an earlier step has yet to make, and returns `Needs`."""
        from avstudio_core.results import Needs

        assert isinstance(declared.needs(declared.params_type(**self.params), None), Needs)

    def test_its_examples_are_valid(self, declared: Processor[Any, Any]) -> None:
        """Each of its `examples` has parameters that it accepts."""
        for example in declared.examples:
            declared.params_type.model_validate({**self.params, **example.params})

    def test_its_words_are_in_its_examples(self, declared: Processor[Any, Any]) -> None:
        """If it has cues, each request in its `examples` contains one of its cues or nouns."""
        words = [word for listed in (*declared.cues.values(), *declared.nouns.values()) for word in listed]
        asked = [example.request.casefold() for example in declared.examples if declared.cues]
        assert [request for request in asked if not any(word.casefold() in request for word in words)] == []

    def test_its_viewer_hints_lead_to_fields(self, declared: Processor[Any, Any]) -> None:
        """A hint `of` beside `view` in the result's schema is a path that begins with a field of the result."""
        schema = declared.result_type.model_json_schema(mode="serialization")
        hints = [one["of"] for one in (schema, *schema["properties"].values()) if "view" in one and "of" in one]
        assert [path for path in hints if path.partition(".")[0] not in schema["properties"]] == []

    def test_importing_and_declaring_it_is_light(self, studio: Studio, sample: Path | None) -> None:
        """Importing the plugin, declaring the processor, `outputs` and `needs` import no heavy library."""
        source = studio.take_in(sample).model_dump(mode="json") if sample else None
        check_imports(self.plugin, self.processor, to_jsonable_python(self.params), source)

    def test_a_run_explains_itself(self, studio: Studio, declared: Processor[Any, Any], sample: Path | None) -> None:
        """A run returns the declared result, which holds the parameters that were used and its provenance."""
        result = self.two_answers(studio, sample).first
        assert type(result) is declared.result_type
        missing = set(declared.params_type.model_fields) - set(result.effective)
        assert missing == set(), "'effective' lacks these parameters."
        assert result.provenance is not None
        assert result.provenance.processor == self.processor

    def test_a_run_makes_what_was_promised(
        self, studio: Studio, declared: Processor[Any, Any], sample: Path | None
    ) -> None:
        """A run makes the files that `outputs` names, each of the media type that it says."""
        from avstudio_core.artifact import artifacts_in

        both = self.two_answers(studio, sample)
        made = artifacts_in(both.first)
        promised = dict(declared.outputs(declared.params_type(**self.params)))
        assert {name: artifact.media_type for name, artifact in made.items()} == promised
        assert both.damaged == [], "These files are not what their digests say."
        assert [name for name, artifact in made.items() if not artifact.size] == [], "These files are empty."

    def test_a_run_leaves_its_source_alone(self, studio: Studio, sample: Path | None) -> None:
        """A run reads its source, and does not change it."""
        if sample is None:
            pytest.skip("it takes no source")
        assert not self.two_answers(studio, sample).source_changed

    def test_the_same_work_is_done_once(
        self, studio: Studio, declared: Processor[Any, Any], sample: Path | None
    ) -> None:
        """Equal work is answered with the earlier result, unless the processor says `cacheable = False`."""
        both = self.two_answers(studio, sample)
        if isinstance(both.second, AVStudioError):
            raise both.second
        assert (both.first.cache_hit, both.second.cache_hit) == (False, declared.cacheable)

    def test_the_same_work_gives_the_same_result(self, declared: Processor[Any, Any], trial: Trial) -> None:
        """Two runs give equal results and equal files, because the cache replaces the second one.

        A processor whose runs differ says `cacheable = False`.
        """
        if not declared.cacheable:
            pytest.skip("it is not cacheable")
        first, second = self.two_runs(trial)
        assert first.result == second.result

    def test_a_run_leaves_its_parameters_alone(self, trial: Trial) -> None:
        """A run does not change its parameters: the cache and the provenance go by them."""
        before, after = self.two_runs(trial)[1].params
        assert after == before

    def test_a_run_writes_into_its_own_folder_only(self, trial: Trial) -> None:
        """A run leaves no file outside its own folder: new files are made at `context.new_path`."""
        assert self.two_runs(trial)[1].left == []

    def test_a_run_leaves_its_process_as_it_was(self, trial: Trial) -> None:
        """A run leaves the current folder and the environment as they are, and no thread that still runs."""
        assert self.two_runs(trial)[1].changed == []

    def test_a_model_stays_loaded(self, trial: Trial) -> None:
        """A model is loaded with `context.model`, under the same key each time, so that the next run finds it."""
        first, second = self.two_runs(trial)
        assert second.loads == 0, f"The first run loaded {first.loads}, and the second {second.loads} again."

    def test_a_run_names_its_model(self, trial: Trial) -> None:
        """`needs` names the model that a run loads, and a run loads the model that `needs` names.

        Its memory is planned, and its digest (`model_digest`, or that of declared weights) is part of the cache key.
        """
        needs, first = trial.needs(), self.two_runs(trial)[0]
        if first.used_model:
            assert needs.model, "The run asks for a model or for weights, and 'needs' gives no 'model'."
        if needs.model:
            assert first.used_model, f"'needs' names '{needs.model}', and the run never calls 'context.model'."
            assert needs.model_digest, f"'needs' gives no 'model_digest', and no weights are named '{needs.model}'."

    def test_a_cancelled_run_stops(self, declared: Processor[Any, Any], trial: Trial) -> None:
        """A cancelled run stops: it calls `context.check` or `context.progress`, and lets `TaskCancelled` pass."""
        from avstudio_core.errors import TaskCancelled

        context = trial.context("cancelled")
        context.cancel()
        with contextlib.suppress(TaskCancelled):
            declared.run(trial.source, trial.params, context)
            pytest.fail(
                f"A run of '{declared.name}' that was cancelled went on to its end. "
                "Call 'context.check()' or 'context.progress(…)' between its parts; once, if it is short."
            )

    def test_it_refuses_another_media_type(self, studio: Studio, declared: Processor[Any, Any], tmp_path: Path) -> None:
        """`accepts` holds media types such as `audio/*`, and a source of another type is refused."""
        from avstudio_core.artifact import accepted
        from avstudio_core.errors import InvalidInput

        malformed = [one for one in declared.accepts if not re.fullmatch(r"\*/\*|[a-z]+/(\*|[a-z0-9.+\-]+)", one)]
        assert malformed == [], "These are not media types."
        refused = [name for kind, name in _OTHER_FILES.items() if not accepted(kind, declared.accepts)]
        if not declared.accepts or not refused:
            pytest.skip("it takes anything, or nothing")
        name = refused[0]
        (tmp_path / name).write_bytes(b"something else")
        with pytest.raises(InvalidInput, match="cannot read"):
            studio.run(self.processor, tmp_path / name, **self.params)

    def test_it_says_plainly_that_a_file_is_unreadable(
        self, studio: Studio, sample: Path | None, tmp_path: Path
    ) -> None:
        """A file with other content than its name says gives a result or an error of ours, and no library's."""
        from avstudio_core.errors import TaskFailed

        if sample is None:
            pytest.skip("it takes no source")
        garbage = tmp_path / f"garbage{sample.suffix}"
        garbage.write_bytes(b"These are words, whatever the name says. " * 100)
        causes = []
        try:
            studio.run(self.processor, garbage, **self.params)
        except TaskFailed as error:
            causes = [error.cause, error.traceback]
        assert "processor_error" not in causes, causes[1]


def unbounded(schema: dict[str, Any]) -> bool:
    """Whether a parameter is, or may be, a number without any limit."""
    return any(one.get("type") in ("integer", "number") and not _BOUNDS & one.keys() for one in _alternatives(schema))


def _alternatives(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for one in schema.get("anyOf", ()):
        yield from _alternatives(one)


def _unplaced(artifact: Artifact) -> Artifact:
    """An artifact without its path, which is not part of the JSON form."""
    return artifact.model_copy(update={"path": Path()})
