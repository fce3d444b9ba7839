"""What `sentinel config` prints: an example that works, and an effective file without secrets."""

import re
import tomllib
from pathlib import Path

import msgspec

from sentinel.config.loading import load
from sentinel.config.rendering import effective, example
from sentinel.config.schema import Config
from sentinel.config.validation import validate

COMMENTED_OUT = re.compile(r"^# (?=\[[a-z.]+\]$|[a-z_]+ = )", re.MULTILINE)


def leaves(value: object, path: str = "") -> set[str]:
    if isinstance(value, dict) and not path.endswith((".client", ".channels")):
        return {leaf for key, inner in value.items() for leaf in leaves(inner, f"{path}.{key}")}
    return {path}


def test_example_loads_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "sentinel.toml"
    path.write_text(example())
    config = load(path, {})
    assert config.source.topic == "readings"
    assert config.model == str(tmp_path / "model")


def test_example_has_every_key_and_its_default() -> None:
    document = tomllib.loads(COMMENTED_OUT.sub("", example()))
    config, problems = validate(document)
    assert problems == []
    assert leaves(document) - {""} == leaves(msgspec.to_builtins(config))
    for table in ("source", "kafka", "sink"):
        document[table].pop("client")
    document["source"].pop("channels")
    assert validate(document) == validate(tomllib.loads(example()))


def test_example_fits_a_terminal() -> None:
    assert max(len(line) for line in example().splitlines()) <= 100


def test_effective_configuration_loads_to_itself(tmp_path: Path) -> None:
    first = tmp_path / "first.toml"
    first.write_text(example())
    config = load(first, {})
    second = tmp_path / "second.toml"
    second.write_text(effective(config))
    assert load(second, {}) == config


def test_secrets_of_the_free_tables_are_hidden() -> None:
    client = {
        "sasl_plain_password": "hunter2",
        "ssl_password": "hunter2",
        "nested": {"client_secret": "hunter2"},
        "socks5_proxy": "socks5://user:hunter2@proxy:1080",
        "tokens": ["hunter2"],
        "client_id": "plant-7",
    }
    document = tomllib.loads(example())
    document["source"]["client"] = client
    config, problems = validate(document)
    assert problems == []
    assert isinstance(config, Config)
    text = effective(config)
    assert "hunter2" not in text
    shown = tomllib.loads(text)["source"]["client"]
    assert shown["sasl_plain_password"] == "<hidden>"
    assert shown["socks5_proxy"] == "socks5://<hidden>@proxy:1080"
    assert shown["client_id"] == "plant-7"


def test_names_of_environment_variables_are_no_secrets() -> None:
    config, _ = validate(tomllib.loads(example()))
    assert 'sasl_password_env = "SENTINEL_SASL_PASSWORD"' in effective(config)
