"""Installed packages, and libraries inside them, whose licence asks more of those who pass them on than our own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

BUNDLED = dict.fromkeys(("postproc", "rubberband", "vidstab", "x264", "x265", "xvidcore"), "GPL-2.0-or-later")
"""The licences of libraries that wheels contain, by the names of their files."""
_BUNDLED = re.compile(rf"(?:^|/)(?:lib)?({'|'.join(BUNDLED)})\b[^/,]*\.(?:so|dylib|dll)")
_COPYLEFT = re.compile(r"\bA?GPL|(?<!lesser )general public licen[cs]e", re.IGNORECASE)
"""The GPL and the AGPL, but not the LGPL."""
_LONGEST = 60


def licence_data(names: Iterable[str]) -> list[dict[str, Any]]:
    """What distributions and all that they require contain under the GPL or the AGPL, as far as it is installed."""
    found = (_described(one) for one in sorted(_required(names), key=lambda one: one.name.lower()))
    return [one for one in found if one["licence"] or one["contains"]]


def _required(names: Iterable[str]) -> Iterator[Distribution]:
    """The installed ones of distributions with their extras, and of all that they require, each once."""
    own = {canonicalize_name(name) for name in names}
    waiting, seen = [*own], set[str]()
    while waiting:
        if (name := waiting.pop()) in seen:
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        wanted = [text for text in found.requires or () if name in own or "extra ==" not in text]
        waiting += [canonicalize_name(Requirement(text).name) for text in wanted]
        yield found


def _described(one: Distribution) -> dict[str, Any]:
    files = {match[1] for match in map(_BUNDLED.search, (one.read_text("RECORD") or "").splitlines()) if match}
    contains = [{"library": name, "licence": BUNDLED[name]} for name in sorted(files)]
    return {"distribution": one.name, "version": one.version, "licence": _copyleft(one), "contains": contains}


def _copyleft(one: Distribution) -> str | None:
    """The licence, if it is a GPL or an AGPL that no other one can replace."""
    if stated := _first(one, "License-Expression"):
        return stated if _COPYLEFT.search(stated) and " OR " not in stated else None
    kinds = [text for text in one.metadata.get_all("Classifier") or () if text.startswith("License ::")]
    named = _first(one, "License")  # or the whole text of several licences
    found = next((text for text in [*kinds, named[:_LONGEST]] if _COPYLEFT.search(text)), None)
    return found and " ".join(found.rpartition(" :: ")[2].split())


def _first(one: Distribution, field: str) -> str:
    return next(iter(one.metadata.get_all(field) or ()), "")
