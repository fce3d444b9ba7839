"""`sentinel` and `python -m sentinel`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave the process with its exit code (see `sentinel.errors`)."""
    try:
        from sentinel.cli.main import cli

        cli(prog_name="sentinel")
    except KeyboardInterrupt:  # before the frame is there to tell of it
        sys.exit(130)


if __name__ == "__main__":
    main()
