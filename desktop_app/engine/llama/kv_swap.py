"""Makes room for the projector: the conversation is in a file while a picture is looked at."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from desktop_app.atomic_files import INCOMING
from desktop_app.engine.llama.bindings import ContextPointer
from desktop_app.engine.llama.kv_state import KVState

_log = logging.getLogger(__name__)


@contextmanager
def swap_out(
    kv: KVState | None, folder: Path, close: Callable[[], None], reopen: Callable[[], ContextPointer]
) -> Iterator[None]:
    """Have the context closed inside, and afterwards as it was. `reopen` returns a new one, made in the same way.

    Where it cannot be written (`kv` is None, the disk is full) it stays: then it takes memory beside the projector.
    """
    path = folder / f"{INCOMING}{os.getpid()}-aside"  # would be swept away if this process were killed now
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        closed = kv is not None and kv.write(path)
    except OSError:
        closed = False
    try:
        if kv is None or not closed:
            _log.warning("a conversation cannot be put aside while a picture is looked at")
            yield
            return
        close()
        try:
            yield
        finally:
            kv.use(reopen())
            if not kv.read(path):
                raise RuntimeError("the conversation that was put aside cannot be read")
    finally:
        with suppress(OSError):
            path.unlink()
