"""What a running task can use."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from avstudio_core.artifact import Artifact, Lineage, MediaFacts, is_media_type, new_id
from avstudio_core.chat import ChatRequest, EmbedRequest, Message, Question
from avstudio_core.egress import Gate
from avstudio_core.errors import Degraded, InvalidInput, RunLimitReached, StorageError, TaskCancelled, Unavailable
from avstudio_core.model_requests import Asker, Verb, asked
from avstudio_core.names import file_name
from avstudio_core.quotes import quoted
from avstudio_core.results import CodedWarning, Needs
from avstudio_core.storage.private_files import private_folder
from avstudio_core.storage.stage import stage

if TYPE_CHECKING:
    from pydantic import JsonValue

    from avstudio_core.answers import ChatAnswer, Embedding
    from avstudio_core.orders import Order, Report
    from avstudio_core.route_decision import RouteDecision
    from avstudio_core.settings import Settings
    from avstudio_core.weights import Shelf

T = TypeVar("T")


class Warm:
    """Models that stay loaded in this process between jobs."""

    def __init__(self) -> None:
        self._loaded: dict[str, object] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, key: str, load: Callable[[], T]) -> T:
        """The model with that key; if several callers wait for it, it is loaded once."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._loaded:
                self._loaded[key] = load()
            return self._loaded[key]  # type: ignore[return-value]

    def drop(self, prefix: str = "") -> None:
        """Drop the models whose key has that prefix, which frees their memory when no run uses them."""
        with self._guard:
            for key in [key for key in self._loaded if key.startswith(prefix)]:
                del self._loaded[key]


