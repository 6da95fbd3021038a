"""What each kind of plugin must keep, as test classes to subclass."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from avstudio_core.testing.fixtures import Tone

if TYPE_CHECKING:
    from avstudio_core.kinds.memory_manager import MemoryManager
    from avstudio_core.kinds.processor import Processor
    from avstudio_core.studio import Studio
    from avstudio_core.weights import Weights

HEAVY = frozenset(
    {
        *("alembic", "anthropic", "av", "ctranslate2", "cv2", "demucs", "fastapi", "faster_whisper", "genai_prices"),
        *("httpx", "httpx2", "huggingface_hub", "jax", "librosa", "llama_cpp", "matplotlib", "mlx", "mlx_lm", "numba"),
        *("numpy", "onnxruntime", "openai", "pandas"),
        *("pedalboard", "PIL", "requests", "rich", "scipy", "sklearn", "soundfile", "tensorflow", "tokenizers"),
        *("torch", "torchaudio", "torchcodec", "transformers"),
    }
)
"""Libraries to import inside the method that uses them."""

_BOUNDS = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "enum", "const"}
_OTHER_FILES = {"text/plain": "other.txt", "image/png": "other.png", "audio/wav": "other.wav", "video/mp4": "other.mp4"}
_DECLARE = """
import json, sys
from avstudio_core.catalogue import declare
from avstudio_core.models.shelf import InstalledShelf
from avstudio_core.plugins import Plugins
from avstudio_core.settings import load

plugins = Plugins()
plugins.add_modules([sys.argv[1]])
shelf = InstalledShelf(plugins, load({}))
shelf.all()
for kind in plugins.kind("processors").values():
    declare(kind(shelf), "")
for kind in plugins.kind("memory_managers").values():
    kind()
for family in ("backends", "price_books", "routers"):
    plugins.kind(family)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


class ProcessorContract:
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
    def declared(self, studio: Studio) -> Processor[Any, Any]:
        """The processor itself."""
        return studio.processor(self.processor)

    def test_its_name_is_a_medium_and_a_verb(self, declared: Processor[Any, Any]) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", declared.name)

    def test_its_docstring_begins_with_a_summary(self, declared: Processor[Any, Any]) -> None:
        summary = (type(declared).__doc__ or "").strip().partition("\n")[0]
        assert summary.endswith("."), "the first line is the summary everywhere: one sentence"
        assert len(summary) <= 120

    def test_its_fields_say_what_they_are(self, declared: Processor[Any, Any]) -> None:
        from avstudio_core.results import Result

        own = {name: one for name, one in declared.result_type.model_fields.items() if name not in Result.model_fields}
        fields = {**declared.params_type.model_fields, **own}
        assert [name for name, field in fields.items() if not field.description] == []

    def test_its_parameters_have_defaults(self, declared: Processor[Any, Any]) -> None:
        fields = declared.params_type.model_fields
        without = {name for name, field in fields.items() if field.is_required()}
        said = "parameters without a default; if that is meant, name them in 'required' and give values in 'params'"
        assert sorted(without - self.required) == [], said
        assert sorted(self.required - without) == [], (
            "'required' names something that is not a parameter, or has a default"
        )

    def test_its_numbers_have_bounds(self, declared: Processor[Any, Any]) -> None:
        properties = declared.params_type.model_json_schema().get("properties", {})
        assert [name for name, schema in properties.items() if _unbounded(schema)] == []

    def test_no_parameter_has_a_name_that_is_taken(self, declared: Processor[Any, Any]) -> None:
        """`Studio.run(…, options=TaskOptions(…))` is about the task."""
        assert "options" not in declared.params_type.model_fields

    def test_its_parameters_survive_json(self, declared: Processor[Any, Any]) -> None:
        given = declared.params_type(**self.params)
        assert declared.params_type.model_validate_json(given.model_dump_json()) == given

    def test_its_needs_are_known_before_there_is_a_source(self, declared: Processor[Any, Any]) -> None:
        from avstudio_core.results import Needs

        assert isinstance(declared.needs(declared.params_type(**self.params), None), Needs)

    def test_importing_and_declaring_it_is_light(self) -> None:
        assert imported_by(self.plugin) & HEAVY == set()

    def test_a_run_explains_itself(self, studio: Studio, declared: Processor[Any, Any], sample: Path | None) -> None:
        result = studio.run(self.processor, sample, **self.params)
        assert type(result) is declared.result_type
        assert set(declared.params_type.model_fields) <= set(result.effective)
        assert result.provenance is not None
        assert result.provenance.processor == self.processor

    def test_a_run_makes_what_was_promised(
        self, studio: Studio, declared: Processor[Any, Any], sample: Path | None
    ) -> None:
        from avstudio_core.artifact import artifacts_in

        made = artifacts_in(studio.run(self.processor, sample, **self.params))
        promised = dict(declared.outputs(declared.params_type(**self.params)))
        assert {name: artifact.media_type for name, artifact in made.items()} == promised
        for artifact in made.values():
            studio.store.verify(artifact.sha256)

    def test_a_run_leaves_its_source_alone(self, studio: Studio, sample: Path | None) -> None:
        if sample is None:
            pytest.skip("it takes no source")
        before = sample.read_bytes()
        source = studio.take_in(sample)
        studio.run(self.processor, source, **self.params)
        studio.store.verify(source.sha256)
        assert sample.read_bytes() == before

    def test_the_same_work_is_done_once(
        self, studio: Studio, declared: Processor[Any, Any], sample: Path | None
    ) -> None:
        first = studio.run(self.processor, sample, **self.params)
        second = studio.run(self.processor, sample, **self.params)
        assert (first.cache_hit, second.cache_hit) == (False, declared.cacheable)

    def test_a_cancelled_run_stops(
        self, studio: Studio, declared: Processor[Any, Any], sample: Path | None, tmp_path: Path
    ) -> None:
        """A run must look at `context.check()` or `context.progress()` before it is done."""
        from avstudio_core.context import Context, Warm
        from avstudio_core.errors import TaskCancelled
        from avstudio_core.orders import Order

        source = studio.take_in(sample) if sample else None
        params = declared.params_type(**self.params)
        order = Order(
            job_id="job",
            task_id="task",
            processor=self.processor,
            version=declared.version,
            params=params.model_dump(mode="json"),
            source=source,
            needs=declared.needs(params, source),
            folder=tmp_path / "job",
        )
        context = Context(order, settings=studio.settings, shelf=studio.shelf, warm=Warm())
        context.cancel()
        with pytest.raises(TaskCancelled):
            declared.run(source, params, context)

    def test_it_refuses_another_media_type(self, studio: Studio, declared: Processor[Any, Any], tmp_path: Path) -> None:
        from avstudio_core.artifact import accepted
        from avstudio_core.errors import InvalidInput

        malformed = [one for one in declared.accepts if not re.fullmatch(r"\*/\*|[a-z]+/(\*|[a-z0-9.+\-]+)", one)]
        assert malformed == []
        refused = [name for kind, name in _OTHER_FILES.items() if not accepted(kind, declared.accepts)]
        if not declared.accepts or not refused:
            pytest.skip("it takes anything, or nothing")
        name = refused[0]
        (tmp_path / name).write_bytes(b"something else")
        with pytest.raises(InvalidInput, match="accepts"):
            studio.run(self.processor, tmp_path / name, **self.params)

    def test_it_says_plainly_that_a_file_is_unreadable(
        self, studio: Studio, sample: Path | None, tmp_path: Path
    ) -> None:
        """A file with the right name and the wrong content: a result, or an error of ours, but no library's."""
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


