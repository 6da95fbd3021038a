"""A capability: an artifact and parameters in, a result out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args

from avstudio_core.results import Needs, Params, Result, Review

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
        """Do the work. `source` is the `Artifact` to work on, or `None` where there is none."""

    # Optional

    version: ClassVar[str] = "1"
    """Raise it when equal input gives different output: it is part of the cache key."""

    accepts: ClassVar[tuple[str, ...]] = ()
    """Media types of the source (`audio/*`), the most welcome first; empty where there is none."""

    source_optional: ClassVar[bool] = False
    """Whether it also runs without a source: `run` then gets `None`."""

    cacheable: ClassVar[bool] = True
    """Whether equal input and parameters may be answered with an earlier result."""

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
        """The artifacts that a run with these parameters makes: output name to media type."""
        return {}

    def needs(self, params: P, source: Artifact | None) -> Needs:
        """What a run needs: quick, and importing nothing heavy, for it is called in the studio's own process.

        First when the task is submitted, where `source` is `None` if an earlier step has yet to make it, and again
        before the run. Raise `NotFound` or `WeightsMissing` here, and nothing is started in vain.
        """
        return Needs()

    def review(self, result: R, context: Context) -> Review:
        """Judge a finished run, in the process that ran it."""
        return Review.accept()
