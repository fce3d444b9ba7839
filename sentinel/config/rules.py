"""What one key cannot say about itself: rules between keys, and between a key and the machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import combinations

from sentinel.config.addresses import host_and_port
from sentinel.config.bounds import ALERTS_PER_DAY_MIN
from sentinel.config.problems import Problem
from sentinel.config.schema import Config

Rule = Callable[[Config, Mapping[str, str]], Iterator[Problem]]

TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")
ENVIRONMENT_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
PASSWORD_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def check_rules(
    config: Config, environ: Mapping[str, str], broken: Collection[str]
) -> Iterator[Problem]:
    """Every rule that `config` breaks, except those about keys that are `broken` already."""
    for involved, rule in RULES:
        if not any(key in broken for key in involved):
            yield from rule(config, environ)


def _episode_can_open(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    alert = config.alert
    if 0 < alert.open_window < alert.open_count:
        yield Problem(
            "alert.open_count",
            f"expected at most open_window = {alert.open_window}, got {alert.open_count}",
            "or no episode could ever open",
        )


def _budget_has_a_stretch(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    rate = config.alert.alerts_per_day
    if 0 < rate < ALERTS_PER_DAY_MIN:
        yield Problem(
            "alert.alerts_per_day",
            f"expected 0 or at least {ALERTS_PER_DAY_MIN}, got {rate}",
            f"{ALERTS_PER_DAY_MIN}: one in {1 / ALERTS_PER_DAY_MIN:.0f} days",
        )


def _sasl_is_whole(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    kafka = config.kafka
    logs_in = kafka.security_protocol.startswith("SASL")
    if logs_in and not kafka.sasl_mechanism:
        yield Problem(
            "kafka.sasl_mechanism",
            f'required with security_protocol = "{kafka.security_protocol}", but missing',
            'usually "SCRAM-SHA-512" or "PLAIN"',
        )
    if kafka.sasl_mechanism and not logs_in:
        yield Problem(
            "kafka.sasl_mechanism",
            f'has no effect with security_protocol = "{kafka.security_protocol}"',
            'set security_protocol = "SASL_SSL" (or "SASL_PLAINTEXT")',
        )
    if logs_in and kafka.sasl_mechanism in PASSWORD_MECHANISMS:
        if not kafka.sasl_username:
            yield Problem(
                "kafka.sasl_username",
                f'required with sasl_mechanism = "{kafka.sasl_mechanism}", but missing',
                "the user to log in as",
            )
        yield from _variable_is_set("kafka.sasl_password_env", kafka.sasl_password_env, environ)


def _tls_is_whole(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    kafka = config.kafka
    encrypted = kafka.security_protocol.endswith("SSL")
    files = {
        "kafka.ssl_cafile": kafka.ssl_cafile,
        "kafka.ssl_certfile": kafka.ssl_certfile,
        "kafka.ssl_keyfile": kafka.ssl_keyfile,
    }
    for key, path in files.items():
        if path and not encrypted:
            yield Problem(
                key,
                f'has no effect with security_protocol = "{kafka.security_protocol}"',
                'nothing would be encrypted: set security_protocol = "SSL" or "SASL_SSL"',
            )
        elif path and not os.access(path, os.R_OK):
            state = "no permission to read" if os.path.exists(path) else "no such file"
            yield Problem(key, f"{state}: {path}", "a file in PEM form")
    if kafka.ssl_keyfile and not kafka.ssl_certfile:
        yield Problem(
            "kafka.ssl_certfile",
            "required with ssl_keyfile, but missing",
            "the certificate that belongs to the key",
        )
    if kafka.ssl_password_env:
        yield from _variable_is_set("kafka.ssl_password_env", kafka.ssl_password_env, environ)


def _variable_is_set(key: str, name: str, environ: Mapping[str, str]) -> Iterator[Problem]:
    if not ENVIRONMENT_NAME.fullmatch(name):
        # What stands here may be the password itself: it is not repeated.
        yield Problem(
            key,
            "expected the name of an environment variable, in capital letters",
            "the password stands in the variable, never in this file",
        )
    elif not environ.get(name):
        yield Problem(
            key,
            f"the environment variable {name} is not set, or empty",
            "it holds the password; export it, or set it with systemd's EnvironmentFile=",
        )


def _brokers_are_addresses(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    for key, brokers in (
        ("source.bootstrap_servers", config.source.bootstrap_servers),
        ("sink.bootstrap_servers", config.sink.bootstrap_servers),
    ):
        for broker in filter(None, brokers.split(",")):
            try:
                host_and_port(broker.strip())
            except ValueError as error:
                yield Problem(key, f"{error}, got {broker.strip()!r}", "as in kafka-1:9092")


def _topics_are_legal(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    for key, topic in _topics(config).items():
        if topic and not TOPIC.fullmatch(topic):
            yield Problem(
                key,
                f"not a name that Kafka takes: {topic!r}",
                "at most 249 letters, digits, dots, underscores and hyphens",
            )


def _topics_differ(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    elsewhere = config.sink.bootstrap_servers not in ("", config.source.bootstrap_servers)
    for (first, topic), (second, other) in combinations(_topics(config).items(), 2):
        if topic and topic == other and not (elsewhere and first == "source.topic"):
            yield Problem(
                second,
                f'the same topic as {first}: "{topic}"',
                "each needs a topic of its own, or records would be read as what they are not",
            )


def _topics(config: Config) -> dict[str, str]:
    return {
        "source.topic": config.source.topic,
        "sink.events_topic": config.sink.events_topic,
        "sink.dead_letter_topic": config.sink.dead_letter_topic,
    }


def _channels_are_told_apart(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    for channel, path in config.source.channels.items():
        key = f"source.channels.{channel}"
        if not path:
            yield Problem(key, "expected str, not empty", "path of this channel in the record")
        elif path in taken:
            yield Problem(
                key,
                f'the same path as channel "{taken[path]}": "{path}"',
                "two channels cannot be read from one field",
            )
        taken.setdefault(path, channel)


def _endpoint_is_an_address(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    address = config.metrics.listen_address
    if not address:
        return
    try:
        host_and_port(address)
    except ValueError as error:
        yield Problem(
            "metrics.listen_address",
            f"{error}, got {address!r}",
            "as in 127.0.0.1:9108; empty: no endpoint",
        )


SASL_KEYS = ("kafka.sasl_mechanism", "kafka.sasl_username", "kafka.sasl_password_env")
TLS_KEYS = (
    "kafka.ssl_cafile",
    "kafka.ssl_certfile",
    "kafka.ssl_keyfile",
    "kafka.ssl_password_env",
)
TOPIC_KEYS = ("source.topic", "sink.events_topic", "sink.dead_letter_topic")

RULES: tuple[tuple[tuple[str, ...], Rule], ...] = (
    ((), _brokers_are_addresses),
    ((), _topics_are_legal),
    (TOPIC_KEYS, _topics_differ),
    (("source.channels",), _channels_are_told_apart),
    ((*SASL_KEYS, "kafka.security_protocol"), _sasl_is_whole),
    ((*TLS_KEYS, "kafka.security_protocol"), _tls_is_whole),
    (("alert.open_count", "alert.open_window"), _episode_can_open),
    (("alert.alerts_per_day",), _budget_has_a_stretch),
    (("metrics.listen_address",), _endpoint_is_an_address),
)
