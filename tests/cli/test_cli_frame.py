"""The frame: cheap to start, every error has its exit code, nobody sees a traceback by mistake."""

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import sentinel.cli
from sentinel import __version__, errors
from sentinel.cli import main
from sentinel.cli.main import VERBS, cli
from sentinel.errors import ConfigError, ModelError

WRITTEN = {module.name for module in pkgutil.iter_modules(sentinel.cli.__path__)}


def sentinel_process(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "sentinel", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def install(monkeypatch, body) -> None:
    """Make `sentinel config` a verb that runs `body`."""
    verb = click.command(name="config")(body)
    monkeypatch.setattr(main, "import_module", lambda name: type("module", (), {"command": verb}))


def failing(error: BaseException):
    def body() -> None:
        raise error

    return body


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(flag: str) -> None:
    script = (
        "import sys\nfrom sentinel.__main__ import main\n"
        f"sys.argv = ['sentinel', '{flag}']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'numba', 'numpy', 'pyarrow', 'kafka', 'rich', 'msgspec', 'prometheus_client'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.endswith("HEAVY []\n")


def test_module_and_version() -> None:
    assert sentinel_process("--version").stdout == f"sentinel {__version__}\n"


def test_help_lists_every_verb_and_every_exit_code() -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    for verb in VERBS:
        assert f"\n  {verb} " in text
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.SentinelError)
    }
    for code in codes | {0, 2, 7, 8, 130}:
        assert f"\n    {code} " in text


@pytest.mark.parametrize("verb", sorted(VERBS.keys() & WRITTEN))
def test_every_verb_explains_itself_with_examples(verb: str) -> None:
    result = CliRunner().invoke(cli, [verb, "--help"])
    assert result.exit_code == 0
    assert "Examples:" in result.output
    assert f"sentinel {verb}" in result.output
    command = importlib.import_module(f"sentinel.cli.{verb}").command
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help and not option.hidden] == []


def test_operator_s_mistake_is_one_line_and_its_exit_code(monkeypatch) -> None:
    install(monkeypatch, failing(ModelError("truncated", where="model", hint="fit it again")))
    result = CliRunner().invoke(cli, ["config"])
    assert result.exit_code == ModelError.exit_code
    assert result.stderr == "sentinel: error: model: truncated; fit it again\n"
    assert result.stdout == ""


def test_all_problems_of_a_configuration_are_listed(monkeypatch) -> None:
    error = ConfigError("2 problems", where="x.toml", problems=("a: wrong", "b: missing"))
    install(monkeypatch, failing(error))
    result = CliRunner().invoke(cli, ["config"])
    assert result.exit_code == 3
    assert result.stderr == "sentinel: error: x.toml: 2 problems\n  a: wrong\n  b: missing\n"


@pytest.mark.parametrize(
    ("arguments", "environ"), [(["--debug"], {}), ([], {"SENTINEL_DEBUG": "1"})]
)
def test_debug_shows_the_traceback_of_an_operator_s_mistake(monkeypatch, arguments, environ):
    install(monkeypatch, failing(ModelError("truncated")))
    result = CliRunner().invoke(cli, [*arguments, "config"], env=environ)
    assert result.exit_code == ModelError.exit_code
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("sentinel: error: truncated\n")


def test_defect_shows_its_traceback_and_asks_for_a_report(monkeypatch) -> None:
    install(monkeypatch, failing(ZeroDivisionError("1/0")))
    result = CliRunner().invoke(cli, ["config"])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "ZeroDivisionError: 1/0" in result.stderr
    assert "please report" in result.stderr


def test_ctrl_c_is_130(monkeypatch) -> None:
    install(monkeypatch, failing(KeyboardInterrupt()))
    result = CliRunner().invoke(cli, ["config"])
    assert result.exit_code == 130
    assert "Traceback" not in result.stderr


def test_exit_code_of_a_verb_is_kept(monkeypatch) -> None:
    install(monkeypatch, lambda: click.get_current_context().exit(7))
    assert CliRunner().invoke(cli, ["config"]).exit_code == 7


def test_wrong_usage_is_2() -> None:
    result = CliRunner().invoke(cli, ["cofnig"])
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_reader_that_goes_away_is_no_defect() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "sentinel", "config"],
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write_end)
    assert done.returncode == 141
    assert done.stderr == ""


def test_broken_socket_is_a_defect_and_not_a_closed_output(monkeypatch) -> None:
    install(monkeypatch, failing(BrokenPipeError(32, "Broken pipe")))
    assert CliRunner().invoke(cli, ["config"]).exit_code == 1


def test_kernel_cache_is_chosen_before_a_verb_that_computes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SENTINEL_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "unset")
    imported = []

    def recording(name: str):
        imported.append((name, os.environ["NUMBA_CACHE_DIR"]))
        return importlib.import_module("sentinel.runtime.jit_cache" if "jit" in name else CONFIG)

    monkeypatch.setattr(main, "import_module", recording)
    context = click.Context(cli)
    cli.get_command(context, "run")
    names = [name for name, _ in imported]
    assert names == ["sentinel.runtime.jit_cache", "sentinel.cli.run"]
    assert imported[1][1].startswith(str(tmp_path))
    imported.clear()
    cli.get_command(context, "config")
    assert [name for name, _ in imported] == [CONFIG]


CONFIG = "sentinel.cli.config"
