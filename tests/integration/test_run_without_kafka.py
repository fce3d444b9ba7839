"""`sentinel run` where Kafka is not: one sentence that helps, not a page of attempts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sentinel.errors import KafkaError
from tests.integration.conftest import sentinel
from tests.kafka.cluster import free_ports
from tests.kafka.handle import Kafka


@pytest.mark.parametrize("missing", ["source", "sink"])
def test_the_error_is_the_only_line_about_it(
    missing: str,
    embedded_kafka: Kafka,
    model: Path,
    tmp_path: Path,
    unique_name: Callable[[str], str],
) -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    there = embedded_kafka.bootstrap_servers
    source, sink = (nobody, there) if missing == "source" else (there, nobody)
    config = tmp_path / "sentinel.toml"
    config.write_text(
        f'model = "{model}"\n[source]\nbootstrap_servers = "{source}"\n'
        f'topic = "{embedded_kafka.create_topic(unique_name("readings"))}"\ngroup_id = "g"\n'
        f'[sink]\nbootstrap_servers = "{sink}"\n'
        'events_topic = "events"\ndead_letter_topic = "dead-letter"\n'
        '[metrics]\nlisten_address = ""\n[kafka.client]\nbootstrap_timeout_ms = 1000\n'
    )
    done = sentinel("run", "--config", str(config))
    assert done.returncode == KafkaError.exit_code
    said = [line for line in done.stderr.splitlines() if "compile_ahead" not in line]
    kernels, device, connecting, error = said  # and, of a first start, that it compiles
    assert "kernels " in kernels
    assert "device cpu " in device
    assert connecting.endswith(f"connecting to Kafka at {source}")
    assert error.startswith("sentinel: error: ")
    assert nobody in error
