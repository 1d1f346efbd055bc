"""The entry points of child processes, kept small because the main program imports them to start a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def main(connection: Connection, standard_error: str) -> None:
    """Run the engine; the target function of the spawned process. It writes its standard error to a file."""
    from desktop_app.engine.standard_error import write_to

    write_to(standard_error)
    from desktop_app.engine.worker import serve

    serve(connection, standard_error)


def inspect_main(connection: Connection, standard_error: str) -> None:
    """Inspect pictures; the target function of a spawned process."""
    from desktop_app.engine.standard_error import write_to

    write_to(standard_error)
    from desktop_app.engine.inspection import serve

    serve(connection)
