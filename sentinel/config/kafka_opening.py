"""Clients of kafka-python, opened with what an operator wrote into a configuration file."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import kafka.errors

from sentinel.errors import ConfigError


def opened(kind: Any, options: Mapping[str, Any], where: str) -> Any:
    """A client, connected.

    kind    the class: KafkaConsumer, KafkaProducer, KafkaAdminClient
    where   the keys that the options may come from
    Raises  ConfigError where it does not take the options; what kafka-python raises where it does
            not reach the brokers
    """
    with taking_options(kind, where):
        _check_numbers(kind, options)
        return kind(**_with_tuples(options))


@contextmanager
def taking_options(kind: Any, where: str) -> Iterator[None]:
    """Raise ConfigError where options turn out in here to be none that a client can work with.

    kind, where  as of `opened`
    """
    try:
        yield
    except OSError:
        raise  # of TLS; some are a ValueError besides
    except (kafka.errors.KafkaConfigurationError, TypeError, ValueError, struct.error) as error:
        raise ConfigError(
            f"kafka-python does not take these options: {error}",
            where=where,
            hint=f"see its documentation of {kind.__name__}",
        ) from error


def _check_numbers(kind: Any, options: Mapping[str, Any]) -> None:
    """Raise TypeError where a text stands for a number, or for true or false.

    kafka-python finds out late: at the first record that it sends, or never, waiting for ever.
    """
    for name, value in options.items():
        usual = None if name == "acks" else kind.DEFAULT_CONFIG.get(name)  # "all" is -1
        if isinstance(usual, (int, float)) and isinstance(value, str):
            expected = "true or false" if isinstance(usual, bool) else "a number"
            raise TypeError(f"{name} is {expected}, not {value!r}")


def _with_tuples(options: Mapping[str, Any]) -> dict[str, Any]:
    """TOML has lists only."""
    version = options.get("api_version")
    return {**options, "api_version": tuple(version) if isinstance(version, list) else version}
