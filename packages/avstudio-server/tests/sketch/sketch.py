"""A third-party plugin for tests of the command line: small text processors, some with faults."""

from __future__ import annotations

import ctypes
import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from avstudio_core import (
    Artifact,
    Command,
    Context,
    Interface,
    MissingDependency,
    Options,
    Params,
    Processor,
    Result,
    Review,
    Stop,
    Weights,
    WeightsFile,
    hookimpl,
)
from avstudio_core.errors import UnreadableMedia, WeightsMissing

Tag = Literal["draft", "final", "old"]


class Frame(BaseModel):
    """What is drawn around a text."""

    sign: str = "*"
    width: int = Field(default=1, ge=1, le=3)


class ShoutParams(Params):
    """How loud."""

    times: int = Field(default=1, ge=1, le=5, description="How often.", json_schema_extra={"unit": "times"})
    pause: float | None = Field(default=None, ge=0, lt=10, description="Between two.", json_schema_extra={"unit": "s"})
    style: Literal["plain", "loud", "louder"] = Field(default="loud", description="The letters.")
    tags: list[Tag] = Field(default=[], description="Labels.")
    exclaim: bool = Field(default=True, description="End with a sign.")
    frame: Frame = Field(default=Frame(), description="Around it.")
    output: str = Field(default="shout", description="A parameter that is named as an option of every command.")


class ShoutResult(Result):
    """The text, louder."""

    shout: Artifact = Field(description="As a file.")
    text: str = Field(description="As it is.")
    letters: int = Field(description="How many.", json_schema_extra={"unit": "letters"})


class Shout(Processor[ShoutParams, ShoutResult]):
    """Say a text louder.

    Longer words about it stand here.
    """

    name: ClassVar[str] = "text.shout"
    accepts: ClassVar[tuple[str, ...]] = ("text/*",)

    def outputs(self, params: ShoutParams) -> Mapping[str, str]:
        return {"shout": "text/plain"}

    def run(self, source: Artifact, params: ShoutParams, context: Context) -> ShoutResult:
        said = source.path.read_text().strip()
        words = {"plain": said, "loud": said.upper(), "louder": f"{said.upper()}!!"}[params.style]
        words = f"{params.frame.sign * params.frame.width}{words}{'!' if params.exclaim else ''}"
        text = " ".join([*[words] * params.times, *params.tags])
        path = context.new_path("said.txt")
        path.write_text(text)
        if params.output == "warn":
            context.warn("quiet", "It could be louder.")
        return ShoutResult(shout=context.publish(path, "said.txt", "text/plain"), text=text, letters=len(text))


class WaitParams(Params):
    """How long."""

    seconds: float = Field(default=0.5, ge=0, description="How long.")
    doubt: bool = Field(default=False, description="Review the first run, and send it back.")
    deaf: bool = Field(default=False, description="Wait in a native call that nothing gets through to.")


class WaitResult(Result):
    """That it is over."""

    waited: float
    doubt: bool = Field(default=False, exclude=True)


class Wait(Processor[WaitParams, WaitResult]):
    """Wait, and tell how far that is."""

    name: ClassVar[str] = "time.wait"
    cacheable: ClassVar[bool] = False

    def run(self, source: Any, params: WaitParams, context: Context) -> WaitResult:
        if params.deaf:
            _hold_the_interpreter(context.settings.home / "lives", params.seconds)
        end = time.monotonic() + params.seconds
        while (left := end - time.monotonic()) > 0:
            context.progress(1 - left / params.seconds, "waiting [a while]")
            time.sleep(0.05)
        return WaitResult(waited=params.seconds, doubt=params.doubt)

    def review(self, result: WaitResult, context: Context) -> Review:
        return Review.send_back("was it long?") if result.doubt and not context.feedback else Review.accept()


