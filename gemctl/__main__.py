"""`python -m gemctl`, and the `gemctl` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Answer `--version` before anything is imported; everything else is the front door's."""
    if sys.argv[1:] == ["--version"]:
        from gemctl import __version__

        sys.stdout.write(f"gemctl {__version__}\n")
        return
    from gemctl.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
