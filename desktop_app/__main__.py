"""The entry point: the command line, or the window."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Do what the command line says and return the exit code."""
    # While the program is still being imported there is nothing to save: Ctrl-C just ends it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    import multiprocessing

    multiprocessing.freeze_support()  # the engine process of a frozen program begins here
    from desktop_app import cli

    arguments = cli.parse(sys.argv[1:])
    if arguments.verb:
        return cli.run(arguments)
    from desktop_app.assembly import run_window

    return run_window(arguments.pictures)


if __name__ == "__main__":
    sys.exit(main())
