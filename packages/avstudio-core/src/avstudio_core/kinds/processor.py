"""A capability: it turns an artifact and parameters into a result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, get_args

from avstudio_core.results import Needs, Params, Result, Review
from avstudio_core.vocabulary import Example

if TYPE_CHECKING:
    from avstudio_core.artifact import Artifact
    from avstudio_core.context import Context
    from avstudio_core.weights import Shelf


P = TypeVar("P", bound=Params)
R = TypeVar("R", bound=Result)


class Processor(ABC, Generic[P, R]):
    """One capability, declared once and served everywhere.

    ```python
    class Loudness(Processor[LoudnessParams, LoudnessResult]):
        "Measure the integrated loudness of a recording."

        name = "audio.loudness"
        accepts = ("audio/*",)

        def run(self, source, params, context): ...
    ```

    The first line of the docstring is its summary everywhere. Importing its module must be light: heavy
    libraries are imported inside `run`.
    """

    # Required

    name: ClassVar[str]
    """`<medium>.<verb>`, such as `audio.separate`."""

    @abstractmethod
    def run(self, source: Any, params: P, context: Context) -> R:
        """Do the work. `source` is the `Artifact` to process, or `None` without a source."""

    # Optional

    version: ClassVar[str] = "1"
    """Increase it when the same input gives another output: it is part of the cache key."""

    accepts: ClassVar[tuple[str, ...]] = ()
    """Media types of the source (`audio/*`), the preferred one first; empty for a processor without a source."""

    source_optional: ClassVar[bool] = False
    """Whether it can also run without a source: `run` then gets `None`."""

    cacheable: ClassVar[bool] = True
    """Whether an earlier result may be used for the same input and parameters."""

    variables: ClassVar[tuple[str, ...]] = ()
    """Environment variables that its runs read, such as the key of a service: workers get few others, and no keys."""

    effect: ClassVar[Literal["none", "export", "network", "delete"]] = "none"
    """What a run changes outside the studio; everything but `none` needs a person's approval when an agent plans it."""

    errors: ClassVar[tuple[str, ...]] = ()
    """Codes of the errors that a run may raise, besides those that follow from its declaration."""

    cues: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Phrases that ask for it, by language: `{"en": ("separate", "split into stems")}`."""

    nouns: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Words for its outputs: `{"vocals": ("singer", "voice")}`."""

    slots: ClassVar[Mapping[str, str]] = {}
    """How a request's words give parameters: `number(unit)`, `time`, `count`, `language`, `one_of` or `text`."""

    examples: ClassVar[tuple[Example, ...]] = ()
    """Requests in users' words, with the parameters that they mean; its contract tests them."""

    params_type: ClassVar[type[Params]]
    result_type: ClassVar[type[Result]]

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in getattr(cls, "__orig_bases__", ()):
            given = get_args(base)
            if len(given) == 2 and all(isinstance(one, type) for one in given):
                cls.params_type, cls.result_type = given

    def outputs(self, params: P) -> Mapping[str, str]:
        """The artifacts that a run with these parameters makes, as media types by output name."""
        return {}

    def needs(self, params: P, source: Artifact | None) -> Needs:
        """What a run needs. It is called in the studio's process, so it must be fast and import nothing heavy.

        It is called when the task is submitted, with `None` as the source if an earlier step will make it, and again
        before the run. Raise `NotFound` or `WeightsMissing` here, so that no run starts without them.
        """
        return Needs()

    def prerequisites(self, params: P) -> Mapping[str, str]:
        """Steps that come first, as expressions by the name of the file parameter that gets what the last one makes.

        They read the source of this step, and become tasks of the same plan, unless the parameter is given:
        `{"speech": "audio.separate:vocals stems=vocals"}`.
        """
        return {}

    def review(self, result: R, context: Context) -> Review:
        """Judge a finished run; called in the process of the run."""
        return Review.accept()
