"""Every mistake has its file in bad/, whose first lines (`#: ...`) are the exact messages."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.config.loading import examine, load
from sentinel.config.problems import did_you_mean
from sentinel.config.schema import Config
from sentinel.config.validation import validate
from sentinel.errors import ConfigError

BAD = Path(__file__).parent / "bad"
EXPECTED = b"#: "
ENVIRON = {"SET": "x"}
SMALLEST = """\
model = "model"
[source]
bootstrap_servers = "127.0.0.1:9092"
topic = "readings"
group_id = "sentinel"
[sink]
events_topic = "sentinel.events"
dead_letter_topic = "sentinel.dead-letter"
[metrics]
listen_address = "127.0.0.1:9108"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "sentinel.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(BAD.glob("*.toml")), ids=lambda path: path.stem)
def test_each_mistake_has_its_message(path: Path) -> None:
    expected = [
        line.removeprefix(EXPECTED).decode().replace("{folder}", str(BAD))
        for line in path.read_bytes().splitlines()
        if line.startswith(EXPECTED)
    ]
    with pytest.raises(ConfigError) as caught:
        load(path, ENVIRON)
    found = list(caught.value.problems) or [str(caught.value)]
    assert found == expected


def test_smallest_file_works_and_defaults_fill_the_rest(tmp_path: Path) -> None:
    config = load(write(tmp_path, SMALLEST), {})
    assert config.source.timestamp_field == "ts"
    assert config.source.entity_field == ""
    assert config.alert.threshold == "calibrated"


def test_relative_paths_begin_at_the_file_s_folder(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "ca.pem").touch()
    kafka = '[kafka]\nsecurity_protocol = "SSL"\nssl_cafile = "ca.pem"\n'
    write(tmp_path, SMALLEST + kafka)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = load(Path("../sentinel.toml"), {})
    assert Path(config.model).resolve() == tmp_path / "model"
    assert Path(config.kafka.ssl_cafile).resolve() == tmp_path / "ca.pem"
    assert Path(config.model).is_absolute()
    assert config.kafka.ssl_keyfile == ""


def test_absolute_paths_stay(tmp_path: Path) -> None:
    text = SMALLEST.replace('"model"', '"/srv/models/pump"')
    assert load(write(tmp_path, text), {}).model == "/srv/models/pump"


def test_byte_order_mark_of_windows_editors_is_no_mistake(tmp_path: Path) -> None:
    assert load(write(tmp_path, "\ufeff" + SMALLEST), {}).source.topic == "readings"


def test_password_is_looked_up_in_the_environment(tmp_path: Path) -> None:
    login = (
        '[kafka]\nsecurity_protocol = "SASL_SSL"\nsasl_mechanism = "PLAIN"\n'
        'sasl_username = "u"\nsasl_password_env = "PLANT_PASSWORD"\n'
    )
    path = write(tmp_path, SMALLEST + login)
    assert load(path, {"PLANT_PASSWORD": "x"}).kafka.sasl_username == "u"
    with pytest.raises(ConfigError) as caught:
        load(path, {"PLANT_PASSWORD": ""})
    assert "PLANT_PASSWORD is not set" in caught.value.problems[0]


def test_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory; `sentinel config >"):
        load(tmp_path / "none.toml")


def test_same_topic_on_another_cluster_is_no_loop(tmp_path: Path) -> None:
    text = SMALLEST.replace('"sentinel.events"', '"readings"').replace(
        "[metrics]", 'bootstrap_servers = "other:9092"\n[metrics]'
    )
    assert load(write(tmp_path, text), {}).sink.events_topic == "readings"


def test_consequences_of_a_reported_mistake_are_not_reported(tmp_path: Path) -> None:
    # sasl_mechanism falls back to its default, none, which would not do: that is nobody's mistake.
    text = SMALLEST + '[kafka]\nsecurity_protocol = "SASL_SSL"\nsasl_mechanism = "PLIAN"\n'
    examined = examine(write(tmp_path, text), {})
    assert [problem.key for problem in examined.problems] == ["kafka.sasl_mechanism"]


def test_examined_configuration_keeps_what_is_right(tmp_path: Path) -> None:
    text = SMALLEST.replace('topic = "readings"\n', "poll_timeout_ms = 7\n", 1)
    examined = examine(write(tmp_path, text), {})
    assert [problem.key for problem in examined.problems] == ["source.topic"]
    assert examined.config.source.poll_timeout_ms == 7
    assert examined.config.source.topic == ""


values = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
sections = st.sampled_from(["model", "source", "kafka", "sink", "alert", "log", "x"])
names = st.sampled_from(
    ["topic", "channels", "client", "sasl_mechanism", "open_count", "level", "listen_address", "y"]
)


@settings(deadline=None)
@given(st.dictionaries(sections, values | st.dictionaries(names, values)))
def test_any_document_is_examined_without_a_crash(document: dict) -> None:
    config, problems = validate(document)
    assert isinstance(config, Config)
    assert problems  # required keys can never all be there
    assert all("\n" not in str(problem) for problem in problems)


def test_smallest_file_is_what_the_schema_requires() -> None:
    _, problems = validate(tomllib.loads(SMALLEST))
    assert problems == []


def test_a_file_of_some_sections_is_enough_where_no_more_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "alert.toml"
    path.write_text("[alert]\nalerts_per_day = 2\n")
    assert load(path, sections=("alert", "window")).alert.alerts_per_day == 2
    with pytest.raises(ConfigError):
        load(path)
    # What it is asked for must be right, and a section that nobody knows is a mistake in any case.
    path.write_text("[alert]\nalerts_per_day = -2\n[alarm]\n[source]\ntopic = 7\n")
    with pytest.raises(ConfigError) as told:
        load(path, sections=("alert", "window"))
    assert sorted(one.split(":")[0] for one in told.value.problems) == [
        "alarm", "alert.alerts_per_day",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "hint"),
    [("temp", 'did you mean "temperature"?'), ("Timestam", 'did you mean "timestamp"?'),
     ("tempreature", 'did you mean "temperature"?'), ("t", ""), ("", ""), ("flow", "")],
)  # fmt: skip
def test_a_beginning_is_nearer_than_a_likeness(name: str, hint: str) -> None:
    assert did_you_mean(name, ["temperature", "timestamp"]) == hint
