"""A capability: it turns an artifact and parameters into a result."""

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

    def review(self, result: R, context: Context) -> Review:
        """Judge a finished run; called in the process of the run."""
        return Review.accept()
