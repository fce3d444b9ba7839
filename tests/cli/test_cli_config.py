"""`sentinel config`: an example that loads, the effective configuration, every problem at once."""

from pathlib import Path

from click.testing import CliRunner

from sentinel.cli.main import cli
from sentinel.config.loading import load

BAD = Path(__file__).parent.parent / "config" / "bad"


def test_example_can_be_used_as_it_is_printed(tmp_path: Path) -> None:
    printed = CliRunner().invoke(cli, ["config"])
    assert printed.exit_code == 0
    path = tmp_path / "sentinel.toml"
    path.write_text(printed.stdout)
    assert load(path, {}).source.topic == "readings"


def test_kernels_and_threads_can_be_chosen(tmp_path: Path) -> None:
    printed = CliRunner().invoke(cli, ["config"]).stdout
    assert "[kernels]" in printed
    path = tmp_path / "sentinel.toml"
    chosen = printed.replace('# variant = "auto"', 'variant = "portable"')
    path.write_text(chosen.replace("# threads = 1", "threads = 3"))
    result = CliRunner().invoke(cli, ["config", "--config", str(path)])
    assert result.exit_code == 0
    assert '[kernels]\nvariant = "portable"\nthreads = 3\n' in result.stdout


def test_effective_configuration_has_its_secrets_hidden(tmp_path: Path) -> None:
    example = CliRunner().invoke(cli, ["config"]).stdout
    path = tmp_path / "sentinel.toml"
    path.write_text(f'{example}\n[kafka.client]\nsasl_plain_password = "hunter2"\n')
    result = CliRunner().invoke(cli, ["config", "--config", str(path)])
    assert result.exit_code == 0
    assert "poll_timeout_ms = 500" in result.stdout
    assert 'sasl_plain_password = "<hidden>"' in result.stdout
    assert "hunter2" not in result.output


def test_invalid_configuration_lists_every_problem() -> None:
    result = CliRunner().invoke(cli, ["config", "--config", str(BAD / "several_at_once.toml")])
    assert result.exit_code == 3
    assert result.stdout == ""
    head, *problems = result.stderr.splitlines()
    assert "7 problems in the configuration" in head
    assert len(problems) == 7
    assert all(line.startswith("  ") for line in problems)
