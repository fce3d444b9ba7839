"""A parsed TOML document against the schema: every key that is unknown, missing or wrong.

msgspec decides whether a value is right, but stops at the first that is not; so it is asked key by
key. What is wrong is replaced by its default, so that the rest can still be looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec
from msgspec import Struct

from sentinel.config.keys import Key, keys
from sentinel.config.problems import Problem, did_you_mean
from sentinel.config.schema import Config

SHOWN_LENGTH_MAX = 60
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def validate(document: Mapping[str, Any]) -> tuple[Config, list[Problem]]:
    """A best-effort configuration, and everything in which `document` departs from the schema.

    A required value that is missing or wrong is an empty string in the result, and a problem.
    """
    problems: list[Problem] = []
    config = _section(document, Config, "", problems)
    assert isinstance(config, Config)
    return config, problems


def _section(
    table: Mapping[str, Any], section: type[Struct], path: str, problems: list[Problem]
) -> Struct:
    known = {key.name: key for key in keys(section)}
    problems += [_unknown(name, known, path) for name in table if name not in known]
    values = {
        name: value
        for name, key in known.items()
        if (value := _value(table, key, path + name, problems)) is not None
    }
    return section(**values)


def _value(table: Mapping[str, Any], key: Key, where: str, problems: list[Problem]) -> Any:
    """The value of one key; None where the schema's default is to stand in."""
    stand_in = "" if key.required else None
    if key.section is not None:
        value = table.get(key.name, {})
        if isinstance(value, dict):
            return _section(value, key.section, f"{where}.", problems)
        what = f"expected a table, got {_shown(value)}"
        problems.append(Problem(where, what, f"a table begins with a line [{where}]"))
        return _section({}, key.section, f"{where}.", problems)
    if key.name not in table:
        if key.required:
            problems.append(Problem(where, "required, but missing", key.description))
        return stand_in
    value = table[key.name]
    try:
        converted = msgspec.convert(value, key.annotated)
    except msgspec.ValidationError:
        problems.extend(_wrong(key, value, where))
        return stand_in
    return converted


def _wrong(key: Key, value: Any, where: str) -> Iterator[Problem]:
    if isinstance(value, dict) and isinstance(key.default, dict):
        inner = get_args(key.bare)[1]
        for name, entry in value.items():
            if not isinstance(entry, inner):
                what = f"expected {inner.__name__}, got {_shown(entry)}"
                yield Problem(f"{where}.{_quoted(name)}", what, key.description)
        return
    near = did_you_mean(value, key.choices) if isinstance(value, str) else ""
    what = f"expected {key.expected}, got {_shown(value)}"
    yield Problem(where, what, near or key.description)


def _unknown(name: str, known: Mapping[str, Key], path: str) -> Problem:
    where = path + _quoted(name)
    hint = did_you_mean(name, known)
    if not hint:
        # The usual mistake with TOML: a key below the header of another table.
        homes = [
            f"{key.name}.{name}" if key.section else name
            for key in keys(Config)
            if name in {inner.name for inner in (keys(key.section) if key.section else [key])}
        ]
        hint = f"did you mean {homes[0]}?" if homes else f"known: {', '.join(known)}"
    return Problem(where, "unknown key", hint)


def _quoted(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else repr(name)


def _shown(value: Any) -> str:
    """A value as TOML has it, short enough for a line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, str):
        value = msgspec.json.encode(value).decode()
    text = str(value)
    return text if len(text) <= SHOWN_LENGTH_MAX else f"{text[:SHOWN_LENGTH_MAX]}..."