class Context:
    """The services for one run of a processor: progress, cancellation, models, new files."""

    def __init__(
        self,
        order: Order,
        *,
        settings: Settings,
        shelf: Shelf,
        warm: Warm,
        report: Callable[[Report], None] = lambda report: None,
        ask: Asker | None = None,
    ) -> None:
        self.task_id = order.task_id
        self.attempt = order.attempt
        self.feedback = order.feedback
        """The reason if a review sent an earlier run of this task back, otherwise `None`."""
        self.strict = order.strict
        self.needs: Needs = order.needs
        """The needs of this run, with the chosen model and device."""
        self.settings = settings
        self.shelf = shelf
        self.warnings: list[CodedWarning] = []
        self.published: list[Artifact] = []
        self._order = order
        self._warm = warm
        self._report = report
        self._ask = ask
        self._cancelled = threading.Event()
        self._done = 0.0
        self._asked_before: Counter[str] = Counter()
        self._counting = threading.Lock()

    def progress(self, fraction: float, stage: str = "") -> None:
        """Report the finished part, 0 to 1, and the current stage. Raises `TaskCancelled` if the task should stop.

        What is shown never falls: a stage that is done again begins where the first one ended.
        """
        self.check()
        part = min(float(fraction), 1.0) if fraction == fraction else 0.0  # NaN, from 0/0, counts as 0
        self._done = max(self._done, part)
        self._tell(100.0 * self._done, stage)

    def reviewing(self) -> None:
        """Report that the run is finished and that the processor's own review begins."""
        from avstudio_core.orders import Report

        self._report(Report(job_id=self._order.job_id, kind="reviewing"))

    def _tell(self, percent: float, message: str) -> None:
        from avstudio_core.orders import Report

        self._report(Report(job_id=self._order.job_id, kind="progress", percent=percent, message=message))

    def _refused(self, host: str, reason: str) -> None:
        from avstudio_core.orders import Report

        self._report(Report(job_id=self._order.job_id, kind="refused", host=host, message=reason))

    def check(self) -> None:
        """Raise `TaskCancelled` if the task should stop; call it often in long loops.

        Raises `RunLimitReached` when the time of its run is over.
        """
        if self._order.deadline is not None and time.time() >= self._order.deadline:
            raise RunLimitReached(f"The time limit of the run '{self._order.run}' is over.")
        if self._cancelled.is_set():
            raise TaskCancelled(f"Task '{self.task_id}' was cancelled.")

    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Make this run stop at its next `check`."""
        self._cancelled.set()

    def warn(self, code: str, message: str) -> None:
        """Add a warning about a degradation to the result; in a `strict` task, raise `Degraded` instead."""
        message = self._order.shown(message).encode(errors="backslashreplace").decode()
        if self.strict:
            text = f"{message} ('strict' makes the warning '{code}' an error.)"
            raise Degraded(text, hint="Run it without 'strict' to allow it.")
        self.warnings.append(CodedWarning(code=code, message=message))

    def weights(self, name: str) -> Path:
        """A folder with the files of a model, fetched if necessary. Raises `WeightsMissing`, `CorruptFile`."""

        def report(fraction: float) -> None:
            self.check()
            self._tell(0.0, f"fetch {name}, {fraction:.0%}")

        if self.shelf.fetches or self._ask is None:
            return self.shelf.folder(name, report)
        found = asked(self._ask, "weights", {"name": name}, check=self.check, on_text=lambda part: report(float(part)))
        return Path(str(found["folder"]))

    def model(self, key: str, load: Callable[[], T]) -> T:
        """A loaded model that stays in memory for later jobs; if several jobs wait for it, `load` runs once."""
        return self._warm.get(f"{self.needs.lane}:{key}", load)

    def chat(
        self,
        prompt: str | Sequence[Message] | ChatRequest,
        /,
        *,
        on_text: Callable[[str], None] | None = None,
        **options: Any,
    ) -> ChatAnswer:
        """Call a language model on the account of this task; `on_text` receives the answer as it arrives.

        `options` are those of `ChatRequest.of`. Raises `ModelError`s, `OverBudget`, `EgressRefused`, `TaskCancelled`.
        """
        from avstudio_core.answers import ChatAnswer

        request = ChatRequest.of(prompt, **options)
        return ChatAnswer.model_validate(self._asked("chat", request, on_text))

    def embed(self, texts: str | Sequence[str], /, **options: Any) -> Embedding:
        """Convert texts to vectors on the account of this task. Raises the same errors as `chat`."""
        from avstudio_core.answers import Embedding

        request = EmbedRequest.of(texts, **options)
        return Embedding.model_validate(self._asked("embed", request, None))

    def route(self, prompt: str | Sequence[Message] | ChatRequest, /, **options: Any) -> RouteDecision:
        """The model that would answer, and its context; no model is called. Raises `NoModel`."""
        from avstudio_core.route_decision import RouteDecision

        request = ChatRequest.of(prompt, **options)
        return RouteDecision.model_validate(self._asked("route", request, None))

    def leave(self, url: str) -> None:
        """Ask before you open a connection yourself. Raises `EgressRefused` if the settings forbid the address."""
        Gate(self.settings, self._refused).leave(url)

    def new_path(self, name: str) -> Path:
        """A path for a new file with that name in this job's folder, which is removed after the job.

        Raises `InvalidInput` for a name that contains folders.
        """
        if not isinstance(name, str) or file_name(name) != name:
            raise InvalidInput(f"{quoted(name)} is not the name of a file.", hint="Give one without folders.")
        return _made(_made(self._order.folder) / "new") / name

    def publish(self, path: Path, name: str, media_type: str, facts: MediaFacts | None = None) -> Artifact:
        """Stage a finished file as an output; it is in the store when the task completes.

        A file at a `new_path` is moved, any other is copied. The result must contain all published artifacts. Folders
        and control characters are removed from the name. Raises `StorageError`, `InvalidInput`.
        """
        if not isinstance(name, str):
            raise InvalidInput(f"{quoted(name)} is not the name of a file.")
        if not is_media_type(media_type):
            raise InvalidInput(f"{quoted(media_type)} is not a media type.", hint="Give one such as 'audio/wav'.")
        folder = _made(self._order.folder)
        if path.is_symlink() or folder.resolve() not in path.resolve().parents:
            path = self._copied(path)
        sha256, size = stage(path, folder)
        lineage = Lineage(
            processor=self._order.processor,
            version=self._order.version,
            params=self._order.described,
            model=self.needs.model,
            model_digest=self.needs.model_digest,
            parents=self._order.parents,
        )
        made = Artifact(
            id=new_id("art"),
            name=name,
            sha256=sha256,
            size=size,
            media_type=media_type,
            facts=facts or MediaFacts(),
            lineage=lineage,
            trust=self._order.trust,
            path=folder / sha256,
        )
        self.published.append(made)
        return made

    def _copied(self, path: Path) -> Path:
        copy = self.new_path(new_id("copy"))
        try:
            shutil.copyfile(path, copy)
        except OSError as error:
            raise StorageError.of(error, path) from error
        return copy

    def _asked(self, verb: Verb, request: Question, on_text: Callable[[str], None] | None) -> dict[str, JsonValue]:
        if self._ask is None:
            raise Unavailable("This run cannot use language models: its executor does not pass requests on.")
        given = request.model_dump(mode="json")
        with self._counting:
            equal = f"{verb} {request.model_dump_json()}"
            number = self._asked_before[equal]
            self._asked_before[equal] += 1
        return asked(self._ask, verb, given, number=number, check=self.check, on_text=on_text)


def _made(folder: Path) -> Path:
    """A folder, made when it is first needed: most small jobs need none."""
    return private_folder(folder)
