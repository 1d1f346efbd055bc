"""Tuning processes that crash or hang on purpose. Processes import them by name."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection

from desktop_app.engine.messages import LoadPlan
from desktop_app.engine.tuning import trial_process


def repacked_dies(connection: Connection, model: str, plan: LoadPlan, depth: int, threads: int, share: float) -> None:
    """Die as llama.cpp does with AMX compiled by GCC 12 (ggml-org/llama.cpp#20824): in the middle, of a signal."""
    if plan.repacked:
        os.kill(os.getpid(), signal.SIGSEGV)
    trial_process.main(connection, model, plan, depth, threads, share)


def hangs(connection: Connection, model: str, plan: LoadPlan, depth: int, threads: int, share: float) -> None:
    """Answer nothing until the other end is closed."""
    try:
        connection.recv()
    except EOFError:
        pass
