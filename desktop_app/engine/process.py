"""The entry point of the engine process, kept small because the main program imports it to start the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def main(connection: Connection) -> None:
    """Run the engine; the target function of the spawned process."""
    from desktop_app.engine.worker import serve

    serve(connection)
