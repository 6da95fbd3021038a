"""An interface of AV-Studio: a watched folder."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path
from typing import Any

from pydantic import Field

from avstudio_core import (
    AVStudioError,
    Interface,
    InvalidInput,
    Options,
    Plan,
    PlanHandle,
    Stop,
    Studio,
    artifacts_in,
    hookimpl,
)

RECORD = ".avstudio-watch"


class WatchOptions(Options):
    folder: Path = Field(description="The folder to watch.", json_schema_extra={"argument": True})
    plan: str = Field(description="What to run on each new file, such as 'audio.separate:vocals | audio.transcribe'.")
    output: Path = Field(description="Where the results go, into a folder for each file.")
    settle: float = Field(
        default=1.0,
        ge=0.05,
        le=3600,
        description="A file is complete if it does not change for so long.",
        json_schema_extra={"unit": "s"},
    )


class Watch(Interface[WatchOptions]):
    """Run a plan on every new file of a folder.

    Each content is processed once: a record in the output folder has what is done. Files that arrive while nothing
    watches are found at the next start; what was interrupted begins again.
    """

    name = "watch"

    def serve(self, studio: Studio, options: WatchOptions, stop: Stop) -> None:
        from watchfiles import watch

        folder = Folder(studio, options)
        patience = round(options.settle * 1000)
        changed = True
        for changes in watch(
            options.folder, stop_event=stop, recursive=False, rust_timeout=patience, yield_on_timeout=True
        ):
            if changes or changed:
                changed = folder.look()
            folder.collect()
        folder.cancel()


class Folder:
    """What is known about the files of a folder."""

    def __init__(self, studio: Studio, options: WatchOptions) -> None:
        self.studio = studio
        self.options = options
        self.plan = Plan.parse(options.plan)
        for step in self.plan.steps:
            studio.processor(step.processor)  # raises for a misspelt name, before there is a file
        if not options.folder.is_dir():
            raise InvalidInput(f"'{options.folder}' is not a folder.", hint="Give an existing folder.")
        if options.output.resolve() == options.folder.resolve():
            raise InvalidInput("The results would be new files of the watched folder.", hint="Choose another output.")
        options.output.mkdir(parents=True, exist_ok=True)
        self.record = options.output / RECORD
        self.done = set(self.record.read_text().split()) if self.record.exists() else set()
        self.seen: dict[Path, tuple[Any, float]] = {}
        self.running: dict[str, tuple[Path, PlanHandle]] = {}

    def look(self) -> bool:
        """Start what is complete; whether some files may still change."""
        changing = False
        for path in sorted(self.options.folder.iterdir()):
            if path.name.startswith(".") or not path.is_file():
                continue
            facts = path.stat()
            state, since = self.seen.get(path, (None, 0.0))
            if state != (facts.st_size, facts.st_mtime_ns):
                self.seen[path] = (facts.st_size, facts.st_mtime_ns), time.monotonic()
                changing = True
            elif since and time.monotonic() - since >= self.options.settle:
                self.seen[path] = state, 0.0  # 0: it was started
                self.start(path)
            elif since:
                changing = True
        return changing

    def start(self, path: Path) -> None:
        """Submit the plan for a file, unless its content is done or in work."""
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256")
            digest.update(self.options.plan.encode())
            key = digest.hexdigest()
            if key not in self.done and key not in self.running:
                self.running[key] = path, self.studio.submit_plan(self.plan, path)
        except (AVStudioError, OSError) as error:
            say(path, error)

    def collect(self) -> None:
        """Write the results of what has ended."""
        for key, (path, plan) in [*self.running.items()]:
            try:
                self.write(path, plan.result(timeout=0))
                with self.record.open("a") as record:
                    record.write(f"{key}\n")
                self.done.add(key)
                say(path, "done")
            except TimeoutError:
                continue
            except (AVStudioError, OSError) as error:
                say(path, error)
            del self.running[key]

    def write(self, path: Path, results: dict[str, Any]) -> None:
        """Write the files of each step into a folder, with the result as JSON."""
        for step, result in results.items():
            folder = self.options.output / path.name / step
            folder.mkdir(parents=True, exist_ok=True)
            for artifact in artifacts_in(result).values():
                self.studio.export(artifact, folder / artifact.name, overwrite=True)
            (folder / "result.json").write_text(result.model_dump_json(indent=2), encoding="utf-8")

    def cancel(self) -> None:
        """Cancel what has not ended: the next start does it again."""
        self.collect()
        for _, plan in self.running.values():
            plan.cancel()


def say(path: Path, what: object) -> None:
    print(f"{path.name}: {what}", file=sys.stderr, flush=True)


@hookimpl
def register_interfaces() -> list[type[Interface[Any]]]:
    return [Watch]
