"""The result of a step: its files brought to where they were asked for, its facts printed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avstudio_core.errors import OutputExists, StorageError
from avstudio_core.names import file_name
from avstudio_server.operations.schemas import Schema, alternatives

if TYPE_CHECKING:
    from avstudio_core.artifact import Artifact
    from avstudio_core.studio import Studio
    from avstudio_core.tasks.task import Task
    from avstudio_server.cli.flags import FileFlags

MOST_ITEMS = 20
"""Longer lists are cut on the terminal, not in JSON."""
NOTHING: Schema = {}


@dataclass
class Answer:
    """One step, done."""

    task: Task
    result: Any
    artifacts: dict[str, Artifact]
    files: dict[str, Path]

    def as_json(self) -> dict[str, Any]:
        """The answer for programs: its files by output name, the result as it is declared."""
        files = {name: str(path.absolute()) for name, path in self.files.items()}
        result = self.result.model_dump(mode="json")
        return {"task": self.task.id, "processor": self.task.processor, "files": files, "result": result}


def answer(task: Task, result: Any) -> Answer:
    """The answer as the data folder holds it."""
    from avstudio_core.artifact import artifacts_in

    artifacts = artifacts_in(result)
    return Answer(task, result, artifacts, {name: artifact.path for name, artifact in artifacts.items()})


def export(studio: Studio, answers: list[Answer], asked: FileFlags, *, stem: str = "") -> None:
    """Copy every artifact into the output folder, if there is one: all of them or, where one is in the way, none.

    Each name begins with `stem`, if need be after a change. A file that is there already with the very same
    content is left as it is. Raises `StorageError`.
    """
    if asked.folder is None:
        return
    targets = _targets(answers, asked.folder, stem)
    found = [(one.artifacts[name], path) for one, name, path in targets]
    wanted = [(artifact, path) for artifact, path in found if not _same(path, artifact)]
    _refuse_taken([path for _, path in wanted], overwrite=asked.overwrite)
    if wanted:
        _copy(studio, wanted, asked.folder, overwrite=asked.overwrite)
    for one, name, path in targets:
        one.files[name] = path


def printed(answers: list[Answer]) -> str:
    """The answers for people: files first, then facts, a text last, as it is."""
    parts = []
    for one in answers:
        heading = [] if len(answers) == 1 else [f"{one.task.processor}:"]
        lines = [*_lines(one)]
        indent = "  " if heading else ""
        parts.append("\n".join([*heading, *(f"{indent}{line}" for line in lines)]))
        if text := getattr(one.result, "text", None):
            parts.append(f"\n{text}\n" if len(answers) > 1 else f"\n{text}" if lines else str(text))
    return "\n".join(parts).strip("\n")


def _lines(one: Answer) -> Iterator[str]:
    from avstudio_core.results import Result

    for name, path in one.files.items():
        artifact = one.artifacts[name]
        yield f"{name}: {path if path != artifact.path else f'{artifact.id}  {artifact.name}  {path}'}"
    if model := one.result.effective.get("model"):
        yield f"model: {model}"
    schema = type(one.result).model_json_schema(mode="serialization")
    shown = one.result.model_dump(mode="json")
    for name, field in schema["properties"].items():
        if name not in Result.model_fields and name != "text" and not _holds_artifacts(getattr(one.result, name)):
            yield from rendered(name, shown[name], field, schema.get("$defs", {}))


def rendered(name: str, value: Any, schema: Schema = NOTHING, definitions: Schema = NOTHING) -> Iterator[str]:
    """A JSON value as indented lines, with the units of its schema; what is empty is left out."""
    if value in (None, "", [], {}):
        return
    if isinstance(value, dict):
        yield f"{name}:"
        for line in _members(value, schema, definitions):
            yield f"  {line}"
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield f"{name}:"
        items = _inside(schema, definitions, "items")
        for item in value[:MOST_ITEMS]:
            lines = _members(item, items, definitions) if isinstance(item, dict) else [_plain(item)]
            yield from (f"  {'-' if number == 0 else ' '} {line}" for number, line in enumerate(lines))
        if len(value) > MOST_ITEMS:
            yield f"  … {len(value) - MOST_ITEMS} more: see --json"
    elif isinstance(value, list):
        yield f"{name}: {', '.join(map(_plain, value))}"
    else:
        yield f"{name}: {_plain(value)} {schema.get('unit', '')}".rstrip()


def _members(value: dict[str, Any], schema: Schema, definitions: Schema) -> Iterator[str]:
    properties = _inside(schema, definitions, "properties")
    for name, item in value.items():
        yield from rendered(name, item, properties.get(name, NOTHING), definitions)


def _inside(schema: Schema, definitions: Schema, key: str) -> Schema:
    """The part of a schema that describes what is inside."""
    return next((one[key] for one in alternatives(schema, definitions) if key in one), NOTHING)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{round(value, 3):g}" if abs(value) < 1e6 else f"{value:.0f}"
    return str(value) if not isinstance(value, dict | list) else json.dumps(value, ensure_ascii=False)


def _holds_artifacts(value: Any) -> bool:
    from avstudio_core.artifact import Artifact

    items = value.values() if isinstance(value, dict) else [value]
    return any(isinstance(item, Artifact) for item in items)


def _targets(answers: list[Answer], folder: Path, stem: str) -> list[tuple[Answer, str, Path]]:
    """Where each artifact goes: under its own name, or, where two share one, with its output and step before it."""
    found = [
        (one, name, file_name(_begun(artifact.name, stem)))
        for one in answers
        for name, artifact in one.artifacts.items()
    ]
    names = Counter(file.casefold() for _, _, file in found)
    return [
        (one, name, folder / (file if names[file.casefold()] == 1 else file_name(f"{one.task.step}-{name}-{file}")))
        for one, name, file in found
    ]


def _refuse_taken(paths: list[Path], *, overwrite: bool) -> None:
    """Refuse places where something is that is not to be overwritten. Raises `StorageError`, `OutputExists`."""
    taken = [path for path in paths if path.exists()]
    if folder := next((path for path in taken if path.is_dir()), None):
        raise StorageError(f"'{folder}' is a folder, and a file is to be there. Give another with --output.")
    if taken and not overwrite:
        raise OutputExists(
            f"'{taken[0]}' exists already{f', and {len(taken) - 1} more' if taken[1:] else ''}. The result is kept: "
            "run this again with --overwrite, or with another folder, and it is there at once."
        )


def _copy(studio: Studio, wanted: list[tuple[Artifact, Path]], folder: Path, *, overwrite: bool) -> None:
    """Copy artifacts to a folder beside their places, and move them there when all are whole."""
    import shutil
    import tempfile

    from avstudio_core.storage.exports import put

    path, placed = folder, list[Path]()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".avstudio-", dir=folder) as beside:
            for artifact, path in wanted:
                studio.store.verify(artifact.sha256)
                shutil.copyfile(artifact.path, Path(beside, path.name))
            for _, path in wanted:
                new = [] if path.exists() else [path]
                put(Path(beside, path.name), path, overwrite=overwrite)
                placed += new
    except BaseException as error:
        for one in placed:
            one.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StorageError.of(error, path) from error
        raise


def _begun(name: str, stem: str) -> str:
    return name if name.startswith(stem) else f"{stem}-{name}"


def _same(path: Path, artifact: Artifact) -> bool:
    import hashlib

    if not path.is_file() or path.stat().st_size != artifact.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == artifact.sha256
