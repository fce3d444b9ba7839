"""Reading a configuration file, and everything that is wrong with it at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from sentinel.config.problems import Problem
from sentinel.config.rules import check_rules
from sentinel.config.schema import Config
from sentinel.config.validation import validate
from sentinel.errors import ConfigError

TOML_POSITION = re.compile(r" \(at line (\d+), column (\d+)\)$")


@dataclass(frozen=True, slots=True)
class Examined:
    """A configuration as far as it could be understood, and everything that is wrong with it.

    Where `problems` is not empty, defaults stand in for what is wrong (an empty string for what is
    required): good enough to go on checking other parts, never to run.
    """

    config: Config
    problems: tuple[Problem, ...]


def load(
    path: Path,
    environ: Mapping[str, str] | None = None,
    *,
    sections: Collection[str] = Config.__struct_fields__,
) -> Config:
    """The configuration in the TOML file `path`, its relative paths made absolute.

    environ   where secrets are looked up; the process's environment by default
    sections  what is asked of it: what is wrong with another one is not looked at
    Raises    ConfigError with every problem, one line each, in `problems`
    """
    examined = examine(path, environ)
    others = set(Config.__struct_fields__) - set(sections)
    problems = [one for one in examined.problems if one.key.split(".")[0] not in others]
    if problems:
        count = len(problems)
        raise ConfigError(
            f"{count} {'problem' if count == 1 else 'problems'} in the configuration",
            where=str(path),
            hint="`sentinel config` prints an example with every key",
            problems=tuple(str(problem) for problem in problems),
        )
    return examined.config


def examine(path: Path, environ: Mapping[str, str] | None = None) -> Examined:
    """As `load`, but problems are part of the result; raises where there is no TOML to look at."""
    config, problems = validate(_parse(path))
    config = _anchored(config, path.absolute().parent)
    broken = {problem.key for problem in problems}
    problems += check_rules(config, os.environ if environ is None else environ, broken)
    return Examined(config, tuple(problems))


def _parse(path: Path) -> dict[str, Any]:
    try:
        # utf-8-sig: editors on Windows begin the file with a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"not UTF-8 text at byte {error.start}", where=str(path), hint="save it as UTF-8"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"cannot read the configuration: {error.strerror}",
            where=str(path),
            hint="`sentinel config > sentinel.toml` writes an example",
        ) from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, text, str(error)) from error


def _syntax_error(path: Path, text: str, message: str) -> ConfigError:
    found = TOML_POSITION.search(message)
    if found:
        line, column = found.groups()
        message = message[: found.start()]
    else:
        lines = text.splitlines() or [""]
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
        message = message.removesuffix(" (at end of document)") + ": the file ends here"
    return ConfigError(message, where=f"{path}:{line}:{column}", hint="not valid TOML")


def _anchored(config: Config, folder: Path) -> Config:
    """Relative paths begin at the configuration's folder, wherever the daemon was started."""

    def anchor(path: str) -> str:
        return str(folder / path) if path else ""

    kafka = structs.replace(
        config.kafka,
        ssl_cafile=anchor(config.kafka.ssl_cafile),
        ssl_certfile=anchor(config.kafka.ssl_certfile),
        ssl_keyfile=anchor(config.kafka.ssl_keyfile),
    )
    return structs.replace(config, model=anchor(config.model), kafka=kafka)
