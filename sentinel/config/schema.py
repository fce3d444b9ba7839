"""The configuration, typed and frozen: every key, its default and its meaning stand here once.

The descriptions below are what `sentinel config` prints as comments of its example.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from sentinel.config.alert import AlertConfig
from sentinel.config.bounds import COUNT_MAX, DURATION_MAX_S
from sentinel.config.kernels import KernelsConfig

TimestampUnit = Literal["auto", "s", "ms", "us", "ns", "iso8601"]


class SourceConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where readings come from, and how one looks."""

    bootstrap_servers: Annotated[
        str,
        Meta(
            min_length=1,
            description="Kafka brokers, host:port, separated by commas",
            examples=["127.0.0.1:9092"],
        ),
    ]
    topic: Annotated[
        str, Meta(min_length=1, description="topic of the readings", examples=["readings"])
    ]
    group_id: Annotated[
        str,
        Meta(
            min_length=1,
            description="consumer group; start more daemons with it to scale out",
            examples=["sentinel"],
        ),
    ]
    auto_offset_reset: Annotated[
        Literal["earliest", "latest"],
        Meta(description="where a new consumer group begins"),
    ] = "earliest"
    layout: Annotated[
        Literal["wide", "long"],
        Meta(description="wide: all channels in one object; long: one channel per object"),
    ] = "wide"
    timestamp_field: Annotated[
        str, Meta(min_length=1, description="path of the time, dots lead into nested objects")
    ] = "ts"
    timestamp_unit: Annotated[
        TimestampUnit, Meta(description="auto tells them apart by size; naive times are UTC")
    ] = "auto"
    entity_field: Annotated[
        str, Meta(description="path of the entity's name; empty: the record key")
    ] = ""
    readings_field: Annotated[
        str,
        Meta(description="path of an array of readings in one record; empty: the record itself"),
    ] = ""
    channel_field: Annotated[
        str, Meta(min_length=1, description="layout long: path of the channel's name")
    ] = "sensor"
    value_field: Annotated[
        str, Meta(min_length=1, description="layout long: path of the value")
    ] = "value"
    channels: Annotated[
        dict[str, str],
        Meta(
            description="channel of the model = path in the record (long: name in the record); "
            "a channel that is not listed is found under its own name",
            examples=[{"temperature": "payload.temp_c"}],
        ),
    ] = field(default_factory=dict)
    max_entities: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000_000,
            description="readings of further entities are rejected and counted",
        ),
    ] = 1_000_000
    poll_timeout_ms: Annotated[int, Meta(ge=1, le=60_000, description="longest wait of a poll")] = (
        500
    )
    client: Annotated[
        dict[str, Any],
        Meta(
            description="any option of kafka-python's KafkaConsumer, for this consumer alone",
            examples=[{"fetch_max_wait_ms": 500}],
        ),
    ] = field(default_factory=dict)


class KafkaConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Connection and security, shared by the consumer, the producer and the checks."""

    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"],
        Meta(description="how to talk to the brokers"),
    ] = "PLAINTEXT"
    sasl_mechanism: Annotated[
        Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER"],
        Meta(description="with security_protocol SASL_...: how to log in"),
    ] = ""
    sasl_username: Annotated[str, Meta(description="user of PLAIN and SCRAM")] = ""
    sasl_password_env: Annotated[
        str, Meta(description="name of the environment variable that holds the password")
    ] = "SENTINEL_SASL_PASSWORD"  # noqa: S105 (the name of the variable)
    ssl_cafile: Annotated[
        str, Meta(description="certificate authority, PEM; relative as model is")
    ] = ""
    ssl_certfile: Annotated[
        str, Meta(description="client certificate, PEM; relative as model is")
    ] = ""
    ssl_keyfile: Annotated[str, Meta(description="client key, PEM; relative as model is")] = ""
    ssl_password_env: Annotated[
        str, Meta(description="name of the environment variable with the client key's password")
    ] = ""
    ssl_check_hostname: Annotated[
        bool, Meta(description="the broker's certificate must name its host")
    ] = True
    client: Annotated[
        dict[str, Any],
        Meta(
            description="any further option that kafka-python's clients share",
            examples=[{"request_timeout_ms": 30_000}],
        ),
    ] = field(default_factory=dict)


class SinkConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where events and unusable records go."""

    events_topic: Annotated[
        str,
        Meta(
            min_length=1,
            description="topic of the anomaly events (CloudEvents 1.0, JSON)",
            examples=["sentinel.events"],
        ),
    ]
    dead_letter_topic: Annotated[
        str,
        Meta(
            min_length=1,
            description="topic of the records that could not be used",
            examples=["sentinel.dead-letter"],
        ),
    ]
    bootstrap_servers: Annotated[
        str, Meta(description="brokers of these topics; empty: the same as the source's")
    ] = ""
    flush_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=86_400,
            description="output not acknowledged for this long stops the daemon",
        ),
    ] = 30.0
    client: Annotated[
        dict[str, Any],
        Meta(
            description="any option of kafka-python's KafkaProducer, for this producer alone",
            examples=[{"compression_type": "zstd"}],
        ),
    ] = field(default_factory=dict)


class WindowConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a window is scored. Its length belongs to the model."""

    window_stride: Annotated[
        int,
        Meta(
            ge=0,
            le=COUNT_MAX,
            description="a reconstruct model scores every so many readings; 0: as it was fitted",
        ),
    ] = 0
    reconstruct_every: Annotated[
        int,
        Meta(
            ge=0,
            le=COUNT_MAX,
            description="a joint model rebuilds a window every so many readings, and scores all; "
            "0: as it was fitted; a light or a forecast model rebuilds none",
        ),
    ] = 0
    max_gap_s: Annotated[
        float,
        Meta(
            ge=0,
            le=DURATION_MAX_S,
            description="a longer gap between readings restarts the window; 0: the model's",
        ),
    ] = 0.0


class MetricsConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The HTTP endpoint: /metrics, /-/healthy, /-/ready."""

    listen_address: Annotated[str, Meta(description="host:port; empty: no endpoint")] = (
        "127.0.0.1:9108"
    )
    stalled_after_s: Annotated[
        float,
        Meta(
            gt=0,
            le=DURATION_MAX_S,
            description="records waiting and none read for this long: not healthy",
        ),
    ] = 120.0


class LogConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What goes to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="least severity logged")
    ] = "info"
    format: Annotated[
        Literal["text", "json"], Meta(description="text for people, json for collectors")
    ] = "text"


class Config(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One daemon."""

    model: Annotated[
        str,
        Meta(
            min_length=1,
            description="the model that `sentinel fit` wrote; relative paths start "
            "at this file's folder",
            examples=["model"],
        ),
    ]
    name: Annotated[
        str, Meta(min_length=1, description="name of this detector, in events and metrics")
    ] = "sentinel"
    source: SourceConfig
    kafka: KafkaConfig = field(default_factory=KafkaConfig)
    sink: SinkConfig
    window: WindowConfig = field(default_factory=WindowConfig)
    alert: AlertConfig = field(default_factory=AlertConfig)
    kernels: KernelsConfig = field(default_factory=KernelsConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    log: LogConfig = field(default_factory=LogConfig)