class WeightsContract:
    """What every declaration of model files must keep."""

    plugin: ModuleType
    weights: ClassVar[str]

    @pytest.fixture
    def declared(self, studio: Studio) -> type[Weights]:
        return studio.shelf.find(self.weights)

    def test_it_says_what_it_is(self, declared: type[Weights]) -> None:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._\-]*", declared.name)
        assert declared.family
        assert declared.licence
        assert declared.memory_mb > 0
        assert 0 <= declared.quality <= 1

    def test_its_files_are_named_once_and_stay_inside(self, declared: type[Weights]) -> None:
        names = [file.name for file in declared.files]
        assert names
        assert len(set(names)) == len(names)
        assert [name for name in names if name.startswith("/") or ".." in name.split("/")] == []

    def test_its_digests_and_sizes_are_such(self, declared: type[Weights]) -> None:
        digests = [file.sha256 for file in declared.files if file.sha256 is not None]
        assert [one for one in digests if not re.fullmatch(r"[0-9a-f]{64}", one)] == []
        assert [file.name for file in declared.files if file.size is not None and file.size <= 0] == []

    def test_pickles_are_pinned(self, declared: type[Weights]) -> None:
        """Nothing is unpickled but what is known by its hash."""
        pickles = (".ckpt", ".pickle", ".pkl", ".pt", ".pth", ".th")
        assert [file.name for file in declared.files if file.name.endswith(pickles) and not file.sha256] == []

    def test_the_hub_is_asked_for_a_commit(self, declared: type[Weights]) -> None:
        if declared.repository is None:
            pytest.skip("it is not on the hub")
        assert declared.repository.count("/") == 1
        assert re.fullmatch(r"[0-9a-f]{40}", declared.revision or ""), "pin a commit: a branch moves"

    def test_there_is_a_way_to_get_it(self, declared: type[Weights]) -> None:
        carried = all(file.carried_by for file in declared.files)
        assert declared.repository or declared.requires or carried

    def test_what_is_at_hand_is_right(self, studio: Studio) -> None:
        if not studio.shelf.at_hand(self.weights):
            pytest.skip(f"the weights '{self.weights}' are not on this machine")
        folder = studio.shelf.folder(self.weights)
        assert [file.name for file in studio.shelf.find(self.weights).files if not (folder / file.name).is_file()] == []

    def test_importing_it_is_light(self) -> None:
        assert imported_by(self.plugin) & HEAVY == set()


class MemoryManagerContract:
    """What every memory manager must keep, on a machine with its device and on one without."""

    plugin: ModuleType
    manager: ClassVar[type[MemoryManager]]

    def test_it_names_its_device(self) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9]*", self.manager.device)

    def test_its_figures_make_sense(self) -> None:
        manager = self.manager()
        assert isinstance(manager.present(), bool)
        assert 0 <= manager.available_mb() <= manager.total_mb()

    def test_a_device_has_memory_when_it_is_there(self) -> None:
        manager = self.manager()
        assert (manager.total_mb() > 0) is manager.present()

    def test_the_studio_budgets_with_it(self, studio: Studio) -> None:
        assert self.manager in studio.plugins.kind("memory_managers").values()
        assert studio.pool.budget_mb(self.manager.device) >= 0

    def test_importing_it_is_light(self) -> None:
        assert imported_by(self.plugin) & HEAVY == set()


def imported_by(plugin: ModuleType) -> set[str]:
    """The packages that a fresh interpreter has imported after it loaded a plugin and declared what it brings."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _DECLARE, plugin.__name__]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1]))


def _unbounded(schema: dict[str, Any]) -> bool:
    """Whether a parameter is, or may be, a number without any limit."""
    return any(one.get("type") in ("integer", "number") and not _BOUNDS & one.keys() for one in _alternatives(schema))


def _alternatives(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for one in schema.get("anyOf", ()):
        yield from _alternatives(one)