def _hold_the_interpreter(lock: Path, seconds: float) -> None:
    """Sleep with the interpreter's lock held; the file is locked while this process lives."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        ctypes.PyDLL(None).sleep(int(seconds))


class BreakParams(Params):
    """In which way."""

    way: Literal["raise", "crash", "unreadable", "missing", "absent"] = Field(description="In which way.")
    tool: str = Field(default="none", description="With what.", json_schema_extra={"weights": ["drawing"]})
    model: str = Field(default="auto", description="By whom.", json_schema_extra={"format": "language-model"})
    parts: list[str] = Field(default=[], description="What.", examples=["lid", "lever", "box"])


class Break(Processor[BreakParams, Result]):
    """Fail."""

    name: ClassVar[str] = "time.break"

    def run(self, source: Any, params: BreakParams, context: Context) -> Result:
        if params.way == "crash":
            os._exit(7)
        if params.way == "unreadable":
            raise UnreadableMedia("'song' is not sound.")
        if params.way == "missing":
            raise MissingDependency.extra("Breaking", "sketch", "colour")
        if params.way == "absent":
            raise WeightsMissing("The weights 'pencil' are not installed.")
        raise RuntimeError("it broke")


class TwinsResult(Result):
    """Two files of one name."""

    copies: dict[str, Artifact]


class Twins(Processor[Params, TwinsResult]):
    """Make two files of one name."""

    name: ClassVar[str] = "text.twins"
    accepts: ClassVar[tuple[str, ...]] = ("text/plain",)

    def run(self, source: Artifact, params: Params, context: Context) -> TwinsResult:
        copies = {}
        for name in ("left", "right"):
            path = context.new_path(name)
            path.write_text(name)
            copies[name] = context.publish(path, "twin.txt", "text/plain")
        return TwinsResult(copies=copies)


class EchoResult(Result):
    """The text again."""

    echo: Artifact


class Echo(Processor[Params, EchoResult]):
    """Write a text once more, named after its file: `note.once.txt`, which gives `note.once.txt` again."""

    name: ClassVar[str] = "text.echo"
    accepts: ClassVar[tuple[str, ...]] = ("text/*",)

    def outputs(self, params: Params) -> Mapping[str, str]:
        return {"echo": "text/plain"}

    def run(self, source: Artifact, params: Params, context: Context) -> EchoResult:
        path = context.new_path("echo")
        path.write_text(source.path.read_text().strip())
        ending = ".txt" if ".once" in source.name else ".once.txt"
        return EchoResult(echo=context.publish(path, source.name_for(ending), "text/plain"))


class BindParams(Params):
    """What else."""

    pages: list[Artifact] = Field(default=[], description="The pages.", json_schema_extra={"accepts": ["text/*"]})
    cover: Artifact | None = Field(default=None, description="In front.")


class Page(BaseModel):
    """A text, and how many letters it has."""

    letters: int
    file: Artifact


class BindResult(EchoResult):
    """The texts, bound."""

    pages: list[Page] = Field(default=[], description="What was bound.")


class Bind(Processor[BindParams, BindResult]):
    """Bind texts: a cover, the source, and pages."""

    name: ClassVar[str] = "text.bind"
    accepts: ClassVar[tuple[str, ...]] = ("text/*",)

    def outputs(self, params: BindParams) -> Mapping[str, str]:
        return {"echo": "text/plain"}

    def prerequisites(self, params: BindParams) -> Mapping[str, str]:
        return {} if params.cover else {"cover": "text.echo"}

    def run(self, source: Artifact, params: BindParams, context: Context) -> BindResult:
        files = [*filter(None, [params.cover]), source, *params.pages]
        path = context.new_path("bound.txt")
        path.write_text("|".join(file.path.read_text().strip() for file in files))
        bound = context.publish(path, "bound.txt", "text/plain")
        return BindResult(
            echo=bound, pages=[Page(letters=len(file.path.read_text()), file=file) for file in params.pages]
        )


class Pencil(Weights):
    name: ClassVar[str] = "pencil"
    family: ClassVar[str] = "drawing"
    licence: ClassVar[str] = "MIT"
    requires: ClassVar[str | None] = "sketch[colour]"
    files: ClassVar[tuple[WeightsFile, ...]] = (WeightsFile("lead.bin", size=5_000_000),)


class TickOptions(Options):
    """What ticks."""

    path: Path = Field(description="A file to write to.", json_schema_extra={"argument": True})
    every: float = Field(default=0.01, gt=0, le=1, description="Between two.", json_schema_extra={"unit": "s"})
    broken: bool = Field(default=False, description="Fail at once.")


class Tick(Interface[TickOptions]):
    """Write a tick to a file, again and again."""

    name: ClassVar[str] = "tick"

    def serve(self, studio: Any, options: TickOptions, stop: Stop) -> None:
        if options.broken:
            raise KeyError("spring")
        while not stop.wait(options.every):
            with options.path.open("a") as file:
                file.write("tick\n")
        options.path.write_text("the end")


def greet() -> Any:
    import typer

    app = typer.Typer(add_completion=False)
    app.command("greet")(lambda: print("Hello!"))
    return typer.main.get_command(app)


@hookimpl
def register_commands() -> list[Command]:
    return [Command("greet", "Say hello.", "sketch:greet"), Command("lost", "Do nothing.", "sketch:nothing")]


@hookimpl
def register_interfaces() -> list[type[Interface[Any]]]:
    return [Tick]


@hookimpl
def register_processors() -> list[type[Processor[Any, Any]]]:
    return [Echo, Shout, Wait, Break, Twins, Bind]


@hookimpl
def register_weights() -> list[type[Weights]]:
    return [Pencil]
