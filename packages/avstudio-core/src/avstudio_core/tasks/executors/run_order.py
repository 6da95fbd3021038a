"""Runs one order in the current process."""

from __future__ import annotations

import contextlib
import json
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from avstudio_core.artifact import artifacts_in
from avstudio_core.child_process import peak_memory_mb
from avstudio_core.context import Context, Warm
from avstudio_core.documents.searchable import SearchText
from avstudio_core.errors import AVStudioError, DiskFull, PluginError, StorageError, TaskCancelled
from avstudio_core.kinds.executor import ExecutorHost
from avstudio_core.kinds.processor import Processor
from avstudio_core.names import escaped, is_encodable
from avstudio_core.orders import Order, Report
from avstudio_core.parameters import parameters
from avstudio_core.quotes import quoted
from avstudio_core.results import CodedWarning, Provenance, Result, Review
from avstudio_core.tasks.executors.relay import relayed
from avstudio_core.tasks.task import CANCELLED

OUT_OF_MEMORY = "out of memory"
"""What errors of torch and CTranslate2 contain if a device has too little memory. Their class is not `MemoryError`."""
LONGEST_MESSAGE = 4000
"""The most characters of an error's message or hint, or a review's reason, which may be from foreign code."""
LONGEST_TRACEBACK = 100_000
"""The most characters of a traceback; its end tells the error."""


def context_for(order: Order, host: ExecutorHost, report: Callable[[Report], None], warm: Warm) -> Context:
    """The context of a run in this process: reports and requests go to the studio, and loaded models to `warm`."""
    ask = partial(relayed, host, order, report)
    return Context(order, settings=host.settings, shelf=host.shelf, warm=warm, report=report, ask=ask)


def run_order(
    order: Order,
    processor: Processor[Any, Any],
    context: Context,
    distribution: str,
    restored: Callable[[], list[CodedWarning]] = list,
) -> Report:
    """Run the processor and its review, and always return the final report. `distribution` provides the processor.

    The studio has verified the files that the run reads.

    `restored` undoes changes of the run that could affect later jobs of its process, and returns their descriptions.
    """
    try:
        source = order.source.model_copy(update={"path": order.source_path}) if order.source else None
        result = processor.run(source, parameters(processor, order.params, order.paths.__getitem__), context)
        review = _reviewed(_checked(result, order, processor, context), order, processor, context)
        context.warnings += restored()
        complete = _explained(order, result, context, distribution).model_dump(mode="json")
        made = _json(complete, order)
        texts = _texts(result, order) if review.accepted else ()
    except TaskCancelled:
        return Report(job_id=order.job_id, kind="cancelled", code=CANCELLED, message="The task was cancelled.")
    except AVStudioError as error:
        code = error.code if isinstance(error.code, str) else AVStudioError.code
        return _failed(order, error, code, error.message or _text(error), error.hint or "")
    except BaseException as error:  # any exception of a run, including KeyboardInterrupt, is a failure of the run
        if isinstance(error, MemoryError) or OUT_OF_MEMORY in _text(error).lower():
            message = f"{order.processor} ran out of memory."
            return _failed(order, error, "out_of_memory", message, "Choose a smaller model, or shorten the source.")
        if isinstance(error, OSError) and isinstance(full := StorageError.of(error, order.folder), DiskFull):
            return _failed(order, error, full.code, full.message, full.hint)
        message = f"{order.processor} failed: {type(error).__name__}: {_text(error)}"
        return _failed(order, error, "processor_error", " ".join(message.split()).removesuffix(":"), retryable=True)
    return Report(
        job_id=order.job_id,
        kind="done",
        result=made,
        texts=texts,
        review=review,
        memory_mb=peak_memory_mb() if order.needs.memory_mb else 0,
    )


def _checked(result: Any, order: Order, processor: Processor[Any, Any], context: Context) -> Result:
    """The result, if it has the declared type and contains all published artifacts. Raises `PluginError`."""
    declared = processor.result_type
    if not isinstance(result, declared):
        message = f"{order.processor} returned {quoted(result, 60)} instead of the declared {declared.__name__}."
        raise PluginError(message)
    files = artifacts_in(result).values()
    order.refuse_foreign(files, {artifact.sha256 for artifact in context.published})
    held = {artifact.id for artifact in files}
    for artifact in context.published:
        if artifact.id not in held:
            message = f"{order.processor} published '{artifact.name}', but its result does not contain it."
            hint = "Put it into a field whose type is Artifact, or contains it."
            raise PluginError(message, hint=hint)
    _refuse_open_files(order, context)
    return result


