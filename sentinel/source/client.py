"""Clients of kafka-python, opened with what an operator wrote into a configuration file."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import kafka.errors

from sentinel.errors import ConfigError


def opened(kind: Any, options: Mapping[str, Any]) -> Any:
    """A client, connected.

    kind    the class: KafkaConsumer, KafkaAdminClient
    Raises  ConfigError where it does not take the options; what kafka-python raises where it does
            not reach the brokers
    """
    try:
        return kind(**_with_tuples(options))
    except OSError:
        raise  # of TLS; some are a ValueError besides
    except (kafka.errors.KafkaConfigurationError, TypeError, ValueError, struct.error) as error:
        raise ConfigError(
            f"kafka-python does not take these options: {error}",
            where="kafka.client or source.client",
            hint=f"see its documentation of {kind.__name__}",
        ) from error


def _with_tuples(options: Mapping[str, Any]) -> dict[str, Any]:
    """TOML has lists only."""
    version = options.get("api_version")
    return {**options, "api_version": tuple(version) if isinstance(version, list) else version}
