"""Starts gemctl: `python -m gemctl` and the `gemctl` command call `main`."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Answer `--version` before anything is imported; everything else is for cli/main.py."""
    if sys.argv[1:] == ["--version"]:
        from gemctl import __version__

        if sys.stdout is not None:  # closed by the caller
            sys.stdout.write(f"gemctl {__version__}\n")
        return
    gc.disable()  # until there is something to apply: collecting while modules load takes longer than it is worth
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them reads the whole environment
    from gemctl.cli.main import run

    status = run(sys.argv[1:])
    gc.freeze()  # else Python looks through all that there is once more, before it lets go of it
    sys.exit(status)


if __name__ == "__main__":
    main()
