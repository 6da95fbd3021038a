"""Chains as musicians type them: `highpass 80, compressor -20 4, (dry + delay 250ms mix=1)`, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic_core import PydanticCustomError

from avstudio_audio.rack.catalogue import AnyEffect, Parallel
from avstudio_audio.rack.effect import Automation, Effect
from avstudio_core.nearest import did_you_mean
from avstudio_core.quotes import quoted
from avstudio_core.refusal import refusal

EFFECTS: Mapping[str, type[Effect]] = {
    one.model_fields["type"].default: one for one in get_args(get_args(AnyEffect)[0])
}
"""The types of effects, by name."""
DRY = "dry"
"""The empty branch."""
TOKEN = re.compile(r'[^\S\n]*(?:(?P<mark>[(),>\n])|(?P<word>(?:"[^"\n]*"|\'[^\'\n]*\'|[^\s(),>"\'])+))')
QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
NUMBER = re.compile(r"([+\-−]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([a-z%]*)", re.IGNORECASE)
FACTORS: Mapping[tuple[str, str], float] = {
    ("hz", "Hz"): 1,
    ("khz", "Hz"): 1_000,
    ("k", "Hz"): 1_000,
    ("db", "dB"): 1,
    ("db", "dBFS"): 1,
    ("dbfs", "dBFS"): 1,
    ("s", "s"): 1,
    ("ms", "s"): 0.001,
    ("ms", "ms"): 1,
    ("s", "ms"): 1_000,
    ("%", ""): 0.01,
}
"""Of a written unit in the unit of a parameter."""
UNWRITTEN = ("type", "automation", "branches", "values")
"""Fields that are not written as words."""
CURVE = re.compile(r"(linear|exponential|step):")
DEEPEST = 16
"""Levels of parentheses."""
HELP = "Write effects as 'highpass 80, reverb room=0.8 wet=30%'."


def effect_type(name: Any) -> type[Effect]:
    """The effect with a name. Raises `PydanticCustomError`."""
    if isinstance(name, str) and (found := EFFECTS.get(name)):
        return found
    hint = did_you_mean(str(name), EFFECTS) or f"Choose from: {', '.join(EFFECTS)}."
    raise refusal(f"{quoted(name)} is not an effect", hint)


def parsed(text: str, presets: Mapping[str, str]) -> list[dict[str, Any]]:
    """The effects of an expression as plain values. Raises `PydanticCustomError`.

    Effects are separated by `,`, `>` or line breaks. An effect is its name, then values in the order of its parameters
    and `name=value`; `value@time;value@time` changes it over time. `( … + … )` are parallel branches. `#` begins a
    comment. The name of a preset stands for its effects.
    """
    tokens = list(_tokens("\n".join(line.partition("#")[0] for line in text.splitlines())))
    reader = _Reader(tokens, presets)
    found = reader.chain()
    if reader.peek() is not None:
        raise refusal(f"'{reader.peek()}' has no place in {quoted(text)}", HELP)
    return found


def written(effects: Sequence[Effect]) -> str:
    """A chain as an expression; only values that are not the usual ones are in it."""
    return ", ".join(map(_written, effects))


def _tokens(text: str) -> Iterator[str]:
    place, text = 0, text.rstrip()
    while place < len(text):
        found = TOKEN.match(text, place)
        if not found:
            raise refusal(f"{quoted(text[place:])} cannot be read as effects", HELP)
        yield found["mark"] or found["word"]
        place = found.end()


class _Reader:
    """Reads effects from tokens."""

    def __init__(self, tokens: Sequence[str], presets: Mapping[str, str]) -> None:
        self._tokens, self._presets, self._at, self._depth = tokens, presets, 0, 0

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def chain(self, *, branch: bool = False) -> list[dict[str, Any]]:
        """The effects up to the end, or to the end of the branch."""
        found: list[dict[str, Any]] = []
        while (token := self.peek()) is not None and not (branch and token in ("+", ")")):
            if token in (",", ">", "\n"):
                self._at += 1
            elif token in (")", "+"):
                raise refusal(f"'{token}' is not inside parentheses", HELP)
            else:
                found += self._effects()
        return found

    def _effects(self) -> list[dict[str, Any]]:
        name = self._next()
        if name == "(":
            branches = self._branches()
            return [_Words("parallel", Parallel, self._words()).values(branches)]
        words = self._words()
        if name in self._presets:
            if words:
                raise refusal(f"The preset '{name}' does not take '{words[0]}'", "Give its name alone.")
            return parsed(self._presets[name], {})
        if name == DRY and not words:
            return []
        kind = effect_type(name)
        return [_Words(name, kind, words).values({})]

    def _branches(self) -> dict[str, Any]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise refusal("The parentheses are nested too deeply", f"Use at most {DEEPEST} levels.")
        branches = [self._branch()]
        while (token := self.peek()) == "+":
            self._next()
            branches.append(self._branch())
        if token != ")":
            raise refusal("A parenthesis is not closed", "Write branches as '(dry + reverb wet=1 dry=0)'.")
        self._next()
        self._depth -= 1
        return {"branches": branches}

    def _branch(self) -> list[dict[str, Any]]:
        if self.peek() in ("+", ")"):
            raise refusal("A branch is empty", "Write its effects, or 'dry' for the sound itself.")
        return self.chain(branch=True)

    def _words(self) -> list[str]:
        found = []
        while (token := self.peek()) is not None and token not in ("(", ")", ",", ">", "+", "\n"):
            found.append(self._next())
        return found

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]


class _Words:
    """The words after the name of an effect."""

    def __init__(self, name: str, kind: type[Effect], words: Sequence[str]) -> None:
        self._name, self._kind, self._words = name, kind, words
        self._found: dict[str, Any] = {"type": name}
        self._automation: list[dict[str, Any]] = []

    def values(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the effect, with others that are known."""
        ordered = iter([name for name in self._kind.own() if name not in UNWRITTEN])
        for word in self._words:
            name, given, value = word.partition("=")
            if given:
                self._set(name, value)
            elif self._is_switch(word):
                self._found[word] = True
            else:
                place = next((one for one in ordered if one not in self._found), None)
                if place is None:
                    raise self._unknown(word, "the value")
                self._set(place, word)
        automation = {"automation": self._automation} if self._automation else {}
        return self._found | automation | dict(more)

    def _is_switch(self, word: str) -> bool:
        field = self._kind.model_fields.get(word)
        return field is not None and field.annotation is bool

    def _set(self, name: str, value: str) -> None:
        fields = self._kind.model_fields
        if name not in fields or name in UNWRITTEN:
            raise self._unknown(name, "the parameter")
        curve = "@" in value and fields[name].annotation in (float, float | None)
        if name in ([one["param"] for one in self._automation] if curve else self._found):
            raise refusal(f"The effect '{self._name}' has two values for '{name}'", "Give one of them.")
        if curve:
            self._automation.append(self._curve(name, value))
        else:
            self._found[name] = self._value(name, value)

    def _curve(self, name: str, text: str) -> dict[str, Any]:
        usual = "exponential" if self._unit(name) == "Hz" else "linear"
        given = CURVE.match(text)
        points = []
        for point in text[given.end() if given else 0 :].split(";"):
            value, _, time = point.partition("@")
            points.append([self._number("start", time, "s"), self._number(name, value, self._unit(name))])
        return {"param": name, "points": points, "curve": given[1] if given else usual}

    def _value(self, name: str, text: str) -> Any:
        kind = self._kind.model_fields[name].annotation
        if kind in (float, int, float | None):
            return self._number(name, text, self._unit(name))
        return QUOTED.sub(lambda found: found[1] or found[2] or "", text)

    def _number(self, name: str, text: str, unit: str) -> float:
        found = NUMBER.fullmatch(text)
        factor = FACTORS.get((found[2].lower(), unit)) if found and found[2] else 1
        if not found or factor is None:
            inside = f"a number in {unit}" if unit else "a number"
            raise refusal(f"'{name}' of '{self._name}' cannot be {quoted(text)}", f"Give {inside}.")
        return float(found[1].replace("−", "-")) * factor

    def _unit(self, name: str) -> str:
        extra = self._kind.model_fields[name].json_schema_extra
        return str(extra.get("unit", "")) if isinstance(extra, dict) else ""

    def _unknown(self, word: str, what: str) -> PydanticCustomError:
        known = [*self._kind.own(), "mix", "start", "end", "bypass"]
        hint = did_you_mean(word, known) or f"It has: {', '.join(dict.fromkeys(known))}."
        return refusal(f"The effect '{self._name}' does not have {what} {quoted(word)}", hint)


def _written(effect: Effect) -> str:
    if isinstance(effect, Parallel):
        branches = (" > ".join(map(_written, branch)) or DRY for branch in effect.branches)
        words = [f"({' + '.join(branches)})"]
    else:
        words = [effect.type]
    own = [name for name in type(effect).own() if name not in UNWRITTEN]
    if own:
        words.append(_text(getattr(effect, own[0])))
    for name in dict.fromkeys([*own[1:], *Effect.model_fields]):
        value = getattr(effect, name)
        if name not in UNWRITTEN and value != type(effect).model_fields[name].default:
            words.append(name if value is True else f"{name}={_text(value)}")
    return " ".join([*words, *map(_written_curve, effect.automation)])


def _written_curve(one: Automation) -> str:
    points = ";".join(f"{_text(value)}@{_text(time)}" for time, value in one.points)
    return f"{one.param}={one.curve}:{points}"


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text, quote = str(value), "'" if '"' in str(value) else '"'
    return text if re.fullmatch(r"[\w./-]+", text) or not isinstance(value, str) else f"{quote}{text}{quote}"
