"""The entry point: carries out the command line, or opens the window if there is no command."""

from __future__ import annotations

import os
import signal
import sys

from desktop_app import frozen


def main() -> int:
    """Do what the command line says and return the exit code."""
    # While the program is still being imported there is nothing to save: Ctrl-C just ends it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _take_closed_streams()
    frozen.settle()
    words, pictures = sys.argv[1:], list[str]()
    if words:  # a double click has none, and need not wait for the command line
        from desktop_app import cli

        request = cli.parse(words)
        if request == cli.SelfTestRequest(window=True):
            from desktop_app.assembly import check_window

            return check_window()
        if not isinstance(request, cli.WindowRequest):
            return cli.run(request)
        pictures = request.pictures
    import gc

    gc.disable()  # until the window is there: what is made before it stays, and searching that takes a tenth
    from desktop_app.qt_import import import_qt

    import_qt()  # before all that is imported with the window
    from desktop_app.assembly import run_window

    return run_window(pictures)


def _take_closed_streams() -> None:
    """Let no file of ours get the number of a standard stream that is closed: libraries would write into it."""
    if os.name != "posix":
        return
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)


if __name__ == "__main__":
    sys.exit(main())
