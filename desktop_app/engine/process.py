"""Where the engine process begins. The program imports this much of the engine to start it, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def main(connection: Connection) -> None:
    """Serve one program; the target of the spawned process."""
    from desktop_app.engine.worker import serve

    serve(connection)
