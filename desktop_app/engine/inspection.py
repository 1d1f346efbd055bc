"""The process that inspects pictures: it decodes one after the other, and may be killed for it.

A picture that takes too long or crashes a decoder ends this process alone. The next picture gets a new one.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from desktop_app.engine.messages import BugReported, Failed, Inspect, Inspected
from desktop_app.engine.planning.process_memory import release_freed_memory
from desktop_app.errors import UserError
from desktop_app.images.preview import inspect

MOST_S = 5.0  # of processor time for one picture


def serve(connection: Connection) -> None:
    """Inspect what the program at the other end sends, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            command: Inspect = connection.recv()
            with limited_time(MOST_S):
                answer = _inspected(command)
            connection.send(answer)
        except (EOFError, OSError):
            return
        del answer
        release_freed_memory()


@contextmanager
def limited_time(seconds: float) -> Iterator[None]:
    """End the process by SIGPROF after so much processor time, wherever it is: decoders do not look at a clock.

    Not time by the clock: on a busy computer a large photograph takes longer. Windows has no such timer; there, and
    where a disk does not answer, the program at the other end ends the process.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _inspected(command: Inspect) -> Inspected | Failed | BugReported:
    picture = command.picture
    try:
        seen = inspect(picture.path, picture.name)
    except UserError as error:
        return Failed(command.request, error.code, error.parameters)
    except Exception:
        return BugReported(command.request, traceback.format_exc())
    return Inspected(
        command.request,
        picture,
        seen.width,
        seen.height,
        seen.preview,
        seen.thumbnail,
        seen.looks_photographic,
        seen.notes,
        seen.has_fine_structure,
    )
