"""The options that every kafka-python client of one daemon shares: brokers, security, secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sentinel.config.schema import Config

# How long a client asks for its first broker, at its start only. kafka-python's own half a minute
# keeps an operator waiting for what a refused connection says at once; who supervises the daemon
# starts it again for as long as the brokers are away.
BOOTSTRAP_TIMEOUT_MS = 8_000

# kafka-python's option = our key, where set.
_TEXTS = {
    "sasl_mechanism": "sasl_mechanism",
    "sasl_plain_username": "sasl_username",
    "ssl_cafile": "ssl_cafile",
    "ssl_certfile": "ssl_certfile",
    "ssl_keyfile": "ssl_keyfile",
}
_SECRETS = {"sasl_plain_password": "sasl_password_env", "ssl_password": "ssl_password_env"}


def client_options(config: Config, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Keyword arguments for KafkaConsumer, KafkaProducer, KafkaAdminClient: the source's brokers.

    environ  where the secrets are that the configuration names; default: the process's own
    `kafka.client` comes last: it reaches every other option that the clients share.
    """
    environ = os.environ if environ is None else environ
    kafka = config.kafka
    options: dict[str, Any] = {
        "bootstrap_servers": config.source.bootstrap_servers.split(","),
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        "client_id": config.name,
        "security_protocol": kafka.security_protocol,
    }
    options |= {name: getattr(kafka, key) for name, key in _TEXTS.items() if getattr(kafka, key)}
    if "SSL" in kafka.security_protocol:
        options["ssl_check_hostname"] = kafka.ssl_check_hostname
    for name, key in _SECRETS.items():
        if secret := environ.get(getattr(kafka, key), ""):
            options[name] = secret
    return options | kafka.client
