"""The cache of results: an earlier identical run answers a task."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from avstudio_core.artifact import Artifact, artifacts_in, new_id, with_artifacts
from avstudio_core.errors import AVStudioError
from avstudio_core.orders import Order
from avstudio_core.results import CodedWarning, Result
from avstudio_core.storage.artifacts import ArtifactStore
from avstudio_core.tasks.queue.queue_types import Finished

DIGITS = 32
"""The hexadecimal digits of a key: two of a thousand million works have the same one with odds of 1 to 10^20."""


def cache_key(order: Order) -> str:
    """The key of a run: input and its trust, parameters, processor, model, and the device, which rounds differently."""
    work: list[Any] = [order.processor, order.version, order.content, order.source.sha256 if order.source else None]
    work += [order.needs.model, order.needs.model_digest, order.needs.device, order.trust]
    return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()[:DIGITS]


class Earlier(NamedTuple):
    """The result of an earlier run as the answer to an order, if its files are intact."""

    done: Finished
    files: frozenset[str]
    """The sha256 of each file."""
    result: Result


def answered(
    stored: str, kind: type[Result], order: Order, key: str, store: ArtifactStore, find: Callable[[str], Artifact]
) -> Earlier | None:
    """A stored result for an order; `None` if it cannot be used, so that the order must run.

    `find` returns an artifact by its id.
    """
    try:
        result = kind.model_validate_json(stored, context=store.path)
    except (AVStudioError, ValueError):  # the type of the result has changed
        return None
    if order.strict and result.warnings:
        return None
    result = result.model_copy(update={"cache_hit": True})
    renamed = _named_after_source(result, order, find)
    files = tuple(artifacts_in(renamed).values())
    done = Finished(result=renamed.model_dump_json(), cache_key=key, cache_hit=True)
    if renamed is not result:
        ids = {before.id: new.id for before, new in zip(artifacts_in(result).values(), files, strict=True)}
        done = replace(done, artifacts=files, source=order.source.id if order.source else None, renamed=ids)
    return Earlier(done, frozenset(artifact.sha256 for artifact in files), renamed)


def _named_after_source(result: Result, order: Order, find: Callable[[str], Artifact]) -> Result:
    """The result with files named after this source, if the same content had another name before."""
    parents = result.provenance.parents if result.provenance else ()
    if order.source is None or not parents or not artifacts_in(result):
        return result
    try:
        before = find(parents[0])
    except AVStudioError:
        return result
    if before.name == order.source.name:
        return result
    renamed = with_artifacts(result, partial(_made_for, order, order.source, before.name_for("")))
    names = {before.name: order.source.name}
    for old, new in zip(artifacts_in(result).values(), artifacts_in(renamed).values(), strict=True):
        names[old.name] = new.name
    warnings = [_renamed(names, warning) for warning in result.warnings]
    made = result.provenance and result.provenance.model_copy(update={"parents": order.parents})
    return renamed.model_copy(update={"warnings": warnings, "provenance": made})


def _renamed(names: dict[str, str], warning: CodedWarning) -> CodedWarning:
    """A warning with the current names of files."""
    message = warning.message
    for old in sorted(names, key=len, reverse=True):
        message = message.replace(f"'{old}'", f"'{names[old]}'")
    return warning.model_copy(update={"message": message})


def _made_for(order: Order, source: Artifact, stem: str, artifact: Artifact) -> Artifact:
    """The same content as a new artifact, made from `source` instead of the earlier file named `stem`."""
    lineage = artifact.lineage.model_copy(update={"parents": order.parents}) if artifact.lineage else None
    named = artifact.name.startswith(f"{stem}.")
    name = source.name_for(artifact.name.removeprefix(stem)) if named else artifact.name
    return artifact.model_copy(update={"id": new_id("art"), "name": name, "lineage": lineage})
