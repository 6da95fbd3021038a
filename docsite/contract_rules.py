"""The page of what the contracts demand: each test's docstring is a rule."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

from avstudio_core import testing
from avstudio_core.testing.contract import Contract, rule

HEAD = """# Contracts

What a plugin must keep, by kind: each rule is a test that your test class inherits. A failure quotes the rule, and each
test has a time limit, `limit_seconds` (60 s, an attribute of the class). How to use them:
[the first plugin](../tutorial/first-plugin.md), [the first backend](../tutorial/first-backend.md); their fixtures and
attributes: [writing plugins](plugins.md).
"""


def contracts_page() -> str:
    """Each contract with its rules, in the order of its tests."""
    parts = [HEAD]
    for contract in contracts():
        rows = "\n".join(f"| `{name}` | {said} |" for name, said in rules(contract))
        parts.append(
            f"## {contract.__name__}\n\n{cleandoc(contract.__doc__ or '')}\n\n| test | rule |\n|---|---|\n{rows}\n"
        )
    return "\n".join(parts)


def contracts() -> list[type[Contract]]:
    return [getattr(testing, name) for name in testing.__all__ if name.endswith("Contract")]


def rules(contract: type[Contract]) -> Iterator[tuple[str, str]]:
    """The names of a contract's tests, those that it inherits first, with their sentences."""
    names = [name for base in reversed(contract.__mro__) for name in vars(base) if name.startswith("test_")]
    for name in dict.fromkeys(names):
        yield name.removeprefix("test_"), rule(getattr(contract, name)).replace("|", "\\|")
