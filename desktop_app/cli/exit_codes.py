"""The exit codes of the `eyebright` command, which scripts can rely on."""

from __future__ import annotations

import signal
from enum import IntEnum


class ExitCode(IntEnum):
    """What a verb returns to the shell."""

    DONE = 0
    FAILED = 1  # a self-test, a verification or a measurement; or a bug, with a report
    BAD_INPUT = 2  # with one sentence on standard error
    DOES_NOT_FIT = 3  # the model, into memory
    INTERRUPTED = 128 + signal.SIGINT  # Ctrl-C
    PIPE_CLOSED = 141  # whoever read the output has gone
