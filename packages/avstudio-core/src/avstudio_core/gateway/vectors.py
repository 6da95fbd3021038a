"""Checks of a backend's vectors."""

from __future__ import annotations

from math import isfinite

from avstudio_core.chat import Vectors
from avstudio_core.errors import BadAnswer


def refuse_unusable(made: Vectors, texts: int, model: str) -> None:
    """Raise `BadAnswer` unless each text has one vector of finite numbers, and all have the same length."""
    if not isinstance(made.vectors, list) or len(made.vectors) != texts:
        count = len(made.vectors) if isinstance(made.vectors, list) else "no list of"
        raise BadAnswer(f"'{model}' sent {count} vectors for {texts} texts.")
    for place, vector in enumerate(made.vectors, 1):
        if not _is_vector(vector):
            raise BadAnswer(f"Vector {place} from '{model}' is not a list of finite numbers.")
    if len(sizes := sorted({len(vector) for vector in made.vectors})) != 1:
        raise BadAnswer(f"'{model}' sent vectors of different lengths: {', '.join(map(str, sizes))}.")


def _is_vector(vector: object) -> bool:
    try:
        return isinstance(vector, list | tuple) and bool(vector) and all(map(isfinite, vector))
    except (TypeError, ValueError, OverflowError):
        return False