def _refuse_open_files(order: Order, context: Context) -> None:
    """Raise `PluginError` for a file that was written to after it was published: its sha256 is that of a part."""
    for artifact in context.published:
        with contextlib.suppress(FileNotFoundError):
            if artifact.path.stat().st_size != artifact.size:
                message = f"{order.processor} wrote to '{artifact.name}' after it was published."
                raise PluginError(message, hint="Close a file before it is published.")


def _reviewed(result: Result, order: Order, processor: Processor[Any, Any], context: Context) -> Review:
    """The processor's review of a result. Only a processor with a review of its own reports that it begins."""
    if type(processor).review is not Processor.review:
        context.reviewing()
    review = processor.review(result, context)
    if not isinstance(review, Review):
        raise PluginError(f"The review of {order.processor} returned {quoted(review, 60)} instead of a Review.")
    reason = escaped(_short(order, review.reason)) if review.reason else ""
    return review if reason == review.reason else review.model_copy(update={"reason": reason})


def _json(complete: dict[str, Any], order: Order) -> str:
    """A result as JSON. Raises `PluginError` for what JSON cannot hold, so that only this task fails."""
    try:
        text = _written(complete)
    except UnicodeEncodeError:
        message = f"{order.processor} returned text in {_unwritable(complete)} that is not valid in UTF-8."
        raise PluginError(message) from None
    except ValueError:
        message = f"{order.processor} returned NaN or infinity in {_unwritable(complete)}, which JSON cannot hold."
        raise PluginError(message) from None
    order.refuse_large(text)
    return text


def _written(value: Any) -> str:
    """A value as JSON. Raises `ValueError` for numbers, and `UnicodeEncodeError` for text, that JSON cannot hold."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    text.encode()
    return text


def _unwritable(complete: dict[str, Any]) -> str:
    """The names of the fields that JSON cannot hold."""
    names = []
    for name, value in complete.items():
        try:
            _written(value)
        except ValueError:
            names.append(f"'{name}'")
    return ", ".join(names)


def _texts(result: Result, order: Order) -> tuple[SearchText, ...]:
    """What a search finds of a result, without what the database cannot hold. Raises `PluginError`."""
    found = []
    for one in result.texts():
        if not isinstance(one, SearchText) or not is_encodable(one.text):
            raise PluginError(f"{order.processor} returned {quoted(one, 60)}, which is not a text to search for.")
        if text := one.text.replace("\0", " ").strip():
            found.append(one if text == one.text else one.model_copy(update={"text": text}))
    return tuple(found)


def _explained(order: Order, result: Result, context: Context, distribution: str) -> Result:
    provenance = Provenance(
        processor=order.processor,
        version=order.version,
        distribution=distribution,
        model=order.needs.model,
        model_digest=order.needs.model_digest,
        parents=order.parents,
        trust=order.trust,
        task_id=order.task_id,
    )
    effective = {**order.described, **result.effective}
    warnings = [*context.warnings, *result.warnings]
    return result.model_copy(update={"provenance": provenance, "effective": effective, "warnings": warnings})


def _text(error: BaseException) -> str:
    """The message of an error; its `__str__` may also be foreign code."""
    try:
        return str(error)
    except BaseException as broken:
        return f"(its message cannot be read: {type(broken).__name__})"


def _failed(
    order: Order, error: BaseException, code: str, message: str, hint: str = "", *, retryable: bool = False
) -> Report:
    return Report(
        job_id=order.job_id,
        kind="failed",
        code=code,
        base=_base(error, code),
        message=_short(order, message).strip() or f"{order.processor} failed: {type(error).__name__}",
        hint=_short(order, hint),
        traceback="".join(traceback.format_exception(error))[-LONGEST_TRACEBACK:],
        retryable=retryable,
    )


def _base(error: BaseException, code: str) -> str:
    """The code of the core's error that a plugin's error is a kind of; other processes may not know the plugin's."""
    base = next((one for one in type(error).__mro__ if one.__module__ == AVStudioError.__module__), None)
    found = getattr(base, "code", code)
    return found if found != code else ""


def _short(order: Order, text: object) -> str:
    """A message of an error or a review, whose parts may be foreign values."""
    shown = order.shown(str(text))
    return shown if len(shown) <= LONGEST_MESSAGE else f"{shown[: LONGEST_MESSAGE - 1]}…"
