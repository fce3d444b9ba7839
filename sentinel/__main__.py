"""`sentinel` and `python -m sentinel`."""

from __future__ import annotations

from sentinel.cli.main import cli


def main() -> None:
    """Run the command line and leave the process with its exit code (see `sentinel.errors`)."""
    cli(prog_name="sentinel")


if __name__ == "__main__":
    main()
