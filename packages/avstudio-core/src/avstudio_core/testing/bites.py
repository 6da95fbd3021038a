"""For authors of contracts: tests that a rule detects a broken plugin."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from avstudio_core.errors import AVStudioError
from avstudio_core.testing.contract import Contract, held, rule


def noticed(
    contract: type[Contract], name: str, /, given: dict[str, Any] | None = None, **attributes: Any
) -> type[Any]:
    """A subclass of a contract with one test: that the rule of that name fails, says so, and does not hang.

    `given` are arguments of a parametrized rule, `attributes` what names the broken plugin. A plugin that cannot even
    be made ready is noticed, too.
    """
    test = getattr(contract, name)
    wanted = [one for one in inspect.signature(test).parameters if one not in ("self", *(given or {}))]

    def test_it_is_noticed(self: Any, request: pytest.FixtureRequest) -> None:
        try:
            fixtures = {one: request.getfixturevalue(one) for one in wanted}
        except AVStudioError:  # the plugin is refused before its rules are tried
            return
        with pytest.raises((Exception, pytest.fail.Exception)) as caught:
            held(test.__get__(self), type(self))(**fixtures, **(given or {}))
        assert rule(test) in "\n".join(caught.value.__notes__)

    others: dict[str, Any] = {one: None for one in dir(contract) if one.startswith("test_")}
    own = {"__module__": "bites", "limit_seconds": 10.0, "test_it_is_noticed": test_it_is_noticed}
    return type(f"Broken{contract.__name__}", (contract,), {**others, **own, **attributes})
