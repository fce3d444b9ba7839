"""A configuration as TOML: the commented example, and the effective one with its secrets hidden."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec
import tomli_w
from msgspec import Struct

from sentinel.config.keys import Key, keys
from sentinel.config.schema import Config

LINE_LENGTH = 100
HIDDEN = "<hidden>"
SECRET_KEY = re.compile(r"pass(word|wd|phrase)?|secret|token|credential", re.IGNORECASE)
URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")
PREAMBLE = """\
# Configuration of sentinel. Keys that are commented out show their defaults.
# Check it, the model and the topics with: sentinel check --config FILE
"""


def example() -> str:
    """A configuration with every key: the required ones live, the others commented out."""
    return "\n".join([PREAMBLE, *_section_lines(Config, "")])


def effective(config: Config) -> str:
    """The whole configuration as it is in effect; what may be a secret is `"<hidden>"`."""
    return tomli_w.dumps(_without_secrets(msgspec.to_builtins(config)))


def _section_lines(section: type[Struct], path: str) -> Iterator[str]:
    # TOML: plain keys before tables, since a table's header holds until the next one.
    for key in sorted(keys(section), key=_rank):
        if key.section is not None:
            yield from _comment(key.section.__doc__ or "")
            yield f"[{path}{key.name}]"
            yield from _section_lines(key.section, f"{path}{key.name}.")
        elif isinstance(key.default, dict):
            yield from _table_lines(key, path)
        else:
            yield from _key_lines(key)


def _rank(key: Key) -> int:
    return 2 if key.section else int(isinstance(key.default, dict))


def _key_lines(key: Key) -> Iterator[str]:
    note = "" if key.expected.startswith("str") else f" ({key.expected})"
    yield from _comment(key.description + note)
    value = key.meta.examples[0] if key.required and key.meta.examples else key.default
    line = tomli_w.dumps({key.name: value}).rstrip()
    yield line if key.required else f"# {line}"
    yield ""


def _table_lines(key: Key, path: str) -> Iterator[str]:
    yield from _comment(f"{key.description}; as in")
    yield f"# [{path}{key.name}]"
    for table in key.meta.examples or []:
        yield from (f"# {line}" for line in tomli_w.dumps(table).splitlines())
    yield ""


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text, LINE_LENGTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )


def _without_secrets(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(inner, key) for key, inner in value.items()}
    if SECRET_KEY.search(name) and not name.endswith("_env"):
        return HIDDEN
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return URL_LOGIN.sub(HIDDEN, value) if isinstance(value, str) else value
