"""Demucs model files: safetensors that name their architecture, one alone or several in a bag."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from avstudio_core.errors import CorruptFile, InvalidInput, MissingDependency, WeightsMissing

ARCHITECTURES = frozenset({"demucs.htdemucs.HTDemucs", "demucs.hdemucs.HDemucs", "demucs.demucs.Demucs"})
"""The only classes that a model file may name."""
LONGEST_HEADER = 100_000_000
"""The most bytes that the format allows."""


def load_bag(folder: Path) -> Any:
    """The `demucs.apply.BagOfModels` of a folder: its only `.safetensors` file, or those that its only `.yaml` lists.

    Nothing is fetched or unpickled. Raises `WeightsMissing`, `CorruptFile`, `MissingDependency`, and `InvalidInput`
    for a file with another kind of network.
    """
    try:
        from demucs.apply import BagOfModels
    except ImportError:
        raise MissingDependency.extra("Demucs", "avstudio-audio", "demucs") from None
    names, weights, segment = _recipe(folder)
    try:
        return BagOfModels([_network(folder / f"{name}.safetensors") for name in names], weights, segment)
    except AssertionError:
        raise CorruptFile(f"The networks in '{folder}' do not belong together.") from None


def stems_in(folder: Path) -> tuple[str, ...]:
    """The stems of a folder's networks, without loading them. Raises the same errors as `load_bag`."""
    names, _, _ = _recipe(folder)
    path = folder / f"{names[0]}.safetensors"
    facts = _facts(path)
    try:
        given = [json.loads(facts["kwargs"]).get("sources"), *json.loads(facts["args"])]
        return tuple(str(name) for name in next(filter(None, given)))
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        raise CorruptFile(f"'{path}' is not a usable Demucs model: its header does not name stems.") from None


def _facts(path: Path) -> dict[str, str]:
    """The metadata of a model file: JSON after eight bytes of length (the safetensors format, version 0)."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            facts = json.loads(file.read(min(length, LONGEST_HEADER)))["__metadata__"]
        return {str(name): str(value) for name, value in facts.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise CorruptFile(f"'{path}' is not a usable Demucs model: its header does not describe one.") from None


def _recipe(folder: Path) -> tuple[list[str], list[list[float]] | None, float | None]:
    """The names of the networks in a folder, their weights for each stem, and the longest segment."""
    bags = sorted(folder.glob("*.yaml"))
    files = sorted(file.stem for file in folder.glob("*.safetensors"))
    if len(bags) > 1 or (not bags and len(files) != 1):
        raise WeightsMissing(
            f"'{folder}' does not contain exactly one Demucs model.",
            hint="Put one .safetensors file there, or one .yaml file with the .safetensors files that it lists.",
        )
    if not bags:
        return files, None, None
    names, weights, segment = _bag(bags[0])
    absent = [name for name in names if name not in files]
    if absent:
        raise WeightsMissing(f"'{bags[0]}' lists '{absent[0]}', but '{absent[0]}.safetensors' is not beside it.")
    return names, weights, segment


def _bag(path: Path) -> tuple[list[str], list[list[float]] | None, float | None]:
    """A bag in the format of demucs: signatures, a row of weights for each, and the segment in seconds."""
    from pydantic import BaseModel, ValidationError

    try:
        import yaml
    except ImportError:
        raise MissingDependency.extra("Demucs", "avstudio-audio", "demucs") from None

    class Bag(BaseModel):
        models: list[str]
        weights: list[list[float]] | None = None
        segment: float | None = None

    try:
        bag = Bag.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError):
        raise CorruptFile(f"'{path}' does not describe a bag of Demucs models.") from None
    return bag.models, bag.weights, bag.segment


def _network(path: Path) -> Any:
    """One network, after checking which class its file names."""
    from demucs.hf import load_safetensors_model
    from safetensors import SafetensorError

    facts = _facts(path)
    if facts.get("klass") not in ARCHITECTURES or "structure" in facts:
        kind = "a quantised network" if "structure" in facts else f"'{facts.get('klass', 'nothing')}'"
        raise InvalidInput(f"'{path}' names the network {kind}, which is not a Demucs network.")
    try:
        return load_safetensors_model(path)
    except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise CorruptFile(f"'{path}' is not a usable Demucs model: {error}") from None
