"""The contract of declarations of model files, as a test class to subclass."""

from __future__ import annotations

import hashlib
import re
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

import pytest

from avstudio_core.testing.contract import Contract
from avstudio_core.testing.light_imports import check_imports

if TYPE_CHECKING:
    from avstudio_core.studio import Studio
    from avstudio_core.weights import Weights, WeightsFile


class WeightsContract(Contract):
    """The contract of declarations of model files. Subclass it, and set the plugin and the weights."""

    plugin: ModuleType
    weights: ClassVar[str]

    @pytest.fixture
    def declared(self, studio: Studio) -> type[Weights]:
        return studio.shelf.find(self.weights)

    def test_it_says_what_it_is(self, declared: type[Weights]) -> None:
        """Weights have a name, a family, a licence, the memory that they take, and a quality from 0 to 1."""
        assert re.fullmatch(r"[a-z0-9][a-z0-9._\-]*", declared.name), f"'{declared.name}' is not a valid name."
        assert declared.family.strip(), "'family' is empty."
        assert declared.licence.strip(), "'licence' is empty."
        assert declared.memory_mb > 0, f"'memory_mb' is {declared.memory_mb}."
        assert 0 <= declared.quality <= 1, f"'quality' is {declared.quality}."

    def test_its_files_are_named_once_and_stay_inside(self, declared: type[Weights]) -> None:
        """Each file has a name of its own, below the folder of the weights, on every system."""
        names = [file.name for file in declared.files]
        assert names, "'files' is empty."
        assert len({name.casefold() for name in names}) == len(names), f"A name is there twice: {names}."
        odd = [name for name in names if not name.isprintable() or "\\" in name or ":" in name]
        assert odd == [], f"These are not valid on every system: {odd}."
        outside = [name for name in names if not {"", ".", ".."}.isdisjoint(name.split("/"))]
        assert outside == [], f"These lead out of the folder: {outside}."

    def test_its_digests_and_sizes_are_such(self, declared: type[Weights]) -> None:
        """A digest is a SHA-256 in 64 small hexadecimal digits, and a size is above 0."""
        digests = [file.sha256 for file in declared.files if file.sha256 is not None]
        wrong = [one for one in digests if not re.fullmatch(r"[0-9a-f]{64}", one)]
        assert wrong == [], f"Not such digests: {wrong}."
        sizes = {file.name: file.size for file in declared.files if file.size is not None}
        odd = [name for name, size in sizes.items() if not isinstance(size, int) or size <= 0]
        assert odd == [], f"Files with a size that is not a whole number above 0: {odd}."

    def test_pickles_are_pinned(self, declared: type[Weights]) -> None:
        """A file that is unpickled, which can run any code, is pinned by its SHA-256."""
        pickles = (".ckpt", ".pickle", ".pkl", ".pt", ".pth", ".th")
        loose = [file.name for file in declared.files if file.name.endswith(pickles) and not file.sha256]
        assert loose == [], f"Without a digest: {loose}."

    def test_the_hub_is_asked_for_a_commit(self, declared: type[Weights]) -> None:
        """What comes from the hub is pinned to a commit: a branch or a tag can move."""
        if declared.repository is None:
            pytest.skip("it is not on the hub")
        assert declared.repository.count("/") == 1, f"'{declared.repository}' is not 'owner/name'."
        revision = declared.revision or ""
        assert re.fullmatch(r"[0-9a-f]{40}", revision), f"'{revision}' is not a commit."

    def test_there_is_a_way_to_get_it(self, declared: type[Weights]) -> None:
        """A user can get the files: from the hub, by installing a package, or from packages that carry them."""
        carried = all(file.carried_by for file in declared.files)
        assert declared.repository or declared.requires or carried, (
            "Give a 'repository', or 'requires', or each file a 'carried_by'."
        )

    def test_the_package_that_carries_a_file_has_it(self, declared: type[Weights]) -> None:
        """Each `carried_by` is `package:path`, and an installed package has a file at that path."""
        missing = []
        for file in declared.files:
            for part in file.carried_by:
                package, colon, inside = part.partition(":")
                assert all((package, colon, inside)), f"'{part}' of '{file.name}' is not 'package:path'."
                folder = _folder_of(package)
                if folder is not None and not (folder / inside).is_file():
                    missing.append(part)
        assert missing == [], f"No such files: {missing}."

    def test_what_is_at_hand_is_right(self, studio: Studio, declared: type[Weights]) -> None:
        """Every file that is on this machine has the declared size and digest."""
        found = dict(_found(studio, declared))
        if not found:
            pytest.skip(f"the weights '{self.weights}' are not on this machine")
        wrong = [said for file in declared.files if file.name in found for said in _differences(file, found[file.name])]
        assert wrong == [], " ".join(wrong)

    def test_importing_it_is_light(self) -> None:
        """Importing the plugin and declaring the weights import no heavy library."""
        check_imports(self.plugin)


def _found(studio: Studio, declared: type[Weights]) -> list[tuple[str, list[Path]]]:
    """The installed files, each as its parts."""
    if studio.shelf.place(declared.name) in ("path", "hub cache", "ready"):
        folder = studio.shelf.folder(declared.name)
        return [(file.name, [folder / file.name]) for file in declared.files]
    return [(file.name, parts) for file in declared.files if (parts := _carried(file))]


def _carried(file: WeightsFile) -> list[Path]:
    """The parts of a file in installed packages; empty if one of them is missing."""
    places = [part.partition(":") for part in file.carried_by]
    parts = [folder / inside for package, _, inside in places if (folder := _folder_of(package)) is not None]
    return parts if len(parts) == len(places) and all(part.is_file() for part in parts) else []


def _differences(file: WeightsFile, parts: list[Path]) -> list[str]:
    hashed, size = hashlib.sha256(), 0
    for part in parts:
        size += part.stat().st_size
        with part.open("rb") as reader:
            while block := reader.read(1 << 20):
                hashed.update(block)
    wrong = []
    if file.size is not None and size != file.size:
        wrong.append(f"'{file.name}' has {size} bytes, and {file.size} are declared.")
    if file.sha256 is not None and hashed.hexdigest() != file.sha256:
        wrong.append(f"'{file.name}' has the sha256 {hashed.hexdigest()}, and {file.sha256} is declared.")
    return wrong


def _folder_of(package: str) -> Path | None:
    """The folder of an installed package, or `None`."""
    try:
        found = find_spec(package)
    except ModuleNotFoundError:  # its parent package is not installed
        return None
    folders = list(found.submodule_search_locations or ()) if found else []
    return Path(folders[0]) if folders else None
